"""Run from a checkout without installing: `python cli.py profile zoo:abpn_x3`."""

from __future__ import annotations

from latencylab.__main__ import main

if __name__ == "__main__":
    main()
