"""`python -m latencylab` and the `latencylab` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with its code, and quietly where it is interrupted before it begins."""
    try:
        from latencylab.cli import latencylab
    except KeyboardInterrupt:
        raise SystemExit(130) from None

    latencylab(prog_name="latencylab")


if __name__ == "__main__":
    main()
