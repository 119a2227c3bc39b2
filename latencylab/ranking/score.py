"""The score of the Mobile AI challenges: 2^(2·PSNR) / (C · runtime), C solved from one entry.

A decibel is worth a factor of four in runtime. PSNR is printed to 0.01 dB and enters as 2^(2·PSNR), so a
score computed from a printed PSNR is known to a factor of 2^(±0.01), ±0.7 %; one whose C was itself solved
from a printed PSNR to 2^(±0.02), ±1.4 %.
"""

from __future__ import annotations

from math import log2
from typing import Final

# Half of the last printed digit of a PSNR, in dB.
PSNR_ROUNDING_DB: Final = 0.005


def log2_score(psnr_db: float, runtime_ms: float, log2_c: float) -> float:
    """Binary logarithm of the score: the score itself may be beyond what a float holds."""
    return 2 * psnr_db - log2_c - log2(runtime_ms)


def score(psnr_db: float, runtime_ms: float, log2_c: float) -> float:
    """2^(2·PSNR) / (C · runtime). Raises OverflowError where C was solved for another quality measure."""
    return float(2 ** log2_score(psnr_db, runtime_ms, log2_c))


def solve_log2_c(psnr_db: float, runtime_ms: float, published_score: float) -> float:
    """Binary logarithm of the C with which an entry scores what was published."""
    return 2 * psnr_db - log2(runtime_ms) - log2(published_score)


def interval(psnr_db: float, runtime_ms: float, log2_c: float) -> tuple[float, float]:
    """Scores that a PSNR printed as `psnr_db` may stand for, lowest and highest."""
    low, high = psnr_db - PSNR_ROUNDING_DB, psnr_db + PSNR_ROUNDING_DB
    return score(low, runtime_ms, log2_c), score(high, runtime_ms, log2_c)
