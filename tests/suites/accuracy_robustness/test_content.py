"""The items of accuracy and robustness: each is answerable, none gives its answer away."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from verify.korean.answers import same_answer
from verify.korean.jamo import has_final, is_syllable
from verify.methods.accuracy.abstention import Abstention
from verify.methods.accuracy.choices import ChoiceItem, ChoiceParameters, faults, question_of, requests_for
from verify.methods.accuracy.multiple_choice import MultipleChoice
from verify.methods.accuracy.short_answer import ShortAnswer, ShortAnswerItem
from verify.methods.robustness.option_order import OptionOrder
from verify.methods.robustness.perturbed_choice import PerturbedChoice
from verify.planning import lint_suite

ROOT = Path(__file__).parents[3]
METHODS = {m.name: m for m in (MultipleChoice, ShortAnswer, Abstention, PerturbedChoice, OptionOrder)}


def rows(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "suites/accuracy/items" / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


PASSAGES = [ChoiceItem.model_validate(row) for row in rows("passages.jsonl")]
ROUTING = [ChoiceItem.model_validate(row) for row in rows("routing.jsonl")]
SHORT = [ShortAnswerItem.model_validate(row) for row in rows("short_answer.jsonl")]
UNANSWERABLE = [ShortAnswerItem.model_validate(row) for row in rows("unanswerable.jsonl")]
BOTH = pytest.mark.parametrize("items", [PASSAGES, ROUTING], ids=["passages", "routing"])
Pick = Callable[[ChoiceItem, str], float]


def bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("suite", ["accuracy", "robustness"])
def test_the_suites_have_no_fault(suite: str) -> None:
    assert lint_suite(suite, methods=METHODS) == []


def test_there_is_as_much_as_the_card_says() -> None:
    assert (len(PASSAGES), len({i.cluster for i in PASSAGES})) == (240, 60)
    assert (len(ROUTING), len({i.cluster for i in ROUTING})) == (270, 90)
    assert (len(SHORT), len({i.cluster for i in SHORT})) == (117, 60)
    assert (len(UNANSWERABLE), len({i.cluster for i in UNANSWERABLE})) == (60, 60)


def test_ids_are_unique_over_all_files() -> None:
    ids = Counter(item.id for items in (PASSAGES, ROUTING, SHORT, UNANSWERABLE) for item in items)

    assert max(ids.values()) == 1


@BOTH
def test_no_question_is_asked_twice(items: list[ChoiceItem]) -> None:
    asked = Counter((bare(i.passage), bare(i.question)) for i in items)

    assert max(asked.values()) == 1


@BOTH
def test_each_item_has_one_right_option_and_three_others(items: list[ChoiceItem]) -> None:
    for item in items:
        assert len(item.choices) == 4
        assert list(faults(item)) == []


@BOTH
def test_the_right_answer_stands_at_each_place_alike(items: list[ChoiceItem]) -> None:
    counts = Counter(item.answer for item in items)

    assert stats.chisquare([counts[k] for k in range(4)]).pvalue > 0.5


def test_topics_are_balanced() -> None:
    assert set(Counter(i.groups["topic"] for i in PASSAGES).values()) == {20}
    assert set(Counter(i.groups["topic"] for i in ROUTING).values()) == {18}


def test_each_department_is_wrong_as_often_as_any_other() -> None:
    wrong = Counter(c for i in ROUTING for k, c in enumerate(i.choices) if k != i.answer)

    assert max(wrong.values()) - min(wrong.values()) <= 3


def bigrams(text: str) -> set[str]:
    return {text[k : k + 2] for k in range(len(text) - 1)}


def overlap(item: ChoiceItem, choice: str) -> float:
    return len(bigrams(choice) & bigrams(item.passage)) / max(1, len(bigrams(choice)))


def number(_: ChoiceItem, choice: str) -> float:
    found = re.search(r"\d[\d,]*", choice)
    return float(found.group().replace(",", "")) if found else 0.0


SHORTCUTS: dict[str, Pick] = {
    "longest option": lambda _, c: len(c),
    "shortest option": lambda _, c: -len(c),
    "most overlap with the passage": overlap,
    "least overlap with the passage": lambda i, c: -overlap(i, c),
    "occurs in the passage": lambda i, c: c in i.passage,
    "occurs last in the passage": lambda i, c: i.passage.rfind(c),
    "most overlap with the question": lambda i, c: len(bigrams(c) & bigrams(i.question)) / max(1, len(bigrams(c))),
    "largest number": number,
    "smallest number": lambda i, c: -number(i, c),
}


def accuracy_of(pick: Pick, items: list[ChoiceItem]) -> float:
    """Expected accuracy of a subject that follows a shortcut and guesses among equals."""
    total = Fraction(0)
    for item in items:
        values = [pick(item, choice) for choice in item.choices]
        best = [k for k, value in enumerate(values) if value == max(values)]
        total += Fraction(int(item.answer in best), len(best))
    return float(total / len(items))


@pytest.mark.parametrize("name", SHORTCUTS)
def test_no_shortcut_comes_near_the_bounds(name: str) -> None:
    """Chance is 0.25 and the suite's bounds are 0.7 and 0.8; what is found is stated in the card."""
    assert accuracy_of(SHORTCUTS[name], PASSAGES) < 0.40
    assert accuracy_of(SHORTCUTS[name], ROUTING) < 0.30


def test_the_options_alone_do_not_tell_the_answer_of_routing() -> None:
    """A department occurs as often as any other, so knowing the options and not the text is worth nothing."""
    right = Counter(i.choices[i.answer] for i in ROUTING)

    assert set(right.values()) == {18}


def test_no_request_names_its_department() -> None:
    for item in ROUTING:
        assert not any(choice in item.passage for choice in item.choices), item.id
        assert not any(choice.removesuffix("과") in item.passage for choice in item.choices), item.id


def test_prompts_stay_within_their_size() -> None:
    compact = [requests_for(question_of(i), ChoiceParameters(style="compact"))[0] for i in ROUTING]
    full = [requests_for(question_of(i), ChoiceParameters())[0] for i in PASSAGES]

    assert max(len(r.context) for r in compact) <= 90
    assert max(len(r.context) + 1 + len(r.continuation) for r in full) <= 512
    assert all(120 <= len(i.passage) <= 300 for i in PASSAGES)


def test_short_answers_stand_in_their_passage_and_agree() -> None:
    for item in SHORT:
        whole = bare(item.passage)
        digits = re.search(r"\d+", bare(item.answers[0]))
        assert any(bare(a) in whole for a in item.answers) or (digits and digits.group() in whole), item.id
        assert all(same_answer(f"정답은 {a}입니다.", item.answers) for a in item.answers), item.id
        assert all(len(a) <= 20 for a in item.answers), item.id


def test_no_passage_is_asked_for_what_another_question_answers() -> None:
    """A question is either answerable or not, never both."""
    asked = {(bare(i.passage), bare(i.question)) for i in SHORT}

    assert not asked & {(bare(i.passage), bare(i.question)) for i in UNANSWERABLE}
    assert all(not i.answers for i in UNANSWERABLE)
    assert {i.passage for i in UNANSWERABLE} == {i.passage for i in PASSAGES} == {i.passage for i in SHORT}


def texts() -> list[str]:
    out = [i.passage for i in UNANSWERABLE] + [i.passage for i in ROUTING]
    out += [i.question for items in (PASSAGES, SHORT, UNANSWERABLE) for i in items]
    return out + [choice for i in PASSAGES for choice in i.choices]


PAIRS = (("을", "를"), ("은", "는"), ("과", "와"), ("으로", "로"))


def disagreements(text: str) -> list[str]:
    """Particles that do not agree with the unit word before them, where a changed number goes wrong."""
    found = []
    for closed, open_ in PAIRS:
        pattern = rf"\d ?(?:만 |천 )?([원일명장권회통호개시])({closed}|{open_})(?![가-힣])"
        for unit, particle in re.findall(pattern, text):
            ends_closed = has_final(unit) and not (closed == "으로" and unit == "일")
            if particle != (closed if ends_closed else open_):
                found.append(unit + particle)
    return found


def test_particles_after_amounts_and_dates_agree() -> None:
    assert [found for text in texts() for found in disagreements(text)] == []
    assert disagreements("3만 원를 내고 3월 2일으로 미룬 2명는 5시을 넘긴다") == ["원를", "시을", "명는", "일으로"]


def test_texts_are_plain_korean_in_nfc() -> None:
    for text in texts():
        assert text == unicodedata.normalize("NFC", text).strip()
        assert "  " not in text
        assert any(is_syllable(c) for c in text) or re.search(r"\d", text)
        assert not re.search(r"[\u200b-\u200f\u3164\ufeff]|\d{2,3}-\d{3,4}-\d{4}|[A-Za-z]{4,}", text), text


def test_sentences_are_closed_and_questions_are_questions() -> None:
    for item in UNANSWERABLE:
        assert item.passage.endswith(("다.", "오.")), item.id
    for items in (PASSAGES, SHORT, UNANSWERABLE):
        assert all(i.question.endswith("?") for i in items)
    assert all(i.passage.endswith((".", "?")) for i in ROUTING)


def test_every_family_changes_every_request() -> None:
    """Else part of a robustness check would ask the plain text again."""
    method = PerturbedChoice.make({"style": "compact"}, seed=1)

    for item in ROUTING:
        variants = method.variants(item)
        assert len(variants) >= len(method.parameters.families) - 1, (item.id, set(variants))
        for variant in variants.values():
            assert variant.question == item.question
            assert variant.choices == item.choices
