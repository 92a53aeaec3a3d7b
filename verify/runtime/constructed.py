"""A subject without weights: it answers by a table, so that the truth about it is exact.

Constructed oracles show whether the instrument reports what is there: a subject that is right on exactly k of
n questions has to measure k / n. They pass through the same process, frames and limits as every other subject.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from verify.records import (
    AccessLevel,
    Failed,
    FailureReason,
    GenerateAnswer,
    LogLikelihoodAnswer,
    Record,
    Request,
    RequestKind,
    Response,
    Strings,
    Tuple,
)
from verify.runtime.base import Answered
from verify.runtime.facts import EngineFacts

TABLE: Final = "answers.json"
"""The one file of a constructed subject."""
LIKELY: Final = -0.5
"""Log-probability of a favoured answer: the better one however long the answers are."""
UNLIKELY: Final = -50.0
SMALL_BATCH: Final = 16
"""Requests below which a batch-variant subject answers otherwise."""
DRIFT: Final = -0.25
"""What a wavering answer is off by, in nats."""


class AnswerTable(Record):
    """`answers.json`: what a constructed subject answers; requests are named by `request_key`."""

    answers: Annotated[tuple[RequestKind, ...], Tuple]
    """Kinds of request that it can answer."""
    favoured: Strings = ()
    """Answers that it finds likely; any other one is unlikely."""
    invalid: Strings = ()
    """Answers whose log-probability is NaN."""
    texts: dict[str, str] = Field(default_factory=dict)
    """Request -> what is written."""
    written: str = ""
    """What is written in answer to every other request."""
    floods: Strings = ()
    """Requests that are answered with `flood` characters."""
    flood: int = Field(default=0, ge=0)
    wavers: Literal["never", "when-asked-again", "in-small-batches"] = "never"
    """When its likelihoods move: not a fault of one answer but of the subject."""


def request_key(request: Request) -> str:
    """Sixteen hexadecimal digits that stand for a request in a table."""
    return request.content_digest()[7:23]


def open_constructed(folder: Path) -> "ConstructedEngine":
    """Open the table in a folder.

    Raises:
        ValidationError: The table is not one.
    """
    return ConstructedEngine(AnswerTable.model_validate(json.loads((folder / TABLE).read_bytes())))


class ConstructedEngine:
    """Answers by the table."""

    def __init__(self, table: AnswerTable) -> None:
        self._table = table
        self._favoured, self._invalid = frozenset(table.favoured), frozenset(table.invalid)
        self._floods = frozenset(table.floods)
        self._asked: Counter[str] = Counter()
        access = AccessLevel.TEXT if table.answers == ("generate",) else AccessLevel.WEIGHTS
        self.facts = EngineFacts(access=access, answers=table.answers, architecture="constructed", device="cpu")

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request in order; `WorkerRuntime` asks only for kinds that the table answers."""
        for position, request in enumerate(requests):
            key = request_key(request)
            self._asked[key] += 1
            if request.kind == "loglikelihood":
                yield Answered(position, self._likelihood(key, together=len(requests)))
            else:
                yield Answered(position, self._written(key))

    def _likelihood(self, key: str, *, together: int) -> Response:
        logprob = LIKELY if key in self._favoured else UNLIKELY
        if key in self._invalid:
            logprob = math.nan
        if self._table.wavers == "when-asked-again" and self._asked[key] % 2 == 0:
            logprob += DRIFT
        if self._table.wavers == "in-small-batches" and together < SMALL_BATCH:
            logprob += DRIFT
        if not math.isfinite(logprob):  # as an engine that computes logits says it
            return Failed(reason=FailureReason.INVALID_LOGITS, detail="NaN or infinite logits")
        return LogLikelihoodAnswer(logprob=logprob, n_tokens=1, is_greedy=key in self._favoured)

    def _written(self, key: str) -> Response:
        text = "가" * self._table.flood if key in self._floods else self._table.texts.get(key, self._table.written)
        return GenerateAnswer(text=text, finish="stop", n_tokens=len(text))
