"""JUnit XML of a verdict: a suite for every network on a device, a test case for every check."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from latencylab.printable import printable

if TYPE_CHECKING:
    from latencylab.gating import Case, Check, Verdict


def render(verdict: Verdict) -> bytes:
    """Render the XML, in the dialect that Jenkins, GitLab and GitHub's test reporters read.

    There are neither times nor a host's name in it: the same verdict gives the same bytes.
    """
    document = JUnitXml("latencylab gate")
    for case, checks in _by_case(verdict).items():
        document.add_testsuite(_suite(case, checks))
    document.update_statistics()  # type: ignore[no-untyped-call]
    stream = io.BytesIO()
    document.write(stream, pretty=True)
    return stream.getvalue()


def _by_case(verdict: Verdict) -> dict[Case, list[Check]]:
    groups: dict[Case, list[Check]] = {}
    for check in verdict.checks:
        groups.setdefault(check.case, []).append(check)
    return groups


def _suite(case: Case, checks: list[Check]) -> TestSuite:
    suite = TestSuite(printable(str(case)))
    for check in checks:
        suite.add_testcase(_test_case(check))
    return suite


def _test_case(check: Check) -> TestCase:
    # Two budgets may limit one quantity: the key tells their test cases apart.
    test = TestCase(f"{check.what}: {check.place.key}", classname=printable(str(check.case)))
    if check.status == "error":
        failure = Failure(check.reason, type_=check.kind)
        failure.text = check.reason
        test.result = [failure]
    elif check.status == "off":
        test.result = [Skipped(check.text)]
    elif check.status in {"warn", "info"}:
        test.system_out = f"{check.status}: {check.reason}"
    return test
