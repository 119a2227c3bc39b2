"""latencylab: how long will this network take on that device, why, and what should I change?"""

__version__ = "0.1.0"
