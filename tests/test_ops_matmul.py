"""MACs of matrix products and of Einsum, against loops over every label."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_calls import tensor, work

from latencylab.errors import ModelError
from latencylab.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

SCALAR: tuple[int, ...] = ()
sizes = st.integers(1, 5)


@given(st.lists(sizes, max_size=2), sizes, sizes, sizes)
def test_matmul_broadcasts_its_batch(batch: list[int], m: int, k: int, n: int) -> None:
    left, right = (*batch, m, k), (*(1 for _ in batch), k, n)
    out = np.matmul(np.ones(left), np.ones(right)).shape
    assert work("MatMul", [left, right], [out]) == Work(macs=prod(batch) * m * k * n)
    assert work("MatMul", [left, (k, n)], [(*batch, m, n)]) == Work(macs=prod(batch) * m * k * n)


def test_vectors() -> None:
    assert work("MatMul", [(7,), (7,)], [()]) == Work(macs=7)
    assert work("MatMul", [(7,), (7, 3)], [(3,)]) == Work(macs=21)


@given(sizes, sizes, sizes, st.booleans(), st.booleans())
def test_gemm_transposes(m: int, k: int, n: int, trans_a: bool, trans_b: bool) -> None:
    shapes = [(k, m) if trans_a else (m, k), (n, k) if trans_b else (k, n), (n,)]
    found = work("Gemm", shapes, [(m, n)], transA=int(trans_a), transB=int(trans_b))
    assert found == Work(macs=m * k * n)


def test_gemm_scales() -> None:
    shapes = [(2, 3), (3, 4), (4,)]
    assert work("Gemm", shapes, [(2, 4)], alpha=0.5) == Work(macs=24, arithmetic_ops=8)
    assert work("Gemm", shapes, [(2, 4)], alpha=0.5, beta=2.0) == Work(macs=24, arithmetic_ops=16)
    assert work("Gemm", shapes[:2], [(2, 4)], beta=2.0) == Work(macs=24)


def test_quantized_products_count_as_float_ones() -> None:
    left, right, out = (1, 6, 8), (8, 5), (1, 6, 5)
    expected = work("MatMul", [left, right], [out])
    assert work("MatMulInteger", [left, right, SCALAR, SCALAR], [out]) == expected
    assert work("QLinearMatMul", [left, SCALAR, SCALAR, right, *[SCALAR] * 4], [out]) == expected
    gemm = [(6, 8), SCALAR, SCALAR, (5, 8), SCALAR, SCALAR, (5,), SCALAR, SCALAR]
    assert work("QGemm", gemm, [(6, 5)], domain="com.microsoft", transB=1) == expected
    packed = work("MatMulNBits", [left, (5, 1, 4), (5,)], [out], domain="com.microsoft", K=8, N=5, bits=4)
    assert packed == expected + Work(arithmetic_ops=2 * 40)


def test_fused_products() -> None:
    found = work(
        "FusedMatMul", [(2, 8, 6), (2, 8, 5)], [(2, 6, 5)], domain="com.microsoft", transA=1, alpha=0.1
    )
    assert found == Work(macs=2 * 6 * 5 * 8, arithmetic_ops=60)
    gemm = work("FusedGemm", [(2, 3), (3, 4)], [(2, 4)], domain="com.microsoft", activation="Relu")
    assert gemm == Work(macs=24, arithmetic_ops=8)


def test_a_binary_product_is_binary() -> None:
    left = tensor("a", 4, 8, dtype="binary")
    right = tensor("b", 8, 2, is_constant=True, is_sign=True)
    assert work("MatMul", [left, right], [(4, 2)]) == Work(macs=64, binary_macs=64)


def looped_products(terms: list[str], result: str, dims: dict[str, int]) -> int:
    """Products of two operands, by a loop over every assignment of every label."""
    labels = sorted(set("".join(terms)))
    assert set(result) <= set(labels)
    return sum(1 for _ in product(*(range(dims[label]) for label in labels)))


@st.composite
def equations(draw: Callable[..., Any]) -> tuple[list[str], str, dict[str, int]]:
    dims = {label: draw(st.integers(1, 4)) for label in "abcd"}
    terms = [draw(st.text("abcd", min_size=1, max_size=3)) for _ in range(2)]
    known = sorted(set("".join(terms)))
    return terms, "".join(draw(st.lists(st.sampled_from(known), unique=True))), dims


@given(equations())
def test_einsum_of_two_counts_every_assignment_of_its_labels(
    case: tuple[list[str], str, dict[str, int]],
) -> None:
    terms, result, dims = case
    shapes = [tuple(dims[label] for label in term) for term in terms]
    equation = f"{','.join(terms)}->{result}"
    out = np.einsum(equation, *map(np.ones, shapes)).shape
    products = looped_products(terms, result, dims)
    is_contraction = set("".join(terms)) > set(result)
    expected = Work(macs=products) if is_contraction else Work(arithmetic_ops=products)
    assert work("Einsum", shapes, [out], equation=equation) == expected


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], Work(macs=2 * 3 * 4 * 5)),
        ("bhid,bhjd->bhij", [(2, 8, 16, 4), (2, 8, 16, 4)], Work(macs=2 * 8 * 16 * 16 * 4)),
        ("...ij,...jk->...ik", [(7, 2, 3), (1, 3, 4)], Work(macs=7 * 2 * 3 * 4)),
        ("...ij,jk", [(7, 2, 3), (3, 4)], Work(macs=7 * 2 * 3 * 4)),
        ("i,j->ij", [(3,), (4,)], Work(arithmetic_ops=12)),
        ("ij->ji", [(3, 4)], Work(move_ops=12)),
        ("ij->i", [(3, 4)], Work(arithmetic_ops=12)),
        ("ii->i", [(3, 3)], Work(move_ops=3)),
        # (a b)(b c) first, then (a c)(c d): from the left, in pairs.
        ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)], Work(macs=2 * 3 * 4 + 2 * 4 * 5)),
    ],
)
def test_einsum(equation: str, shapes: list[tuple[int, ...]], expected: Work) -> None:
    assert work("Einsum", shapes, [(1,)], equation=equation) == expected


def test_einsum_that_does_not_fit_its_operands() -> None:
    with pytest.raises(ModelError, match="Einsum"):
        work("Einsum", [(2, 3)], [(2,)], equation="ij,jk->ik")
    with pytest.raises(ModelError, match="Einsum"):
        work("Einsum", [(2, 3)], [(2,)], equation="i->i")


def test_affine_grid_and_determinant() -> None:
    assert work("AffineGrid", [(2, 2, 3), (4,)], [(2, 5, 6, 2)]) == Work(macs=2 * 5 * 6 * 2 * 3)
    # LU of a 3 x 3: 2 * 27 / 3 operations.
    assert work("Det", [(4, 3, 3)], [(4,)]) == Work(arithmetic_ops=4 * 18, division_ops=4 * 5)
