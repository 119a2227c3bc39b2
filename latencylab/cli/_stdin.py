"""`-` among the arguments: what stands there is read from standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from latencylab.errors import LatencyLabError

if TYPE_CHECKING:
    from collections.abc import Iterable

_STDIN: Final = "-"


def sources(arguments: Iterable[str]) -> tuple[str | bytes, ...]:
    """Replace - by the bytes from standard input; other arguments stay.

    Raises LatencyLabError where - is given twice: a stream can be read once.
    """
    arguments = tuple(arguments)
    if arguments.count(_STDIN) > 1:
        raise LatencyLabError("- is given twice, but standard input can be read only once; name a file")
    return tuple(sys.stdin.buffer.read() if name == _STDIN else name for name in arguments)
