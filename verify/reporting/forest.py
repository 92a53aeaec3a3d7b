"""Geometry of the forest plot: one row a check, the limit on one line, the permitted side on the right.

Each row has a scale of its own (a leak of 0.3 % and an accuracy of 91 % share no axis), so rows are
compared by the side on which they lie, not by length.
"""

from dataclasses import dataclass

from verify.records import Bound, Estimate

WIDTH, HEIGHT = 240.0, 26.0
LIMIT_AT = 120.0
REACH = 108.0
"""Pixels from the limit to the farthest end of an interval."""


@dataclass(frozen=True, slots=True)
class Row:
    """Positions in pixels, 0 to `WIDTH`, from left (broken) to right (held)."""

    value: float
    interval: tuple[float, float]
    bounds: tuple[float, float]
    """The one-sided bounds, which decide."""


def row_of(estimate: Estimate, bound: Bound) -> Row:
    """Where an estimate lies against its bound; a lower-is-better row is mirrored."""
    towards_good = 1.0 if bound.at_least is not None else -1.0
    ends = (*estimate.interval, *estimate.bounds, estimate.value)
    farthest = max(abs(end - bound.value) for end in ends) or 1.0

    def at(value: float) -> float:
        return round(LIMIT_AT + towards_good * (value - bound.value) / farthest * REACH, 1)

    def span(ends: tuple[float, float]) -> tuple[float, float]:
        left, right = sorted(map(at, ends))
        return (left, right)

    return Row(value=at(estimate.value), interval=span(estimate.interval), bounds=span(estimate.bounds))
