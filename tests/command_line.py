"""The command run inside the test's process, as click's own runner does it, and in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from latencylab.cli import latencylab

ROOT = Path(__file__).parents[1]


def run(*arguments: str, stdin: bytes | None = None, **environment: str) -> Result:
    return CliRunner(env={"NO_COLOR": "", "FORCE_COLOR": "", "COLUMNS": "120"} | environment).invoke(
        latencylab, list(arguments), input=stdin
    )


def failing(*arguments: str, stdin: bytes | None = None) -> tuple[int, str]:
    """Run what must fail: nothing on stdout, one line on stderr; returns the exit code and the line."""
    result = run(*arguments, stdin=stdin)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stderr


def in_a_process(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, **options)  # type: ignore[call-overload, no-any-return]
