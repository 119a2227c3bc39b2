"""Parameters and MACs of the zoo: as published, as counted on the file, and as a formula says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import pytest
from zoo_counting import Counts, count

from latencylab import zoo
from latencylab.zoo import __main__ as catalogue_writer
from latencylab.zoo._catalogue import PATH, entries

HEIGHT, WIDTH = 360, 640
PIXELS = HEIGHT * WIDTH


@cache
def counted(name: str) -> Counts:
    return count(zoo.build(name, weights=False))


# The reference table: name, parameters, frozen parameters (None: not stated), MACs as printed.
TABLE = [
    ("abpn_x3", 42_539, 0, "9.756 G"),
    ("abpn_m6c40_x3", 104_095, 0, "23.907 G"),
    ("xlsr_x3", 21_947, 0, "4.980 G"),
    ("xlsr_x4", 28_016, 0, "6.374 G"),
    ("e2fif_x3", 1_203_163, 0, "276 G"),
    ("espcn_x3", 31_131, 0, "7.144 G"),
    ("espcn_y_x3", 22_729, 0, "5.213 G"),
    ("fsrcnn_x3", 24_683, 0, "5.607 G"),
    ("srcnn_x3", 20_099, 0, "41.47 G"),
    ("vdsr_x3", 668_227, 0, "1383 G"),
    ("edsr_baseline_x3", 1_554_499, 0, "361 G"),
    ("edsr_x3", 43_680_003, 24, "10072 G"),
    ("wdsr_a_x2", 1_187_484, 3, "273 G"),
    ("wdsr_a_b32c128_x3", 75_571_103, 3, "17403 G"),
    ("imdn_x3", 703_059, 0, "161 G"),
    ("imdn_b4_x4", 498_944, 0, "114 G"),
    ("imdn_rtc_x2", 20_190, 0, "4.585 G"),
    ("rfdn_x4", 433_448, 0, "95.0 G"),
    ("rlfn_ntire_x4", 317_218, 0, "69.1 G"),
    ("ecbsr_m4c16_x3", 13_723, 0, "3.119 G"),
    ("ecbsr_m4c32_x3", 45_851, 0, "10.484 G"),
    ("ecbsr_m6c40_x3", 97_787, 0, "22.395 G"),
    ("etds_t_x3", 16_920, 0, "3.863 G"),
    ("etds_s_x3", 46_792, 0, "10.731 G"),
    ("etds_m_x3", 65_288, 0, "14.978 G"),
    ("etds_l_x3", 159_768, 0, "36.709 G"),
    ("quicksrnet_small_x3", 27_195, 0, "6.237 G"),
    ("quicksrnet_medium_x3", 54_939, 0, "12.607 G"),
    ("quicksrnet_large_x3", 423_687, 0, "97.428 G"),
    ("sesr_m5_y_x2", 13_600, 0, "3.115 G"),
    ("ncnet_x3", 52_279, 81, "12.014 G"),
    ("pureconv24_x3", 37_199, 0, "8.529 G"),
    ("bicubicpp_x3", 50_400, 0, "2.903 G"),
    ("edge_sr_max_y_x3", 81, 0, "0.019 G"),
    ("edge_sr_tm_y_x3", 162, 0, "0.037 G"),
    ("carn_x2", 964_163, 0, "223 G"),
    ("lapsrn_y_x4", 812_768, 0, "470 G"),
    ("rcan_x3", 15_629_283, 24, "3571 G"),
    ("drrn_b1u25_y_x2", 297_216, 0, "6797 G"),
]


@pytest.mark.parametrize(("name", "parameters", "frozen", "macs"), TABLE)
def test_published_counts_are_reached_exactly(name: str, parameters: int, frozen: int, macs: str) -> None:
    found = counted(name)
    assert (found.parameters, found.frozen) == (parameters, frozen)
    decimals = len(macs.removesuffix(" G").partition(".")[2])
    assert f"{found.macs / 1e9:.{decimals}f} G" == macs


def test_carn_mobile_is_published_in_thousands() -> None:
    assert round(counted("carn_m_x2").parameters / 1000) == 257


def test_bbcu_under_the_conventions_of_binary_networks() -> None:
    """Binary weights count 1/32 of a parameter, binary MACs 1/64 of one, vectors nothing; 320x180 input."""
    found = count(zoo.build("bbcu_l_x2?height=180&width=320", weights=False))
    weights_only = found.convolution_parameters - found.binary_parameters * Fraction(31, 32)
    assert weights_only == 225_027
    assert f"{float(found.macs - found.binary_macs * Fraction(63, 64)) / 1e9:.3f}" == "18.546"


def test_fsrcnn_counted_at_output_resolution_is_the_larger_published_figure() -> None:
    found = counted("fsrcnn_x3").macs
    transposed = PIXELS * 56 * 3 * 9 * 9
    assert f"{(found - transposed + 3**2 * transposed) / 1e9:.3f}" == "30.689"


def test_bam_needs_48_additions_an_element_where_the_paper_counts_528() -> None:
    nodes = zoo.build("bam_x2", weights=False).graph.node
    joins = [n for n in nodes if n.op_type == "Add"]
    # One more closes the long skip around the body; re-adding map k takes k additions: 1 + 2 + ... + 32.
    assert len(joins) - 1 == 48
    assert sum(range(1, 33)) == 528


# The second derivation: no graph, only hyper-parameters.


@dataclass(frozen=True)
class Figure:
    """Parameters, frozen parameters, and MACs per pixel of the low-resolution input."""

    parameters: Fraction = Fraction(0)
    frozen: Fraction = Fraction(0)
    macs: Fraction = Fraction(0)

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.parameters + other.parameters, self.frozen + other.frozen, self.macs + other.macs)

    def __rmul__(self, times: int) -> Figure:
        return Figure(times * self.parameters, times * self.frozen, times * self.macs)

    def repeated(self, times: int) -> Figure:
        """The same weights used so many times."""
        return Figure(self.parameters, self.frozen, times * self.macs)


def c(
    k: int, a: int, b: int, *, g: int = 1, bias: bool = True, at: Fraction | int = 1, frozen: bool = False
) -> Figure:
    """A kxk convolution a-b in g groups on `at` times the input's pixels."""
    weights = Fraction(k * k * a * b, g)
    stored = weights + (b if bias else 0)
    return Figure(Fraction(0) if frozen else stored, stored if frozen else Fraction(0), weights * at)


def p(elements: int) -> Figure:
    """A learned vector: PReLU slopes, scales, shifts."""
    return Figure(parameters=Fraction(elements))


def upsampler(n: int, s: int, g: int = 1) -> Figure:
    if s == 4:
        return c(3, n, 4 * n, g=g) + c(3, n, 4 * n, g=g, at=4)
    return c(3, n, s * s * n, g=g)


def abpn(s: int, n: int, m: int) -> Figure:
    return c(3, 3, n) + m * c(3, n, n) + c(3, n, 3 * s * s) + c(3, 3 * s * s, 3 * s * s)


def ecbsr(s: int, n: int, m: int) -> Figure:
    return c(3, 3, n) + m * c(3, n, n) + c(3, n, 3 * s * s) + p((m + 1) * n)


def etds(s: int, n: int, m: int) -> Figure:
    tail = {2: 12, 3: 28, 4: 48}[s]
    return c(3, 3, n) + m * c(3, n, n) + c(3, n, tail) + c(1, tail, tail)


def quicksrnet(s: int, n: int, m: int, *, skip: bool) -> Figure:
    plain = c(3, 3, n) + m * c(3, n, n) + c(3, n, 3 * s * s)
    return plain + c(1, 3, 3 * s * s) if skip else plain


def espcn(s: int, colours: int) -> Figure:
    return c(5, colours, 64) + c(3, 64, 32) + c(3, 32, colours * s * s)


def fsrcnn(colours: int) -> Figure:
    """The same at every scale, because a transposed convolution is counted at its input."""
    trunk = c(5, colours, 56) + c(1, 56, 12) + 4 * c(3, 12, 12) + c(1, 12, 56) + p(56 + 12 + 4 * 12 + 56)
    return trunk + c(9, 56, colours)


def xlsr(s: int) -> Figure:
    blocks = 3 * (c(3, 32, 32, g=4) + c(1, 32, 32))
    return 4 * c(3, 3, 8) + c(1, 32, 32) + blocks + c(3, 3, 16) + c(1, 48, 32) + c(3, 32, 3 * s * s)


def edsr(s: int, n: int, blocks: int, *, shift: bool) -> Figure:
    body = c(3, 3, n) + (2 * blocks + 1) * c(3, n, n) + upsampler(n, s) + c(3, n, 3, at=s * s)
    shifts = c(1, 3, 3, frozen=True) + c(1, 3, 3, frozen=True, at=s * s)
    return body + shifts if shift else body


def rcan(s: int) -> Figure:
    attention = c(1, 64, 4, at=Fraction(1, PIXELS)) + c(1, 4, 64, at=Fraction(1, PIXELS))
    group = 20 * (2 * c(3, 64, 64) + attention) + c(3, 64, 64)
    shifts = c(1, 3, 3, frozen=True) + c(1, 3, 3, frozen=True, at=s * s)
    return c(3, 3, 64) + 10 * group + c(3, 64, 64) + upsampler(64, s) + c(3, 64, 3, at=s * s) + shifts


def wdsr(s: int, n: int, wide: int, blocks: int) -> Figure:
    body = c(3, 3, n) + blocks * (c(3, n, wide) + c(3, wide, n)) + c(3, n, 3 * s * s)
    return body + c(5, 3, 3 * s * s) + Figure(frozen=Fraction(3))


def imdb(n: int) -> Figure:
    kept = n // 4
    distil = c(3, n, n) + 2 * c(3, n - kept, n) + c(3, n - kept, kept)
    return distil + c(1, n, n)


def imdn(s: int, blocks: int) -> Figure:
    attention = c(1, 64, 4, at=Fraction(1, PIXELS)) + c(1, 4, 64, at=Fraction(1, PIXELS))
    body = blocks * (imdb(64) + attention) + c(1, 64 * blocks, 64)
    return c(3, 3, 64) + body + c(3, 64, 64) + c(3, 64, 3 * s * s)


def imdn_rtc(s: int) -> Figure:
    return c(3, 3, 12) + 5 * imdb(12) + c(1, 12, 12) + c(3, 12, 3 * s * s)


def esa(n: int, f: int, convolutions: int) -> Figure:
    strided = ((HEIGHT - 3) // 2 + 1, (WIDTH - 3) // 2 + 1)
    pooled = ((strided[0] - 7) // 3 + 1, (strided[1] - 7) // 3 + 1)
    on_strided, on_pooled = (Fraction(h * w, PIXELS) for h, w in (strided, pooled))
    small = c(3, f, f, at=on_strided) + convolutions * c(3, f, f, at=on_pooled)
    return c(1, n, f) + small + c(1, f, f) + c(1, f, n)


def rfdn(s: int) -> Figure:
    block = 3 * (c(1, 50, 25) + c(3, 50, 50)) + c(3, 50, 25) + c(1, 100, 50) + esa(50, 12, 3)
    return c(3, 3, 50) + 4 * block + c(1, 200, 50) + c(3, 50, 50) + c(3, 50, 3 * s * s)


def rlfn(s: int) -> Figure:
    block = c(3, 46, 48) + c(3, 48, 48) + c(3, 48, 46) + c(1, 46, 46) + esa(46, 16, 1)
    return c(3, 3, 46) + 4 * block + c(3, 46, 46) + c(3, 46, 3 * s * s)


def carn(s: int, *, mobile: bool) -> Figure:
    g = 4 if mobile else 1
    unit = 2 * c(3, 64, 64, g=g) + (c(1, 64, 64) if mobile else Figure())
    fusions = c(1, 128, 64) + c(1, 192, 64) + c(1, 256, 64)
    block = (unit.repeated(3) if mobile else 3 * unit) + fusions
    return c(3, 3, 64) + 3 * block + fusions + upsampler(64, s, g) + c(3, 64, 3, at=s * s)


def lapsrn(s: int) -> Figure:
    total = c(3, 1, 64, bias=False)
    for level in range({2: 1, 4: 2}[s]):
        area = 4**level
        features = 10 * c(3, 64, 64, bias=False, at=area) + c(3, 64, 64, bias=False, at=area)
        image = c(3, 64, 1, bias=False, at=4 * area) + c(4, 1, 1, bias=False, at=area)
        total += features + image
    return total


def drrn(s: int) -> Figure:
    unit = c(3, 128, 128, bias=False, at=s * s)
    ends = c(3, 1, 128, bias=False, at=s * s) + c(3, 128, 1, bias=False, at=s * s)
    return ends + (2 * unit).repeated(25)


def sesr(s: int) -> Figure:
    body = 5 * (c(3, 16, 16, bias=False) + p(16))
    return c(5, 1, 16, bias=False) + body + c(5, 16, s * s, bias=False)


def bicubicpp(s: int) -> Figure:
    quarter = Fraction(1, 4)
    trunk = c(3, 3, 32, bias=False, at=quarter) + 2 * c(3, 32, 32, bias=False, at=quarter)
    return trunk + c(3, 32, 3 * (2 * s) ** 2, bias=False, at=quarter)


def srcnn(s: int, colours: int) -> Figure:
    return c(9, colours, 64, at=s * s) + c(1, 64, 32, at=s * s) + c(5, 32, colours, at=s * s)


def vdsr(s: int, colours: int) -> Figure:
    area = s * s
    return c(3, colours, 64, at=area) + 18 * c(3, 64, 64, at=area) + c(3, 64, colours, at=area)


def e2fif(s: int) -> Figure:
    return c(3, 3, 64) + 32 * (c(3, 64, 64) + p(2 * 64)) + c(3, 64, 3 * s * s)


def bbcu(s: int) -> Figure:
    # b0, alpha, and the two shifts and the slopes of RPReLU
    units = 32 * (c(3, 64, 64, bias=False) + p(5 * 64))
    return c(3, 3, 64) + units + upsampler(64, s) + c(3, 64, 64, at=s * s) + c(3, 64, 3, at=s * s)


def bam(s: int) -> Figure:
    # twice gamma, beta and scale; one PReLU
    block = 2 * (c(3, 64, 64, bias=False) + p(3 * 64)) + p(64)
    return c(3, 3, 64) + 16 * block + c(3, 64, 64) + upsampler(64, s) + c(3, 64, 3, at=s * s)


FORMULAS = {
    "abpn": lambda s: abpn(s, 28, 4),
    "abpn_m6c40": lambda s: abpn(s, 40, 6),
    "bam": bam,
    "bbcu_l": bbcu,
    "bicubicpp": bicubicpp,
    "carn": lambda s: carn(s, mobile=False),
    "carn_m": lambda s: carn(s, mobile=True),
    "drrn_b1u25_y": drrn,
    "e2fif": e2fif,
    "ecbsr_m4c16": lambda s: ecbsr(s, 16, 4),
    "ecbsr_m4c32": lambda s: ecbsr(s, 32, 4),
    "ecbsr_m6c40": lambda s: ecbsr(s, 40, 6),
    "edge_sr_max_y": lambda s: c(3, 1, s * s, bias=False),
    "edge_sr_tm_y": lambda s: c(3, 1, 2 * s * s, bias=False),
    "edsr": lambda s: edsr(s, 256, 32, shift=True),
    "edsr_baseline": lambda s: edsr(s, 64, 16, shift=False),
    "espcn": lambda s: espcn(s, 3),
    "espcn_y": lambda s: espcn(s, 1),
    "etds_l": lambda s: etds(s, 48, 7),
    "etds_m": lambda s: etds(s, 32, 6),
    "etds_s": lambda s: etds(s, 32, 4),
    "etds_t": lambda s: etds(s, 16, 5),
    "fsrcnn": lambda _: fsrcnn(3),
    "fsrcnn_y": lambda _: fsrcnn(1),
    "imdn": lambda s: imdn(s, 6),
    "imdn_b4": lambda s: imdn(s, 4),
    "imdn_rtc": imdn_rtc,
    "lapsrn_y": lapsrn,
    "ncnet": lambda s: abpn(s, 32, 4) + c(1, 3, 3 * s * s, bias=False, frozen=True),
    "plain_concat_skip": lambda s: c(3, 3, 28) + 4 * c(3, 28, 28) + c(3, 31, 3 * s * s),
    "pureconv24": lambda s: c(3, 3, 32) + 3 * c(3, 32, 32) + c(3, 32, 3 * s * s) + c(1, 3 * s * s, 3 * s * s),
    "quicksrnet_large": lambda s: quicksrnet(s, 64, 11, skip=True),
    "quicksrnet_medium": lambda s: quicksrnet(s, 32, 5, skip=False),
    "quicksrnet_small": lambda s: quicksrnet(s, 32, 2, skip=False),
    "rcan": rcan,
    "rfdn": rfdn,
    "rlfn_ntire": rlfn,
    "sesr_m5_y": sesr,
    "srcnn": lambda s: srcnn(s, 3),
    "srcnn_y": lambda s: srcnn(s, 1),
    "vdsr": lambda s: vdsr(s, 3),
    "vdsr_y": lambda s: vdsr(s, 1),
    "wdsr_a": lambda s: wdsr(s, 32, 128, 16),
    "wdsr_a_b32c128": lambda s: wdsr(s, 128, 1024, 32),
    "xlsr": xlsr,
}

SUPER_RESOLUTION = [name for name in zoo.names() if name.rpartition("_x")[0] in FORMULAS]


@pytest.mark.parametrize("name", SUPER_RESOLUTION)
def test_graph_counts_what_its_hyper_parameters_say(name: str) -> None:
    variant, _, scale = name.rpartition("_x")
    expected = FORMULAS[variant](int(scale))
    found = counted(name)
    assert found.parameters == expected.parameters
    assert found.frozen == expected.frozen
    assert found.macs == expected.macs * PIXELS


def test_every_scale_a_family_is_defined_for_is_named() -> None:
    scales = {
        variant: {n.rpartition("_x")[2] for n in SUPER_RESOLUTION if n.rpartition("_x")[0] == variant}
        for variant in FORMULAS
    }
    powers_of_two_only = {"bam", "lapsrn_y", "sesr_m5_y"}
    for variant, found in scales.items():
        assert found == ({"2", "4"} if variant in powers_of_two_only else {"2", "3", "4"}), variant


@pytest.mark.parametrize("name", [*SUPER_RESOLUTION, *zoo.metanode_names()])
def test_the_catalogue_says_what_the_file_holds(name: str) -> None:
    entry, found = entries()[name], counted(name)
    assert (entry.parameters, entry.parameters_frozen, entry.macs) == (
        found.parameters,
        found.frozen,
        found.macs,
    )


def test_the_catalogue_is_current() -> None:
    assert catalogue_writer.render() == PATH.read_text(encoding="utf-8"), "run python -m latencylab.zoo"
