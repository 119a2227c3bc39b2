"""Operators that make data: ranges, windows, random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import halvings, per_output, present
from latencylab.ops._registry import MICROSOFT, costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

# Start plus index times step.
costs("Range")(per_output(arithmetic=2))
costs("Range", domain=MICROSOFT)(per_output(arithmetic=2))
# a - b cos(c i); Blackman adds a second cosine.
costs("HannWindow", "HammingWindow")(per_output(arithmetic=3, transcendental=1))
costs("BlackmanWindow")(per_output(arithmetic=6, transcendental=2))
# A triangular filter: two slopes and the lesser of them, bounded by zero.
costs("MelWeightMatrix")(per_output(arithmetic=4, division=2))

# A counter-based generator of the Philox kind: ten rounds of multiply and exclusive-or a word, scaled to a
# range. Box-Muller makes two normal numbers of two uniform ones: a logarithm, a root, a sine and a cosine.
_UNIFORM = 22
costs("RandomUniform", "RandomUniformLike")(per_output(arithmetic=_UNIFORM))
costs("RandomNormal", "RandomNormalLike")(per_output(arithmetic=_UNIFORM + 2, division=1, transcendental=2))
costs("Bernoulli")(per_output(arithmetic=_UNIFORM + 1))


@costs("Multinomial")
def multinomial(_node: Node, inputs: Inputs, outputs: Outputs) -> Work:
    """1 exp and 1 sum a class; for each sample a uniform number and a binary search of the classes."""
    logits, samples = present(inputs, 0), outputs[0].elements
    search = _UNIFORM + halvings(logits.shape[-1])
    return Work(arithmetic_ops=logits.elements + search * samples, transcendental_ops=logits.elements)
