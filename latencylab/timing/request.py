"""What the measuring process is asked to do; travels as JSON."""

from __future__ import annotations

# At run time, because pydantic reads these annotations.
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from latencylab.timing.clock import Policy

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PROFILE_POLICY = Policy(warmups=2, min_runs=10, min_time_s=1.0, max_time_s=30.0, max_runs=200)


@dataclass(frozen=True, slots=True)
class Request:
    """One measurement: one model, one thread count.

    model_path: an ONNX file; model_name, model_sha256: what to call it in the result.
    dims: free dimension -> size. shapes: input -> whole shape. input_files: input -> .npy file.
    clock: of the unprofiled session: time as it passes, or the processor time of the measuring process, which
        other programs do not lengthen (for one thread).
    policy: for the unprofiled session, whose samples are the result; profile_policy: for the kernels' shares.
    """

    model_path: str
    model_name: str
    model_sha256: str
    threads: int = 1
    provider: str = "CPUExecutionProvider"
    optimization: str = "all"
    dims: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    input_files: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    clock: Literal["wall", "cpu"] = "wall"
    policy: Policy = field(default_factory=Policy)
    profile_policy: Policy = PROFILE_POLICY

    def to_json(self) -> bytes:
        """JSON for the measuring process."""
        return _adapter().dump_json(self)

    @staticmethod
    def from_json(data: bytes) -> Request:
        """Read what `to_json` wrote."""
        return _adapter().validate_json(data)


@cache
def _adapter() -> TypeAdapter[Request]:
    from pydantic import TypeAdapter

    return TypeAdapter(Request)
