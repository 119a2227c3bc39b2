"""Work: what an operator computes, before any device is chosen. It adds up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Compute of one operator or of many, free of any device.

    One MAC is one multiply-accumulate = 2 FLOPs. Vector operations are counted one per scalar operation, by
    class, because devices price the classes differently.

    macs: every multiply-accumulate, binary ones included.
    binary_macs: the part of `macs` whose operands are both one bit wide.
    arithmetic_ops: add, subtract, multiply, minimum, maximum, compare, select, negate, round, ...
    division_ops: divide, reciprocal, square root, modulo.
    transcendental_ops: exp, log, tanh, sigmoid, erf, sin, pow, ...
    move_ops: elements that change place without arithmetic (transpose, concat, slice, depth to space, ...).
    """

    macs: int = 0
    binary_macs: int = 0
    arithmetic_ops: int = 0
    division_ops: int = 0
    transcendental_ops: int = 0
    move_ops: int = 0

    @property
    def vector_ops(self) -> int:
        """Scalar operations outside the MAC array; pure data movement is counted apart, in `move_ops`."""
        return self.arithmetic_ops + self.division_ops + self.transcendental_ops

    @property
    def flops(self) -> int:
        """Two per MAC and one per vector operation."""
        return 2 * self.macs + self.vector_ops

    def __add__(self, other: Work) -> Work:
        return Work(
            self.macs + other.macs,
            self.binary_macs + other.binary_macs,
            self.arithmetic_ops + other.arithmetic_ops,
            self.division_ops + other.division_ops,
            self.transcendental_ops + other.transcendental_ops,
            self.move_ops + other.move_ops,
        )

    def __mul__(self, times: int) -> Work:
        return Work(
            self.macs * times,
            self.binary_macs * times,
            self.arithmetic_ops * times,
            self.division_ops * times,
            self.transcendental_ops * times,
            self.move_ops * times,
        )


ZERO = Work()
