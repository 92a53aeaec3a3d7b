"""The first pages: what was found, how sure, what was not measured, what departs from the plan, and who issues it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tests.reporting.full_run import FRAMEWORK, make_evidence
from tests.reporting.test_instrument import AGAIN, MEASURED, TRIED
from verify.evidence import Bundle, read_bundle, write_bundle
from verify.records import Conduct, digest_of
from verify.reporting import Words, build_page, render
from verify.reporting.front import BLANKS, absences, report_id

Locales = Mapping[str, Mapping[str, Any]]


def made(folder: Path, *, conduct: Mapping[str, Any], plan: Mapping[str, Any] | None = None) -> Bundle:
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    changed = evidence.plan.model_copy(update=dict(plan or {}))
    results = evidence.results.model_copy(update={"plan": changed.content_digest()})
    write_bundle(
        folder,
        replace(evidence, plan=changed, results=results, conduct=evidence.conduct.model_copy(update=dict(conduct))),
    )
    return read_bundle(folder)


@pytest.fixture(params=["ko", "en"])
def words(request: pytest.FixtureRequest, locales: Locales) -> Words:
    return Words(request.param, locales[request.param])


def test_what_departs_from_the_plan_is_listed(tmp_path: Path, words: Words) -> None:
    vault = digest_of("vault")
    late = TRIED.model_copy(update={"not_run": ("bias.question-bias",)})
    bundle = made(
        tmp_path,
        conduct={"notes": (f"vault {vault}",), "suitability": late, "repeatability": AGAIN},
        plan={"limit": 80, "allow": ("not_measured",), "frameworks": {FRAMEWORK.id: digest_of("another mapping")}},
    )

    said = build_page(bundle, words=words, frameworks=(FRAMEWORK,)).front.deviations
    assert words("deviation.mapping", frameworks=FRAMEWORK.title[words.language]) in said
    assert words("deviation.limit", limit="80") in said
    assert words("deviation.sessions", n=2) in said
    assert words("deviation.late", checks="bias.question-bias") in said
    assert words("deviation.allow", outcomes=words("verdict.not_measured")) in said
    assert words("deviation.warnings", n=1) in said
    assert words("deviation.vault", digest=vault) in said
    assert words("deviation.repeats") not in said


def test_what_was_left_out_is_a_deviation_too(tmp_path: Path, words: Words) -> None:
    evidence = make_evidence()
    results = evidence.results.model_copy(update={"calibration": None})
    write_bundle(tmp_path, replace(evidence, conduct=None, calibration=None, results=results))

    page = build_page(read_bundle(tmp_path), words=words, frameworks=(), on=date(2026, 11, 27))
    assert page.front.instrument == (words("front.uncalibrated"), words("front.untried"))
    assert words("front.unrepeated") in page.front.uncertainty
    for key in ("calibration", "suitability", "repeats"):
        assert words(f"deviation.{key}") in page.front.deviations


def test_the_state_of_the_instrument_is_summed_up(tmp_path: Path, words: Words) -> None:
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    results = evidence.results.model_copy(update={"calibration": MEASURED.content_digest()})
    conduct = evidence.conduct.model_copy(update={"suitability": TRIED, "repeatability": AGAIN})
    write_bundle(tmp_path, replace(evidence, calibration=MEASURED, results=results, conduct=conduct))

    front = build_page(read_bundle(tmp_path), words=words, frameworks=()).front
    digest = MEASURED.content_digest()[:23] + "…"
    assert front.instrument == (
        words("front.calibrated", digest=digest, n=7, covered=1),
        words("front.suitable", n=1, uncovered=3),  # two without a standard, one late
    )
    assert words("front.ties", n=1, across=0) in front.uncertainty  # 0.905 to 0.922 against 0.8
    assert words("front.moved", n=60, changed=3) in front.uncertainty


def test_absent_checks_are_grouped_by_reason() -> None:
    found = absences([("no input", "a"), ("too many unscored", "b"), ("no input", "c")])

    assert [(each.reason, each.checks) for each in found] == [("no input", ("a", "c")), ("too many unscored", ("b",))]


@pytest.mark.parametrize("file", ["report.html", "report.en.html"])
def test_the_page_identifies_itself_and_leaves_issue_to_the_laboratory(
    rendered: Path, hostile: Bundle, file: str
) -> None:
    text = (rendered / file).read_text("utf-8")
    tree = html.fromstring(text.encode())

    name = report_id(hostile.manifest.root)
    assert f'@top-right {{ content: "{name}"' in text
    assert name in tree.xpath("//header")[0].text_content()
    cells = tree.xpath("//table[@class='blanks']//td")
    assert len(cells) == len(BLANKS)
    assert {cell.text_content() for cell in cells} == {""}


def test_the_deciding_bound_stands_in_the_table_of_results(rendered: Path) -> None:
    tree = html.fromstring((rendered / "report.html").read_bytes())
    rows = {
        row[0].text_content(): [cell.text_content() for cell in row]
        for row in tree.xpath("//table[@class='glance']//tr")
    }

    passages = next(cells for title, cells in rows.items() if title == "행정 지문 읽고 고르기")
    assert passages[3] == "240 / 120 / 0"
    assert passages[4] == "하한 0.871"
    assert passages[5] == "≥ 0.8"


def test_nothing_of_the_evidence_is_left_out_of_the_file(rendered: Path) -> None:
    """What print leaves out stands in closed parts of the same file."""
    tree = html.fromstring((rendered / "report.html").read_bytes())
    closed = tree.xpath("//details")

    assert closed
    assert not tree.xpath("//details[@open]")
    assert all(len(part.findall("summary")) == 1 for part in closed)
    assert any(part.xpath(".//table[@class='numbers']") for part in closed)
    assert any(part.xpath(".//pre") for part in closed)


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        pytest.param({}, True, id="computed here"),
        pytest.param({"kind": "endpoint"}, False, id="computed by a server"),
        pytest.param({"kind": "recorded"}, False, id="computed once"),
        pytest.param({"environment": {"executor": "ray 2: 4 actors of 1 GPU"}}, False, id="computed by a cluster"),
    ],
)
def test_the_deciding_machine_is_no_equipment_of_what_was_computed_elsewhere(
    tmp_path: Path, locales: Locales, subject: dict[str, Any], shown: bool
) -> None:
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    conduct = evidence.conduct.model_copy(update={"environment": {"machine": "Processor 9"}})
    write_bundle(tmp_path, replace(evidence, conduct=conduct, subject=evidence.subject.model_copy(update=subject)))
    (file,) = render(
        read_bundle(tmp_path), out=tmp_path / "r", frameworks=(), locales=locales, formats=["html"], languages=["ko"]
    )
    tree = html.fromstring(file.read_bytes())

    assert ("Processor 9" in tree.xpath("//table[@class='cover']")[0].text_content()) is shown
    assert "Processor 9" in tree.xpath("//table[@class='pairs']")[0].text_content()
