"""Fixtures that several test files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from handmade import ESTIMATE

if TYPE_CHECKING:
    from latencylab.result import Estimate


@pytest.fixture
def an_estimate() -> Estimate:
    """A small estimate written by hand, with one of everything."""
    return ESTIMATE
