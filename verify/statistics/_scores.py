"""Inversion of score tests, and the margin of a difference from the margins of its parts."""

import math
from collections.abc import Callable


def standardised(distance: float, variance: float) -> float:
    """Distance over the root of variance; infinite with the sign of distance where there is no variance."""
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def outer_root(function: Callable[[float], float], *, start: float, end: float) -> float:
    """Where a decreasing function crosses 0 on the way from start out to end; end where it never does.

    Bisection: the scores that are inverted here may be infinite at an end, which brentq refuses.
    """
    inside, outside = start, end
    sign = 1.0 if end < start else -1.0
    if sign * function(end) <= 0.0:
        return end
    for _ in range(80):
        middle = (inside + outside) / 2
        if sign * function(middle) > 0.0:
            outside = middle
        else:
            inside = middle
    return (inside + outside) / 2


def mover(below: float, above: float, *, correlation: float) -> float:
    """Margin of a difference from the margins of its parts (Zou and Donner; Newcombe's square and add)."""
    return math.sqrt(max(below * below - 2.0 * correlation * below * above + above * above, 0.0))
