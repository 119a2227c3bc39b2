"""Building by name: options, errors, weights or none, and files every consumer of ONNX accepts."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo_running import images, run, shape_of

from latencylab import zoo
from latencylab.errors import LatencyLabError, UnknownNameError

# One of each family that is small enough to hold its weights in a test.
SMALL = [
    entry.name
    for entry in zoo.catalogue()
    if entry.name.endswith("_x2") and entry.parameters is not None and entry.parameters < 2_000_000
]


# Names and options


def test_a_default_is_the_studys_input() -> None:
    model = zoo.build("abpn_x3", weights=False)
    assert shape_of(model.graph.input[0]) == (1, 3, 360, 640)
    assert shape_of(model.graph.output[0]) == (1, 3, 1080, 1920)


def test_options_in_the_name_and_as_keywords_build_the_same_file() -> None:
    named = zoo.build("abpn_x3?height=18&width=32&channels=12")
    assert named == zoo.build("abpn_x3", height=18, width=32, channels=12)
    assert shape_of(named.graph.output[0]) == (1, 3, 54, 96)


def test_a_keyword_wins_over_the_name() -> None:
    assert shape_of(zoo.build("abpn_x3?height=18", height=24, width=32).graph.input[0]) == (1, 3, 24, 32)


def test_scale_is_an_option_like_any_other() -> None:
    assert shape_of(zoo.build("xlsr_x3?scale=4&height=6&width=8").graph.output[0]) == (1, 3, 24, 32)


def test_batch_and_colours() -> None:
    model = zoo.build("espcn_x2", batch=2, colours=4, height=6, width=8)
    assert shape_of(model.graph.output[0]) == (2, 4, 12, 16)


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'abpn_x3'"):
        zoo.build("abpm_x3")


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'height'"):
        zoo.build("abpn_x3?heigth=180")


@pytest.mark.parametrize(
    "query",
    [
        *(
            "height=0",
            "height=-1",
            "height=tall",
            "height=",
            "height",
            "height=1.5",
            "height=nan",
            "width=inf",
        ),
        *("height=99999999999999999999", "spelling=pytorch", "height=8&height=8", "channels=1e3"),
    ],
)
def test_impossible_options_are_refused_in_one_line(query: str) -> None:
    with pytest.raises(LatencyLabError) as caught:
        zoo.build(f"abpn_x3?{query}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("xlsr_x3?channels=30", "do not divide into 4 groups"),
        ("rfdn_x4?height=8&width=8", "too small"),
        ("metanode_conv3x3_groups4?colours=30", "do not divide"),
        ("edsr_x3?channels=8192", "2 GiB"),
    ],
)
def test_options_that_make_no_network_say_why(name: str, why: str) -> None:
    with pytest.raises(LatencyLabError, match=why):
        zoo.build(name)


@given(st.text(alphabet="abpnx3_?=&;%height0125\n\x00", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_name_builds_or_is_refused(text: str) -> None:
    try:
        model = zoo.build(text, weights=False)
    except LatencyLabError:
        return
    assert model.graph.node


def test_listing_imports_neither_onnx_nor_a_family() -> None:
    code = (
        "import sys, latencylab.zoo as z; assert len(z.names()) > 100 and z.metanode_names();"
        "heavy = {'onnx', 'numpy', 'latencylab.zoo.abpn'}; loaded = heavy & set(sys.modules);"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_distinct_and_metanodes_apart() -> None:
    networks, metanodes = zoo.names(), zoo.metanode_names()
    assert len({*networks, *metanodes}) == len(networks) + len(metanodes)
    assert all(name.startswith("metanode_") for name in metanodes)
    assert not any(name.startswith("metanode_") for name in networks)


# Weights


def test_weights_are_the_same_on_every_machine_for_ever() -> None:
    weight = zoo.build("abpn_x3").graph.initializer
    first = next(t for t in weight if t.name == "conv.weight_0")
    digest = "6e1947782af3a13eb9d79683d2150ae7957c5fb65ef19af593a3c9cbdd81410c"
    assert hashlib.sha256(first.raw_data).hexdigest() == digest


def test_no_two_tensors_of_a_network_are_alike() -> None:
    tensors = [t.raw_data for t in zoo.build("abpn_x3").graph.initializer if t.name.startswith("conv.weight")]
    assert len(set(tensors)) == len(tensors)


def test_weights_are_he_scaled() -> None:
    model = zoo.build("edsr_baseline_x2")
    weight = next(t for t in model.graph.initializer if tuple(t.dims) == (64, 64, 3, 3))
    values = np.frombuffer(weight.raw_data, "<f4")
    assert values.mean() == pytest.approx(0, abs=1e-3)
    assert values.std() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_without_weights_edsr_is_a_few_kilobytes() -> None:
    model = zoo.build("edsr_x3", weights=False)
    assert model.ByteSize() < 50_000
    for tensor in model.graph.initializer:
        large = np.prod(tensor.dims) > 64
        assert (tensor.data_location == onnx.TensorProto.EXTERNAL) == large
        assert bool(tensor.raw_data) != large


def test_binary_weights_stay_because_their_values_are_their_type() -> None:
    signs = [
        np.frombuffer(t.raw_data, "<f4")
        for t in zoo.build("bbcu_l_x2", weights=False).graph.initializer
        if t.name.startswith("binary.weight")
    ]
    assert len(signs) == 32
    assert all(set(np.unique(values)) == {-1.0, 1.0} for values in signs)


def test_the_graph_is_the_same_with_and_without_weights() -> None:
    with_weights, without = zoo.build("imdn_rtc_x2"), zoo.build("imdn_rtc_x2", weights=False)
    assert list(with_weights.graph.node) == list(without.graph.node)
    assert [(t.name, tuple(t.dims)) for t in with_weights.graph.initializer] == [
        (t.name, tuple(t.dims)) for t in without.graph.initializer
    ]


# Files


@pytest.mark.parametrize("name", [*SMALL, *zoo.metanode_names()])
def test_a_model_is_valid_and_runs_with_living_activations(name: str) -> None:
    model = zoo.build(name, height=24, width=32)
    onnx.checker.check_model(model, full_check=True)
    peak = 255.0 if name.startswith(("abpn", "ncnet", "wdsr")) else 1.0
    outputs = run(model, images(model, peak))
    assert [o.shape for o in outputs] == [shape_of(o) for o in model.graph.output]
    for output in outputs:
        assert np.isfinite(output).all()
        assert 0.02 * peak < output.std() < 20 * peak


def test_a_model_loads_where_opset_18_is_the_newest() -> None:
    model = zoo.build("abpn_x3")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert model.ir_version == 8
