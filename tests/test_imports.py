"""Import discipline: imports point down, a heavy library has one home, what must be quick loads little."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "latencylab"

# From the ground up; a module may import from its own row and from those before it (docs/architecture.md).
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"work", "dtypes", "units", "plugins", "errors", "printable", "__init__"}),
    frozenset({"graph", "order", "result", "result_json", "measurement"}),
    frozenset({"ops", "onnx_reader", "device", "zoo", "parameters"}),
    frozenset({"fusion"}),
    frozenset({"npu", "cpu", "tiling", "loops", "lowering"}),
    frozenset({"engines"}),
    frozenset({"pipeline", "binding", "timing", "align", "importers"}),
    frozenset({"rewrites", "advising", "estimating"}),
    frozenset({"reporters", "gating", "ranking", "comparison", "checking", "fitting", "hosting"}),
    frozenset({"cli", "__main__"}),
)

# Library -> the modules that may import it while running (for types alone, any may).
HOMES = {
    "onnx": (
        "onnx_reader",
        "zoo",
        "rewrites",
        "ops._catalogue",  # writes docs/operators.md; no estimate loads it
        "device.vocabulary",  # operators' names in a profile that is not shipped; no other estimate loads it
    ),
    "onnxruntime": ("timing",),
    "matplotlib": ("reporters._charts",),
    "pandas": ("ranking", "checking", "reporters"),
    "networkx": ("align", "comparison", "rewrites", "reporters"),
    "rich": ("reporters.table", "cli"),
    "scipy": ("fitting", "checking", "ranking", "hosting"),
    "tabulate": ("reporters", "cli"),
    "jinja2": ("reporters",),
    "junitparser": ("reporters", "gating"),
}
HEAVY = (*HOMES, "numpy", "pydantic")


def modules() -> dict[str, Path]:
    """Dotted name below latencylab -> file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


MODULES = modules()


@cache
def imports(path: Path) -> tuple[tuple[str, bool, bool], ...]:
    """Every import of a file: (dotted name, at the top, for types only)."""
    found: list[tuple[str, bool, bool]] = []

    def visit(node: ast.AST, *, is_top: bool, for_types: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, is_top, for_types) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: a relative import"
                found.extend((f"{child.module}.{alias.name}", is_top, for_types) for alias in child.names)
            else:
                is_guard = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
                is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                visit(child, is_top=is_top and not is_function, for_types=for_types or is_guard)

    visit(ast.parse(path.read_text(encoding="utf-8")), is_top=True, for_types=False)
    return tuple(found)


def own(dotted: str) -> str | None:
    """First name below latencylab of an import; None if it imports something else."""
    parts = dotted.split(".")
    if parts[0] != "latencylab":
        return None
    return parts[1] if len(parts) > 1 and (parts[1] in LAYER_OF) else "__init__"


LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}


def test_every_module_has_a_layer() -> None:
    assert sorted({name.partition(".")[0] for name in MODULES} - set(LAYER_OF)) == []


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_imports_point_down(name: str) -> None:
    here = LAYER_OF[name.partition(".")[0]]
    upward = [
        dotted
        for dotted, _, _ in imports(MODULES[name])
        if (target := own(dotted)) is not None and LAYER_OF[target] > here
    ]
    assert upward == []


def test_the_check_sees_an_upward_import(tmp_path: Path) -> None:
    path = tmp_path / "low.py"
    path.write_text("def f():\n    from latencylab.cli import profile\n")
    ((dotted, is_top, for_types),) = imports(path)
    assert (own(dotted), is_top, for_types) == ("cli", False, False)
    assert LAYER_OF["cli"] > LAYER_OF["work"]


@pytest.mark.parametrize("name", MODULES)
def test_heavy_libraries_stay_at_home(name: str) -> None:
    strangers = [
        dotted
        for dotted, _, for_types in imports(MODULES[name])
        if not for_types and not _is_at_home(dotted.partition(".")[0], name)
    ]
    assert strangers == []


def _is_at_home(library: str, name: str) -> bool:
    homes = HOMES.get(library)
    return homes is None or any(name == home or name.startswith(f"{home}.") for home in homes)


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("cli")])
def test_a_command_imports_what_it_needs_inside_its_function(name: str) -> None:
    allowed = {"cli", "errors", "plugins", "printable", "units", "__init__", "reporters", "dtypes"}
    at_top = [dotted for dotted, is_top, for_types in imports(MODULES[name]) if is_top and not for_types]
    assert [dotted for dotted in at_top if dotted.partition(".")[0] in HEAVY] == []
    assert {target for dotted in at_top if (target := own(dotted))} <= allowed


def test_no_module_bears_the_name_of_a_public_function() -> None:
    import latencylab

    functions = [name for name in latencylab.__all__ if name.islower() and not name.startswith("_")]
    assert functions == ["advise", "compare", "estimate", "gate", "rank"]
    assert [name for name in functions if name in MODULES] == []


def test_public_names_load_lazily_and_all_exist() -> None:
    assert loaded("import latencylab", *HEAVY) == []
    import latencylab

    assert [name for name in latencylab.__all__ if not hasattr(latencylab, name)] == []
    assert set(latencylab.__all__) <= set(dir(latencylab))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = latencylab.no_such_name


def loaded(statement: str, *libraries: str) -> list[str]:
    """Which of the libraries a fresh interpreter has imported after the statement."""
    code = (
        f"import sys, json\ntry:\n    {statement}\nexcept SystemExit as e:\n    assert not e.code, e\n"
        f"print(json.dumps([n for n in {libraries!r} if n in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return names


@pytest.mark.parametrize("arguments", ["--help", "profile --help", "--version"])
def test_help_loads_nothing_heavy(arguments: str) -> None:
    assert loaded(_command(arguments), *HEAVY, "tomllib", "asyncio") == []


def test_a_profile_as_json_loads_only_what_prices() -> None:
    unwanted = ("pandas", "matplotlib", "networkx", "rich", "onnxruntime", "scipy", "jinja2", "tabulate")
    arguments = "profile zoo:abpn_x3?height=36&width=64 --format json -q"
    assert loaded(_command(arguments), *unwanted) == []


def test_the_function_loads_no_more_than_the_command() -> None:
    statement = "import latencylab; latencylab.estimate('zoo:abpn_x3?height=36&width=64')"
    assert loaded(statement, "pandas", "matplotlib", "networkx", "rich", "onnxruntime", "click") == []


def _command(arguments: str) -> str:
    return f"from latencylab.cli import latencylab as run; run({arguments.split()!r}, prog_name='latencylab')"
