"""The gate's configuration, `latencylab.toml`, as types; docs/gate-schema.json is generated from them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latencylab.gating.rule_names import OPTIONS, RuleId

_DEVICE: Final = "dolphin_npu"

Level = Literal["off", "warn", "error"]
RuleLevel = Literal["off", "info", "warn", "error"]
AtRisk = Literal["as_estimated", "off", "warn", "error"]
Limit = Annotated[float, Field(ge=0)]
Percent = Annotated[float, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Text, ...], Field(min_length=1)]


class Table(BaseModel):
    """A table of the file: no unknown key, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Target(Table):
    """Which networks are priced, where and how."""

    models: Names = Field(
        description="Globs relative to this file, or zoo:NAME; one that matches nothing is an error."
    )
    device: Text | Names = Field(
        default=_DEVICE,
        description="A name, NAME:RUNTIME, or the path of a profile relative to this file; or several.",
    )
    engine: Text | None = Field(default=None, description="Engine model; default: the profile's.")
    dtype: Text | None = Field(
        default=None, description="Deployment type of a float network; default: the profile's."
    )
    layout: Literal["nchw", "nhwc"] | None = Field(
        default=None, description="Of the ends; default: the profile's."
    )
    dim: dict[str, Size] = Field(default_factory=dict, description="Sizes of named free dimensions.")
    shape: dict[str, tuple[Size, ...]] = Field(
        default_factory=dict, description="Whole shapes of inputs by name."
    )

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices as a tuple, however many were written."""
        device = self.device or _DEVICE
        return (device,) if isinstance(device, str) else device


class Budget(Table):
    """The most that a quantity may be."""

    max: Limit
    level: Level = Field(default="error", description="What it means to exceed it.")


class LatencyBudget(Budget):
    """The longest an inference may take, in milliseconds."""

    at_risk: AtRisk = Field(
        default="as_estimated",
        description="When the interval straddles the limit; as_estimated: the estimate alone decides.",
    )


class MeasuredBudget(Budget):
    """The longest a network may take here, timed with onnxruntime; needs an effect and its significance."""

    level: Level = Field(default="warn", description="What it means to exceed it.")
    min_effect_pct: Percent = Field(default=5.0, description="The median must exceed the limit by more.")
    max_p: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.01, description="Of a one-sided sign test.")


class Budgets(Target):
    """Limits for networks on devices."""

    latency_ms: LatencyBudget | None = None
    dram_mb: Budget | None = Field(default=None, description="DRAM traffic of an inference, 10^6 bytes.")
    unpriced_pct: Budget | None = Field(default=None, description="Share of the time that nobody priced.")
    measured_ms: MeasuredBudget | None = Field(
        default=None, description="Timed on this machine with onnxruntime, whatever `device` says."
    )


class Margins(Table):
    """How far a latency may lie from the baseline's; it is slower only if both margins are exceeded."""

    max_increase_pct: Percent = 3.0
    min_increase_ms: Limit = 0.05
    stale_if_faster_pct: Percent = 10.0
    level: Level = Field(default="error", description="What it means to be slower.")
    stale_level: Level = Field(
        default="error",
        description="What it means to be so much faster that the baseline no longer guards anything.",
    )


class Compare(Table):
    """Comparison with the numbers kept in the repository."""

    baseline: Text = ".latencylab/baseline.json"
    latency: Margins = Margins()
    missing: Level = Field(default="error", description="A network that the baseline does not know.")
    gone: Level = Field(
        default="warn", description="A network of the baseline that no budget names any more."
    )


class DesignRule(Target):
    """A rule about the network itself, for what no latency says."""

    id: RuleId
    level: RuleLevel = "error"
    models: Names | None = Field(default=None, description="Default: every network of every budget.")  # type: ignore[assignment]
    device: Text | Names | None = Field(  # type: ignore[assignment]
        default=None,
        description="Default: with `models`, dolphin_npu; without, every device of every budget.",
    )
    max_nodes: Size | None = Field(default=None, description="short_skips: meta-nodes that a skip may pass.")
    engines: Names | None = Field(default=None, description="main_engines: the engines operators may run on.")
    min_opset: Size | None = Field(default=None, description="opset: the oldest accepted.")
    max_opset: Size | None = Field(default=None, description="opset: the newest accepted.")

    @model_validator(mode="after")
    def _options_fit(self) -> DesignRule:
        """An option of another rule is a mistake, not a wish."""
        own = {"id", "level", "device", *OPTIONS[self.id]}
        strays = (
            self.model_fields_set & {"engine", "dtype", "layout", "dim", "shape"} if not self.models else ()
        )
        if strays:
            raise ValueError(f"{', '.join(sorted(strays))}: only where the rule names its models")
        for other in {name for names in OPTIONS.values() for name in names} - own:
            if getattr(self, other) is not None:
                raise ValueError(f"rule {self.id} has no option {other}")
        if self.id == "opset" and self.min_opset is None and self.max_opset is None:
            raise ValueError("rule opset needs min_opset or max_opset")
        return self


class GateFile(Table):
    """latencylab.toml, or [tool.latencylab] of pyproject.toml."""

    budget: Annotated[tuple[Budgets, ...], Field(min_length=1)]
    compare: Compare | None = None
    rule: tuple[DesignRule, ...] = ()
