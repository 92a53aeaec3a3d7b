"""What a report says of the instrument itself: tried before, repeated after, stopped early; or that none of it was done."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tests.reporting.full_run import make_evidence
from verify.evidence import read_bundle, write_bundle
from verify.records import (
    Conduct,
    Envelope,
    NearTies,
    Outcome,
    Repeatability,
    Stopping,
    Suitability,
    SuitabilityCase,
    digest_of,
)
from verify.reporting import render

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
    near_ties=(NearTies(check="accuracy.passages", n=4, of=240, low=0.905, high=0.922),),
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
