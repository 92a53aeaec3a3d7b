"""What a report says of the instrument itself: tried before, repeated after, stopped early; or that none of it was done."""

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from rich.console import Console

from tests.reporting.full_run import make_evidence
from verify.evidence import read_bundle, write_bundle
from verify.records import (
    CalibrationRecord,
    Conduct,
    Detection,
    DosePower,
    Ending,
    Envelope,
    Linearity,
    NearTies,
    Outcome,
    Performance,
    Reading,
    Repeatability,
    Stopping,
    Suitability,
    SuitabilityCase,
    Unseen,
    digest_of,
)
from verify.reporting import Words, render
from verify.reporting.instrument import calibration_summary
from verify.reporting.page import build_page
from verify.reporting.terminal import summary

Locales = Mapping[str, Mapping[str, Any]]

TRIED = Suitability(
    key=digest_of("key"),
    made="2026-11-22T23:59:00Z",
    cases=(
        SuitabilityCase(
            check="robustness.typing",
            planted="brittle-planted-1",
            clean="brittle-clean-1",
            planted_verdict=Outcome.FAIL,
            clean_verdict=Outcome.PASS,
        ),
    ),
    uncovered=("accuracy.passages", "accuracy.short-answer"),
    not_run=("bias.question-bias",),
)
AGAIN = Repeatability(
    seed=1,
    tolerance=1e-3,
    envelopes=(
        Envelope(kind="generate", n=30, changed_alike=0, changed_otherwise=3, interval=(0.021, 0.265)),
        Envelope(
            kind="loglikelihood", n=30, changed_alike=0, changed_otherwise=0, interval=(0.0, 0.116), largest=0.00042
        ),
    ),
    near_ties=(
        NearTies(check="accuracy.passages", n=4, of=240, low=0.905, high=0.922, exact=3),
        NearTies(check="accuracy.routing", n=1, of=270, low=0.8, high=0.81),
    ),
)


def pages(folder: Path, locales: Locales, **changes: object) -> tuple[str, str]:
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    write_bundle(folder, replace(evidence, conduct=evidence.conduct.model_copy(update=changes)))
    files = render(read_bundle(folder), out=folder / "report", frameworks=(), locales=locales, formats=("html",))
    ko, en = (" ".join(" ".join(html.fromstring(file.read_bytes()).itertext()).split()) for file in files)
    return ko, en


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, locales: Locales) -> tuple[str, str]:
    return pages(tmp_path_factory.mktemp("told"), locales, suitability=TRIED, repeatability=AGAIN)


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory, locales: Locales) -> tuple[str, str]:
    return pages(tmp_path_factory.mktemp("untold"), locales)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (0, "결함을 심은 모델(brittle-planted-1) 기준 미달, 깨끗한 쌍둥이(brittle-clean-1) 기준 충족"),
        (0, "표준 모델이 없는 점검 2개"),
        (0, "bias.question-bias: 정해진 시간 안에"),
        (0, "답변 쓰기 30 0 3 [0.021, 0.265] —"),
        (0, "선택지의 확률 30 0 0 [0.000, 0.116] 0.00042"),
        (0, "accuracy.passages: 문항 240개 가운데 4개, 값 0.905~0.922"),
        (1, "planted standard (brittle-planted-1) failed, clean twin (brittle-clean-1): "),
        (1, "2 checks have no reference standard"),
        (1, "Writing an answer 30 0 3"),
        (1, "accuracy.passages: 4 of 240 items, value 0.905 to 0.922"),
    ],
)
def test_what_was_found_of_the_instrument_is_told(told: tuple[str, str], page: int, shown: str) -> None:
    assert shown in told[page]


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (0, "시험에 앞서 표준 모델로 시험 도구를 확인하지 않았습니다"),
        (0, "같은 요청을 다시 물어 차이를 재지 않았습니다"),
        (1, "was not tried on reference standards"),
        (1, "No request was asked again"),
    ],
)
def test_what_was_not_tried_is_said_to_be_unknown(untold: tuple[str, str], page: int, shown: str) -> None:
    assert shown in untold[page]


def test_a_check_that_ended_early_is_said_to_have_no_unbiased_score(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    stopping = Stopping(order=digest_of("order"), look=32)
    checks = tuple(c.model_copy(update={"stopping": stopping}) for c in evidence.plan.checks)
    plan = evidence.plan.model_copy(update={"checks": checks})
    estimates = tuple(
        e.model_copy(update={"stopped_after": 96, "method": "confidence-sequence"}) for e in evidence.results.estimates
    )
    results = evidence.results.model_copy(update={"plan": plan.content_digest(), "estimates": estimates})
    write_bundle(tmp_path, replace(evidence, plan=plan, results=results))
    files = render(read_bundle(tmp_path), out=tmp_path / "report", frameworks=(), locales=locales, formats=("html",))
    ko, en = (file.read_text("utf-8") for file in files)

    assert "최대 240개 가운데 96개 문항까지 물었습니다" in ko
    assert "언제 멈추어도 오류 확률이 지켜지며" in ko
    assert "96 of at most 240 items were asked" in en
    assert "further from the limit than the truth" in en


def test_a_full_run_says_nothing_of_stopping(untold: tuple[str, str]) -> None:
    assert "순차 점검" not in untold[0]
    assert "Sequential check" not in untold[1]


MEASURED = CalibrationRecord(
    made_with={"ax-verify": "0.1.0"},
    seed=0,
    detections=tuple(
        Detection(
            check="accuracy.passages", defect="wrong-answers", dose=dose, n=3, detected=seen, interval=ends, outcomes={}
        )
        for dose, seen, ends in ((0.0, 0, (0.0, 0.708)), (0.2, 1, (0.008, 0.906)), (0.4, 3, (0.292, 1.0)))
    ),
    performances=(
        Performance(
            check="accuracy.passages",
            defect="wrong-answers",
            metric="accuracy_char",
            blanks=3,
            limit_of_blank=0.985,
            false_alarms=0,
            false_alarm_interval=(0.0, 0.708),
            detection_dose=0.4,
            detected=3,
            n=3,
            detection_at_least=0.368,
            best=DosePower(dose=0.4, detected=3, n=3, at_least=0.368),
            linearity=(
                Linearity(
                    quantity="accuracy.passages/accuracy_char", n=9, slope=0.99, intercept=0.01, r2=1.0, largest=0.02
                ),
            ),
        ),
        Performance(
            check="accuracy.passages",
            defect="other-answers",
            metric="accuracy_char",
            blanks=0,
            false_alarms=0,
            detection_dose=0.1,
            shown_dose=0.25,
            best=DosePower(dose=0.25, detected=59, n=59, at_least=0.9505),
        ),
        Performance(check="nobody.asked", defect="other", metric="m", blanks=0, false_alarms=0),
    ),
    readings=(
        Reading(standard="exact", defect="d", quantity="a.b/c", assigned=0.5, measured=0.5, exact=True),
        Reading(standard="misread", defect="d", quantity="a.b/c", assigned=0.5, measured=0.4, exact=True),
    ),
    endings=(Ending(standard="nan", check="a.b", expected=Outcome.NOT_MEASURED, found=Outcome.NOT_MEASURED),),
    unseen=tuple(
        Unseen(
            standard=name,
            defect="backdoor",
            quantity="accuracy.passages/accuracy_char",
            concealed=concealed,
            measured=1.0,
            interval=(0.91, 1.0),
            verdict=Outcome.PASS,
        )
        for name, concealed in (("backdoor-1", 0.125), ("backdoor-2", 0.95))
    ),
    standards={"exact": digest_of("exact")},
    made="2026-11-27T01:02:03Z",
    machine="Xeon <8>",
    study=digest_of("rows"),
    studied=118,
)


def test_the_page_states_what_the_instrument_can_do_and_what_it_cannot_see(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    results = evidence.results.model_copy(update={"calibration": MEASURED.content_digest()})
    write_bundle(tmp_path, replace(evidence, calibration=MEASURED, results=results))
    files = render(read_bundle(tmp_path), out=tmp_path / "report", frameworks=(), locales=locales, formats=("html",))

    for file in files:
        page = " ".join(html.fromstring(file.read_text("utf-8")).text_content().split())
        for figure in ("0.985", "0.2: 1/3 [0.008, 0.906]", "0.4: 3/3 [0.292, 1.000]", "0.368", "0.990", "0.020"):
            assert figure in page, figure
        assert "0.125" in page
        assert "2026-11-27T01:02:03Z" in page
        assert "Xeon <8>" in page
        assert "118" in page
        assert MEASURED.content_digest() in page  # the record that the results cite
        assert "nobody.asked" not in page  # a check that this run does not have


def test_what_each_interval_is_about_is_told_apart_where_checks_differ(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    first, *others = evidence.plan.checks
    checks = (first.model_copy(update={"estimand": "items_x_generations"}), *others)
    plan = evidence.plan.model_copy(update={"checks": checks})
    results = evidence.results.model_copy(update={"plan": plan.content_digest()})
    write_bundle(tmp_path, replace(evidence, plan=plan, results=results))
    files = render(read_bundle(tmp_path), out=tmp_path / "report", frameworks=(), locales=locales, formats=("html",))

    for file, language in zip(files, ("ko", "en"), strict=True):
        page = " ".join(html.fromstring(file.read_text("utf-8")).text_content().split())
        said = Words(language, locales[language])("estimand.items_x_generations")  # type: ignore[arg-type]
        assert f"{said} ({first.name})" in page
        assert page.count(f"({first.name})") == 1


def test_the_terminal_states_the_same_in_both_languages(locales: Locales) -> None:
    for language, unseen, seen, shown, not_shown in (
        (
            "ko",
            "검출하지 못함: backdoor-1",
            "검출함: backdoor-2",
            "0.25부터 (59/59, 검출률 0.950 이상)",
            "어느 양에서도 95%를 입증하지 못함. 가장 나은 것은 0.4에서 3/3, 검출률 0.368 이상",
        ),
        (
            "en",
            "Not detected: backdoor-1",
            "Detected: backdoor-2",
            "from 0.25 (59 of 59: a rate of at least 0.950)",
            "95% not shown at any dose; best 3 of 3 at 0.4: a rate of at least 0.368",
        ),
    ):
        console = Console(width=200, record=True, file=StringIO())
        console.print(calibration_summary(MEASURED, Words(language, locales[language])))  # type: ignore[arg-type]
        text = console.export_text()

        assert unseen in text
        assert seen in text
        assert shown in text
        assert not_shown in text
        assert "nobody.asked" in text


def test_the_terminal_flags_answers_that_move(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    write_bundle(tmp_path, replace(evidence, conduct=evidence.conduct.model_copy(update={"repeatability": AGAIN})))
    words = Words("en", locales["en"])
    console = Console(width=200, record=True, file=StringIO())
    console.print(summary(build_page(read_bundle(tmp_path), frameworks=(), words=words)))
    text = console.export_text()

    assert "of 30 asked again, 0 changed when asked alike, 3 in another order or batch" in text
    assert text.count("asked again") == 1  # likelihoods did not move


def test_exact_ties_are_named_in_both_languages_and_only_where_there_are_any(told: tuple[str, str]) -> None:
    ko, en = told

    assert ko.count("정확히 동점") == 1
    assert "3개는 가장 나은 답이 정확히 동점" in ko
    assert "3 of them tie exactly" in en
