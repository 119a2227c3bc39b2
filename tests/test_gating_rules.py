"""Design rules: each with a network that breaks it and one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gate_files import ABPN, budget, configured
from onnx import TensorProto, helper, numpy_helper

from latencylab import device, zoo
from latencylab.errors import ConfigError, UnknownNameError
from latencylab.gating import gate
from latencylab.gating.design_rules import RULES
from latencylab.gating.rule_names import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

    from latencylab.gating import Check

SIZE = "?height=36&width=64"


def judged(folder: Path, rule: str, model: str | ModelProto, *options: str, target: str = "") -> Check:
    """The check of one rule, written in the configuration at level error."""
    name = model
    if not isinstance(model, str):
        (folder / "net.onnx").write_bytes(model.SerializeToString())
        name = "net.onnx"
    lines = ["[[rule]]", f'id = "{rule}"', *options]
    config = configured(folder, budget(str(name), target or "") + "\n".join(lines) + "\n")
    (check,) = (c for c in gate(config).checks if c.what == rule)
    return check


def names(check: Check) -> list[str]:
    return [culprit.name for culprit in check.culprits]


def quantized_conv(scales: int) -> ModelProto:
    """x -> Q -> DQ -> Conv with a weight of `scales` scales -> Q -> DQ."""
    import numpy as np

    def constant(name: str, value: Any) -> Any:
        return numpy_helper.from_array(np.asarray(value), name)

    weight_scale = np.full(scales, 0.1, np.float32) if scales > 1 else np.float32(0.1)
    weight_zero = np.zeros(scales, np.int8) if scales > 1 else np.int8(0)
    initializers = [
        constant("s", np.float32(0.1)),
        constant("z", np.uint8(0)),
        constant("w", np.ones((8, 3, 3, 3), np.int8)),
        constant("ws", weight_scale),
        constant("wz", weight_zero),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], "q0"),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"], "d0"),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], "dw", axis=0),
        helper.make_node("Conv", ["xd", "wd"], ["y"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["y", "s", "z"], ["yq"], "q1"),
        helper.make_node("DequantizeLinear", ["yq", "s", "z"], ["out"], "d1"),
    ]
    ends = (("x", [1, 3, 16, 16]), ("out", [1, 8, 16, 16]))
    inputs, outputs = ([helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)] for n, shape in ends)
    graph = helper.make_graph(nodes, "quantized", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_per_tensor_weights(tmp_path: Path) -> None:
    broken = judged(tmp_path, "per_tensor_weights", quantized_conv(8))
    assert (broken.status, names(broken)) == ("error", ["conv"])
    assert "8 scales, one a channel" in broken.culprits[0].share
    assert judged(tmp_path, "per_tensor_weights", quantized_conv(1)).status == "ok"


def test_no_float(tmp_path: Path) -> None:
    broken = judged(tmp_path, "no_float", f"zoo:{ABPN}", target='dtype = "float32"')
    assert broken.status == "error"
    assert "computes in float32 on ppu" in broken.culprits[0].share
    assert judged(tmp_path, "no_float", f"zoo:{ABPN}").status == "ok"
    literal = judged(tmp_path, "no_float", f"zoo:{ABPN}", target="")
    assert literal.culprits == ()


def test_main_engines(tmp_path: Path) -> None:
    model = zoo.build(ABPN, weights=False)
    (output,) = model.graph.output
    model.graph.node.append(helper.make_node("Mystery", [output.name], ["y"], "mystery", domain="of.nobody"))
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 108, 192]))
    model.opset_import.append(helper.make_opsetid("of.nobody", 1))
    broken = judged(tmp_path, "main_engines", model)
    assert names(broken) == ["mystery"]
    assert judged(tmp_path, "main_engines", f"zoo:{ABPN}").status == "ok"
    narrow = judged(tmp_path, "main_engines", f"zoo:{ABPN}", 'engines = ["nn"]')
    assert {culprit.kind for culprit in narrow.culprits} == {"ChannelReplicate", "DepthToSpace"}


def test_short_skips(tmp_path: Path) -> None:
    """The study's anchor waits while six convolutions run: it is written beside the first of seven."""
    broken = judged(tmp_path, "short_skips", f"zoo:{ABPN}", "max_nodes = 5")
    assert names(broken) == ["add_0"]
    assert "kept while 6 meta-nodes run" in broken.culprits[0].share
    assert judged(tmp_path, "short_skips", f"zoo:{ABPN}", "max_nodes = 6").status == "ok"
    assert judged(tmp_path, "short_skips", f"zoo:pureconv24_x3{SIZE}", "max_nodes = 1").status == "ok"


def test_bounded_output(tmp_path: Path) -> None:
    assert judged(tmp_path, "bounded_output", f"zoo:{ABPN}").status == "ok"
    assert judged(tmp_path, "bounded_output", f"zoo:espcn_x3{SIZE}").status == "ok"
    assert names(judged(tmp_path, "bounded_output", f"zoo:srcnn_x3{SIZE}")) == ["conv_2"]
    # ReLU bounds one side only, and the pixel shuffle behind it passes that on.
    relu = judged(tmp_path, "bounded_output", f"zoo:pureconv24_x3{SIZE}")
    assert [culprit.kind for culprit in relu.culprits] == ["Relu"]


@pytest.mark.parametrize(
    ("outer", "inner", "bounded"), [("Min", "Max", True), ("Max", "Min", True), ("Min", "Neg", False)]
)
def test_bounds_may_be_spelled_as_min_and_max(tmp_path: Path, outer: str, inner: str, bounded: bool) -> None:
    import numpy as np

    constants = [numpy_helper.from_array(np.float32(v), n) for n, v in (("low", 0.0), ("high", 1.0))]
    first = ["x"] if inner == "Neg" else ["x", "low"]
    nodes = [
        helper.make_node(inner, first, ["m"], "first"),
        helper.make_node(outer, ["m", "high"], ["y"], "last"),
    ]
    ends = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 16, 16])] for n in ("x", "y")]
    graph = helper.make_graph(nodes, "bounds", *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert (judged(tmp_path, "bounded_output", model).status == "ok") == bounded


def test_opset(tmp_path: Path) -> None:
    found = zoo.build(ABPN, weights=False).opset_import[0].version
    assert (
        judged(tmp_path, "opset", f"zoo:{ABPN}", f"min_opset = {found}", f"max_opset = {found}").status
        == "ok"
    )
    assert (
        "older than" in judged(tmp_path, "opset", f"zoo:{ABPN}", f"min_opset = {found + 1}").culprits[0].share
    )
    assert (
        "newer than" in judged(tmp_path, "opset", f"zoo:{ABPN}", f"max_opset = {found - 1}").culprits[0].share
    )


def test_no_layout_change(tmp_path: Path) -> None:
    profile = device.load("dolphin_npu")
    assert profile.deployment_layout != profile.native_layout
    broken = judged(tmp_path, "no_layout_change", f"zoo:{ABPN}")
    assert "added by the device" in broken.culprits[0].share
    text = budget(f"zoo:{ABPN}", device="mobile_cpu") + '[[rule]]\nid = "no_layout_change"\n'
    (kept,) = (c for c in gate(configured(tmp_path, text)).checks if c.what == "no_layout_change")
    assert kept.status == "ok"


def test_conv_fast_path(tmp_path: Path) -> None:
    broken = judged(tmp_path, "conv_fast_path", f"zoo:bicubicpp_x3{SIZE}")
    assert [culprit.share for culprit in broken.culprits] == ["stride 2, kernel 3×3"]
    assert judged(tmp_path, "conv_fast_path", f"zoo:{ABPN}").status == "ok"


@pytest.mark.parametrize(
    ("rule", "breaks", "keeps"),
    [
        ("no_resize", "srcnn_x3", "abpn_x3"),
        ("no_prelu", "ecbsr_m4c16_x3", "abpn_x3"),
        ("no_transposed_convolution", "fsrcnn_x3", "abpn_x3"),
        ("replicated_skip", "abpn_x3", "xlsr_x3"),
    ],
)
def test_rules_about_operators(tmp_path: Path, rule: str, breaks: str, keeps: str) -> None:
    broken = judged(tmp_path, rule, f"zoo:{breaks}{SIZE}")
    assert broken.status == "error"
    assert broken.culprits
    assert judged(tmp_path, rule, f"zoo:{keeps}{SIZE}").status == "ok"


# --- which rules hold where


def test_every_rule_has_a_docstring_and_its_options() -> None:
    assert set(RULES) == set(OPTIONS)
    assert all(rule.__doc__ for rule in RULES.values())


def test_every_rule_that_a_shipped_device_implies_is_one_of_ours() -> None:
    implied = {rule.id for name in device.names() for rule in device.load(name).rules}
    assert implied <= set(RULES)


def test_a_device_s_own_rules_are_checked_unasked_with_its_level_and_reason(tmp_path: Path) -> None:
    verdict = gate(configured(tmp_path, budget(f"zoo:srcnn_x3{SIZE}")))
    rules = {check.what: check for check in verdict.checks if check.kind == "rule"}
    assert list(rules) == [rule.id for rule in device.load("dolphin_npu").rules]
    assert rules["no_resize"].status == "warn"
    assert "misses real time" in rules["no_resize"].text


@pytest.mark.parametrize("level", ["off", "info", "warn", "error"])
def test_the_configuration_sets_the_level_of_a_device_s_rule(tmp_path: Path, level: str) -> None:
    check = judged(tmp_path, "no_resize", f"zoo:srcnn_x3{SIZE}", f'level = "{level}"')
    assert check.status == level


def test_a_rule_may_name_networks_and_devices_of_its_own(tmp_path: Path) -> None:
    text = (
        budget(f"zoo:{ABPN}")
        + f'[[rule]]\nid = "no_resize"\nmodels = ["zoo:srcnn_x3{SIZE}"]\ndevice = "vs640_npu"\n'
    )
    found = [c for c in gate(configured(tmp_path, text)).checks if c.status == "error"]
    assert [str(check.case) for check in found] == [f"zoo:srcnn_x3{SIZE} on vs640_npu"]


def test_a_rule_that_names_networks_alone_looks_at_them_on_the_dolphin(tmp_path: Path) -> None:
    text = budget(f"zoo:{ABPN}") + f'[[rule]]\nid = "no_resize"\nmodels = ["zoo:srcnn_x3{SIZE}"]\n'
    found = [c for c in gate(configured(tmp_path, text)).checks if c.status == "error"]
    assert [str(check.case) for check in found] == [f"zoo:srcnn_x3{SIZE} on dolphin_npu"]


def test_a_rule_of_a_foreign_profile_that_nobody_can_check_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'schema_version = 1\nextends = "dolphin_npu"\nname = "mine"\ntitle = "Mine"\n'
        '[[rules]]\nid = "no_magic"\nlevel = "error"\nreason = "none here"\n'
    )
    verdict = gate(configured(tmp_path, budget(f"zoo:{ABPN}", device="mine.toml")))
    (check,) = (c for c in verdict.checks if c.what == "no_magic")
    assert check.status == "info"
    assert "is not checked" in check.text


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('id = "no_resise"', "did you mean 'no_resize'"),
        ('id = "no_resize"\nmax_nodes = 3', "rule no_resize has no option max_nodes"),
        ('id = "opset"', "needs min_opset or max_opset"),
        ('id = "no_resize"\ndtype = "int8"', "only where the rule names its models"),
        ('id = "no_resize"\nmodels = ["none/*.onnx"]', "matches nothing"),
    ],
)
def test_a_rule_that_cannot_be_meant(tmp_path: Path, rule: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"latencylab.toml:\d+: rule\[0\]") as caught:
        gate(configured(tmp_path, budget() + f"[[rule]]\n{rule}\n"))
    assert words in str(caught.value)


def test_an_engine_no_device_has(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="nnn"):
        judged(tmp_path, "main_engines", f"zoo:{ABPN}", 'engines = ["nnn"]')
