"""Comparison of two predictions, meta-node by meta-node: models, saved results, devices, versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latencylab import pipeline
from latencylab.binding import dealt
from latencylab.comparison.difference import OVERLAP, WAITING, Change, Difference, Slack, Term, explain
from latencylab.comparison.part import Part, parts, picoseconds
from latencylab.errors import InputFileError, ResultError, naming
from latencylab.estimating import estimate
from latencylab.result import Estimate

if TYPE_CHECKING:
    from latencylab.binding import Dims, Shapes
    from latencylab.device import DeviceProfile

    Source = str | Path | bytes
    Side = Estimate | Source

__all__ = [
    "OVERLAP",
    "WAITING",
    "Change",
    "Comparison",
    "Difference",
    "Part",
    "Slack",
    "Term",
    "compare",
    "explain",
    "parts",
    "picoseconds",
]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two estimates, and the difference of their latencies as a sum of named differences.

    circumstances: what differs besides the network, as (what, base, head): device, dtype, version, ...
    """

    base: Estimate
    head: Estimate
    difference: Difference
    circumstances: tuple[tuple[str, str, str], ...]

    @property
    def ratio(self) -> float:
        """Latency of head by that of base."""
        return self.head.latency_s / self.base.latency_s if self.base.latency_s else float("inf")


def compare(
    base: Side,
    head: Side,
    *,
    device: str | Path | DeviceProfile = "dolphin_npu",
    head_device: str | Path | DeviceProfile | None = None,
    **pricing: Any,
) -> Comparison:
    """Compare two networks, saved results, devices or versions of latencylab.

    base, head: an estimate, the path of a saved result (`.json`), or a model as `estimate` takes it, which is
        then priced; or the bytes of either.
    device: for models; head_device: for the second one, where it differs.
    pricing: further arguments of `estimate`, for both; of `dims` and `shapes` each takes what fits it.

    Raises ResultError for an unusable saved result, and the errors of `estimate`.
    """
    sides = [_opened(base), _opened(head)]
    models = [side for side in sides if not isinstance(side, Estimate)]
    bound = iter(dealt(models, pricing.pop("dims", None), pricing.pop("shapes", None)))
    first, second = (
        side if isinstance(side, Estimate) else _priced(side, place, *next(bound), pricing)
        for side, place in zip(sides, (device, head_device or device), strict=True)
    )
    difference = explain(
        parts(first), picoseconds(first.latency_s), parts(second), picoseconds(second.latency_s)
    )
    return Comparison(first, second, difference, _circumstances(first, second))


def _opened(source: Side) -> Estimate | Source:
    """Return the estimate that this is or holds; a model as it is."""
    if isinstance(source, Estimate):
        return source
    if isinstance(source, bytes):
        # No ONNX file begins with a brace: it would be the end of a field that nothing began.
        return Estimate.from_json(source) if source.lstrip().startswith(b"{") else source
    return _saved(Path(source)) if str(source).endswith(".json") else source


def _priced(
    source: Source, device: str | Path | DeviceProfile, dims: Dims, shapes: Shapes, pricing: dict[str, Any]
) -> Estimate:
    if isinstance(source, bytes):
        pricing = {"name": pipeline.STDIN, **pricing}
    profile = pipeline.load_device(device)
    with naming(pipeline.shown(source)):
        return estimate(source, profile, dims=dims, shapes=shapes, **pricing)


def _saved(path: Path) -> Estimate:
    try:
        return Estimate.from_json(path.read_bytes())
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {error.strerror}") from error
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error


def _circumstances(base: Estimate, head: Estimate) -> tuple[tuple[str, str, str], ...]:
    """List what else differs, so that nobody takes a change of device for a change of network."""
    rows = (_facts(base), _facts(head))
    return tuple((key, rows[0][key], rows[1][key]) for key in rows[0] if rows[0][key] != rows[1][key])


def _facts(estimate: Estimate) -> dict[str, str]:
    device = estimate.device
    return {
        "device": device.name,
        "runtime": device.runtime,
        "device profile": device.sha256[:12],
        "engine": estimate.engine,
        "dtype": estimate.dtype,
        "layout": device.layout,
        "cost model": estimate.cost_model_version,
        "latencylab": estimate.latencylab_version,
    }
