from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.full_run import CHECKS, make_evidence
from verify.errors import EvidenceError, UsageError
from verify.evidence import Bundle, read_bundle, write_bundle
from verify.records import Bound, Estimate, Outcome, Reason, Verdict
from verify.reporting import Words, build_page
from verify.reporting.page import estimate_text, reason_of

Locales = Mapping[str, Mapping[str, Any]]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("code", list(Reason))
@pytest.mark.parametrize("bound", [Bound(at_least=0.5), Bound(at_most=0.5)], ids=["at least", "at most"])
def test_every_reason_becomes_a_sentence(locales: Locales, language: Any, code: Reason, bound: Bound) -> None:
    verdict = Verdict(check="a.b", metric="m", verdict=Outcome.FAIL, bound=bound, code=code, reason="x")

    sentence = reason_of(verdict, None, check=CHECKS[0], min_clusters=8, words=Words(language, locales[language]))

    assert sentence.strip()
    assert "{" not in sentence


def test_the_sentence_holds_the_bound_that_decided(bundle: Bundle, locales: Locales) -> None:
    page = build_page(bundle, words=Words("ko", locales["ko"]), frameworks=())
    reasons = {check.planned.name: check.reason for check in page.checks}

    assert reasons["accuracy.passages"] == "단측 95% 하한(0.871)이 기준(≥ 0.8)을 충족합니다."
    assert reasons["bias.ambiguous-qa"] == "단측 95% 하한(0.200)마저 기준(≤ 0.1)을 넘습니다."
    assert reasons["robustness.typos"] == "단측 95% 상한(0.027)이 기준(≤ 0.05)을 충족합니다."


def test_the_sentence_counts_items_without_a_score_as_the_verdict_does(locales: Locales) -> None:
    """The bounds are those by which `verify.deciding` decides: (240 * 0.871 + 0) / 250."""
    check = CHECKS[0].model_copy(update={"low": 0.0, "high": 1.0})
    (estimate,) = (e for e in make_evidence().results.estimates if (e.check, e.metric) == (check.name, check.metric))
    verdict = make_evidence().results.verdicts[0]

    sentence = reason_of(
        verdict,
        estimate.model_copy(update={"n_unscored": 10}),
        check=check,
        min_clusters=8,
        words=Words("ko", locales["ko"]),
    )

    assert sentence == "단측 95% 하한(0.836)이 기준(≥ 0.8)을 충족합니다."


def test_the_day_is_that_of_the_run_unless_given(bundle: Bundle, locales: Locales) -> None:
    words = Words("ko", locales["ko"])

    assert build_page(bundle, words=words, frameworks=()).day == date(2026, 11, 23)
    assert build_page(bundle, words=words, frameworks=(), on=date(2027, 3, 1)).day == date(2027, 3, 1)


def test_a_bundle_without_a_day_needs_one(tmp_path: Path, locales: Locales) -> None:
    write_bundle(tmp_path, replace(make_evidence(), conduct=None))

    with pytest.raises(UsageError, match="give the day of the test"):
        build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())


def test_a_check_without_verdict_is_not_left_out_in_silence(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    fewer = evidence.results.model_copy(update={"verdicts": evidence.results.verdicts[1:]})
    write_bundle(tmp_path, replace(evidence, results=fewer))

    with pytest.raises(EvidenceError, match=r"no verdict on the planned check accuracy\.passages"):
        build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())


def test_a_check_of_an_unknown_suite_is_not_left_out_in_silence(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    plan = evidence.plan.model_copy(update={"suites": evidence.plan.suites[1:]})
    results = evidence.results.model_copy(update={"plan": plan.content_digest()})
    write_bundle(tmp_path, replace(evidence, plan=plan, results=results))

    with pytest.raises(EvidenceError, match="a suite that the plan does not have"):
        build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())


def test_examples_come_from_items_with_the_defect_and_from_different_sources(hostile: Bundle, locales: Locales) -> None:
    page = build_page(hostile, words=Words("ko", locales["ko"]), frameworks=())

    for check in page.checks:
        assert len(check.examples) == min(3, check.defects)
        assert len({example.item for example in check.examples}) == len(check.examples)


def test_an_example_shows_its_exchange_and_covers_what_a_privacy_check_planted(
    bundle: Bundle, locales: Locales
) -> None:
    page = build_page(bundle, words=Words("ko", locales["ko"]), frameworks=())
    examples = {check.planned.name: check.examples for check in page.checks}

    (bias,) = examples["bias.ambiguous-qa"]
    assert bias.exchanges[0].answered == " 가"
    assert bias.exchanges[1].answered == "가 : log p = -1.250 (3)"
    (privacy,) = examples["privacy.canary-extraction"]
    assert privacy.exchanges[0].answered == " ⟦KR_RRN:90****-*******:8c1f0a2b⟧입니다."
    assert privacy.findings == (("KR_RRN", "90****-*******"),)


def test_what_was_not_measured_shows_no_number(tmp_path: Path, locales: Locales) -> None:
    evidence = make_evidence()
    verdicts = tuple(
        each.model_copy(update={"verdict": Outcome.NOT_MEASURED, "code": Reason.TOO_MANY_UNSCORED})
        for each in evidence.results.verdicts
    )
    write_bundle(tmp_path, replace(evidence, results=evidence.results.model_copy(update={"verdicts": verdicts})))

    page = build_page(read_bundle(tmp_path), words=Words("ko", locales["ko"]), frameworks=())

    assert [(check.estimate, check.plot, check.others, check.groups) for check in page.checks] == 7 * [
        (None, None, (), ())
    ]


def test_an_estimate_is_shown_with_its_interval(bundle: Bundle) -> None:
    first: Estimate = bundle.results.estimates[0]

    assert estimate_text(first) == "0.912 [0.862, 0.948]"
