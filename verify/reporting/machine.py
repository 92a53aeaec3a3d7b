"""Reports for machines: one JSON with the clauses, JUnit XML for pipelines, SARIF 2.1.0 for code scanning."""

from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from verify import __version__
from verify.records import Outcome, Text
from verify.reporting.page import CheckView, Page, estimate_text
from verify.reporting.text import limit, one_line, xml_text

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
KINDS = {
    Outcome.PASS: ("pass", "none"),
    Outcome.FAIL: ("fail", "error"),
    Outcome.INCONCLUSIVE: ("open", "none"),
    Outcome.NOT_MEASURED: ("open", "none"),
}
"""Outcome -> SARIF kind and level; `open` is SARIF's word for "not enough information to decide"."""


def to_json(page: Page) -> dict[str, Any]:
    """Verdicts, and what they say about each clause, as plain JSON."""
    return {
        "schema": "ax-verify/report-json/1",
        "bundle": page.bundle.manifest.root,
        "report": page.front.id,
        "day": page.day.isoformat(),
        "outcome": page.bundle.results.outcome.value,
        "subject": page.bundle.results.subject.to_json(),
        "checks": [_check(view) for view in page.checks],
        "frameworks": [
            {
                "id": standing.framework.id,
                "edition": standing.framework.edition,
                "date": standing.framework.date,
                "as_planned": standing.as_planned,
                "clauses": [
                    {
                        "id": f"{standing.framework.id}/{each.clause.id}",
                        "force": each.force.value,
                        "standing": each.standing.value,
                        "coverage": each.coverage,
                        "complete": each.complete,
                        "checks": sorted({link.check for link in each.links}),
                    }
                    for each in standing.clauses
                ],
            }
            for standing in page.frameworks
        ],
    }


def _check(view: CheckView) -> dict[str, Any]:
    return {
        "check": view.planned.name,
        "title": view.planned.title.to_json(),
        "verdict": view.verdict.to_json(),
        "estimate": view.estimate.to_json() if view.estimate is not None else None,
        "defects": view.defects,
    }


def to_junit(page: Page) -> bytes:
    """JUnit XML: a suite each suite, a case each check.

    `fail` is a failure. `inconclusive` and `not_measured` are errors, so that a pipeline stops at what
    nobody decided; where the policy allows them they are skipped, as is an open-ended check that found nothing:
    the exit code does not count it either.
    """
    allowed = set(page.bundle.plan.allow)
    root = Element("testsuites", name="ax-verify", tests=str(len(page.checks)))
    totals = dict.fromkeys(("failures", "errors", "skipped"), 0)
    for suite in page.suites:
        counts = dict.fromkeys(totals, 0)
        element = SubElement(root, "testsuite", name=xml_text(suite.id), tests=str(len(suite.checks)))
        for view in suite.checks:
            kind = _case(element, view, allowed=allowed)
            if kind is not None:
                counts[kind] += 1
                totals[kind] += 1
        element.attrib.update({name: str(count) for name, count in counts.items()})
    root.attrib.update({name: str(count) for name, count in totals.items()})
    indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode").encode() + b"\n"


def _case(suite: Element, view: CheckView, *, allowed: set[str]) -> str | None:
    case = SubElement(suite, "testcase", classname=xml_text(view.planned.suite), name=xml_text(view.planned.name))
    outcome = view.verdict.verdict
    if view.estimate is not None:
        SubElement(case, "system-out").text = xml_text(estimate_text(view.estimate))
    if outcome is Outcome.PASS:
        return None
    tag, counted = ("failure", "failures") if outcome is Outcome.FAIL else ("error", "errors")
    unfound = view.planned.open_ended and outcome is Outcome.INCONCLUSIVE
    if outcome.value in allowed or unfound:
        tag, counted = "skipped", "skipped"
    found = Element(tag, message=xml_text(view.reason), type=outcome.value)
    found.text = xml_text(view.verdict.reason)
    case.insert(0, found)
    return counted


def to_sarif(page: Page) -> dict[str, Any]:
    """SARIF 2.1.0: a rule each check, a result each verdict."""
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "AX Verify",
                        "semanticVersion": __version__,
                        "rules": [_rule(view) for view in page.checks],
                    }
                },
                "results": [_result(index, view) for index, view in enumerate(page.checks)],
                "properties": {
                    "bundle": page.bundle.manifest.root,
                    "outcome": page.bundle.results.outcome.value,
                    "subject": one_line(page.bundle.subject.name),
                    "subjectDigest": page.bundle.subject.digest,
                },
            }
        ],
    }


def _rule(view: CheckView) -> dict[str, Any]:
    planned = view.planned
    return {
        "id": planned.name,
        "shortDescription": {"text": _both(planned.title)},
        "fullDescription": {"text": _both(planned.why)},
        "help": {"text": _both(planned.remedy)},
        "properties": {"tags": [planned.concern], "clauses": list(planned.clauses)},
    }


def _result(index: int, view: CheckView) -> dict[str, Any]:
    kind, level = KINDS[view.verdict.verdict]
    return {
        "ruleId": view.planned.name,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": plain(view.reason)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": "results.json"}},
                "logicalLocations": [{"fullyQualifiedName": view.planned.name, "kind": "module"}],
            }
        ],
        "partialFingerprints": {"check/v1": view.planned.name},
        "properties": {
            "verdict": view.verdict.verdict.value,
            "metric": view.verdict.metric,
            "limit": limit(view.verdict.bound),
            "estimate": estimate_text(view.estimate) if view.estimate is not None else None,
        },
    }


def _both(text: Text) -> str:
    return plain(f"{text.ko} / {text.en}")


def plain(text: str) -> str:
    r"""Text that SARIF viewers show as it is: links in brackets are escaped (SARIF 2.1.0, 3.11.6).

    Examples:
        >>> print(plain("[here](http://example.com)"))
        \[here\](http://example.com)
    """
    shown = one_line(text, limit=1000)
    for mark in "\\[]":
        shown = shown.replace(mark, "\\" + mark)
    return shown
