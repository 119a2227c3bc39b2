"""Starts the measuring process, relays its progress and its interruption, and brings its result home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import latencylab
from latencylab.errors import MeasurementError
from latencylab.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable

    from latencylab.timing.request import Request

    Progress = Callable[[str, float], object]


def measure(request: Request, progress: Progress = lambda _phase, _done: None) -> Measurement:
    """Measure in a process of its own; progress is told the phase and the share of it that is done, 0..1.

    On KeyboardInterrupt the process is asked to stop, and the samples it has are returned
    (`Measurement.is_interrupted`); a second one ends it at once.
    Raises MeasurementError with one line that says what onnxruntime refused or how it died.
    """
    with tempfile.TemporaryDirectory(prefix="latencylab-") as name:
        folder = Path(name)
        (folder / "request.json").write_bytes(request.to_json())
        with (folder / "stderr").open("w+b") as stderr:
            code, was_interrupted = _run(_command(folder), stderr, progress)
        found = _result(folder, code)
        # Whatever it was doing, its kernels' shares included: who asked it to stop wants no next model.
        return replace(found, is_interrupted=True) if was_interrupted else found


def _command(folder: Path) -> list[str]:
    # -P: a file named onnxruntime.py in the user's folder must not be what is measured.
    return [sys.executable, "-P", "-m", "latencylab.timing", str(folder / "request.json"), str(folder)]


def _environment() -> dict[str, str]:
    """Let the package be found where this process found it, installed or not."""
    paths = (str(Path(latencylab.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _run(command: list[str], stderr: IO[bytes], progress: Progress) -> tuple[int, bool]:
    """Return the exit code, and whether the process was asked to stop."""
    # A session of its own, so that Ctrl-C at the terminal reaches it once, from us.
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, stderr=stderr, env=_environment(), start_new_session=True, text=True
    )
    with process:
        try:
            return _relay(process, progress), False
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            return _relay(process, progress), True
        finally:
            process.kill()  # no effect on one that has ended


def _relay(process: subprocess.Popen[str], progress: Progress) -> int:
    assert process.stdout is not None  # noqa: S101 - opened with PIPE above
    for line in process.stdout:
        report = json.loads(line)
        progress(report["phase"], report["done"])
    return process.wait()


def _result(folder: Path, code: int) -> Measurement:
    path = folder / "result.json"
    if not path.exists():
        raise MeasurementError(_cause_of_death(code, (folder / "stderr").read_text(errors="replace")))
    text = path.read_text(encoding="utf-8")
    error = json.loads(text).get("error")
    if error is not None:
        raise MeasurementError(error)
    return Measurement.from_json(text)


def _cause_of_death(code: int, stderr: str) -> str:
    if code == -signal.SIGINT:
        return "interrupted before the first timed run was finished"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"onnxruntime ended the measuring process with {name}{hint}"
    last = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return f"the measuring process failed with exit code {code}: {last[0]}"
