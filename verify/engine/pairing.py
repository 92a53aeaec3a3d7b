"""Scores of two bundles become pairs; what was measured otherwise is named."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from verify.deciding.comparison import Pair
from verify.errors import EvidenceError
from verify.methods.estimating import Pick
from verify.records import ItemScore, Particular, PlannedCheck, Scored

_ALIKE = ("method", "method_version", "parameters", "metric", "better", "estimand", "n_items", "items_digest")


class Paired(NamedTuple):
    """The pairs of a check, and how many items have a score in one release only, or in neither."""

    pairs: tuple[Pair, ...]
    """Those with a score on one side at least."""
    unscored_before: int
    unscored_after: int
    unscored_both: int

    @property
    def n_lost(self) -> int:
        """Pairs without a score on one side at least."""
        return self.unscored_before + self.unscored_after + self.unscored_both

    @property
    def lost(self) -> float:
        """Share of them; 1 where there is no pair at all."""
        total = len(self.pairs) + self.unscored_both
        return self.n_lost / total if total else 1.0


class _Value(NamedTuple):
    """What a score gives for a metric; no number and not scored are two things."""

    scored: bool
    number: float | None


def pair_up(before: Sequence[ItemScore], after: Sequence[ItemScore], pick: str | Pick) -> Paired:
    """Pair the scores of one check by item and repeat.

    An item that the metric is not about (its score holds no number for it) takes no part. A repeat that only
    one release has is a pair whose other side has no score.

    Raises:
        EvidenceError: An item has two scores for one repeat.
    """
    first, second = _by_key(before), _by_key(after)
    pairs: list[Pair] = []
    counts = [0, 0, 0]
    for key in {**first, **second}:
        some = first.get(key) or second[key]
        old, new = _value(first.get(key), pick), _value(second.get(key), pick)
        if not old.scored and not new.scored:
            counts[2] += 1
            continue
        if (old.scored or new.scored) and old.number is None and new.number is None:
            continue  # what was scored says that the metric is not about this item
        counts[0] += old.number is None
        counts[1] += new.number is None
        pairs.append(Pair(some.item, some.repeat, some.cluster, old.number, new.number))
    return Paired(tuple(pairs), *counts)


def differences(before: PlannedCheck, after: PlannedCheck) -> tuple[Particular, ...]:
    """How a check was measured differently in two plans; empty where it was not."""
    found: list[Particular] = []
    for name in _ALIKE:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if isinstance(old, dict):
            found.extend(
                Particular(name=f"{name}.{key}", before=repr(old.get(key)), after=repr(new.get(key)))
                for key in sorted({*old, *new})
                if old.get(key) != new.get(key)
            )
        else:
            found.append(Particular(name=name, before=_short(old), after=_short(new)))
    return tuple(found)


def by_check(scores: Iterable[ItemScore]) -> dict[str, list[ItemScore]]:
    """Check -> its scores, in order."""
    found: dict[str, list[ItemScore]] = {}
    for score in scores:
        found.setdefault(score.check, []).append(score)
    return found


def _by_key(scores: Sequence[ItemScore]) -> dict[tuple[str, int], ItemScore]:
    found: dict[tuple[str, int], ItemScore] = {}
    for score in scores:
        key = (score.item, score.repeat)
        if key in found:
            raise EvidenceError(f"scores.jsonl: {score.check}: item {score.item!r} has two scores for one repeat")
        found[key] = score
    return found


def _value(score: ItemScore | None, pick: str | Pick) -> _Value:
    if score is None or not isinstance(score.score, Scored):
        return _Value(scored=False, number=None)
    number = pick(score, score.score) if callable(pick) else score.score.values.get(pick)
    return _Value(scored=True, number=number)


def _short(value: object) -> str:
    text = str(value)
    return text[:19] if text.startswith("sha256:") else text
