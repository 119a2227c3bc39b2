"""Every rewrite that claims to preserve the function does, and its saving is that of the rewritten file."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from latencylab import advising, estimate, fusion, pipeline, rewrites, zoo
from latencylab.rewrites import Change, changed_graph
from latencylab.rewrites._applying import applied

DEVICE = "dimensity8100_npu"
SMALL = {"height": 24, "width": 32}

# One of each family, in the spelling and at the scale that say most; the giants have smaller kin.
NETWORKS = (
    "abpn_x3",
    "abpn_x2?spelling=torchscript",
    "bbcu_l_x2",
    "bicubicpp_x3",
    "carn_m_x2",
    "ecbsr_m4c16_x3",
    "ecbsr_m4c16_x2?spelling=dynamo",
    "edge_sr_max_y_x3",
    "edsr_baseline_x2?blocks=4",
    "edsr_x2?blocks=2&channels=16",
    "espcn_x3",
    "etds_t_x3",
    "fsrcnn_x3",
    "fsrcnn_y_x2",
    "imdn_rtc_x2",
    "lapsrn_y_x4",
    "ncnet_x3",
    "plain_concat_skip_x3",
    "quicksrnet_large_x2",
    "quicksrnet_small_x3",
    "sesr_m5_y_x2",
    "srcnn_x2",
    "vdsr_y_x2",
    "wdsr_a_x2",
    "xlsr_x3",
    "ecbsr_m4c16_tf_x3",
    "abpn_m4c28_tf_x3",
    "mobilenet_v1_025",
)


@cache
def network(name: str):  # type: ignore[no-untyped-def] - a ModelProto
    return zoo.build(name, **({} if "mobilenet" in name else SMALL))


def proposals(name: str) -> list[Change]:
    graph = fusion.decompose(pipeline.read(network(name)).graph, advising.IDIOMS).graph
    profile = pipeline.load_device(DEVICE)
    return [c for rule in rewrites.rule_names() for c in rewrites.load(rule).propose(graph, profile)]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_claims_to_preserve_the_function_does_and_saves_what_was_said(name: str) -> None:
    before = pipeline.read(network(name))
    for change in proposals(name):
        if change.is_writable:
            done = applied(network(name), [change])
            assert done.max_difference <= done.tolerance, change.text
            graph = changed_graph(before.graph, change)
            predicted = pipeline.price(replace(before, graph=graph), DEVICE)
            found = pipeline.price(pipeline.read(done.model), DEVICE)
            assert found.latency_s == predicted.latency_s, change.text
            assert found.model.macs == predicted.model.macs
            assert found.model.parameters == predicted.model.parameters


def test_every_rewrite_of_float_networks_applies_somewhere() -> None:
    found = {change.rule for name in NETWORKS for change in proposals(name)}
    assert set(rewrites.rule_names()) - found == {"per_tensor", "quantize_float_island"}


@pytest.mark.parametrize("name", ["abpn_x3", "edsr_x2?blocks=2&channels=16", "sesr_m5_y_x2"])
def test_changes_one_after_the_other_preserve_the_function_too(name: str) -> None:
    """Greedily combined changes read the weights that earlier ones wrote."""
    profile = pipeline.load_device(DEVICE)
    found, changes = pipeline.read(network(name)), []
    for rule in rewrites.rule_names():
        for change in rewrites.load(rule).propose(
            fusion.decompose(found.graph, advising.IDIOMS).graph, profile
        ):
            if change.is_writable:
                found = replace(found, graph=changed_graph(found.graph, change))
                changes.append(change)
                break
    assert len(changes) > 1
    done = applied(network(name), changes)
    assert done.max_difference <= done.tolerance
    assert (
        pipeline.price(pipeline.read(done.model), DEVICE).latency_s == pipeline.price(found, DEVICE).latency_s
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_best_changes_together_are_those_of_the_written_file(name: str) -> None:
    """Each was written for the network as the ones before it left it."""
    source = network(name).SerializeToString()
    for device in (DEVICE, "dolphin_npu", "snapdragon888_gpu"):
        found = advising.advise(source, device, preserving=("exact",))
        if any(change.is_writable for change in found.combined):
            done = advising.apply(source, found.combined)
            assert done.max_difference <= done.tolerance
            layout = next((change.layout for change in reversed(found.combined) if change.layout), None)
            assert estimate(done.model, device, layout=layout).latency_s == found.combined_s


@pytest.mark.parametrize("name", ["abpn_x3", "abpn_x2", "ecbsr_m4c16_x3"])
def test_of_changes_that_exclude_each_other_one_is_made(name: str) -> None:
    """Three channels may carry the image, or four: at this size both save time on a phone, from the start."""
    found = advising.advise(f"zoo:{name}", DEVICE, rules=("carry_image",))
    assert len(found.worthwhile) == 2
    assert [change.text for change in found.combined] == [found.what_ifs[0].change.text]
    assert found.combined_s == found.what_ifs[0].latency_s
