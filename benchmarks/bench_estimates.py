"""Warm estimates of a file, read, fused and priced, with pytest-benchmark: `make bench`.

Each network's best round is held against its limit, and a chain's growth against its length: neighbours on a
shared machine move the median at will, as the table shows. Weights are left out: they would only measure how
fast a file is hashed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper

from latencylab import estimate, pipeline, zoo

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

DEVICE = pipeline.load_device("dolphin_npu")


@pytest.mark.parametrize(
    ("network", "engine", "most_ms"),
    [
        ("abpn_x3", "roofline", 3),
        ("abpn_x3", "simulator", 15),
        ("edsr_x3", "simulator", 300),
        ("rcan_x3", "simulator", 1000),
    ],
)
def test_warm_estimate(
    benchmark: BenchmarkFixture, tmp_path: Path, network: str, engine: str, most_ms: float
) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(zoo.build(network, weights=False).SerializeToString())
    assert best_ms(benchmark, path, engine) <= most_ms


@pytest.fixture(scope="module")
def short_chain_ms() -> dict[str, float]:
    """The short chain's time by engine, for the long one to be compared with."""
    return {}


@pytest.mark.parametrize("engine", ["roofline", "simulator"])
@pytest.mark.parametrize("count", [2_000, 20_000])
def test_growth_is_linear(
    benchmark: BenchmarkFixture, tmp_path: Path, count: int, engine: str, short_chain_ms: dict[str, float]
) -> None:
    path = tmp_path / "chain.onnx"
    path.write_bytes(chain(count))
    per_node_ms = best_ms(benchmark, path, engine) / count
    # Ten times the nodes no longer fit the caches: a quarter more. A quadratic step would cost tenfold.
    assert per_node_ms <= 1.6 * short_chain_ms.setdefault(engine, per_node_ms)


def best_ms(benchmark: BenchmarkFixture, path: Path, engine: str) -> float:
    estimate(path, DEVICE, engine)  # imports what it needs; from here on it is warm
    benchmark(estimate, path, DEVICE, engine)
    assert benchmark.stats is not None, "these limits need the times: run without --benchmark-disable"
    return benchmark.stats.stats.min * 1e3


def chain(count: int) -> bytes:
    """A chain of alternating convolutions and activations with one shared weight."""
    nodes = [
        helper.make_node(*(("Relu", [f"t{i}"]) if i % 2 else ("Conv", [f"t{i}", "w"])), [f"t{i + 1}"])
        for i in range(count)
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 16, 16]) for name in ("t0", f"t{count}")
    ]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [8, 8, 1, 1], [0.0] * 64)
    content: bytes = helper.make_model(
        helper.make_graph(nodes, "chain", ends[:1], ends[1:], [weight])
    ).SerializeToString()
    return content
