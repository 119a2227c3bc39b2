"""A ranking, a comparison and a cross-check to be looked at: small networks, and a host that never was."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from synthetic_host import measurement

from latencylab import device, pipeline
from latencylab.checking import Crosscheck, check
from latencylab.comparison import compare
from latencylab.ranking import rank

if TYPE_CHECKING:
    from latencylab.comparison import Comparison
    from latencylab.ranking import Ranking

# Decibels at x3 on DIV2K's validation images, by the networks' own papers or near to them: to have a front.
QUALITY = {
    "abpn_x3": 30.22,
    "xlsr_x3": 30.10,
    "fsrcnn_x3": 29.67,
    "espcn_x3": 29.54,
    "srcnn_x3": 29.56,
    "ecbsr_m4c16_x3": 29.90,
    "etds_l_x3": 30.33,
}
# How much slower than predicted each network is on the host that never was.
SLOWER = {
    "abpn_x3": 0.93,
    "xlsr_x3": 0.98,
    "espcn_x3": 1.07,
    "fsrcnn_x3": 0.86,
    "srcnn_x3": 0.95,
    "ecbsr_m4c16_x3": 1.17,
    "etds_l_x3": 1.06,
}
BASE = "onnxruntime_cpu"


@cache
def a_ranking() -> Ranking:
    return rank([f"zoo:{name}" for name in QUALITY], ("dolphin_npu",), quality=QUALITY)


@cache
def a_comparison() -> Comparison:
    return compare("zoo:abpn_x3", "zoo:xlsr_x3")


@cache
def a_crosscheck() -> Crosscheck:
    profile = device.load(BASE)
    models = []
    for name, factor in SLOWER.items():
        network = pipeline.read(f"zoo:{name}?height=45&width=80")
        own = measurement(network, profile)
        slower = replace(own, samples_ns=tuple(round(factor * sample) for sample in own.samples_ns))
        models.append(check(network.graph, pipeline.price(network, profile), slower))
    host = ("a host that never was", ("avx2",), "onnxruntime 1.31")
    return Crosscheck(BASE, profile.title, *host, tuple(models), "0.1.0")
