"""Fixtures that several test files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from handmade import ESTIMATE
from in_chromium import browser, open_page

if TYPE_CHECKING:
    from latencylab.result import Estimate

__all__ = ["an_estimate", "browser", "open_page"]


@pytest.fixture
def an_estimate() -> Estimate:
    """A small estimate written by hand, with one of everything."""
    return ESTIMATE
