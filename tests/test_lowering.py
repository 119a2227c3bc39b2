"""Lowering: engines, layout kernels at the ends, rearranged inputs, views, what falls off the accelerator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from simulating import profile, program
from sketch import Sketch

from latencylab import fusion, lowering
from latencylab.engines.simulator import run
from latencylab.errors import UnsupportedOperatorError

if TYPE_CHECKING:
    from latencylab.graph import Graph

OFFLINE = profile("dolphin_npu")
STUDY = profile("dolphin_npu", "nnapi_2021")


def image_to_image(**options: int) -> Graph:
    sketch = Sketch()
    sketch.conv(sketch.image(1, 3, 16, 16), 8, **options)
    return sketch.graph()


def kinds(lowered: lowering.Program) -> list[tuple[str, str]]:
    return [(kernel.meta.kind, kernel.engine) for kernel in lowered.kernels]


def test_the_runtime_converts_where_its_front_end_and_its_kernels_differ() -> None:
    found = program(image_to_image(), OFFLINE)
    assert kinds(found) == [("LayoutConversion", "tp"), ("Conv", "nn"), ("LayoutConversion", "tp")]
    assert [kernel.is_layout for kernel in found.kernels] == [True, False, True]


def test_another_deployment_layout_adds_transposes_outside() -> None:
    found = program(image_to_image(), OFFLINE, layout="nchw")
    inner = [("LayoutConversion", "tp"), ("Conv", "nn"), ("LayoutConversion", "tp")]
    assert kinds(found) == [("Transpose", "tp"), *inner, ("Transpose", "tp")]
    assert found.layout == "nchw"


def test_the_native_layout_adds_nothing() -> None:
    assert kinds(program(image_to_image(), STUDY, layout="nhwc")) == [("Conv", "nn")]


def channels_last(channels: int = 3) -> Graph:
    """A network as exporters from TensorFlow write it: channels last at its ends, first in between."""
    sketch = Sketch()
    image = sketch.image(1, 16, 16, channels)
    planes = sketch.op("Transpose", image, shape=(1, channels, 16, 16), perm=(0, 3, 1, 2))
    sketch.op("Transpose", sketch.conv(planes, 8), shape=(1, 16, 16, 8), perm=(0, 2, 3, 1))
    return sketch.graph()


def test_transposes_that_only_spell_the_layout_of_the_front_end_do_not_run() -> None:
    inner = [("LayoutConversion", "tp"), ("Transpose", "view"), ("Conv", "nn"), ("Transpose", "view")]
    assert kinds(program(channels_last(), OFFLINE)) == [*inner, ("LayoutConversion", "tp")]
    assert kinds(program(channels_last(), STUDY, layout="nhwc"))[0] == ("Transpose", "view")
    # One channel has no order to change; the Transpose alone would look like 16 of them.
    assert kinds(program(channels_last(1), OFFLINE))[0] == ("Transpose", "view")


@pytest.mark.parametrize("device", ["dolphin_npu", "dimensity8100_npu", "snapdragon888_gpu"])
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_both_spellings_of_a_network_take_the_same_time(device: str, layout: str) -> None:
    found = [
        run(program(graph, profile(device), layout=layout), profile(device)).latency_s
        for graph in (channels_last(), image_to_image())
    ]
    assert found[0] == found[1]


def test_a_front_end_with_channels_first_runs_the_transposes_of_the_file() -> None:
    found = kinds(program(channels_last(), profile("onnxruntime_cpu")))
    assert [kind for kind in found if kind[0] == "Transpose"] == [("Transpose", "cpu")] * 2


def test_a_transpose_in_the_middle_or_of_another_order_runs() -> None:
    sketch = Sketch()
    turned = sketch.op("Transpose", sketch.image(1, 3, 16, 16), shape=(1, 3, 16, 16), perm=(0, 1, 3, 2))
    last = sketch.op("Transpose", turned, shape=(1, 16, 16, 3), perm=(0, 2, 3, 1))
    sketch.op("Relu", last)
    assert [engine for kind, engine in kinds(program(sketch.graph(), OFFLINE)) if kind == "Transpose"] == [
        "tp",
        "tp",
    ]


def test_every_kernel_reads_what_an_earlier_one_wrote() -> None:
    found = program(image_to_image(), OFFLINE, layout="nchw")
    assert [kernel.depends_on for kernel in found.kernels] == [(), (0,), (1,), (2,), (3,)]
    for kernel in found.kernels[1:]:
        (before,) = kernel.depends_on
        assert {t.name for t in kernel.meta.inputs} == {t.name for t in found.kernels[before].meta.outputs}


def test_a_pixel_shuffle_at_the_end_writes_the_layout_wanted() -> None:
    sketch = Sketch()
    sketch.depth_to_space(sketch.conv(sketch.image(1, 3, 8, 8), 12), 2)
    assert [kind for kind, _ in kinds(program(sketch.graph(), OFFLINE))] == [
        "LayoutConversion",
        "Conv",
        "DepthToSpace",
    ]


@pytest.mark.parametrize("shape", [(1, 10), (1, 1, 8, 8), (1, 8, 1, 1)])
def test_what_has_no_layout_is_not_converted(shape: tuple[int, ...]) -> None:
    sketch = Sketch()
    sketch.op("Relu", sketch.image(*shape))
    assert [kind for kind, _ in kinds(program(sketch.graph(), OFFLINE, layout="nchw"))] == ["Relu"]


@pytest.mark.parametrize(
    ("options", "is_helped"),
    [
        ({"strides": (2, 2)}, True),
        ({"strides": (1, 1)}, False),
        ({"strides": (2, 2), "kernel": 1}, False),
    ],
)
def test_a_window_that_skips_positions_needs_its_input_rearranged(
    options: dict[str, object], *, is_helped: bool
) -> None:
    sketch = Sketch()
    sketch.conv(sketch.image(1, 8, 16, 16), 8, **options)
    found = kinds(program(sketch.graph(), STUDY))
    assert found == [("SpaceToDepth", "tp")] * is_helped + [("Conv", "nn")]


def test_a_convolution_of_one_position_is_a_fully_connected_layer() -> None:
    sketch = Sketch()
    sketch.conv(sketch.image(1, 8, 1, 1), 8, kernel=1)
    assert kinds(program(sketch.graph(), STUDY)) == [("Conv", "tp")]


def test_a_view_takes_no_engine_and_lives_in_its_input() -> None:
    sketch = Sketch()
    x = sketch.op("Relu", sketch.image(1, 8))
    y = sketch.op("Reshape", x, sketch.integers(2, 4), shape=(2, 4))
    sketch.op("Tanh", y)
    found = program(sketch.graph(), STUDY)
    assert kinds(found) == [("Relu", "tp"), ("Reshape", lowering.VIEW), ("Tanh", "tp")]
    assert found.storage == {y: x}
    assert not found.kernels[1].runs


def test_what_no_engine_runs_goes_to_the_host_and_says_why() -> None:
    sketch = Sketch()
    sketch.op("Mystery", sketch.image(1, 8))
    (kernel,) = program(sketch.graph(), STUDY).kernels
    assert (kernel.engine, kernel.is_fallback) == ("cpu", True)
    assert kernel.reason == "no engine of the accelerator runs Mystery on uint8"


def test_every_kernel_says_why_it_runs_where_it_does() -> None:
    for device in (OFFLINE, STUDY, profile("onnxruntime_cpu"), profile("snapdragon888_gpu")):
        assert all(kernel.reason for kernel in program(image_to_image(), device).kernels)


def test_strict_refuses_what_nobody_priced() -> None:
    sketch = Sketch()
    sketch.op("Mystery", sketch.op("Mystery", sketch.image(1, 8)))
    found = fusion.decompose(fusion.declare_dtype(sketch.graph(), "uint8"), STUDY.fusion)
    with pytest.raises(UnsupportedOperatorError, match=r"Mystery.*2"):
        lowering.lower(found, STUDY, strict=True)


def test_no_rate_of_the_profile_is_read() -> None:
    """A program stays valid while the rates of its device are fitted."""
    changed = {
        p: v.value / 2 for p, v in OFFLINE.parameters().items() if p.endswith(("clock_hz", "launch_s"))
    }
    graph = image_to_image(strides=(2, 2))
    assert program(graph, OFFLINE.with_values(changed)) == program(graph, OFFLINE)


def test_an_empty_network_is_an_empty_program() -> None:
    sketch = Sketch()
    x = sketch.image(1, 8)
    assert program(replace(sketch.graph(), outputs=(x,)), OFFLINE).kernels == ()
