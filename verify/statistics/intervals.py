"""Intervals for one proportion, from independent trials, and from a random part of a finite list."""

import math
from typing import Final, Literal, NamedTuple

from scipy import special, stats

from verify.errors import StatisticsError
from verify.statistics import _checks

Side = Literal["lower", "upper"]
SIDES: Final = ("lower", "upper")


class Interval(NamedTuple):
    """A confidence interval, both ends included, in the unit of the estimate."""

    low: float
    high: float


def clopper_pearson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Exact two-sided interval for a proportion; its coverage is never below the nominal.

    Args:
        successes: Items that met the criterion, 0 <= successes <= trials.
        trials: Items that were scored; unscored items are no trials.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends as fractions in [0, 1].

    Raises:
        NotEnoughDataError: ``trials`` is 0.
        StatisticsError: The counts are not counts, or confidence is not in (0, 1).

    Examples:
        >>> low, high = clopper_pearson(0, 100)
        >>> f"{low:.3f} {high:.6f}"
        '0.000 0.036217'

    References:
        Clopper and Pearson (1934), https://doi.org/10.1093/biomet/26.4.404
    """
    hits, total = _checks.successes_of(successes, trials)
    alpha = _checks.alpha_of(confidence)
    return Interval(
        beta_bound(hits, total, side="lower", alpha=alpha / 2),
        beta_bound(hits, total, side="upper", alpha=alpha / 2),
    )


def clopper_pearson_bound(successes: int, trials: int, *, side: Side, confidence: float = 0.95) -> float:
    """Exact one-sided bound for a proportion: this is what decides a verdict on independent items.

    Args:
        successes: Items that met the criterion, 0 <= successes <= trials.
        trials: Items that were scored.
        side: Whether the bound lies below or above the proportion.
        confidence: One-sided coverage, in (0, 1).

    Returns:
        The bound, a fraction in [0, 1].

    Raises:
        NotEnoughDataError: ``trials`` is 0.
        StatisticsError: The counts are not counts, or confidence is not in (0, 1).
    """
    hits, total = _checks.successes_of(successes, trials)
    return beta_bound(hits, total, side=side_of(side), alpha=_checks.alpha_of(confidence))


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval: for display; it undercovers near 0 and 1 (0.91 at 0.99 of 50).

    Args:
        successes: Items that met the criterion, 0 <= successes <= trials.
        trials: Items that were scored.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends as fractions in [0, 1].

    Raises:
        NotEnoughDataError: ``trials`` is 0.
        StatisticsError: The counts are not counts, or confidence is not in (0, 1).

    References:
        Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953
    """
    hits, total = _checks.successes_of(successes, trials)
    level = 1.0 - _checks.alpha_of(confidence)
    found = stats.binomtest(hits, total).proportion_ci(confidence_level=level, method="wilson")
    # The formula gives 0 and 1 at the edges but for rounding.
    low = 0.0 if hits == 0 else float(found.low)
    return Interval(low, 1.0 if hits == total else float(found.high))


def jeffreys(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Jeffreys' Bayesian interval, Beta(1/2, 1/2) prior: for display only.

    The ends are 0 and 1 where no success or no failure was seen, as Brown, Cai and DasGupta
    modify it; without that the coverage falls to 0 at the edges.

    Args:
        successes: Items that met the criterion, 0 <= successes <= trials.
        trials: Items that were scored.
        confidence: Posterior probability of the interval, in (0, 1).

    Returns:
        Both ends as fractions in [0, 1].

    Raises:
        NotEnoughDataError: ``trials`` is 0.
        StatisticsError: The counts are not counts, or confidence is not in (0, 1).

    References:
        Brown, Cai and DasGupta (2001), https://doi.org/10.1214/ss/1009213286
    """
    hits, total = _checks.successes_of(successes, trials)
    tail = _checks.alpha_of(confidence) / 2
    posterior = stats.beta(hits + 0.5, total - hits + 0.5)
    low = 0.0 if hits == 0 else float(posterior.ppf(tail))
    return Interval(low, 1.0 if hits == total else float(posterior.isf(tail)))


def hypergeometric(successes: int, trials: int, *, population: int, confidence: float = 0.95) -> Interval:
    """Exact interval for the share of a *finite* list, of which a random subset was run.

    It inverts the hypergeometric distribution tail by tail, as Clopper-Pearson does the binomial,
    and moves in steps of 1/population. Where the whole list was run the interval is the share
    itself: nothing was sampled, and this is the only case in which the ends may coincide.

    Args:
        successes: Items of the subset that met the criterion.
        trials: Items of the subset; drawn at random without replacement.
        population: Items of the whole list, >= trials.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends as fractions of the population, in [0, 1].

    Raises:
        NotEnoughDataError: ``trials`` is 0.
        StatisticsError: The counts are not counts, or the subset is larger than the list.

    References:
        Buonaccorsi (1987), https://doi.org/10.1080/00031305.1987.10475484
    """
    hits, total = _checks.successes_of(successes, trials)
    whole = _checks.count(population, "population")
    if whole < total:
        raise StatisticsError(f"{total} items cannot be a subset of a list of {whole}")
    tail = _checks.alpha_of(confidence) / 2
    least, most = hits, whole - (total - hits)
    # Each bound is the outermost count of successes in the list that its tail does not reject.
    start, stop = least, most
    while start < stop:
        middle = (start + stop) // 2
        if stats.hypergeom.sf(hits - 1, whole, middle, total) > tail:
            stop = middle
        else:
            start = middle + 1
    low = start
    start, stop = least, most
    while start < stop:
        middle = (start + stop + 1) // 2
        if stats.hypergeom.cdf(hits, whole, middle, total) > tail:
            start = middle
        else:
            stop = middle - 1
    high = start
    return Interval(low / whole, high / whole)


def finite_population_correction(*, sampled: int, population: int) -> float:
    """Factor for the standard error of a mean from a random subset: sqrt((N - n) / (N - 1)).

    Args:
        sampled: Items that were run, n >= 1.
        population: Items of the list, N >= n.

    Returns:
        The factor in [0, 1]; 0 where the whole list was run.

    Raises:
        NotEnoughDataError: Nothing was sampled.
        StatisticsError: The subset is larger than the list.

    References:
        Cochran, Sampling Techniques (1977), section 2.6.
    """
    _, part = _checks.successes_of(0, sampled)
    whole = _checks.count(population, "population")
    if whole < part:
        raise StatisticsError(f"{part} items cannot be a subset of a list of {whole}")
    return 0.0 if whole == part else math.sqrt((whole - part) / (whole - 1))


def side_of(side: str) -> Side:
    """Return side where it is one, else refuse it."""
    if side == "lower":
        return "lower"
    if side == "upper":
        return "upper"
    raise StatisticsError(f"side must be one of {', '.join(SIDES)}, not {side!r}")


def beta_bound(successes: float, trials: float, *, side: Side, alpha: float) -> float:
    """Clopper-Pearson's bound for real "counts" as well, as effective sample sizes are.

    Args:
        successes: 0 <= successes <= trials.
        trials: > 0.
        side: Which bound.
        alpha: Error of this one side.

    Returns:
        The bound in [0, 1].
    """
    failures = trials - successes
    if side == "lower":
        return 0.0 if successes <= 0.0 else float(special.betaincinv(successes, failures + 1.0, alpha))
    return 1.0 if failures <= 0.0 else float(special.betainccinv(successes + 1.0, failures, alpha))
