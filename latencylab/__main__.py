"""`python -m latencylab` and the `latencylab` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with its code."""
    from latencylab.cli import latencylab

    latencylab(prog_name="latencylab")


if __name__ == "__main__":
    main()
