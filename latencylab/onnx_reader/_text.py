"""Text from a file made fit for one line: names may hold markup, control characters or whole novels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import printable
from latencylab.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MESSAGE_LENGTH = 240


def quoted(name: str, length: int = 60) -> str:
    """Quote a name, with control characters escaped and the middle of a long one left out."""
    if len(name) > length:
        half = length // 2
        name = f"{name[:half]}…{name[-half:]}"
    return repr(name)


def check_text(names: Iterable[str]) -> None:
    """Raise ModelError for a name that is not UTF-8, which protobuf hands out as bytes."""
    try:
        "".join(names)  # takes strings only, and far less time than a look at each
    except TypeError as error:
        raise ModelError("a name in the model is not UTF-8 text") from error


def one_line(message: str) -> str:
    """A library's message as one printable line, shortened."""
    text = " ".join(message.split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 1]}…"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names in quotes, joined by commas; the first few and how many more."""
    return printable.listed([quoted(name) for name in names], limit)


def dimensions(shape: Sequence[int | str | None]) -> str:
    """A shape as people write it: 1x3x360x640, unknown dimensions as '?'."""
    return "x".join("?" if d is None else str(d) for d in shape) or "scalar"
