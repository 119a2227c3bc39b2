"""What each operator computes, a family a file; no device in sight.

An operator is *costed* (`@costs` in its family's file), declared *free* on purpose, or *unpriced*.

Two rules hold everywhere. Operators count compute, shapes count traffic: nothing here knows about bytes. And
a quantized operator counts what its float operator does: scaling, rounding and saturating a result is the
output stage of every integer datapath, so a float graph declared uint8, its QDQ and its QOperator form agree.
"""

from latencylab.ops._registry import Operator, State, body_work, find, operators, state, unpriced, work

__all__ = ["Operator", "State", "body_work", "find", "operators", "state", "unpriced", "work"]
