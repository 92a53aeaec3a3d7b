"""How many items a claim needs, and what a given number of items can show: before the run, not after."""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics.paired import shares_low

Direction = Literal["at_least", "at_most"]
_Counts: TypeAlias = NDArray[np.integer[Any]]
_Floats: TypeAlias = NDArray[np.float64]
_Flags: TypeAlias = NDArray[np.bool_]

MOST_ITEMS = 10_000_000
"""A plan that needs more than this is refused: no suite is that long."""


def n_for_zero_failures(p: float, confidence: float = 0.95) -> int:
    """Least number of items of which none may fail, to show that the success rate is at least p.

    Args:
        p: Success rate to be shown, in (0, 1).
        confidence: One-sided, in (0, 1).

    Returns:
        The number of items: 29, 59, 299, 2995 for 0.9, 0.95, 0.99, 0.999 at 95 %.

    Raises:
        StatisticsError: p or confidence is not in (0, 1).

    Examples:
        >>> n_for_zero_failures(0.95)
        59
    """
    rate = _checks.between(p, "p", low=0.0, high=1.0)
    alpha = _checks.alpha_of(confidence)
    return max(1, math.ceil(math.log(alpha) / math.log(rate) - 1e-9))


def acceptance_number(n: int, *, bound: float, direction: Direction, alpha: float = 0.05) -> int | None:
    """The count of successes from which on (or up to which) n items pass by Clopper-Pearson's bound.

    Args:
        n: Items, independent.
        bound: The limit of the claim, in (0, 1).
        direction: ``at_least``: the rate must be above the bound; ``at_most``: below.
        alpha: One-sided error, in (0, 1).

    Returns:
        For ``at_least`` the least count that passes, for ``at_most`` the greatest; None where no count does.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: An argument is out of range.
    """
    _, items = _checks.successes_of(0, n)
    limit = _checks.between(bound, "bound", low=0.0, high=1.0)
    error = _checks.between(alpha, "alpha", low=0.0, high=1.0)
    if _direction(direction) == "at_most":
        failures = acceptance_number(items, bound=1.0 - limit, direction="at_least", alpha=error)
        return None if failures is None else items - failures
    # The bound of x successes is at the limit or above it just where P(X >= x | limit) <= alpha.
    least = int(stats.binom.isf(error, items, limit)) + 1
    while least > 0 and stats.binom.sf(least - 2, items, limit) <= error:
        least -= 1
    while least <= items and stats.binom.sf(least - 1, items, limit) > error:
        least += 1
    return least if least <= items else None


def power(n: int, true: float, *, bound: float, direction: Direction, alpha: float = 0.05) -> float:
    """Probability that n independent items pass, for a subject whose true rate is known: exact.

    Args:
        n: Items.
        true: True rate, in [0, 1].
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        alpha: One-sided error, in (0, 1).

    Returns:
        The probability in [0, 1]; at most alpha where the true rate is at the bound or on its wrong side.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: An argument is out of range.
    """
    rate = _checks.fraction(true, "true")
    number = acceptance_number(n, bound=bound, direction=direction, alpha=alpha)
    if number is None:
        return 0.0
    return float(stats.binom.sf(number - 1, n, rate) if direction == "at_least" else stats.binom.cdf(number, n, rate))


def n_for_bound(bound: float, direction: Direction, *, assumed: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Least number of independent items from which on a subject of the assumed rate passes often enough.

    Exact binomial. The power goes up in teeth with n; the number returned is the one from which on it
    stays at or above the one asked for, for at least the length of one tooth.

    Args:
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        assumed: True rate that the plan assumes, on the passing side of the bound.
        alpha: One-sided error, in (0, 1).
        power: Probability of a pass that is asked for, in (0, 1).

    Returns:
        The number of items; of *clusters* where the items of one cluster depend on each other fully.

    Raises:
        StatisticsError: An argument is out of range, the assumed rate does not pass, or no feasible number does.
    """
    limit = _checks.between(bound, "bound", low=0.0, high=1.0)
    rate = _checks.fraction(assumed, "assumed")
    asked = _checks.between(power, "power", low=0.0, high=1.0)
    if _direction(direction) == "at_most":
        return n_for_bound(1.0 - limit, "at_least", assumed=1.0 - rate, alpha=alpha, power=asked)
    if rate <= limit:
        raise StatisticsError(f"a subject at {rate:g} does not lie above {limit:g}: no number of items can show it")
    tooth = math.ceil(1.0 / (1.0 - limit)) + 1

    def enough(n: int) -> bool:
        return all(_passes(m, rate, limit=limit, alpha=alpha) >= asked for m in range(n, n + tooth))

    return _least(enough, start=n_for_zero_failures(limit, 1.0 - _checks.between(alpha, "alpha", low=0.0, high=1.0)))


def minimum_detectable(n: int, *, bound: float, direction: Direction, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true rate nearest to the bound at which n independent items still pass often enough.

    Args:
        n: Items.
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        alpha: One-sided error, in (0, 1).
        power: Probability of a pass that is asked for, in (0, 1).

    Returns:
        The rate, in [0, 1].

    Raises:
        NotEnoughDataError: Not even a perfect subject can pass with n items; the message says how many are needed.
        StatisticsError: An argument is out of range.
    """
    number = acceptance_number(n, bound=bound, direction=direction, alpha=alpha)
    asked = _checks.between(power, "power", low=0.0, high=1.0)
    if number is None:
        edge = bound if direction == "at_least" else 1.0 - bound
        needed = n_for_zero_failures(edge, 1.0 - alpha)
        raise NotEnoughDataError(f"{n} items cannot pass {direction} {bound:g} even without a fault; {needed} can")
    # P(X >= number | rate) is a beta distribution function of the rate: invert it.
    if direction == "at_least":
        return float(stats.beta.ppf(asked, number, n - number + 1)) if number > 0 else 0.0
    return float(stats.beta.isf(asked, number + 1, n - number)) if number < n else 1.0


def n_for_paired(delta: float, *, discordance: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Items at which a paired difference is found: ((z_{alpha/2} + z_power) / delta)^2 * (discordance - delta^2).

    Args:
        delta: True difference of the two proportions, in (0, 1).
        discordance: Share of items that the two answer differently, in [delta, 1].
        alpha: Two-sided error, in (0, 1).
        power: Probability of finding it, in (0, 1).

    Returns:
        The number of items.

    Raises:
        StatisticsError: An argument is out of range.

    References:
        Miller (2024), https://arxiv.org/abs/2411.00640, section 5.
    """
    gap = _checks.between(delta, "delta", low=0.0, high=1.0)
    share = _checks.fraction(discordance, "discordance")
    if share < gap:
        raise StatisticsError(f"a difference of {gap:g} needs at least that share of discordant items, not {share:g}")
    z = float(stats.norm.isf(_checks.between(alpha, "alpha", low=0.0, high=1.0) / 2))
    z += float(stats.norm.ppf(_checks.between(power, "power", low=0.0, high=1.0)))
    return math.ceil(z * z * (share - gap * gap) / (gap * gap))


def noninferiority_power(
    n: int, *, margin: float, discordance: float, difference: float = 0.0, alpha: float = 0.05
) -> float:
    """Probability that the paired non-inferiority test of n items succeeds, by summing over all outcomes.

    Args:
        n: Items.
        margin: The worsening that must be excluded, in (0, 1).
        discordance: Share of items that the two answer differently, in (0, 1).
        difference: True difference, first minus second; |difference| <= discordance.
        alpha: One-sided error, in (0, 1).

    Returns:
        The probability in [0, 1]; its size where the difference is -margin.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: An argument is out of range.
    """
    z = float(stats.norm.isf(_checks.between(alpha, "alpha", low=0.0, high=1.0)))
    limit = _checks.between(margin, "margin", low=0.0, high=1.0)
    return _paired_power(lambda b, c: _score_at(b, c, n, limit) >= z, n, discordance=discordance, difference=difference)


def paired_power(n: int, *, margin: float, discordance: float, difference: float = 0.0, alpha: float = 0.05) -> float:
    """Probability that the lower end of `paired_shares` excludes the margin, by summing over all outcomes.

    Args:
        n: Items, each its own source.
        margin: The worsening that must be excluded, in (0, 1).
        discordance: Share of items that the two answer differently, in (0, 1).
        difference: True difference, first minus second; |difference| <= discordance.
        alpha: One-sided error, in (0, 1).

    Returns:
        The probability in [0, 1]; its size where the difference is -margin.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: An argument is out of range.
    """
    error = _checks.between(alpha, "alpha", low=0.0, high=1.0)
    limit = _checks.between(margin, "margin", low=0.0, high=1.0)
    return _paired_power(
        lambda b, c: shares_low(b, c, n, alpha=error) > -limit, n, discordance=discordance, difference=difference
    )


def _paired_power(
    succeeds: Callable[[_Counts, _Counts], _Flags], n: int, *, discordance: float, difference: float
) -> float:
    """Probability of outcomes that succeed; for given b + c these are the greatest b."""
    _, items = _checks.successes_of(0, n)
    share = _checks.between(discordance, "discordance", low=0.0, high=1.0)
    gap = _checks.number(difference, "difference")
    if abs(gap) > share:
        raise StatisticsError(f"a difference of {gap:g} is more than the discordance {share:g}")
    total = np.arange(items + 1)
    # Given the number of discordant pairs, the first wins each with the same probability.
    wins = 0.5 + gap / (2.0 * share)
    found = 0.0
    for discordant, chance in zip(total, stats.binom.pmf(total, items, share), strict=True):
        if chance > 1e-12:
            b = np.arange(discordant + 1)
            least = int(np.searchsorted(succeeds(b, discordant - b), True))
            found += float(chance * stats.binom.sf(least - 1, discordant, wins))
    return found


def _score_at(b: _Counts, c: _Counts, n: int, margin: float) -> _Floats:
    """Tango's score at -margin."""
    linear = -b - c - (2 * n - b + c) * margin
    root = np.sqrt(np.maximum(linear**2 - 8.0 * n * c * margin * (1.0 + margin), 0.0))
    variance = n * ((root - linear) / (2.0 * n) - margin * (1.0 + margin))
    score: _Floats = (b - c + n * margin) / np.sqrt(np.maximum(variance, 1e-300))
    return score


def _passes(n: int, rate: float, *, limit: float, alpha: float) -> float:
    return power(n, rate, bound=limit, direction="at_least", alpha=alpha)


def _least(enough: Callable[[int], bool], *, start: int) -> int:
    """Least n >= start for which enough(n), which once true stays true but for teeth."""
    step, high = 1, start
    while not enough(high):
        high += step
        step *= 2
        if high > MOST_ITEMS:
            raise StatisticsError(
                f"more than {MOST_ITEMS:,} items would be needed: the assumption lies too near the bound"
            )
    low = max(start - 1, high - step // 2 - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _direction(direction: str) -> Direction:
    if direction == "at_least":
        return "at_least"
    if direction == "at_most":
        return "at_most"
    raise StatisticsError(f"direction must be at_least or at_most, not {direction!r}")
