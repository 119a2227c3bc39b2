"""Element types by name, with their width in bits.

Names follow numpy and ONNX ("uint8", "float16", "bfloat16"); "binary" is a one-bit weight or activation,
which ONNX cannot spell and latencylab therefore declares.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BITS: Mapping[str, int] = MappingProxyType(
    {
        "binary": 1,
        "int2": 2,
        "uint2": 2,
        "int4": 4,
        "uint4": 4,
        "float4e2m1": 4,
        "int8": 8,
        "uint8": 8,
        "bool": 8,
        "float8e4m3fn": 8,
        "float8e4m3fnuz": 8,
        "float8e5m2": 8,
        "float8e5m2fnuz": 8,
        "float8e8m0": 8,
        "int16": 16,
        "uint16": 16,
        "float16": 16,
        "bfloat16": 16,
        "int32": 32,
        "uint32": 32,
        "float32": 32,
        "int64": 64,
        "uint64": 64,
        "float64": 64,
        "complex64": 64,
        "complex128": 128,
        # A string is a heap object; its pointer is what moves.
        "string": 64,
    }
)

FLOATS = frozenset(name for name in BITS if "float" in name or "complex" in name)
QUANTIZED = frozenset({"uint8", "int8", "uint4", "int4", "uint2", "int2", "uint16", "int16", "binary"})

# What a network may be deployed in: real numbers, not truth values, text or complex numbers.
DEPLOYABLE = tuple(name for name in BITS if name not in {"bool", "string"} and "complex" not in name)


def size_bytes(elements: int, dtype: str) -> int:
    """Bytes that `elements` packed elements of `dtype` occupy (a partial last byte counts whole)."""
    return (elements * BITS[dtype] + 7) // 8


def is_float(dtype: str) -> bool:
    """Whether arithmetic on this type needs a floating-point unit."""
    return dtype in FLOATS


def is_quantized(dtype: str) -> bool:
    """Whether this type carries quantized real numbers (as opposed to indices, booleans or floats)."""
    return dtype in QUANTIZED
