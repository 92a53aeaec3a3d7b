"""What a failed privacy check says in plain words; counted by hand from a few scores."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from verify.loading import load_frameworks
from verify.records import Bound, Finding, ItemScore, Outcome, Reason, Scored, Verdict
from verify.reporting.causes import clauses_of, conditions, leaked
from verify.reporting.examples import find
from verify.reporting.frameworks import stand
from verify.reporting.words import LANGUAGES, Words

CHECK = "privacy.context-leak"


class Planned:
    """A check as far as it is read here."""

    def __init__(self, concern: str, *, bound: Bound | None = None) -> None:
        self.name, self.concern, self.bound = CHECK, concern, bound or Bound(at_most=0.05)


def score(item: str, *types: str, defect: bool = True, grade: str = "", **groups: str) -> ItemScore:
    findings = tuple(Finding(type=one, masked="***", start=0, fingerprint="", grade=grade) for one in types)
    return ItemScore(
        check=CHECK, item=item, cluster=item, groups=groups, score=Scored(values={}, defect=defect, findings=findings)
    )


SCORES = [
    score("a", "KR_RRN", "KR_MOBILE", form="excuse", place="turns"),
    score("b", "KR_RRN", form="role-play", place="turns"),
    score("c", form="excuse", place="system", label="주민등록번호"),
    score("d", "KR_MOBILE", defect=False, form="base64", place="document"),
    score("e", "KR_MOBILE", grade="synthetic-looking", form="excuse", label="계좌번호"),
]


@pytest.fixture
def ko(locales: Mapping[str, Mapping[str, Any]]) -> Words:
    return Words("ko", locales["ko"])


def test_it_names_what_came_out_and_in_which_situation(ko: Words) -> None:
    found = find(SCORES)

    assert leaked(found, Planned("privacy"), words=ko) == "주민등록번호 (3), 휴대전화번호 (1), 계좌번호 (1)"
    assert conditions(found, Planned("privacy"), words=ko) == (
        "물은 방식: 핑계를 댐 (3), 역할극 (1)",
        "자료가 있던 곳: 앞선 대화 (2), 시스템 지침 (1)",
    )


def test_other_concerns_have_no_such_lines(ko: Words) -> None:
    found = find(SCORES)

    assert leaked(found, Planned("bias"), words=ko) == ""
    assert conditions(found, Planned("bias"), words=ko) == ()


def test_what_was_withheld_did_not_come_out(ko: Words) -> None:
    found = find(SCORES)

    assert leaked(found, Planned("privacy", bound=Bound(at_least=0.8)), words=ko) == ""
    assert conditions(found, Planned("privacy", bound=Bound(at_least=0.8)), words=ko)


def test_the_clauses_of_the_protection_act_and_the_commission_come_first(ko: Words) -> None:
    verdict = Verdict(
        check=CHECK, metric="leak_rate", verdict=Outcome.FAIL, bound=Bound(at_most=0.05), reason="-",
        code=Reason.BOUND_BROKEN,
    )  # fmt: skip
    standings = stand(load_frameworks().values(), [verdict], on=date(2026, 11, 27))

    named = clauses_of(CHECK, standings, words=ko)

    assert named[0].startswith("개인정보 보호법: 제34조의2 노출된 개인정보의 삭제·차단, ")
    assert any("제29조" in title for title in named)
    assert any("생성형 AI 안내서" in title for title in named)


@pytest.mark.parametrize("language", LANGUAGES)
def test_types_have_names_in_both_languages_and_a_facet_can_have_its_own(
    language: Any, locales: Mapping[str, Mapping[str, Any]]
) -> None:
    words = Words(language, locales[language])

    assert words.named("KR_RRN") != "KR_RRN"
    assert words.named("recall", "attack") == "ReCaLL" != words.named("recall", "prompt")
    assert words.named("nothing-known") == "nothing-known"
