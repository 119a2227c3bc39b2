"""Recurrent layers: two matrix products a step, then the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.ops._counting import optional, present
from latencylab.ops._registry import costs
from latencylab.work import Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs


def _recurrent(inputs: Inputs, unit: Work) -> Work:
    """Each step and sample multiplies W (directions, gates x hidden, inputs) and R (..., hidden)."""
    data, weight, recurrence = (present(inputs, index) for index in range(3))
    steps = data.shape[0] * data.shape[1]
    directions, _, hidden = recurrence.shape
    return Work(macs=steps * (weight.elements + recurrence.elements)) + unit * (steps * directions * hidden)


@costs("RNN")
def rnn(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: steps x (weights + recurrence); 1 transcendental a state."""
    return _recurrent(inputs, Work(transcendental_ops=1))


@costs("GRU")
def gru(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: steps x (weights + recurrence); 3 transcendental and 5 arithmetic a state."""
    return _recurrent(inputs, Work(arithmetic_ops=5, transcendental_ops=3))


@costs("LSTM")
def lstm(_node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: steps x (weights + recurrence); 5 transcendental and 4 arithmetic a state, 6 for peepholes."""
    peepholes = 6 * (optional(inputs, 7) is not None)
    return _recurrent(inputs, Work(arithmetic_ops=4 + peepholes, transcendental_ops=5))
