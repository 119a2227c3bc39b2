"""The order in which nodes run, worked out by hand; that the file's does not matter is a law: test_laws."""

from __future__ import annotations

import sys
from dataclasses import replace
from graphlib import CycleError
from random import Random

import pytest
from shuffling import permuted
from sketch import Sketch

from latencylab.graph import Graph, Node, Tensor
from latencylab.order import depth_first, ordered


def names(graph: Graph) -> list[str]:
    return [node.name for node in ordered(graph).nodes]


def test_a_branch_runs_to_its_end_before_the_next_one_starts() -> None:
    sketch = Sketch()
    x = sketch.image(1, 4, 8, 8)
    left, right = sketch.conv(x, 4), sketch.conv(x, 4)
    left, right = sketch.op("Relu", left), sketch.op("Relu", right)
    sketch.concat(left, right)
    assert names(sketch.graph()) == ["conv_0", "relu_0", "conv_1", "relu_1", "concat_0"]


def test_equals_run_in_the_order_in_which_they_are_read() -> None:
    sketch = Sketch()
    x = sketch.image(1, 4, 8, 8)
    one, other = sketch.conv(x, 4), sketch.conv(x, 4)
    sketch.concat(other, one)
    assert names(sketch.graph()) == ["conv_1", "conv_0", "concat_0"]


def test_what_is_ready_first_starts_first_however_it_is_read() -> None:
    """The replicated image does not wait for the convolutions that it is added to."""
    sketch = Sketch()
    image = sketch.image(1, 3, 8, 8)
    trunk = sketch.conv(sketch.conv(image, 12), 12)
    sketch.op("Add", trunk, sketch.concat(*[image] * 4))
    assert names(sketch.graph()) == ["concat_0", "conv_0", "conv_1", "add_0"]


def test_a_shortcut_s_convolution_starts_before_the_longer_branch() -> None:
    sketch = Sketch()
    x = sketch.conv(sketch.image(1, 4, 8, 8), 4, name="stem")
    long = sketch.conv(sketch.conv(x, 4, name="first"), 4, name="second")
    sketch.op("Add", long, sketch.conv(x, 4, kernel=1, name="shortcut"))
    assert names(sketch.graph()) == ["stem", "shortcut", "first", "second", "add_0"]


def test_outputs_count_like_operands_of_the_caller() -> None:
    sketch = Sketch()
    x = sketch.image(1, 4, 8, 8)
    deep = sketch.op("Relu", sketch.conv(x, 4))
    assert names(sketch.graph(deep, sketch.op("Abs", x))) == ["abs_0", "conv_0", "relu_0"]


def test_what_no_output_needs_comes_last_by_name() -> None:
    sketch = Sketch()
    x = sketch.image(1, 4, 8, 8)
    sketch.op("Relu", sketch.op("Abs", x, name="b"), name="a")
    kept = sketch.op("Neg", x)
    graph = sketch.graph(kept)
    assert names(graph) == ["neg_0", "b", "a"]
    assert names(permuted(graph, Random(1))) == ["neg_0", "b", "a"]


def test_an_ordered_graph_stays_the_object_it_is() -> None:
    sketch = Sketch()
    sketch.op("Relu", sketch.conv(sketch.image(1, 4, 8, 8), 4))
    graph = sketch.graph()
    assert ordered(graph) is graph
    assert ordered(replace(graph)).nodes is graph.nodes


def test_a_cycle_is_named() -> None:
    with pytest.raises(CycleError) as caught:
        depth_first([0], [[1], [2], [1]])
    assert caught.value.args[1] == [1, 2]
    assert depth_first([0], [[1, 2, 1], [3], [3], []]) == [3, 1, 2, 0]


def residual_chain(blocks: int) -> Graph:
    """Every block adds what it got and the image: as deep as it is long, with an operand in sight of all."""
    nodes, last = [], "x"
    for i in range(blocks):
        nodes.append(Node(f"r{i}", "Relu", (last,), (f"a{i}",)))
        nodes.append(Node(f"s{i}", "Sum", (f"a{i}", last, "x"), (f"b{i}",)))
        last = f"b{i}"
    tensors = {
        name: Tensor(name, (1, 4), "float32") for node in nodes for name in (*node.inputs, *node.outputs)
    }
    return Graph("chain", tuple(nodes), tensors, ("x",), (last,))


def test_depth_costs_no_recursion_and_length_no_more_than_its_share() -> None:
    def calls(blocks: int) -> int:
        graph, count = residual_chain(blocks), 0

        def counted(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(counted)
        try:
            assert ordered(graph) is graph
        finally:
            sys.setprofile(None)
        return count

    assert calls(10_000) / calls(1_000) < 11
