"""Checks on differences and ratios: what no single row shows, and no constant was put there for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING, Final

from latencylab.fitting import agreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evidence.accuracy.study import Case


@dataclass(frozen=True, slots=True)
class Check:
    """A derived figure, measured and predicted, in one unit. asked: what the study set out to reach."""

    what: str
    measured: str
    predicted: str
    error_pct: float | None
    asked: str


def sisters(cases: Mapping[str, Case]) -> Iterator[Check]:
    """VS640 over VS680, the same network and runtime."""
    for id_, big in cases.items():
        small = cases.get(id_.replace("vs680_", "vs640_"))
        if not id_.startswith("vs680_") or small is None or big.row.network != small.row.network:
            continue
        name = id_.removeprefix("vs680_")
        asked = "± 15 %" if big.is_fitted and "convert" not in id_ else "reported"
        yield _ratio(name, small, big, asked)


def dram(cases: Mapping[str, Case]) -> Iterator[Check]:
    """A733: the slowest DRAM clock over the fastest."""
    for network in ("resnet50", "yolov5s"):
        slow, fast = cases.get(f"a733_ddr800_{network}"), cases.get(f"a733_ddr1800_{network}")
        if slow and fast:
            yield _ratio(f"{network}, DRAM at 800 over 1800", slow, fast, "± 10 %")


def layouts(cases: Mapping[str, Case]) -> Iterator[Check]:
    """The Dolphin: one reconstructed network as NCHW less as NHWC."""
    found = {id_.rpartition("_")[2]: case for id_, case in cases.items() if "_xcat_" in id_}
    if {"nchw", "nhwc"} <= found.keys():
        nchw, nhwc = found["nchw"], found["nhwc"]
        yield _check(
            "XCAT as NCHW less as NHWC, ms",
            nchw.row.latency_ms - nhwc.row.latency_ms,
            nchw.predicted_ms - nhwc.predicted_ms,
            "visible at its size",
        )


def study(cases: Mapping[str, Case]) -> Iterator[Check]:
    """ABPN of 2021 from the nodes of its study alone, and those nodes."""
    abpn = cases.get("vs680_nnapi_2021_abpn")
    if abpn and abpn.unseen:
        yield _check(
            "ABPN from the study's nodes alone, ms", abpn.row.latency_ms, abpn.unseen.predicted_ms, "± 15 %"
        )
        yield _check("ABPN once it is a row, ms", abpn.row.latency_ms, abpn.predicted_ms, "± 10 %")
    for id_, case in cases.items():
        if "_study_" in id_:
            name = id_.rpartition("_")[2]
            yield _check(
                f"study's node `{name}` ({case.row.status}), ms",
                case.row.latency_ms,
                case.predicted_ms,
                "± 25 %",
            )


def skips(cases: Mapping[str, Case]) -> Iterator[Check]:
    """Dimensity 8100: what the replicated skip costs by scale, whatever the width of the trunk."""
    groups: dict[tuple[str, str], list[Case]] = {}
    for id_, case in cases.items():
        found = re.fullmatch(r"d8100_(\w+?)_skip_\w+_(x\d)", id_)
        if found:
            groups.setdefault((found[1], found[2]), []).append(case)
    for (runtime, scale), own in groups.items():
        measured = [case.row.latency_ms for case in own]
        predicted = [case.predicted_ms for case in own]
        yield Check(
            f"skip at {scale} by {runtime}, {len(own)} widths, ms: mean (least to most)",
            _range(measured),
            _range(predicted),
            100 * (mean(predicted) / mean(measured) - 1),
            "± 20 %, independent of width",
        )


def exact_networks(cases: Mapping[str, Case]) -> Iterator[Check]:
    """The Dolphin and its sister on the four networks known exactly: median and worst error."""
    own = [
        case
        for id_, case in cases.items()
        if case.is_fitted and "_synap_offline_" in id_ and "convert" not in id_
    ]
    if own:
        yield _spread("four exact networks on both sisters, fitted", [c.error for c in own], "median ≤ 8 %")
    unseen = [case.unseen_error for case in own if case.unseen_error is not None]
    if unseen:
        what = "four exact networks, each left out on both"
        yield _spread(what, unseen, "median ≤ 15 %, none beyond 30 %")


# Device and runtime -> what the study set out to reach on the rows of the published table.
_PHONES: Final = {
    "dimensity8100_npu:nnapi": ("≤ 6 %, ≥ 85 % within 10 %, τ ≥ 0.92", "≤ 10 %"),
    "dimensity8100_npu:neuron": ("≤ 6 %, ≥ 85 % within 10 %, τ ≥ 0.92", "≤ 10 %"),
    "snapdragon888_gpu:tflite_gpu": ("≤ 10 %, τ ≥ 0.85", "reported"),
    "mobile_cpu:tflite": ("≤ 10 %, τ ≥ 0.85", "reported"),
    "snapdragon8gen1_nnapi:nnapi": ("reported", "reported"),
}


def phones(cases: Mapping[str, Case]) -> Iterator[Check]:
    """Mean error on the networks that were published as such: twins and differences are not."""
    for device, (fitted, unseen) in _PHONES.items():
        own = [
            case
            for case in cases.values()
            if case.row.device == device
            and case.row.status == "seen"
            and case.is_fitted
            and not case.row.minus
        ]
        found = agreement([c.row.latency_ms for c in own], [c.predicted_ms for c in own])
        if found:
            near = f"{100 * found.near_share:.0f} % within 10 %"
            text = f"mean {100 * found.mape:.1f} %, {near}, τ {found.tau:.2f}"
            yield Check(f"`{device}`, {found.rows} rows, fitted", "", text, None, fitted)
        known = [abs(c.unseen_error) for c in own if c.unseen_error is not None and not _is_foreign(c)]
        if known:
            text = f"mean {100 * mean(known):.1f} %, worst {100 * max(known):.1f} %"
            yield Check(f"`{device}`, {len(known)} rows, left out", "", text, None, unseen)


def _is_foreign(case: Case) -> bool:
    return case.unseen is not None and case.unseen.is_foreign


def _spread(what: str, errors: Sequence[float], asked: str) -> Check:
    sizes = [100 * abs(error) for error in errors]
    text = f"median {median(sizes):.1f} %, worst {max(sizes):.1f} %"
    return Check(what, "", text, None, asked)


def _ratio(what: str, over: Case, under: Case, asked: str) -> Check:
    return _check(
        what,
        over.row.latency_ms / under.row.latency_ms,
        over.predicted_ms / under.predicted_ms,
        asked,
    )


def _check(what: str, measured: float, predicted: float, asked: str) -> Check:
    return Check(what, f"{measured:.3g}", f"{predicted:.3g}", 100 * (predicted / measured - 1), asked)


def _range(values: Sequence[float]) -> str:
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
