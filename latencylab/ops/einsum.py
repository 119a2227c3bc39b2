"""Einsum, by its equation: operands are contracted pairwise from the left, as onnxruntime does."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from latencylab.ops._counting import present
from latencylab.ops._registry import costs
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs


@costs("Einsum")
def einsum(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: product of all labels of a pair; a pair that sums over nothing is 1 arithmetic an element."""
    shapes = [present(inputs, index).shape for index in range(len(inputs))]
    terms, result, sizes = parse(str(node.attributes["equation"]), shapes)
    if len(terms) == 1:
        return _reduce(terms[0], result, sizes)
    work, left = ZERO, terms[0]
    for index, right in enumerate(terms[1:], start=2):
        wanted = set(result).union(*terms[index:])
        work, left = work + _pair(left, right, wanted, sizes), (set(left) | set(right)) & wanted
    return work


def parse(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[set[str]], set[str], dict[str, int]]:
    """Labels of every operand, labels of the result, and the size of each label.

    An ellipsis stands for as many leading labels as the operand has unnamed axes, aligned at the last one.
    Raises ValueError if operands and shapes disagree.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    spellings = [_spell(term, len(shape)) for term, shape in zip(left.split(","), shapes, strict=True)]
    for labels, shape in zip(spellings, shapes, strict=True):
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    everything = [label for labels in spellings for label in labels]
    ellipsis = {label for label in everything if label.isdigit()}
    if arrow:
        result = {label for label in right if label.isalpha()} | (ellipsis if "..." in right else set())
    else:
        result = {label for label in everything if everything.count(label) == 1} | ellipsis
    return [set(labels) for labels in spellings], result, sizes


def _spell(term: str, rank: int) -> list[str]:
    """One label an axis; axes under an ellipsis are numbered from the last one, so that they broadcast."""
    head, ellipsis, tail = term.partition("...")
    unnamed = rank - len(head) - len(tail) if ellipsis else 0
    return [*head, *(str(number) for number in reversed(range(unnamed))), *tail]


def _size(labels: Iterable[str], sizes: dict[str, int]) -> int:
    return prod(sizes[label] for label in labels)


def _pair(left: set[str], right: set[str], wanted: set[str], sizes: dict[str, int]) -> Work:
    together = left | right
    count = _size(together, sizes)
    return Work(macs=count) if together - wanted else Work(arithmetic_ops=count)


def _reduce(term: set[str], result: set[str], sizes: dict[str, int]) -> Work:
    count = _size(term, sizes)
    return Work(arithmetic_ops=count) if term - result else Work(move_ops=count)
