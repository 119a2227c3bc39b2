"""The configuration: published schema, lines of keys, every mistake with its place."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from gate_files import budget, configured

from latencylab.errors import ConfigError, InputFileError, LatencyLabError, UnknownNameError
from latencylab.gating import config, gate, positions
from latencylab.gating.json_schema import schema
from latencylab.gating.loading import load

ROOT = Path(__file__).parents[1]
FULL = """\
[[budget]]
models = ["models/*_x3.onnx", "zoo:abpn_x3"]
device = "dolphin_npu"
latency_ms = { max = 40.0, level = "error" }
dram_mb = { max = 120.0, level = "warn" }
unpriced_pct = { max = 2.0, level = "error" }

[[budget]]
models = ["m.onnx"]
device = ["dolphin_npu", "profiles/own.toml"]
dtype = "uint8"
layout = "nhwc"
engine = "roofline"
dim = { H = 360 }
shape = { x = [1, 3, 360, 640] }

[budget.latency_ms]
max = 16
at_risk = "warn"

[compare]
baseline = ".latencylab/baseline.json"
latency = { max_increase_pct = 3.0, min_increase_ms = 0.05, stale_if_faster_pct = 10.0 }

[[rule]]
id = "short_skips"
max_nodes = 3
level = "warn"
"""


def test_the_schema_in_docs_is_the_one_in_the_code() -> None:
    stored = (ROOT / "docs" / "gate-schema.json").read_text(encoding="utf-8")
    assert stored == json.dumps(schema(), indent=2, sort_keys=True) + "\n", "run: make schemas"


def test_the_schema_takes_what_the_gate_takes(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    validator.validate(tomllib.loads(FULL))
    assert len(load(configured(tmp_path, FULL)).file.budget) == 2
    for text in ("", budget() + "[more]\n", budget(limits="latency_ms = { max = -1 }")):
        assert list(validator.iter_errors(tomllib.loads(text)))
        with pytest.raises(ConfigError):
            load(configured(tmp_path, text))


def test_defaults_are_what_the_documentation_says(tmp_path: Path) -> None:
    file = load(configured(tmp_path, budget() + "[compare]\n")).file
    assert file.compare == config.Compare(
        baseline=".latencylab/baseline.json",
        latency=config.Margins(max_increase_pct=3.0, min_increase_ms=0.05, stale_if_faster_pct=10.0),
    )


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("budget", 0), 1),
        (("budget", 0, "latency_ms", "max"), 4),
        (("budget", 0, "models", 1), 2),
        (("budget", 1, "dim", "H"), 14),
        (("budget", 1, "latency_ms", "max"), 18),
        (("compare", "latency", "max_increase_pct"), 23),
        (("rule", 0, "id"), 26),
        (("nothing",), 1),
    ],
)
def test_lines_of_keys(key: positions.Key, line: int) -> None:
    assert positions.line_of(key, positions.lines(FULL)) == line


def test_lines_of_keys_in_pyproject(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "x"\n\n[[tool.latencylab.budget]]\nmodels = ["m.onnx"]\nlatency_ms = { max = 1 }\n'
    )
    settings = load(configured(tmp_path, text, "pyproject.toml"))
    assert settings.line_of("budget", 0, "latency_ms", "max") == 6
    assert settings.dotted("budget", 0, "latency_ms", "max") == "tool.latencylab.budget[0].latency_ms.max"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[budget]\n", "not TOML"),
        (
            budget(limits='latency_ms = { max = "40" }'),
            "latencylab.toml:4: budget[0].latency_ms.max: found '40'",
        ),
        (budget(limits='latency_ms = { max = 4, level = "eror" }'), "did you mean 'error'"),
        (budget(limits="latency_ms = { }"), "budget[0].latency_ms.max: missing"),
        (budget(limits="latency_ms = { max = nan }"), "budget[0].latency_ms.max: found nan"),
        (budget(limits='models_ = ["x"]'), "unknown key, did you mean 'models'"),
        ("[[budget]]\nmodels = []\n", "budget[0].models: found []"),
        (budget() + "[compare]\nlatency = { max_incrase_pct = 1 }\n", "did you mean 'max_increase_pct'"),
        (
            budget(limits="latency_ms = 4"),
            "latencylab.toml:4: budget[0].latency_ms: found 4, expected a table",
        ),
        (
            "[[budget]]\nmodels = ['m.onnx']\ndevice = []\n",
            "budget[0].device: found [], expected at least one",
        ),
    ],
)
def test_mistakes_and_their_places(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(configured(tmp_path, text))
    assert words in str(caught.value)
    assert str(caught.value).count("latencylab.toml") == 1, "one mistake is told once"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ('engine = "rofline"', "latencylab.toml:4: budget[0].engine: unknown engine 'rofline'"),
        (
            'dtype = "unit8"',
            "latencylab.toml:4: budget[0].dtype: unknown dtype 'unit8'; did you mean 'uint8'",
        ),
        (
            '[[rule]]\nid = "main_engines"\nengines = ["gpu"]',
            "latencylab.toml:6: rule[0].engines: unknown engine",
        ),
        (
            '[[rule]]\nid = "no_resize"\ndevice = "vs640_npu"',
            "latencylab.toml:6: rule[0].device: no budget names",
        ),
    ],
)
def test_names_that_nobody_knows_and_their_places(tmp_path: Path, limits: str, words: str) -> None:
    with pytest.raises(LatencyLabError) as caught:
        gate(configured(tmp_path, budget(limits=limits)))
    assert words in str(caught.value)


def test_an_unknown_device_and_its_place(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"toml:3: budget\[0\]\.device: unknown device 'dolfin'"):
        gate(configured(tmp_path, budget(device="dolfin")))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot read"):
        load(tmp_path)
    (tmp_path / "latencylab.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "latencylab.toml")
    with pytest.raises(ConfigError, match=r"no \[tool.latencylab\]"):
        load(configured(tmp_path, "[project]\n", "pyproject.toml"))
