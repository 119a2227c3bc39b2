"""JSON: the saved result itself, complete; one object, or a list where there are several results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import result_json
from latencylab.reporters import DEFAULT_VIEW, View

if TYPE_CHECKING:
    from latencylab.result import Estimate

suffix = ".json"
marker = b'"latencylab_version"'


def render(*estimates: Estimate, view: View = DEFAULT_VIEW) -> bytes:  # noqa: ARG001 - a saved result is whole
    """Render the estimates as docs/result-schema.json describes; a view does not change them."""
    return result_json.dumps(estimates[0] if len(estimates) == 1 else estimates).encode()
