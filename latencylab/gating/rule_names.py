"""Names of the design rules with the options each takes; `design_rules` holds the rules themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

RuleId = Literal[
    "bounded_output",
    "conv_fast_path",
    "main_engines",
    "no_float",
    "no_layout_change",
    "no_prelu",
    "no_resize",
    "no_transposed_convolution",
    "opset",
    "per_tensor_weights",
    "replicated_skip",
    "short_skips",
]

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "bounded_output": (),
    "conv_fast_path": (),
    "main_engines": ("engines",),
    "no_float": (),
    "no_layout_change": (),
    "no_prelu": (),
    "no_resize": (),
    "no_transposed_convolution": (),
    "opset": ("min_opset", "max_opset"),
    "per_tensor_weights": (),
    "replicated_skip": (),
    "short_skips": ("max_nodes",),
}
