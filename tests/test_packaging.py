"""What a stranger installs: the wheel, in an empty environment, run from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import latencylab
from latencylab import device

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (path,) = distributions.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel; its dependencies are those of the running one, by a .pth file."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index"]
    subprocess.run([*command, "--quiet", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # The .pth files of a directory that a .pth file adds are ignored: an editable latencylab stays unseen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def run(program: Path, *arguments: str, folder: Path) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=clean, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_the_wheel_holds_the_package_its_profiles_and_the_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.partition("/")[0] for name in names}
    assert {root.partition("-")[0] for root in roots} == {"latencylab"}
    profiles = {Path(name).stem for name in names if name.endswith(".toml")}
    assert set(device.names()) <= profiles
    for name in ("LICENSE", "NOTICE"):
        assert [n for n in names if n.endswith(f"licenses/{name}")]


def test_every_data_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    command = ["git", "ls-files", "latencylab"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in tracked if name not in names] == []


def test_the_source_distribution_builds_the_same_version(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    assert path.name == f"latencylab-{latencylab.__version__}.tar.gz"
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "device_profiles/dolphin_npu.toml"} <= names


def test_the_installed_command_profiles_from_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    text = run(
        *(environment / "latencylab", "profile", "zoo:abpn_x3?height=36&width=64"),
        *("--format", "json", "--device", "vs640_npu"),
        folder=tmp_path,
    )
    estimate = latencylab.Estimate.from_json(text)
    assert estimate.device.name == "vs640_npu"
    assert estimate == latencylab.estimate("zoo:abpn_x3?height=36&width=64", "vs640_npu")
    assert list(tmp_path.iterdir()) == []


def test_the_installed_package_has_its_templates_charts_and_catalogue(
    environment: Path, tmp_path: Path
) -> None:
    program = environment / "latencylab"
    run(*(program, "profile", "zoo:abpn_x3?height=36&width=64"), "-o", "page.html", folder=tmp_path)
    assert "echarts" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "abpn_x3" in run(program, "zoo", "list", folder=tmp_path)


def test_the_installed_package_is_the_wheel_s(environment: Path, tmp_path: Path) -> None:
    code = (
        "import latencylab, json; from latencylab import device;"
        "print(json.dumps([latencylab.__file__, str(device.folder()), latencylab.__version__]))"
    )
    module, profiles, version = json.loads(run(environment / "python", "-c", code, folder=tmp_path))
    assert Path(module).is_relative_to(environment.parent)
    assert Path(profiles).is_relative_to(environment.parent)
    assert version == latencylab.__version__


def test_dependencies_are_those_the_code_imports() -> None:
    """No heavy library is declared and unused, none is used and undeclared."""
    from test_imports import MODULES, imports

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {text.partition(">")[0] for text in project["dependencies"]}
    imported = {dotted.partition(".")[0] for path in MODULES.values() for dotted, *_ in imports(path)}
    outside = imported - set(sys.stdlib_module_names) - {"latencylab"}
    # onnx brings protobuf, pydantic its core: the errors they raise are caught by name.
    assert outside - declared <= {"google", "pydantic_core"}
