"""Comparison of two predictions, meta-node by meta-node: models, saved results, devices, versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latencylab import pipeline
from latencylab.comparison.difference import OVERLAP, WAITING, Change, Difference, Term, explain
from latencylab.comparison.part import Part, parts, picoseconds
from latencylab.errors import InputFileError, ResultError, naming
from latencylab.estimating import estimate
from latencylab.result import Estimate

if TYPE_CHECKING:
    from latencylab.device import DeviceProfile

__all__ = [
    "OVERLAP",
    "WAITING",
    "Change",
    "Comparison",
    "Difference",
    "Part",
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
    base: Estimate | str | Path | bytes,
    head: Estimate | str | Path | bytes,
    *,
    device: str | Path | DeviceProfile = "dolphin_npu",
    head_device: str | Path | DeviceProfile | None = None,
    **pricing: Any,
) -> Comparison:
    """Compare two networks, saved results, devices or versions of latencylab.

    base, head: an estimate, the path of a saved result (`.json`), or a model as `estimate` takes it, which is
        then priced; or the bytes of either.
    device: for models; head_device: for the second one, where it differs.
    pricing: further arguments of `estimate`, for both.

    Raises ResultError for an unusable saved result, and the errors of `estimate`.
    """
    first = _estimate(base, device, pricing)
    second = _estimate(head, head_device or device, pricing)
    difference = explain(
        parts(first), picoseconds(first.latency_s), parts(second), picoseconds(second.latency_s)
    )
    return Comparison(first, second, difference, _circumstances(first, second))


def _estimate(
    source: Estimate | str | Path | bytes, device: str | Path | DeviceProfile, pricing: dict[str, Any]
) -> Estimate:
    if isinstance(source, Estimate):
        return source
    if isinstance(source, bytes):
        # No ONNX file begins with a brace: it would be the end of a field that nothing began.
        if source.lstrip().startswith(b"{"):
            return Estimate.from_json(source)
        pricing = {"name": pipeline.STDIN, **pricing}
    elif str(source).endswith(".json"):
        return _saved(Path(source))
    profile = pipeline.load_device(device)
    with naming(pipeline.shown(source)):
        return estimate(source, profile, **pricing)


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
