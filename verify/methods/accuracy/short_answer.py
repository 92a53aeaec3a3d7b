"""Short answers in the subject's own words, held exactly against the accepted ones."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from verify.korean.answers import extract, same_answer, stripped
from verify.methods.base import Examination, Method, Metric, Parameters
from verify.methods.estimating import Estimator
from verify.records import (
    Answer,
    Estimand,
    Estimate,
    FailureReason,
    Generate,
    GenerateAnswer,
    Item,
    ItemScore,
    Levels,
    Message,
    Scored,
    Strings,
    Unscored,
)

_LONGEST = 60
"""Characters of a first line that is taken for the whole answer when the text was cut after it."""


class ShortAnswerItem(Item):
    """A question on a passage, with everything that counts as its answer."""

    passage: str = ""
    question: str = Field(min_length=1)
    answers: Strings = ()
    """Accepted answers, the plainest first. Empty: the passage does not hold the answer (`abstention`)."""


class ShortAnswerParameters(Parameters):
    """How answers are asked for."""

    max_tokens: Annotated[int, Field(ge=1, le=32768)] = 64
    """Room for the answer; a reasoning subject that thinks in its answer needs thousands."""


def prompt_for(item: ShortAnswerItem, *, rule: str, max_tokens: int) -> Generate:
    """The question as one message, which a chat template turns into a conversation.

    Args:
        item: What to ask.
        rule: Sentence that says how to answer.
        max_tokens: Room for the answer.
    """
    reading = "다음 글을 읽고 물음에 답하시오." if item.passage else "다음 물음에 답하시오."
    passage = f"글: {item.passage}\n" if item.passage else ""
    content = f"{reading} {rule}\n\n{passage}물음: {item.question}\n답:"
    return Generate(messages=(Message(role="user", content=content),), max_tokens=max_tokens)


def answer_in(response: Answer) -> str | Unscored:
    """The answer that a response gives, or why none can be read from it.

    Taken is what stands after a marker (``답:``) or a text of one short line. Where the text was cut at
    `max_tokens`, only a first line that had ended is known to be complete.
    """
    if not isinstance(response, GenerateAnswer):
        return Unscored(reason=FailureReason.MALFORMED, detail=f"{response.kind} for a text")
    text = response.text.strip()
    if not stripped(text):
        return Unscored(reason=FailureReason.EMPTY, detail="no answer was written")
    if response.finish == "length":
        first, ended, _ = text.partition("\n")
        if ended and len(first) <= _LONGEST:
            return extract(first) or first
        return Unscored(reason=FailureReason.TRUNCATED, detail="cut before the answer ended")
    found = extract(text)
    if found is None or not stripped(found):
        return Unscored(reason=FailureReason.UNPARSABLE, detail="a text of several lines that marks no answer")
    return found


class ShortAnswer(Method[ShortAnswerItem, ShortAnswerParameters]):
    """The subject writes the answer; amounts, dates and names are compared by value (`same_answer`)."""

    name = "short-answer"
    item_type = ShortAnswerItem
    parameters_type = ShortAnswerParameters
    needs = frozenset({"generate"})
    metrics = (
        Metric(
            name="exact_match",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Share of answers that say the same as an accepted one; empty and cut ones are unscored.",
        ),
    )

    item_values = MappingProxyType({"exact_match": "exact_match"})

    def check_row(self, row: ShortAnswerItem) -> Iterable[str]:
        """No accepted answer, or one that says nothing."""
        return faults(row, required=True)

    def examine(self, item: ShortAnswerItem) -> Examination:
        """Ask once, greedily."""
        rule = "설명 없이 답만 짧게 쓰시오."
        (response,) = yield [prompt_for(item, rule=rule, max_tokens=self.parameters.max_tokens)]
        given = answer_in(response)
        if isinstance(given, Unscored):
            return given
        right = same_answer(given, item.answers)
        labels = {"answer": item.answers[0], "given": given[:200]}
        return Scored(values={"exact_match": float(right)}, labels=labels, defect=not right)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Over all items and by facet."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        yield from estimator.proportion("exact_match", "exact_match")
        for facet in sorted({facet for score in scores for facet in score.groups}):
            yield from estimator.proportion("exact_match", "exact_match", by=facet)


def faults(item: ShortAnswerItem, *, required: bool) -> Iterable[str]:
    """What is wrong with an item although each of its fields is valid."""
    if required and not item.answers:
        yield "answers: none; a question without an answer in its passage belongs to the method abstention"
    for text in item.answers:
        if not stripped(text):
            yield f"answers: {text!r} says nothing"
