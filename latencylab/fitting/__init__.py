"""Fit named, bounded parameters of device profiles to measured rows, on the logarithm of the error.

A parameter is a dotted path of a profile that states bounds there. Several profiles may be fitted at once: a
path without an owner is one number for all of them (one physics), `device/path` is that device's own. Every
parameter keeps a prior: the value the profile states, as wide as its bounds or its sigma say; so what the
rows cannot tell stays where it was, and the report says so.

Residuals are weighted; a row may be a difference of two networks. The reported error is that of networks left
out, all rows of one network at once, on every device.
"""

from __future__ import annotations

from latencylab.fitting.agreement import Agreement, agreement, kendall_tau, sigma_log
from latencylab.fitting.choice import Parameter, chosen
from latencylab.fitting.leaving_out import (
    LeftOut,
    leave_one_network_out,
    require_milliseconds,
    suspicious_units,
)
from latencylab.fitting.predictor import Predictor
from latencylab.fitting.rows import FIT, REPORT, Row, narrowed, read_rows
from latencylab.fitting.solver import Fit, effects, fit, require_determined

__all__ = [
    "FIT",
    "REPORT",
    "Agreement",
    "Fit",
    "LeftOut",
    "Parameter",
    "Predictor",
    "Row",
    "agreement",
    "chosen",
    "effects",
    "fit",
    "kendall_tau",
    "leave_one_network_out",
    "narrowed",
    "read_rows",
    "require_determined",
    "require_milliseconds",
    "sigma_log",
    "suspicious_units",
]
