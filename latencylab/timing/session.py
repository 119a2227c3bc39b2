"""The one door to onnxruntime: sessions set up for measuring. Imported in the measuring process only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import onnxruntime

from latencylab.errors import MeasurementError
from latencylab.measurement import Runtime
from latencylab.timing.feeds import InputSpec, dtype_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.timing.feeds import Array
    from latencylab.timing.request import Request

_LEVELS: Final = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disable": "ORT_DISABLE_ALL",
}
_FATAL: Final = 4
# Other providers compile parts of the graph, which cannot be written; their kernels are placed by name.
_WRITES_ITS_GRAPH: Final = frozenset({"CPUExecutionProvider", "CUDAExecutionProvider"})
# Weights above this go to a file of their own, so that reading the optimized graph costs nothing.
_LARGEST_INLINE_BYTES: Final = "1024"


class Session(Protocol):
    """What timing needs of a session."""

    inputs: tuple[InputSpec, ...]
    runtime: Runtime

    def run(self, feeds: Mapping[str, Array]) -> object:
        """Infer once."""

    def end_profiling(self) -> Path:
        """Stop profiling and return the profile's path."""


class OnnxruntimeSession:
    """A session of onnxruntime: sequential, one inter-op thread, no spinning."""

    def __init__(self, request: Request, profile_folder: Path | None = None) -> None:
        """With `profile_folder`, kernels are timed and the optimized graph is written there.

        Raises MeasurementError where onnxruntime refuses the model or the provider.
        """
        self._session = _open(request, _options(request, profile_folder))
        self.inputs = tuple(
            InputSpec(i.name, tuple(i.shape), dtype_name(i.type)) for i in self._session.get_inputs()
        )
        self.runtime = Runtime(
            version=onnxruntime.__version__,
            build=_build(),
            available_providers=tuple(onnxruntime.get_available_providers()),
            providers=tuple(self._session.get_providers()),
            intra_op_threads=request.threads,
            inter_op_threads=1,
            optimization=request.optimization,
        )

    def run(self, feeds: Mapping[str, Array]) -> object:
        """Infer once; raises MeasurementError where the input does not fit."""
        try:
            return self._session.run(None, feeds)
        except Exception as error:
            raise MeasurementError(f"onnxruntime could not run the model: {one_line(error)}") from error

    def end_profiling(self) -> Path:
        """Stop profiling and return the profile's path."""
        return Path(self._session.end_profiling())


def _open(request: Request, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    available = onnxruntime.get_available_providers()
    if request.provider not in available:
        raise MeasurementError(
            f"this onnxruntime has no provider {request.provider!r}; it has {', '.join(available)}"
        )
    fallback = "CPUExecutionProvider"
    providers = [request.provider] if request.provider == fallback else [request.provider, fallback]
    try:
        return onnxruntime.InferenceSession(request.model_path, options, providers=providers)
    except Exception as error:
        # The path may be that of a temporary copy, which means nothing to anybody.
        said = one_line(error).replace(request.model_path, request.model_name)
        raise MeasurementError(f"onnxruntime refused the model: {said}") from error


def _options(request: Request, profile_folder: Path | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request.threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = getattr(
        onnxruntime.GraphOptimizationLevel, _LEVELS[request.optimization]
    )
    options.log_severity_level = _FATAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for name, value in request.dims.items():
        options.add_free_dimension_override_by_name(name, value)
    if profile_folder is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_folder / "profile")
        if request.provider in _WRITES_ITS_GRAPH:
            _write_graph(profile_folder, options)
    return options


def _write_graph(folder: Path, options: Any) -> None:
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    entry = "session.optimized_model_external_initializers"
    options.add_session_config_entry(f"{entry}_file_name", "weights.bin")
    options.add_session_config_entry(f"{entry}_min_size_in_bytes", _LARGEST_INLINE_BYTES)


def _build() -> str:
    return str(onnxruntime.get_build_info()) if hasattr(onnxruntime, "get_build_info") else ""


def one_line(error: Exception) -> str:
    """Return the first line of onnxruntime's text, without its own error code in front."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removeprefix("[ONNXRuntimeError] : ")[:300]
