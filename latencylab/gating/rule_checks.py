"""Which design rules hold for which case: the configuration's, and those the device's profile implies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latencylab.errors import ConfigError, UnknownNameError
from latencylab.gating.config import DesignRule
from latencylab.gating.design_rules import RULES
from latencylab.gating.subject import Subject
from latencylab.gating.verdict import Check, Culprit, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from latencylab.device.schema import Rule as ImpliedRule
    from latencylab.gating.loading import Settings
    from latencylab.gating.pricing import Case, Pricer


def check_rules(settings: Settings, pricer: Pricer, asked: tuple[Case, ...]) -> Iterator[Check]:
    """Check every design rule. asked: the cases of all budgets.

    Raises ConfigError for a rule whose models match nothing, or that names an engine no device of it has.
    """
    written: set[tuple[Case, str]] = set()
    for index, rule in enumerate(settings.file.rule):
        for case in _cases_of(rule, index, pricer, asked):
            written.add((case, rule.id))
            yield _checked(rule, index, case, settings, pricer)
    for case in asked:
        for implied in pricer.profile(case).rules:
            if (case, implied.id) not in written:
                yield _implied(implied, case, settings, pricer)


def _cases_of(rule: DesignRule, index: int, pricer: Pricer, asked: tuple[Case, ...]) -> tuple[Case, ...]:
    if rule.models is not None:
        return pricer.cases(rule, "rule", index)
    if rule.device is None:
        return asked
    named = dict.fromkeys(case.device for case in asked)
    for device in rule.devices:
        if device not in named:
            raise ConfigError(
                f"{pricer.settings.place('rule', index, 'device')}: no budget names {device!r}, only "
                f"{', '.join(named)}; a rule that looks at nothing would always pass: name its models"
            )
    return tuple(case for case in asked if case.device in rule.devices)


def _subject(case: Case, pricer: Pricer) -> Subject:
    return Subject(
        pricer.network(case), pricer.profile(case), pricer.estimate(case), pricer.decomposition(case)
    )


def _checked(rule: DesignRule, index: int, case: Case, settings: Settings, pricer: Pricer) -> Check:
    """Check a rule of the configuration."""
    key = ("rule", index, "id")
    place = Place(settings.shown_path, settings.line_of(*key), settings.dotted(*key))
    if rule.level == "off":
        return Check("rule", rule.id, case, "off", f"rule {rule.id} is switched off", place)
    profile = pricer.profile(case)
    for name in rule.engines or ():
        if name not in profile.engines:
            with pricer.placing("rule", index, "engines"):
                raise UnknownNameError(f"engine of {profile.name} in rule", name, profile.engines)
    reason = next((implied.reason for implied in profile.rules if implied.id == rule.id), "")
    return _check(rule, case, place, reason or _first_line(rule.id), pricer)


def _implied(implied: ImpliedRule, case: Case, settings: Settings, pricer: Pricer) -> Check:
    """Check a rule that the device's profile brings."""
    # The profile is not the user's to edit: a [[rule]] of the same id in the configuration sets its level.
    place = Place(settings.shown_path, 1, f'[[rule]] id = "{implied.id}"')
    if implied.id not in RULES:
        text = f"rule {implied.id} of the profile is not checked: latencylab does not know it"
        return Check("rule", implied.id, case, "info", text, place)
    rule = DesignRule.model_construct(id=implied.id, level=implied.level)
    return _check(rule, case, place, implied.reason, pricer)


def _check(rule: DesignRule, case: Case, place: Place, reason: str, pricer: Pricer) -> Check:
    violations = tuple(RULES[rule.id](_subject(case, pricer), rule))
    if not violations:
        return Check("rule", rule.id, case, "ok", f"keeps rule {rule.id}", place)
    count = f"{len(violations)} meta-node{'s' if len(violations) > 1 else ''}"
    text = f"breaks rule {rule.id} in {count}: {reason}"
    culprits = tuple(Culprit(v.name, v.kind, v.text) for v in violations)
    return Check(
        "rule", rule.id, case, rule.level, text, place, float(len(violations)), 0.0, culprits=culprits
    )


def _first_line(rule_id: str) -> str:
    return (RULES[rule_id].__doc__ or "").partition("\n")[0].rstrip(".")
