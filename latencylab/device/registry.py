"""Finds and loads profiles: the folder of TOML files is the registry; any path to a `.toml` serves too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from latencylab.device.overlay import Layer, chain, read_toml, resolve, runtime_names, with_runtime
from latencylab.device.validation import validate
from latencylab.errors import InputFileError, ProfileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from latencylab.device.schema import DeviceProfile

    Stamp = tuple[int, int, int]

_PACKAGE = Path(__file__).resolve().parent.parent
# Inside the package in a wheel, beside it in a checkout.
_FOLDERS = (_PACKAGE / "device_profiles", _PACKAGE.parent / "device_profiles")
HOST = "host"
HOST_COMMAND = "latencylab calibrate onnxruntime_cpu --measure"


class _Loaded(NamedTuple):
    """A profile with the state of the files it was read from: parsing TOML takes longer than an estimate."""

    profile: DeviceProfile
    stamps: Mapping[Path, Stamp | None]

    @property
    def is_current(self) -> bool:
        return all(_stamp(path) == stamp for path, stamp in self.stamps.items())


def _stamp(path: Path) -> Stamp | None:
    """What changes when a file is written or replaced; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


_LOADED: dict[tuple[Path, str | None], _Loaded] = {}


def folder() -> Path:
    """Where the shipped profiles lie."""
    return next(path for path in _FOLDERS if path.is_dir())


def names() -> tuple[str, ...]:
    """Names of the shipped profiles, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("[!_]*.toml")))


def aliases() -> dict[str, str]:
    """Other names of shipped profiles -> the profile's name. Reads every file."""
    return {alias: name for name in names() for alias in read_toml(shipped(name)).get("aliases", ())}


def shipped(name: str) -> Path:
    """Path of a shipped profile's file."""
    return folder() / f"{name}.toml"


def host_path() -> Path:
    """Where this machine's own profile lies: the user's configuration folder."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "latencylab" / "host.toml"


def find(name_or_path: str, beside: Path | None = None) -> Path:
    """Find the file of a profile: a shipped name, an alias, "host", or a path.

    beside: the file whose `extends` this is; paths are relative to it, and a family may be named too.
    Raises UnknownNameError with the nearest name, InputFileError if a path or the host's profile is absent.
    """
    if name_or_path == HOST:
        return _host_file()
    if is_path(name_or_path):
        return _own_file(Path(name_or_path).expanduser(), beside)
    if name_or_path in names() or (beside and name_or_path in _families()):
        return shipped(name_or_path)
    others = aliases()
    if name_or_path in others:
        return shipped(others[name_or_path])
    if beside and split_runtime(name_or_path)[1]:
        raise InputFileError(f"{name_or_path!r} names a runtime: extend the device, state default_runtime")
    if beside and (beside.parent / f"{name_or_path}.toml").is_file():
        raise InputFileError(f"no device is called {name_or_path!r}; for the file say '{name_or_path}.toml'")
    raise UnknownNameError("device", name_or_path, (*names(), *others, HOST), "latencylab devices list")


def is_path(name_or_path: str) -> bool:
    """Whether a device is spelled as a path; else it is a name, whatever files lie around."""
    return name_or_path.endswith(".toml") or "/" in name_or_path or os.sep in name_or_path


def _families() -> tuple[str, ...]:
    return tuple(path.stem for path in folder().glob("_*.toml"))


def _own_file(path: Path, beside: Path | None) -> Path:
    path = beside.parent / path if beside else path
    if path.is_dir():
        raise InputFileError(f"{str(path)!r} is a directory, expected the .toml file of a device profile")
    if not path.exists():
        raise InputFileError(f"no device profile at {str(path)!r}")
    return path


def _host_file() -> Path:
    path = host_path()
    if not path.is_file():
        raise InputFileError(f"no profile of this machine at {str(path)!r}: run `{HOST_COMMAND}`")
    return path


def runtimes(name_or_path: str | Path) -> tuple[str, ...]:
    """Names of the runtimes that a profile offers."""
    return runtime_names(chain(find(split_runtime(str(name_or_path))[0]), find))


def split_runtime(text: str) -> tuple[str, str | None]:
    """Split "dolphin_npu:nnapi_2021" at its last colon; a file that exists is never split."""
    name, colon, runtime = text.rpartition(":")
    if not colon or not name or Path(text).exists():
        return text, None
    return name, runtime


def load(name_or_path: str | Path, runtime: str | None = None) -> DeviceProfile:
    """Load the profile of a device for one runtime (default: the profile's `default_runtime`).

    name_or_path: a shipped name, an alias, "host", or a path to a `.toml`; "NAME:RUNTIME" is accepted.
    Raises UnknownNameError, InputFileError, or ProfileError with every fault at once.
    """
    name, spelled = split_runtime(str(name_or_path))
    if runtime is not None and spelled is not None and runtime != spelled:
        raise ProfileError(f"{name_or_path}: names one runtime, but {runtime!r} was asked for")
    path, asked = find(name), runtime or spelled
    known = _LOADED.get((path, asked))
    if known is not None and known.is_current:
        return known.profile
    layers = chain(path, find)
    chosen = chosen_runtime(layers, asked)
    # The tests check the shipped ones; whoever writes one should not have to know `devices check`.
    is_shipped = path.parent == folder()
    profile = validate(resolve(layers, chosen), with_runtime(layers, chosen), are_names_known=is_shipped)
    _LOADED[path, asked] = _Loaded(profile, {layer.path: _stamp(layer.path) for layer in layers})
    return profile


def chosen_runtime(layers: tuple[Layer, ...], asked: str | None) -> str | None:
    """Choose the runtime asked for, else the default; None where the profile has no such runtime.

    Raises UnknownNameError with the nearest runtime. That a default does not exist is found by validation.
    """
    known = runtime_names(layers)
    if asked is not None:
        if asked not in known:
            raise UnknownNameError(f"runtime of {layers[-1].path.stem}", asked, known)
        return asked
    stated = [layer.tables["default_runtime"] for layer in layers if "default_runtime" in layer.tables]
    return stated[-1] if stated and stated[-1] in known else None
