"""One call from a model to an Estimate: read the network, price it, and where asked say what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab import pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onnx import ModelProto

    from latencylab.device import DeviceProfile
    from latencylab.result import Estimate


def estimate(  # noqa: PLR0913 - every option of `profile`, by keyword
    model: str | Path | bytes | ModelProto,
    device: str | Path | DeviceProfile = "dolphin_npu",
    engine: str | None = None,
    *,
    dtype: str | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    layout: str | None = None,
    strict: bool = False,
    name: str | None = None,
    advice: bool = False,
) -> Estimate:
    """Predict the latency of a network on a device.

    model: a path, "zoo:NAME", the file's bytes, or a ModelProto.
    device: a name, "NAME:RUNTIME", a path to a `.toml`, or a loaded profile.
    engine: "simulator" or "roofline" (default: the profile's).
    dtype: the element type a float graph is deployed in (default: the profile's).
    dims, shapes: bind free dimensions by name, inputs by shape.
    layout: of the network's ends, "nchw" or "nhwc" (default: the profile's).
    strict: refuse unpriced operators. name: shown instead of the file's stem.
    advice: also try what would make the network faster; the result carries it.

    Raises ModelError if the network cannot be analysed, and the other errors of `latencylab.errors`.
    """
    network, profile = pipeline.read(model, dims=dims, shapes=shapes, name=name), pipeline.load_device(device)
    result = pipeline.price(network, profile, engine, dtype=dtype, layout=layout, strict=strict)
    if not advice:
        return result
    from latencylab import advising  # only who asks for advice pays for its import

    return advising.with_advice(result, network, profile, dtype=dtype)
