"""The measuring process: `python -m latencylab.timing REQUEST.json FOLDER`.

Nothing else runs in it, so nothing else is timed. Progress goes to stdout as one JSON object a line; the
result, or the error's text, to FOLDER/result.json. SIGINT ends the sampling, and what was sampled is kept.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from latencylab.errors import LatencyLabError
from latencylab.timing.request import Request
from latencylab.timing.worker import World, measure

_PROGRESS_INTERVAL_S: Final = 0.1


def main(request_path: str, folder: str) -> None:
    """Measure, and leave result.json behind whatever happens."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: stop.set())
    result = Path(folder) / "result.json"
    try:
        from latencylab.timing.pulse import pulse_ns
        from latencylab.timing.session import OnnxruntimeSession

        request = Request.from_json(Path(request_path).read_bytes())
        clock = time.process_time_ns if request.clock == "cpu" else time.perf_counter_ns
        world = World(OnnxruntimeSession, clock, lambda: pulse_ns(clock), stop.is_set, Reporter(stop))
        text = measure(request, Path(folder), world).to_json()
    except LatencyLabError as error:
        text = json.dumps({"error": str(error)})
    except ImportError as error:
        text = json.dumps({"error": f"onnxruntime cannot be imported: {error}"})
    result.write_text(text, encoding="utf-8")


class Reporter:
    """Tells the parent how far the work is, ten times a second at most; stops the work if nobody listens."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._next_s = 0.0
        self._phase = ""

    def __call__(self, phase: str, done: float) -> None:
        """Report a phase and the share of it that is done, 0..1."""
        now_s = time.monotonic()
        if phase == self._phase and now_s < self._next_s:
            return
        self._phase, self._next_s = phase, now_s + _PROGRESS_INTERVAL_S
        try:
            sys.stdout.write(json.dumps({"phase": phase, "done": done}) + "\n")
            sys.stdout.flush()
        except OSError:  # the parent is gone
            self._stop.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
