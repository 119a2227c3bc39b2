"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latencylab import units


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (12345, "12,345 rows")]
)
def test_counted_things_agree_in_number(number: int, said: str) -> None:
    assert units.counted(number, "row") == said


@given(st.floats(1e-9, 1e15), st.integers(1, 6))
def test_significant_digits_are_enough_to_tell_the_value(value: float, digits: int) -> None:
    assert float(units.significant(value, digits)) == pytest.approx(
        value, rel=0.5 * 10 ** (1 - digits) * 1.01
    )


@given(st.floats(1, 1e20))
def test_a_prefix_keeps_the_value(value: float) -> None:
    number, _, prefix = units.si(value).partition(" ")
    factor = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}[prefix]
    assert float(number) * factor == pytest.approx(value, rel=0.006)
