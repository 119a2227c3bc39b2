"""PDF: a picture of the estimate for papers and pull requests; several estimates side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.reporters import DEFAULT_VIEW, View

if TYPE_CHECKING:
    from latencylab.result import Estimate

suffix = ".pdf"
marker = b"/Creator (latencylab)"


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:  # noqa: ARG001 - a picture shows all
    """Render the picture; the same bytes for the same estimates and version of matplotlib."""
    from latencylab.reporters import _charts

    return _charts.picture(estimates, "pdf")
