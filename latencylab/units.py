"""Units, and formatting at the edge: inside the program a quantity carries its unit in its name."""

from __future__ import annotations

from typing import Final

PS_PER_S: Final = 10**12
NS_PER_S: Final = 10**9
MS_PER_S: Final = 10**3
BYTES_PER_MB: Final = 10**6
BYTES_PER_KIB: Final = 2**10
BYTES_PER_MIB: Final = 2**20

_SI = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def si(value: float, digits: int = 3) -> str:
    """1_234_567 -> '1.23 M': three significant digits with an SI prefix."""
    for factor, prefix in _SI:
        if abs(value) >= factor:
            return f"{significant(value / factor, digits)} {prefix}"
    return significant(value, digits)


def significant(value: float, digits: int = 3) -> str:
    """Fixed-point text with `digits` significant digits, no exponent: 0.01234 -> '0.0123', 456.7 -> '457'."""
    if value == 0:
        return "0"
    from math import floor, log10

    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:.{decimals}f}"


def milliseconds(value_s: float) -> str:
    """Seconds as milliseconds with three significant digits, unit not appended."""
    return significant(value_s * MS_PER_S)


def byte_count(value: float) -> str:
    """Bytes as '12.9 MB' (decimal prefixes, as DRAM traffic is usually quoted)."""
    return f"{si(value)}B" if abs(value) >= 1e3 else f"{value:.0f} B"


def counted(number: int, what: str) -> str:
    """1, "row" -> '1 row'; 12345, "row" -> '12,345 rows'."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
