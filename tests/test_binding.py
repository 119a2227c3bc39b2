"""Options that bind dimensions, given to several networks: each takes what fits it; a slip is caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import failing, run
from test_cli_bad_input import conv

from latencylab.binding import dealt
from latencylab.errors import UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

ZOO = "zoo:abpn_x3?height=36&width=64"


@pytest.fixture
def free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A network with free dimensions, beside those of the zoo, which have none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "free.onnx").write_bytes(conv("N", 3, "H", "W").SerializeToString())
    return "free.onnx"


SIZES = {"N": 1, "H": 36, "W": 64}
DIMS = [part for name, size in SIZES.items() for part in ("--dim", f"{name}={size}")]


def test_each_takes_what_fits_it(free: str) -> None:
    assert dealt([ZOO, free], SIZES, {"x": (1, 3, 8, 8)}) == (({}, {}), (SIZES, {"x": (1, 3, 8, 8)}))


def test_one_alone_has_to_take_everything() -> None:
    assert dealt([ZOO], SIZES, None) == ((SIZES, {}),)


def test_what_no_network_knows_is_a_slip(free: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown dimension 'h'.*N"):
        dealt([ZOO, free], {"h": 36}, None)
    with pytest.raises(UnknownNameError, match="unknown input 'images'"):
        dealt([ZOO, free], None, {"images": (1, 3, 8, 8)})


@pytest.mark.parametrize("command", ["profile", "rank", "compare"])
def test_fixed_and_free_networks_go_together(command: str, free: str) -> None:
    result = run(command, ZOO, free, *DIMS, "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert '"free"' in result.stdout


def test_a_free_network_among_several_is_named_where_nothing_binds_it(free: str) -> None:
    code, line = failing("rank", ZOO, free, "--dim", "H=36")
    assert code == 3
    assert line.startswith("error: free.onnx: unbound dimensions")
