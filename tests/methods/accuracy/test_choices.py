import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.methods.accuracy.driving import likely
from verify.methods.accuracy.choices import (
    ChoiceItem,
    ChoiceParameters,
    faults,
    probabilities,
    question_of,
    read,
    requests_for,
)
from verify.records import FailureReason, GenerateAnswer, LogLikelihoodAnswer, Unscored

ITEM = ChoiceItem(
    id="i",
    passage="신청은 3월 2일부터 받는다.",
    question="신청은 언제부터 받는가?",
    choices=("3월 1일", "3월 2일", "4월 2일"),
    answer=1,
)


def asked(**parameters: object) -> list[str]:
    requests = requests_for(question_of(ITEM), ChoiceParameters.model_validate(parameters))
    assert len({request.context for request in requests}) == 1
    return [requests[0].context, *(request.continuation for request in requests)]


def test_the_full_prompt_shows_passage_question_and_options() -> None:
    context, *continuations = asked()

    assert context == (
        "다음 글을 읽고 물음에 알맞은 답을 보기에서 고르시오.\n\n글: 신청은 3월 2일부터 받는다.\n"
        "물음: 신청은 언제부터 받는가?\n보기:\n- 3월 1일\n- 3월 2일\n- 4월 2일\n정답:"
    )
    assert continuations == [" 3월 1일", " 3월 2일", " 4월 2일"]


def test_the_compact_prompt_adds_little_to_the_text() -> None:
    context, *_ = asked(style="compact")

    assert context == "신청은 3월 2일부터 받는다.\n신청은 언제부터 받는가?\n보기: 3월 1일 / 3월 2일 / 4월 2일\n정답:"


def test_letters_are_scored_in_place_of_the_options() -> None:
    context, *continuations = asked(letters=True)

    assert "A. 3월 1일\nB. 3월 2일\nC. 4월 2일" in context
    assert continuations == [" A", " B", " C"]


@pytest.mark.parametrize(("letters", "solved"), [(False, "정답: 나\n\n"), (True, "정답: B\n\n")])
def test_examples_stand_in_front_with_their_answer(letters: bool, solved: str) -> None:
    example = {"question": "무엇인가?", "choices": ["가", "나"], "answer": 1}

    context, *_ = asked(letters=letters, examples=[example])
    bare, *_ = asked(letters=letters)

    assert solved in context
    assert context.endswith(bare.split("\n\n", 1)[1])


def test_the_spaced_layout_has_the_same_words() -> None:
    parameters = ChoiceParameters()
    plain, spaced = (requests_for(question_of(ITEM), parameters, spaced=s)[0].context for s in (False, True))

    assert plain != spaced
    assert plain.split() == spaced.split()


def test_each_rule_may_choose_another_option() -> None:
    # By hand: sums -6 -8 -9; per token -6 -2 -3; per character -2 -2 -0.9.
    answers = [likely(-6.0, n_tokens=1), likely(-8.0, n_tokens=4), likely(-9.0, n_tokens=3)]

    rulings = read(answers, [" 가나다", " 가나다라", " 가나다라마바사아자차"])

    assert not isinstance(rulings, Unscored)
    assert [rulings[rule].chosen for rule in ("raw", "token", "char")] == [0, 1, 2]


def test_a_tie_is_no_choice_whatever_stands_first() -> None:
    rulings = read([likely(-3.0), likely(-3.0), likely(-4.0)], [" 가", " 나", " 다"])

    assert not isinstance(rulings, Unscored)
    raw = rulings["raw"]
    assert raw.chosen is None
    assert raw.fragile
    assert not any(raw.right(k) for k in range(3))
    assert [raw.right_at_best(k) for k in range(3)] == [True, True, False]


def test_a_margin_below_a_thousandth_is_counted_both_ways() -> None:
    rulings = read([likely(-3.0), likely(-3.0005), likely(-3.1)], [" 가", " 나", " 다"])

    assert not isinstance(rulings, Unscored)
    raw = rulings["raw"]
    assert (raw.right(0), raw.right_at_best(0), raw.right_at_worst(0)) == (True, True, False)
    assert (raw.right(1), raw.right_at_best(1), raw.right_at_worst(1)) == (False, True, False)
    assert (raw.right(2), raw.right_at_best(2), raw.right_at_worst(2)) == (False, False, False)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf], ids=["nan", "inf", "-inf"])
def test_what_is_no_number_is_never_an_answer(bad: float) -> None:
    # The record refuses such a number; this one has slipped past it.
    broken = LogLikelihoodAnswer.model_construct(logprob=bad, n_tokens=1, is_greedy=False, truncated=False)

    result = read([likely(-1.0), broken], [" 가", " 나"])

    assert isinstance(result, Unscored)
    assert result.reason is FailureReason.INVALID_LOGITS


def test_a_question_that_was_cut_was_not_asked() -> None:
    result = read([likely(-1.0), likely(-2.0, truncated=True)], [" 가", " 나"])

    assert isinstance(result, Unscored)
    assert result.reason is FailureReason.CONTEXT_TOO_LONG


def test_another_kind_of_answer_is_malformed() -> None:
    result = read([likely(-1.0), GenerateAnswer(text="나", finish="stop", n_tokens=1)], [" 가", " 나"])

    assert isinstance(result, Unscored)
    assert result.reason is FailureReason.MALFORMED


@given(st.lists(st.floats(-1000, 0), min_size=2, max_size=6))
def test_probabilities_sum_to_one_and_keep_the_order(scores: list[float]) -> None:
    chances = probabilities(scores)

    assert math.isclose(sum(chances), 1.0)
    assert all(
        (a >= b) for a, x in zip(chances, scores, strict=True) for b, y in zip(chances, scores, strict=True) if x >= y
    )


@given(st.lists(st.floats(-50, 0), min_size=2, max_size=6), st.randoms())
def test_permuting_the_options_permutes_the_choice(scores: list[float], chance: object) -> None:
    order = list(range(len(scores)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    texts = [f" {k}" for k in range(len(scores))]

    plain = read([likely(s) for s in scores], texts)
    moved = read([likely(scores[k]) for k in order], [texts[k] for k in order])

    assert not isinstance(plain, Unscored)
    assert not isinstance(moved, Unscored)
    chosen = moved["raw"].chosen
    assert plain["raw"].chosen == (None if chosen is None else order[chosen])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"answer": 3}, "answer: 3, but there are 3 choices"),
        ({"choices": ("3월 1일", "3월1일", "4월")}, "are the same"),
        ({"choices": ("가", " ", "나")}, "blank"),
        ({"protected": ("없는 말",)}, "protected: '없는 말'"),
    ],
    ids=["answer outside", "options alike but for a space", "blank option", "protected part absent"],
)
def test_faults_of_a_line_are_named(changes: dict[str, object], fault: str) -> None:
    assert any(fault in found for found in faults(ITEM.model_copy(update=changes)))
    assert not list(faults(ITEM))
