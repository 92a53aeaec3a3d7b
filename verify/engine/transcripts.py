"""Items that moved between two releases, with what was asked and answered in both."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from verify.deciding.comparison import Scale
from verify.records import ItemScore, KeptResponse, Movement, PairExample

EXCHANGES = 12
"""Exchanges that are kept of an item."""


def choose(moved: Sequence[Movement], scale: Scale, *, clusters: Mapping[str, str], count: int) -> list[Movement]:
    """The items to show: those that moved most, one of each cluster first; ties by the hash of their id.

    Args:
        moved: Candidates.
        scale: What a value is worth.
        clusters: Item -> its source.
        count: How many.
    """

    def rank(movement: Movement) -> tuple[float, str]:
        size = abs(scale.good(movement.after) - scale.good(movement.before))
        return -size, hashlib.sha256(f"{movement.item}\0{movement.repeat}".encode()).hexdigest()

    first: list[Movement] = []
    rest: list[Movement] = []
    seen: set[str] = set()
    for movement in sorted(moved, key=rank):
        (rest if clusters[movement.item] in seen else first).append(movement)
        seen.add(clusters[movement.item])
    return [*first, *rest][:count]


class Moved(NamedTuple):
    """Items of a check that are shown, and its scores in both releases."""

    regressions: Sequence[Movement]
    improvements: Sequence[Movement]
    before: Sequence[ItemScore]
    after: Sequence[ItemScore]


def examples_of(
    moved: Mapping[str, Moved], before: Iterable[KeptResponse], after: Iterable[KeptResponse]
) -> dict[str, tuple[PairExample, ...]]:
    """Check -> its items that moved, with the exchanges that their scores name.

    Args:
        moved: Check -> what to show of it.
        before: All kept exchanges of the release before; read once.
        after: Those of the release after.
    """
    found = {check: [*_sides(each)] for check, each in moved.items()}
    kept_before = _kept(before, [side.before for sides in found.values() for side in sides])
    kept_after = _kept(after, [side.after for sides in found.values() for side in sides])
    return {
        check: tuple(
            PairExample(
                item=side.before.item,
                repeat=side.before.repeat,
                better=side.better,
                before=side.before.score,
                after=side.after.score,
                exchanges_before=_exchanges(side.before, kept_before),
                exchanges_after=_exchanges(side.after, kept_after),
                more=max(0, max(len(side.before.requests), len(side.after.requests)) - EXCHANGES),
            )
            for side in sides
        )
        for check, sides in found.items()
    }


class _Sides(NamedTuple):
    better: bool
    before: ItemScore
    after: ItemScore


def _sides(moved: Moved) -> Iterator[_Sides]:
    first, second = ({(s.item, s.repeat): s for s in scores} for scores in (moved.before, moved.after))
    for better, movements in ((False, moved.regressions), (True, moved.improvements)):
        for movement in movements:
            key = (movement.item, movement.repeat)
            yield _Sides(better, first[key], second[key])


def _kept(exchanges: Iterable[KeptResponse], scores: Sequence[ItemScore]) -> dict[str, KeptResponse]:
    wanted = {digest for score in scores for digest in score.requests[:EXCHANGES]}
    return {each.digest: each for each in exchanges if each.digest in wanted} if wanted else {}


def _exchanges(score: ItemScore, kept: Mapping[str, KeptResponse]) -> tuple[KeptResponse, ...]:
    return tuple(kept[digest] for digest in score.requests[:EXCHANGES] if digest in kept)
