"""Synthetic rounds with the shapes of the field's tasks; every text is made of pseudo-words."""

import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.benchmarks.toy import Toy
from verify.records import Generate, LogLikelihood, Request, TokenLogProbs


class Workload(NamedTuple):
    """A round, and how it is thinned for the slower side."""

    requests: list[Any]
    every: int
    """lm-eval is timed on every n-th context, and scaled by tokens: it shares nothing, so it is linear."""
    goal: float | None
    """How many times faster than lm-eval this shall be; None where no goal was set."""


class _Prose:
    def __init__(self, toy: Toy, *, seed: int) -> None:
        self._toy, self.rng = toy, random.Random(seed)

    def text(self, low: int, high: int) -> str:
        """Words of `low` to `high` tokens together."""
        count = self.rng.randint(low, high)
        words = " ".join(self.rng.choice(self._toy.words) for _ in range(count))
        ids = self._toy.tokenizer.encode(words, add_special_tokens=False)[:count]
        return self._toy.tokenizer.decode(ids).replace("\ufffd", "").strip()

    def choice(self, low: int, high: int, *, options: tuple[int, int]) -> str:
        """A question with four options."""
        lines = [self.text(low, high), *(f"{letter}. {self.text(*options)}" for letter in "ABCD"), "답:"]
        return "\n".join(lines)

    def shots(self, count: int = 5) -> str:
        """Worked examples."""
        return "".join(f"{self.choice(60, 90, options=(10, 16))} {self.rng.choice('ABCD')}\n\n" for _ in range(count))


def choice(toy: Toy, *, questions: int = 100, subjects: int = 1) -> list[Request]:
    """5-shot multiple choice by letter (MMLU, KMMLU): one prefix a subject, four letters a question."""
    prose = _Prose(toy, seed=1)
    contexts: list[str] = []
    for _ in range(subjects):
        prefix = prose.shots()
        contexts += [prefix + prose.choice(35, 75, options=(6, 14)) for _ in range(questions)]
    return [LogLikelihood(context=c, continuation=f" {letter}") for c in contexts for letter in "ABCD"]


def options(toy: Toy, *, items: int = 60, shots: int = 0) -> list[Request]:
    """Long options after a context (HellaSwag), without or with examples."""
    prose = _Prose(toy, seed=2)
    prefix = "".join(f"{prose.text(100, 120)} {prose.text(10, 20)}\n\n" for _ in range(shots))
    asked: list[Request] = []
    for _ in range(items):
        context = prefix + prose.text(80, 120)
        asked += [
            LogLikelihood(context=context, continuation=f" {prose.text(10, 20)}")
            for _ in range(prose.rng.choice([3, 4]))
        ]
    return asked


def perturbed(toy: Toy, *, items: int = 4, variants: int = 12) -> list[Request]:
    """The same 5-shot question with a typing error in its last third, by letter."""
    prose = _Prose(toy, seed=3)
    prefix = prose.shots()
    asked: list[Request] = []
    for _ in range(items):
        question = prose.choice(60, 80, options=(6, 14))
        body, rest = question.split("\n", 1)
        for variant in range(variants):
            at = prose.rng.randint(int(0.7 * len(body)), len(body) - 2)
            changed = body if variant == 0 else body[:at] + prose.rng.choice("가나다라마바사") + body[at + 1 :]
            context = f"{prefix}{changed}\n{rest}"
            asked += [LogLikelihood(context=context, continuation=f" {letter}") for letter in "ABCD"]
    return asked


def documents(toy: Toy, *, count: int = 40) -> list[Request]:
    """Log-probabilities of whole texts; nothing is shared."""
    prose = _Prose(toy, seed=4)
    return [TokenLogProbs(text=prose.text(200, 400)) for _ in range(count)]


def writing(toy: Toy, *, count: int = 16) -> list[Request]:
    """64 new tokens after a system prompt that all requests share."""
    prose = _Prose(toy, seed=5)
    system = prose.text(200, 200)
    return [Generate(prompt=f"{system}\n\n질문: {prose.text(30, 60)}\n답:", max_tokens=64) for _ in range(count)]


WORKLOADS: Mapping[str, Callable[[Toy], Workload]] = {
    "choice-5-shot": lambda toy: Workload(choice(toy), every=5, goal=10.0),
    "options-0-shot": lambda toy: Workload(options(toy), every=1, goal=4.0),
    "options-5-shot": lambda toy: Workload(options(toy, items=10, shots=5), every=2, goal=16.0),
    "perturbed-5-shot": lambda toy: Workload(perturbed(toy), every=4, goal=12.0),
    "documents": lambda toy: Workload(documents(toy), every=1, goal=1.0),
    "writing": lambda toy: Workload(writing(toy), every=1, goal=1.5),
}
"""For a CPU."""
LARGE: Mapping[str, Callable[[Toy], Workload]] = {
    "choice-5-shot": lambda toy: Workload(choice(toy, questions=250, subjects=4), every=4, goal=None),
    "options-0-shot": lambda toy: Workload(options(toy, items=800), every=2, goal=None),
    "options-5-shot": lambda toy: Workload(options(toy, items=200, shots=5), every=4, goal=None),
    "perturbed-5-shot": lambda toy: Workload(perturbed(toy, items=60), every=8, goal=None),
    "documents": lambda toy: Workload(documents(toy, count=600), every=1, goal=None),
    "writing": lambda toy: Workload(writing(toy, count=128), every=1, goal=None),
}
"""For an accelerator: as much as keeps it busy for seconds."""
