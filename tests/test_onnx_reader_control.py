"""Control flow: bodies become graphs, trip counts numbers, and whatever had to be guessed a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper
from onnx_text import model

from latencylab.errors import ModelError
from latencylab.graph import Graph
from latencylab.onnx_reader import read

if TYPE_CHECKING:
    from onnx import ModelProto


def op_types(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


def body(graph: Graph, attribute: str = "body", node: int = -1) -> Graph:
    found = graph.nodes[node].attributes[attribute]
    assert isinstance(found, Graph)
    return found


IF = """net (float[1,8] x, bool c) => (float[a,b] y)
{
  y = If (c) <
    then_branch = yes () => (float[a,b] t) { t = Relu(x) },
    else_branch = no () => (float[a,b] e) { h = Abs(x) e = Concat<axis=1>(h, h) }
  >
}"""


class TestIf:
    def test_both_branches_are_read_and_the_choice_is_said(self) -> None:
        graph = read(model(IF)).graph
        assert op_types(body(graph, "then_branch")) == ["Relu"]
        assert op_types(body(graph, "else_branch")) == ["Abs", "Concat"]
        assert graph.tensors["y"].shape == (1, 16)
        assert graph.assumptions == (
            "If node 'y': its condition depends on the data; the costlier branch is assumed",
            "If node 'y': its branches give 1x8 or 1x16; 1x16 is assumed",
        )

    def test_captured_tensors_are_inputs_and_known_in_the_body(self) -> None:
        graph = read(model(IF)).graph
        assert graph.nodes[0].inputs == ("c", "x")
        assert body(graph, "then_branch").tensors["x"].shape == (1, 8)

    @pytest.mark.parametrize(("condition", "expected"), [("1", ["Relu"]), ("0", ["Abs", "Concat"])])
    def test_a_known_condition_leaves_only_the_branch_taken(
        self, condition: str, expected: list[str]
    ) -> None:
        text = IF.replace(", bool c)", ")").replace(
            "(float[a,b] y)", f"(float[a,b] y) <bool c = {{{condition}}}>", 1
        )
        graph = read(model(text)).graph
        assert op_types(graph) == expected
        assert graph.assumptions == ()
        assert graph.nodes[-1].outputs == ("y",)

    def test_a_condition_on_shapes_is_known(self) -> None:
        """As TorchScript writes squeeze: If the size is 1."""
        text = """net (float[1,8] x) => (float[n] y) <int64 zero = {0}, int64 one = {1}, int64[1] axis = {0}>
        {
          s = Shape(x)  d = Gather(s, zero)  is_one = Equal(d, one)
          y = If (is_one) <
            then_branch = yes () => (float[n] t) { t = Squeeze(x, axis) },
            else_branch = no () => (float[a,b] e) { e = Identity(x) }
          >
        }"""
        graph = read(model(text)).graph
        assert op_types(graph) == ["Squeeze"]
        assert graph.tensors["y"].shape == (8,)

    def test_branches_inlined_twice_keep_their_names_apart(self) -> None:
        def branches(name: str) -> str:
            yes = f"yes () => (float[n] t) {{ t = Relu({name}) }}"
            return f"<then_branch = {yes}, else_branch = no () => (float[n] t) {{ t = Abs({name}) }}>"

        text = f"""net (float[8] x) => (float[n] y) <bool c = {{1}}>
        {{ a = If (c) {branches("x")} y = If (c) {branches("a")} }}"""
        graph = read(model(text)).graph
        assert op_types(graph) == ["Relu", "Relu"]
        assert len({name for node in graph.nodes for name in node.outputs}) == 2


LOOP = """net (float[1,8] x, int64 n) => (float[a,b] y, float[a,b,c] z)
{
  y, z = Loop (n, cond, x) <
    body = step (int64 i, bool go, float[a,b] s) => (bool again, float[a,b] t, float[a,b] u)
    { again = Identity(go) t = Relu(s) u = Abs(t) }
  >
}"""


def loop(declaration: str) -> ModelProto:
    return model(LOOP.replace(", int64 n) =>", ") =>").replace("z)\n", f"z) <{declaration}>\n", 1))


class TestLoop:
    def test_a_constant_trip_count_is_taken(self) -> None:
        graph = read(loop("int64 n = {5}, bool cond = {1}")).graph
        assert graph.nodes[0].attributes["trip_count"] == 5
        assert op_types(body(graph)) == ["Relu", "Abs"]
        assert graph.tensors["y"].shape == (1, 8)
        assert graph.tensors["z"].shape == (5, 1, 8)  # one slice an iteration
        assert graph.assumptions == ()

    def test_an_unknown_trip_count_is_one_and_said(self) -> None:
        proto = model(LOOP.replace("z)\n", "z) <bool cond = {1}>\n", 1))
        graph = read(proto).graph
        assert graph.nodes[0].attributes["trip_count"] == 1
        assert graph.assumptions == (
            "Loop node 'y': its trip count depends on the data; 1 iteration is assumed",
        )

    def test_a_loop_that_may_stop_early_runs_through_and_says_so(self) -> None:
        text = LOOP.replace("again = Identity(go)", "again = Not(go)")
        text = text.replace(", int64 n) =>", ") =>").replace(
            "z)\n", "z) <int64 n = {5}, bool cond = {1}>\n", 1
        )
        graph = read(model(text)).graph
        assert graph.nodes[0].attributes["trip_count"] == 5
        assert graph.assumptions == ("Loop node 'y': may stop early; all its 5 iterations are assumed",)

    def test_bodies_nest_and_see_all_graphs_around_them(self) -> None:
        text = """net (float[8] x) => (float[n] y) <int64 three = {3}, int64 four = {4}, bool go = {1}>
        {
          y = Loop (three, go, x) <
            body = outer (int64 i, bool c, float[n] s) => (bool c1, float[n] s1)
            {
              c1 = Identity(c)
              s1 = Loop (four, go, s) <
                body = inner (int64 j, bool d, float[n] r) => (bool d1, float[n] r1)
                { d1 = Identity(d) q = Add(r, s) r1 = Add(q, x) }
              >
            }
          >
        }"""
        graph = read(model(text)).graph
        inner = body(body(graph))
        assert op_types(inner) == ["Add", "Add"]
        assert {"x", "s"} <= set(inner.tensors)
        assert {"s", "x"} <= set(body(graph).nodes[0].inputs)

    def test_deep_nesting_is_read_or_refused_in_one_line(self) -> None:
        def nested(depth: int) -> bytes:
            inner = helper.make_node("Relu", ["x"], ["t0"])
            for level in range(1, depth):
                graph = helper.make_graph(
                    [inner], "b", [], [helper.make_empty_tensor_value_info(f"t{level - 1}")]
                )
                inner = helper.make_node("If", ["c"], [f"t{level}"], then_branch=graph, else_branch=graph)
            ends = [helper.make_tensor_value_info("x", 1, [4]), helper.make_tensor_value_info("c", 9, [])]
            graph = helper.make_graph(
                [inner], "g", ends, [helper.make_empty_tensor_value_info(f"t{depth - 1}")]
            )
            return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()

        assert read(nested(8)).graph.tensors["t7"].shape == (4,)


SCAN = """net (float[8] s, float[2,5,8] x) => (float[n] f, float[a,b,c] y)
{
  f, y = Scan <num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1],
    body = step (float[n] s0, float[a,b] e) => (float[n] s1, float[a,b] o)
    { o = Relu(e) s1 = Abs(s0) }
  > (s, x)
}"""


def test_scan_runs_once_a_slice() -> None:
    graph = read(model(SCAN)).graph
    assert graph.nodes[0].attributes["trip_count"] == 5
    assert body(graph).tensors["e"].shape == (2, 8)
    assert graph.tensors["f"].shape == (8,)
    assert graph.tensors["y"].shape == (2, 5, 8)


def test_sequences_go_through_with_the_shape_of_an_element() -> None:
    text = """net (float[1,8] x) => (float[a,b] y) <int64 zero = {0}>
    { s = SequenceConstruct(x, x) e = SequenceAt(s, zero) y = Relu(e) }"""
    graph = read(model(text)).graph
    assert graph.tensors["s"].shape == (1, 8)
    assert graph.tensors["y"].shape == (1, 8)


class TestFunctions:
    def test_local_functions_are_inlined_through_several_levels(self) -> None:
        text = """net (float[1,8] x) => (float[a,b] y) { y = own.outer(x) }
        <domain: "own", opset_import: ["" : 17, "own" : 1]> outer (a) => (b)
        { c = own.inner(a) b = own.inner(c) }
        <domain: "own", opset_import: ["" : 17]> inner (a) => (b) { c = Relu(a) b = Abs(c) }"""
        graph = read(model(text, imports=', "own" : 1')).graph
        assert op_types(graph) == ["Relu", "Abs", "Relu", "Abs"]
        assert len({node.name for node in graph.nodes}) == 4
        assert graph.tensors["y"].shape == (1, 8)

    @pytest.mark.parametrize(("written_for", "model_opset"), [(11, 17), (12, 13)])
    def test_a_function_of_an_older_opset_is_rewritten_for_the_model_s(
        self, written_for: int, model_opset: int
    ) -> None:
        text = f"""net (float[1,8] x) => (float[a,b,c] y) {{ y = own.f(x) }}
        <domain: "own", opset_import: ["" : {written_for}]> f (a) => (b) {{ b = Unsqueeze<axes=[0]>(a) }}"""
        graph = read(model(text, opset=model_opset, imports=', "own" : 1')).graph
        assert op_types(graph) == ["Unsqueeze"]
        assert graph.tensors["y"].shape == (1, 1, 8)

    def test_functions_of_another_opset_that_did_not_change_are_taken_as_they_are(self) -> None:
        text = """net (float[1,8] x) => (float[a,b] y) { c = own.f(x) d = own.f(c) y = own.f(d) }
        <domain: "own", opset_import: ["" : 13]> f (a) => (b) { s = Sigmoid(a) b = Mul(a, s) }"""
        graph = read(model(text, imports=', "own" : 1')).graph
        assert op_types(graph) == ["Sigmoid", "Mul"] * 3

    def test_a_function_that_cannot_be_rewritten_stays_a_call(self) -> None:
        text = """net (float[1,8] x) => (float[1,8] y) { c = own.new(x) y = own.old(c) }
        <domain: "own", opset_import: ["" : 22]> new (a) => (b) { b = Relu(a) }
        <domain: "own", opset_import: ["" : 17]> old (a) => (b) { b = Abs(a) }"""
        proto = model(text, imports=', "own" : 1')
        proto.graph.value_info.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [1, 8]))
        assert op_types(read(proto).graph)[-1] == "Abs"

    def test_weights_outside_the_function_stay_constants(self) -> None:
        text = """net (float[1,4] x) => (float[a,b] y) <float[4] w = {1, 2, 3, 4}> { y = own.f(x, w) }
        <domain: "own", opset_import: ["" : 17]> f (a, v) => (b) { b = Mul(a, v) }"""
        graph = read(model(text, imports=', "own" : 1')).graph
        assert graph.tensors["w"].values == (1.0, 2.0, 3.0, 4.0)

    def test_a_function_that_calls_itself_is_refused(self) -> None:
        text = """net (float[1,8] x) => (float[a,b] y) { y = own.f(x) }
        <domain: "own", opset_import: ["" : 17, "own" : 1]> f (a) => (b) { b = own.g(a) }
        <domain: "own", opset_import: ["" : 17, "own" : 1]> g (a) => (b) { b = own.f(a) }"""
        with pytest.raises(ModelError, match="local function 'f' calls itself"):
            read(model(text, imports=', "own" : 1'))

    def test_functions_that_double_at_every_level_are_not_expanded(self) -> None:
        levels = [
            helper.make_function(
                "own", f"f{i}", ["a"], ["c"],
                [helper.make_node(f"f{i + 1}" if i < 40 else "Relu", [s], [t], domain="own" if i < 40 else "")
                 for s, t in (("a", "b"), ("b", "c"))],
                [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)],
            )
            for i in range(41)
        ]  # fmt: skip
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4]) for n in "xy"]
        call = helper.make_node("f0", ["x"], ["y"], domain="own")
        graph = helper.make_graph([call], "g", ends[:1], ends[1:])
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
        with pytest.raises(ModelError, match="expand to more than 2000000 nodes"):
            read(helper.make_model(graph, functions=levels, opset_imports=imports))
