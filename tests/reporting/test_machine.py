"""JUnit by the standard library's XML parser; SARIF by the properties that its specification requires."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.full_run import make_evidence
from verify.evidence import Bundle, read_bundle, write_bundle
from verify.records import Outcome
from verify.reporting import Words, build_page
from verify.reporting.machine import plain, to_junit


@pytest.fixture
def junit(rendered: Path) -> ET.Element:
    return ET.fromstring((rendered / "junit.xml").read_bytes())  # noqa: S314  # made here


def test_junit_counts_every_check_once(junit: ET.Element) -> None:
    assert {key: junit.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "2",
        "errors": "3",
        "skipped": "0",
    }
    assert len(junit.findall(".//testcase")) == 7
    assert len(junit.findall(".//failure")) == 2
    assert len(junit.findall(".//error")) == 3


def test_what_nobody_decided_does_not_pass_a_pipeline(junit: ET.Element) -> None:
    undecided = {case.get("name") for case in junit.iter("testcase") if case.find("error") is not None}

    assert undecided == {"accuracy.short-answer", "privacy.pii-in-output", "privacy.canary-exposure"}


def test_what_the_policy_allows_is_skipped(tmp_path: Path, locales: Mapping[str, Mapping[str, Any]]) -> None:
    evidence = make_evidence()
    plan = evidence.plan.model_copy(update={"allow": ("inconclusive",)})
    results = evidence.results.model_copy(update={"plan": plan.content_digest()})
    write_bundle(tmp_path, type(evidence)(**{**_fields(evidence), "plan": plan, "results": results}))

    page = build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())
    junit = ET.fromstring(to_junit(page))  # noqa: S314  # made here

    assert (junit.get("skipped"), junit.get("errors"), junit.get("failures")) == ("2", "1", "2")


def test_an_open_ended_check_that_found_nothing_is_no_error(
    tmp_path: Path, locales: Mapping[str, Mapping[str, Any]]
) -> None:
    """As the exit code: it can break its limit and never keep the rest from passing."""
    evidence = make_evidence()
    undecided = {v.check for v in evidence.results.verdicts if v.verdict is Outcome.INCONCLUSIVE}
    checks = tuple(c.model_copy(update={"open_ended": c.name in undecided}) for c in evidence.plan.checks)
    plan = evidence.plan.model_copy(update={"checks": checks})
    results = evidence.results.model_copy(update={"plan": plan.content_digest()})
    write_bundle(tmp_path, type(evidence)(**{**_fields(evidence), "plan": plan, "results": results}))

    page = build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())
    junit = ET.fromstring(to_junit(page))  # noqa: S314  # made here

    skipped = {case.get("name") for case in junit.iter("testcase") if case.find("skipped") is not None}
    assert undecided
    assert skipped == undecided


def _fields(evidence: object) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in evidence.__dataclass_fields__}  # type: ignore[attr-defined]


def test_sarif_has_what_its_specification_requires(rendered: Path) -> None:
    sarif = json.loads((rendered / "report.sarif").read_bytes())
    (run,) = sarif["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert sarif["version"] == "2.1.0"
    assert run["tool"]["driver"]["name"]
    assert len(run["results"]) == 7
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert (result["kind"] == "fail") == (result["level"] == "error")
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "results.json"
    assert sorted(result["kind"] for result in run["results"]) == [
        "fail",
        "fail",
        "open",
        "open",
        "open",
        "pass",
        "pass",
    ]


def test_sarif_texts_hold_no_link(rendered: Path) -> None:
    assert plain("[a](http://x) \\") == "\\[a\\](http://x) \\\\"
    assert "\\[" not in json.loads((rendered / "report.sarif").read_bytes())["version"]


def test_json_report_names_every_clause_with_its_standing(rendered: Path) -> None:
    report = json.loads((rendered / "report.json").read_bytes())
    clauses = {clause["id"]: clause for law in report["frameworks"] for clause in law["clauses"]}

    assert report["outcome"] == "fail"
    assert clauses["kr-public-ai-act/3-7"]["standing"] == "against"
    assert clauses["kr-public-ai-act/32-1"]["force"] == "planned"
    assert clauses["kr-ai-basic-act/36"]["standing"] == "no_test"
    assert clauses["kr-pipa/24-2"]["coverage"] == "direct"


@pytest.mark.parametrize("name", ["junit.xml", "report.json", "report.sarif"])
def test_machine_reports_hold_no_control_characters(rendered: Path, name: str) -> None:
    text = (rendered / name).read_text("utf-8")

    assert [c for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) <= 0x9F or c in "\u202e\u2066"] == []


def test_the_bundle_type_is_what_reporting_takes(bundle: Bundle, locales: Mapping[str, Mapping[str, Any]]) -> None:
    page = build_page(bundle, words=Words("en", locales["en"]), frameworks=())

    assert [check.planned.name for check in page.with_outcome("fail")] == [
        "bias.ambiguous-qa",
        "privacy.canary-extraction",
    ]
