"""Choice questions: how they are put to the subject, and how its log-likelihoods become a choice.

Three rules read the same answers (the choice may differ between them):

- ``raw``: the sum of log-probabilities of the option's tokens; favours short options;
- ``token``: that sum divided by the number of tokens; depends on the tokenizer;
- ``char``: that sum divided by the option's characters, the ``acc_norm`` of lm-evaluation-harness.

A tie is no choice. ``argmax`` would hand it to the first option, and a subject that answers all options
alike would be right as often as the right answer stands first.
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from pydantic import Field

from verify.methods.base import Parameters
from verify.records import (
    Answer,
    FailureReason,
    Item,
    LogLikelihood,
    LogLikelihoodAnswer,
    Record,
    Strings,
    Tuple,
    Unscored,
)

LETTERS: Final = "ABCDEF"
FRAGILE: Final = 1e-3
"""Nats between the two best options below which another batch size or device may turn the choice."""
_TIE: Final = 1e-12

Rule: TypeAlias = Literal["raw", "token", "char"]
RULES: Final[tuple[Rule, ...]] = ("raw", "token", "char")

Choices = Annotated[tuple[str, ...], Tuple, Field(min_length=2, max_length=len(LETTERS))]


class ChoiceExample(Record):
    """A solved question that is shown before each item; it must not be an item of the check."""

    passage: str = ""
    question: str = Field(min_length=1)
    choices: Choices
    answer: int = Field(ge=0, lt=len(LETTERS))
    """Index of the right option."""


class ChoiceItem(Item):
    """A question with options, of which one is right; the passage, if any, holds the answer."""

    passage: str = ""
    """Text in front of the question."""
    question: str = Field(min_length=1)
    """What is asked."""
    choices: Choices
    """The options, in the order in which they are shown."""
    answer: int = Field(ge=0, lt=len(LETTERS))
    """Index of the right option, counted from 0."""
    protected: Strings = ()
    """Parts of passage or question that a disturbance leaves alone, because the answer hangs on them."""


class ChoiceParameters(Parameters):
    """How choice questions are put."""

    style: Literal["full", "compact"] = "full"
    """`compact` has no instruction and one line of options: for short texts and small contexts."""
    letters: bool = False
    """Score the letter of an option (A, B, ...) instead of its text."""
    examples: Annotated[tuple[ChoiceExample, ...], Tuple, Field(max_length=5)] = ()
    """Solved questions in front; the same for all items, so that a runtime computes them once."""


class Question(NamedTuple):
    """What of an item the subject gets to see."""

    passage: str
    question: str
    choices: Sequence[str]


class Ruling(NamedTuple):
    """What one rule reads from the answers."""

    scores: tuple[float, ...]
    """Score of each option, in nats (or nats a token, nats a character)."""
    chosen: int | None
    """Index of the best option; None where the best two tie."""
    fragile: bool
    """Whether the best two are nearer than `FRAGILE`."""

    @property
    def open(self) -> frozenset[int]:
        """The options that could be chosen, if all differences below `FRAGILE` fell their way."""
        return near_best(self.scores)

    def right(self, answer: int) -> bool:
        """Whether the right option was chosen; a tie is never right."""
        return self.chosen == answer

    def right_at_best(self, answer: int) -> bool:
        """Whether it could be, if all differences below `FRAGILE` fell the right way."""
        return answer in self.open

    def right_at_worst(self, answer: int) -> bool:
        """Whether it would stay chosen, if they all fell the wrong way."""
        return self.right(answer) and not self.fragile


def near_best(scores: Sequence[float]) -> frozenset[int]:
    """Places of the scores that lie nearer than `FRAGILE` to the best, which is one of them."""
    best = max(scores)
    return frozenset(place for place, score in enumerate(scores) if score > best - FRAGILE)


def question_of(item: ChoiceItem | ChoiceExample) -> Question:
    """The item as it is, undisturbed."""
    return Question(item.passage, item.question, item.choices)


def requests_for(shown: Question, parameters: ChoiceParameters, *, spaced: bool = False) -> list[LogLikelihood]:
    """One request for each option, in order; all share the context.

    Args:
        shown: What to ask.
        parameters: Style, letters and examples.
        spaced: Put blank lines between the parts: the same words in another layout.
    """
    context = _examples(parameters) + _block(shown, parameters, gap="\n\n" if spaced else "\n")
    if parameters.style == "full":
        context = f"{_instruction(shown.passage)}\n\n{context}"
    return [LogLikelihood(context=context, continuation=" " + c) for c in _continuations(shown, parameters)]


def _instruction(passage: str) -> str:
    reading = "다음 글을 읽고 " if passage else "다음 "
    return reading + "물음에 알맞은 답을 보기에서 고르시오."


def _examples(parameters: ChoiceParameters) -> str:
    solved = []
    for example in parameters.examples:
        shown = question_of(example)
        answer = _continuations(shown, parameters)[example.answer]
        solved.append(f"{_block(shown, parameters, gap=chr(10))} {answer}\n\n")
    return "".join(solved)


def _block(shown: Question, parameters: ChoiceParameters, *, gap: str) -> str:
    compact = parameters.style == "compact"
    if compact:
        labels = [f"{letter} " for letter in LETTERS] if parameters.letters else [""] * len(LETTERS)
        options = "보기: " + " / ".join(f"{a}{c}" for a, c in zip(labels, shown.choices, strict=False))
    else:
        labels = [f"{letter}. " for letter in LETTERS] if parameters.letters else ["- "] * len(LETTERS)
        options = "보기:\n" + "\n".join(f"{a}{c}" for a, c in zip(labels, shown.choices, strict=False))
    parts = [] if not shown.passage else [shown.passage if compact else f"글: {shown.passage}"]
    parts += [shown.question if compact else f"물음: {shown.question}", options, "정답:"]
    return gap.join(parts)


def _continuations(shown: Question, parameters: ChoiceParameters) -> Sequence[str]:
    return LETTERS[: len(shown.choices)] if parameters.letters else shown.choices


def read(answers: Sequence[Answer], continuations: Sequence[str]) -> dict[Rule, Ruling] | Unscored:
    """What each rule reads from the answers to `requests_for`.

    Args:
        answers: One for each option, in order.
        continuations: What was scored for each option.

    Returns:
        The rulings; or why there are none: a log-probability is not a number, the prompt was cut.
    """
    sums, tokens = [], []
    for answer in answers:
        if not isinstance(answer, LogLikelihoodAnswer):
            return Unscored(reason=FailureReason.MALFORMED, detail=f"{answer.kind} for a log-likelihood")
        if not math.isfinite(answer.logprob):
            return Unscored(reason=FailureReason.INVALID_LOGITS, detail="a log-probability is not finite")
        if answer.truncated:
            return Unscored(reason=FailureReason.CONTEXT_TOO_LONG, detail="the question was cut to fit")
        sums.append(answer.logprob)
        tokens.append(answer.n_tokens)
    lengths = [len(unicodedata.normalize("NFC", text.strip())) for text in continuations]
    return {
        "raw": _ruling(sums),
        "token": _ruling([s / n for s, n in zip(sums, tokens, strict=True)]),
        "char": _ruling([s / n for s, n in zip(sums, lengths, strict=True)]),
    }


def _ruling(scores: Sequence[float]) -> Ruling:
    best, second = sorted(scores, reverse=True)[:2]
    chosen = None if best - second <= _TIE else scores.index(best)
    return Ruling(tuple(scores), chosen, best - second < FRAGILE)


def probabilities(scores: Sequence[float]) -> list[float]:
    """Softmax of log-likelihoods: the subject's probabilities, given that one of the options is meant."""
    best = max(scores)
    weights = [math.exp(score - best) for score in scores]
    return [weight / sum(weights) for weight in weights]


def faults(item: ChoiceItem) -> Iterator[str]:
    """What is wrong with an item although each of its fields is valid."""
    if item.answer >= len(item.choices):
        yield f"answer: {item.answer}, but there are {len(item.choices)} choices (0 is the first)"
    seen: dict[str, str] = {}
    for choice in item.choices:
        bare = "".join(unicodedata.normalize("NFKC", choice).split()).casefold()
        if not bare:
            yield "choices: one of them is blank"
        elif bare in seen:
            yield f"choices: {choice!r} and {seen[bare]!r} are the same"
        seen[bare] = choice
    for part in item.protected:
        if not part or part not in item.passage + "\n" + item.question:
            yield f"protected: {part!r} is neither in the passage nor in the question"
