"""Oracles: a constructed shift with known AUC, formulas by hand, a split by date that needs no model."""

import math
import random
from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats

from tests.methods.privacy.scripted import estimates, scores_of
from verify.errors import NotEnoughDataError
from verify.methods.privacy.blind import blind_aucs, hashed_words
from verify.methods.privacy.membership import attack_scores, zlib_bits
from verify.methods.privacy.membership_inference import MembershipInference, MembershipItem
from verify.records import Failed, FailureReason, Request, Response, TokenLogProbs, TokenLogProbsAnswer

WORDS = (
    "민원",
    "접수",
    "처리",
    "결과",
    "안내",
    "신청",
    "서류",
    "담당",
    "기한",
    "문의",
    "확인",
    "발급",
    "요금",
    "감면",
    "시설",
)


def _documents(n: int, *, seed: int, split_by_date: bool = False, split_by_word: bool = False) -> list[MembershipItem]:
    chance = random.Random(seed)
    rows = []
    for k in range(n):
        member = k % 2 == 0
        words = [chance.choice(WORDS) for _ in range(20)]
        if split_by_word and not member:
            words[0] = "인공지능기본법"
        start = date(2025, 1, 1) if split_by_date and not member else date(2020, 1, 1)
        day = (start + timedelta(days=chance.randrange(300))).isoformat()
        rows.append(MembershipItem(id=f"d{k}", text=f"{k} {' '.join(words)}", member=member, day=day))
    return rows


def _subject(shift: float, rows: list[MembershipItem]) -> object:
    """Token log-probabilities whose mean is normal with unit variance, `shift` higher for members."""
    members = {row.text for row in rows if row.member}

    def answer(request: Request) -> Response:
        assert isinstance(request, TokenLogProbs)
        noise = random.Random(request.text).gauss(0.0, 1.0)
        level = -10.0 + noise + shift * (request.text in members)
        return TokenLogProbsAnswer(logprobs=(level,) * 10, means=(-10.0,) * 10, variances=(1.0,) * 10)

    return answer


def _found(shift: float, rows: list[MembershipItem], **parameters: object) -> dict[str, object]:
    method = MembershipInference.make(parameters, seed=3)
    return estimates(method, scores_of(method, rows, _subject(shift, rows)))  # type: ignore[arg-type]


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_the_auc_is_that_of_the_constructed_shift(shift: float) -> None:
    found = _found(shift, _documents(600, seed=1))

    truth = stats.norm.cdf(shift / math.sqrt(2))
    low, high = found["auc"].interval  # type: ignore[attr-defined]
    assert low - 0.01 < truth < high + 0.01
    assert not found["auc"].display_only  # type: ignore[attr-defined]


def test_a_strong_attack_breaks_the_limit_and_guessing_does_not() -> None:
    assert _found(4.0, _documents(600, seed=1))["tpr_at_1_fpr"].bounds[0] > 0.05  # type: ignore[attr-defined]
    assert _found(0.0, _documents(600, seed=1))["tpr_at_1_fpr"].bounds[0] < 0.05  # type: ignore[attr-defined]


def test_too_few_non_members_for_a_rate_give_no_rate() -> None:
    found = _found(1.0, _documents(600, seed=1))

    assert "tpr_at_01_fpr" not in found
    assert "auc/attack=zlib" in found


@pytest.mark.parametrize("how", ["split_by_date", "split_by_word"])
def test_a_split_that_needs_no_model_is_caught_and_nothing_is_decided(how: str) -> None:
    found = _found(4.0, _documents(300, seed=2, **{how: True}))

    assert found["blind_auc"].value > 0.9  # type: ignore[attr-defined]
    assert "design-invalid" in found["blind_auc"].method  # type: ignore[attr-defined]
    assert all(estimate.display_only for estimate in found.values())  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_random_split_is_rarely_called_invalid() -> None:
    calls = 0
    for seed in range(60):
        rows = _documents(120, seed=seed)
        random.Random(seed).shuffle(members := [row.member for row in rows])
        blind = blind_aucs(
            [hashed_words(row.text) for row in rows],
            [float(len(row.text)) for row in rows],
            [float(date.fromisoformat(row.day).toordinal()) for row in rows],
            members=members,
            seed=seed,
            confidence=0.95,
        )
        calls += blind[0].beats_chance

    # Two-sided 5 % over three looks, two of them either way: at most 8 %; P(more than 11 of 60 | 0.08) = 0.003.
    assert calls <= 11


def test_scores_follow_their_formulas() -> None:
    answer = TokenLogProbsAnswer(
        logprobs=(-1.0, -4.0, -2.0, -3.0), means=(-1.0, -2.0, -2.0, -2.0), variances=(1.0, 4.0, 1.0, 0.0)
    )

    scores = attack_scores(answer, text="가나다라", share=0.5, after_prefix=-5.0, reference=-12.0)

    assert scores["loss"] == -2.5
    assert scores["zlib"] == pytest.approx(-10.0 / zlib_bits("가나다라"))
    assert scores["min_k"] == -3.5
    # Standardised: 0, -1, 0, and 0 for the token without spread; the lowest two are -1 and 0.
    assert scores["min_k_plus"] == -0.5
    assert scores["recall"] == 0.5
    assert scores["reference"] == 2.0


def test_an_empty_document_is_not_measured() -> None:
    with pytest.raises(NotEnoughDataError):
        attack_scores(
            TokenLogProbsAnswer(logprobs=(), means=(), variances=()),
            text="",
            share=0.2,
            after_prefix=None,
            reference=None,
        )


def test_a_failed_answer_is_unscored_and_few_documents_give_no_estimate() -> None:
    rows = _documents(6, seed=1)
    method = MembershipInference.make({}, seed=0)

    scores = scores_of(method, rows, lambda _: Failed(reason=FailureReason.CONTEXT_TOO_LONG))

    assert {score.score.kind for score in scores} == {"unscored"}
    assert estimates(method, scores) == {}
    assert estimates(method, scores_of(method, rows, _subject(1.0, rows))) == {}  # type: ignore[arg-type]


def test_hashed_words_do_not_hold_the_text() -> None:
    hashed = hashed_words("김민서 010-1234-5678 민원")

    assert "김민서" not in hashed
    assert "1234" not in hashed
    assert np.all([int(word, 16) >= 0 for word in hashed.split()])
