import math

import pytest

from tests.methods.accuracy.driving import (
    chance,
    choosing,
    estimates_of,
    examined,
    likely,
    options_in,
    scored,
    scores_of,
)
from verify.errors import UsageError
from verify.methods.accuracy.choices import ChoiceItem
from verify.methods.accuracy.multiple_choice import MultipleChoice
from verify.records import Failed, FailureReason, Levels, LogLikelihood, Request, Response, Unscored

WORDS = ("세무과", "도로과", "보건소", "청소과")
ROWS = [
    ChoiceItem(
        id=f"i{i}",
        cluster=f"c{i // 2}",
        groups={"topic": "tax" if i % 2 else "road"},
        question=f"{i}번 물음의 답은 {WORDS[(3 * i) % 4]}인가?",
        choices=WORDS,
        answer=(3 * i) % 4,
    )
    for i in range(80)
]
METHOD = MultipleChoice.make({"style": "compact"}, seed=1)


def knows(context: str) -> str:
    return next(word for word in options_in(context) if word in context.split("인가?", maxsplit=1)[0])


def test_a_subject_that_knows_is_right_under_every_rule() -> None:
    found = estimates_of(METHOD, ROWS, choosing(knows))

    for rule in ("raw", "token", "char"):
        assert found[f"accuracy_{rule}", None].value == 1.0
        assert found[f"accuracy_{rule}", "topic=tax"].value == 1.0
        assert found[f"accuracy_{rule}", None].n_clusters == 40
    assert found["fragile", None].value == 0.0


def test_always_the_first_option_scores_what_its_place_scores() -> None:
    found = estimates_of(METHOD, ROWS, choosing(lambda context: options_in(context)[0]))

    assert found["accuracy_raw", None].value == sum(row.answer == 0 for row in ROWS) / len(ROWS) == 0.25


def test_all_options_alike_is_never_right_and_always_fragile() -> None:
    found = estimates_of(METHOD, ROWS, lambda _: likely(-5.0))

    assert found["accuracy_raw", None].value == found["accuracy_token", None].value == 0.0
    assert found["fragile", None].value == 1.0


def test_invalid_logits_leave_items_unscored() -> None:
    scores = scores_of(METHOD, ROWS, lambda _: Failed(reason=FailureReason.INVALID_LOGITS))

    assert all(isinstance(s.score, Unscored) for s in scores)


def test_the_brier_score_is_that_of_the_softmax() -> None:
    # Oracle: logits log 0.7, log 0.1 x3 -> (0.3^2 + 3 * 0.1^2) = 0.12 when right.
    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        right = request.continuation == " " + knows(request.context)
        return likely(math.log(0.7 if right else 0.1) - 20.0)

    values = scored(examined(METHOD, ROWS[0], answer)).values

    assert values["brier"] == pytest.approx(0.12)
    assert values["confidence"] == pytest.approx(0.7)


def subject_with(true: float, stated: float):
    """Right with probability `true`, and always `stated` sure (known truth: overconfidence stated - true)."""

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        right = knows(request.context)
        options = options_in(request.context)
        hit = chance(request.context) < true
        chosen = right if hit else options[(options.index(right) + 1) % 4]
        p = stated if request.continuation == " " + chosen else (1 - stated) / 3
        return likely(math.log(p))

    return answer


MANY = [
    row.model_copy(update={"id": f"{row.id}-{k}", "cluster": "", "question": f"({k}) {row.question}"})
    for row in ROWS
    for k in range(10)
]


def test_calibration_errors_find_a_planted_overconfidence() -> None:
    found = estimates_of(METHOD, MANY, subject_with(0.6, 0.9))

    low, high = found["overconfidence", None].bounds
    # 800 items: standard error 0.017; the truth lies within 3.5 of them.
    assert found["overconfidence", None].value == pytest.approx(0.3, abs=0.06)
    assert 0.2 < low < high < 0.4
    assert found["ece", None].value == pytest.approx(0.3, abs=0.06)
    assert found["ece_excess", None].value > 0.15
    assert found["ece", None].display_only


def test_a_calibrated_subject_shows_no_excess() -> None:
    found = estimates_of(METHOD, MANY, subject_with(0.7, 0.7))

    low, high = found["overconfidence", None].bounds
    assert low < 0.0 < high
    assert found["ece_excess", None].value < 0.03
    low, high = found["ece", None].interval
    assert low <= found["ece", None].value <= high
    assert low < high


def test_an_item_wrong_under_every_rule_is_an_example_of_the_defect() -> None:
    wrong = choosing(lambda context: options_in(context)[(options_in(context).index(knows(context)) + 1) % 4])

    assert scored(examined(METHOD, ROWS[0], wrong)).defect
    assert not scored(examined(METHOD, ROWS[0], choosing(knows))).defect


def test_bundles_of_the_first_version_are_audited_with_its_own_intervals() -> None:
    scores = scores_of(METHOD, ROWS, choosing(knows))
    first = METHOD.as_of(1)

    old, new = (
        {e.metric: e for e in method.estimate(scores, levels=Levels(), estimand="super_population")}
        for method in (first, METHOD.as_of(2))
    )

    assert (first.version, METHOD.version) == (1, 2)
    assert old["brier"].method == "cr1-t"
    assert new["brier"].method == "cr1-t-skew"
    assert old["accuracy_raw"] == new["accuracy_raw"]
    with pytest.raises(UsageError, match="no longer does what 3 did"):
        METHOD.as_of(3)
