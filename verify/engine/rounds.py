"""The rounds: all items of all checks to their next request, the union to the runtime, the answers back.

Deterministic and without async. A run that was killed resumes by replay: generators start again from the
beginning and are fed from the journal until they ask something new.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from verify.engine.journal import Keeper
from verify.engine.stopping import Decided, batches
from verify.errors import RunError
from verify.methods.base import Examination, Method
from verify.planning import PlannedExamination
from verify.records import Failed, ItemScore, KeptResponse, Request, Response, Score, Scored, Unscored
from verify.runtime.base import Answered, Runtime

Gate: TypeAlias = Callable[[Request, Response], Response]
"""What every answer passes before it is kept or scored: redaction of personal data."""

_Sheet: TypeAlias = dict[str, list[Score | None]]
"""Check -> score of each of its items, None while it is being examined."""

COMMIT_SECONDS = 0.5
"""Answers are committed at least this often; what was not committed is asked again after a kill."""
COMMIT_ROWS = 256


class Progress(Protocol):
    """Told of progress; shows it or not."""

    def round(self, number: int, *, requests: int, kept: int) -> None:
        """A round begins: so many distinct requests, of which so many are answered already."""
        ...

    def answered(self, count: int) -> None:
        """So many more requests of the round were answered."""
        ...


class Silent:
    """Progress that nobody sees."""

    def round(self, number: int, *, requests: int, kept: int) -> None:
        """Nothing."""

    def answered(self, count: int) -> None:
        """Nothing."""


class Examined(NamedTuple):
    """What came of the examinations."""

    scores: dict[str, list[ItemScore]]
    """Check -> scores, in the order of its items."""
    exchanges: tuple[KeptResponse, ...]
    """Every distinct request that was made and its answer, in the order in which it was first made."""


class _Open(NamedTuple):
    """An examination that waits for answers."""

    check: str
    position: int
    method: Method  # type: ignore[type-arg]
    examination: Examination
    asked: tuple[tuple[str, Request], ...]
    """Content digest and request of what it waits for."""


def examine(
    examinations: Sequence[PlannedExamination],
    runtime: Runtime,
    journal: Keeper,
    *,
    gate: Gate,
    progress: Progress,
    decided: Decided | None = None,
) -> Examined:
    """Carry out all examinations of a plan: batch by batch over all checks, and round by round within a batch.

    A check without `stopping` is one batch. The others are looked at after each; what is decided asks no more.

    Args:
        examinations: Checks with their items.
        runtime: Answers the requests.
        journal: Keeps the answers; what it holds is not asked again.
        gate: Applied to each answer before it is kept.
        progress: Told of rounds and answers.
        decided: Whether the scores so far decide a check that may end early; None asks all.

    Raises:
        RunError: The runtime or the journal broke, or a method broke its contract; resume with the same command.
    """
    scores: _Sheet = {e.check.name: [None] * len(e.items) for e in examinations}
    asked_by: dict[str, list[list[str]]] = {e.check.name: [[] for _ in e.items] for e in examinations}
    made: dict[str, KeptResponse] = {}
    number = 0
    for parts in _batches(examinations, scores, asked_by, decided):
        waiting = list(_begin(parts, scores))
        while waiting:
            number += 1
            asked = dict(pair for item in waiting for pair in item.asked)
            for item in waiting:
                asked_by[item.check][item.position].extend(key for key, _ in item.asked)
            answers = _ask(asked, runtime, journal, gate=gate, progress=progress, number=number)
            for key, request in asked.items():
                made.setdefault(key, KeptResponse(digest=key, request=request, response=answers[key]))
            waiting = [again for item in waiting if (again := _continue(item, answers, scores)) is not None]
    found = {e.check.name: _item_scores(e, scores[e.check.name], asked_by[e.check.name]) for e in examinations}
    return Examined(found, tuple(made.values()))


class _Part(NamedTuple):
    """Items of a check that are asked in one batch."""

    planned: PlannedExamination
    positions: range


def _batches(
    examinations: Sequence[PlannedExamination],
    scores: _Sheet,
    asked_by: Mapping[str, Sequence[Sequence[str]]],
    decided: Decided | None,
) -> Iterator[list[_Part]]:
    """The next batch of every check that is still open, until none is."""
    open_ = [(planned, batches(planned)) for planned in examinations]
    first = True
    while open_:
        parts: list[_Part] = []
        still: list[tuple[PlannedExamination, Iterator[range]]] = []
        for planned, rest in open_:
            name = planned.check.name
            if not first and decided and decided(planned, _item_scores(planned, scores[name], asked_by[name])):
                continue
            positions = next(rest, None)
            if positions is not None:
                parts.append(_Part(planned, positions))
                still.append((planned, rest))
        open_, first = still, False
        if parts:
            yield parts


def _begin(parts: Sequence[_Part], scores: _Sheet) -> Iterator[_Open]:
    for planned, positions in parts:
        for position in positions:
            examination = planned.method.examine(planned.items[position])
            try:
                asked = _keyed(next(examination))
            except StopIteration as stop:  # nothing to ask: the score follows from the item alone
                scores[planned.check.name][position] = _checked(stop.value, planned.check.name)
                continue
            yield _Open(planned.check.name, position, planned.method, examination, asked)


def _continue(item: _Open, answers: dict[str, Response], scores: _Sheet) -> _Open | None:
    given = [answers[key] for key, _ in item.asked]
    if not item.method.takes_failures:
        failed = next((a for a in given if isinstance(a, Failed)), None)
        if failed is not None:
            item.examination.close()
            scores[item.check][item.position] = Unscored(reason=failed.reason, detail=failed.detail)
            return None
    try:
        asked = _keyed(item.examination.send(given))  # type: ignore[arg-type]  # Failed only where it is taken
    except StopIteration as stop:
        scores[item.check][item.position] = _checked(stop.value, item.check)
        return None
    return item._replace(asked=asked)


def _keyed(requests: Sequence[Request]) -> tuple[tuple[str, Request], ...]:
    return tuple((request.content_digest(), request) for request in requests)


def _ask(
    asked: Mapping[str, Request],
    runtime: Runtime,
    journal: Keeper,
    *,
    gate: Gate,
    progress: Progress,
    number: int,
) -> dict[str, Response]:
    answers = journal.get(list(asked))
    progress.round(number, requests=len(asked), kept=len(answers))
    new = [(key, request) for key, request in asked.items() if key not in answers]
    if not new:
        return answers
    pending: list[KeptResponse] = []
    committed = time.monotonic()
    for answered in _once_each(runtime.answer([request for _, request in new]), len(new)):
        key, request = new[answered.position]
        answers[key] = gate(request, answered.response)
        pending.append(KeptResponse(digest=key, request=request, response=answers[key]))
        if len(pending) >= COMMIT_ROWS or time.monotonic() - committed >= COMMIT_SECONDS:
            journal.put(pending)
            progress.answered(len(pending))
            pending, committed = [], time.monotonic()
    journal.put(pending)
    progress.answered(len(pending))
    return answers


def _once_each(answers: Iterator[Answered], count: int) -> Iterator[Answered]:
    seen = bytearray(count)
    for answered in answers:
        if not 0 <= answered.position < count or seen[answered.position]:
            raise RunError(f"the runtime answered request {answered.position} of {count} twice or out of range")
        seen[answered.position] = 1
        yield answered
    missing = count - sum(seen)
    if missing:
        raise RunError(
            f"the runtime left {missing} of {count} requests without an answer; run the same command to resume"
        )


def _checked(value: object, check: str) -> Score:
    if isinstance(value, Scored | Unscored):
        return value
    raise RunError(f"the method of {check} returned {type(value).__name__} instead of a score")


def _item_scores(
    planned: PlannedExamination, scores: Sequence[Score | None], asked: Sequence[Sequence[str]]
) -> list[ItemScore]:
    return [
        ItemScore(
            check=planned.check.name,
            item=item.id,
            cluster=item.cluster_key,
            groups=dict(item.groups),
            score=score,
            requests=tuple(dict.fromkeys(digests)),
        )
        for item, score, digests in zip(planned.items, scores, asked, strict=True)
        if score is not None  # of what was begun, every examination has ended when this is called
    ]
