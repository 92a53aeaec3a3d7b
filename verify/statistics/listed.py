"""Means of a finite list of items: asked in full, or a random part of it.

What such an interval is about is the list itself and not the population that its items stand for. A list that was
asked in full under deterministic answers has no sampling error at all; how far the machine moves is measured
elsewhere (repeatability) and is no part of it.
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from verify.errors import StatisticsError
from verify.statistics import _checks
from verify.statistics.clusters import clustered_mean, clustered_proportion, effective_clusters
from verify.statistics.intervals import Interval, clopper_pearson, finite_population_correction, hypergeometric
from verify.statistics.planning import Direction


class Extent(NamedTuple):
    """How long a list is."""

    items: int
    sources: int
    """Clusters of its items; as many as items where each is a source of its own."""


class ListedMean(NamedTuple):
    """The mean of a list, or of a part of it, with its interval and the interval's name."""

    value: float
    interval: Interval
    method: str


def whole_list(values: Sequence[float], *, low: float, high: float) -> ListedMean:
    """Mean of a list whose items were all asked, with the list's resolution as its interval.

    Nothing was sampled, so that no error rate belongs to it. The interval reaches one item to either side,
    (high - low) / n, within the range: a verdict by its ends stands even if one item, whichever it is, fell the
    other way. It is never of width 0.

    Args:
        values: One score an item, in [low, high], shape (n_items,).
        low: Least value that a score can take.
        high: Greatest value that a score can take.

    Raises:
        NotEnoughDataError: No item.
        StatisticsError: A value is not a finite number or outside the range.
    """
    scores = _checks.finite(values, "values")
    span = _checks.span_of(scores, low=low, high=high)
    mean = float(scores.mean())
    return ListedMean(mean, _at_least_an_item(Interval(mean, mean), mean, span / scores.size, low, high), "whole-list")


def random_subset(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    of: Extent | None,
    low: float,
    high: float,
    confidence: float = 0.95,
) -> ListedMean:
    """Mean of a list, estimated from a random part of it: of items, or of whole clusters (the last may be cut).

    0/1 items that are each a source of their own get the exact hypergeometric interval. All others get the
    interval for a population (`clustered_proportion`, `clustered_mean` with `skewed`), each end drawn to the value by
    the finite population correction sqrt((M - m) / (M - 1)) of the *clusters*, which were what was drawn: m of M.
    Where clusters have several items, the one at which the limit fell may have been cut and counts as not drawn,
    m - 1. No end lies nearer to the range's than what the undrawn clusters could hide (hypergeometric, 0 of m), nor
    nearer to the value than one item of the list.

    Args:
        values: One score for each item of the part, in [low, high].
        clusters: Source of each.
        of: The list; None where it is not known how many of its items the mean is about, and nothing is corrected.
        low: Least value that a score can take.
        high: Greatest value that a score can take.
        confidence: Two-sided coverage, in (0, 1); each end is a one-sided bound at half of the error.

    Raises:
        NotEnoughDataError: No item, or one cluster only.
        StatisticsError: The part is larger than the list, or a value is not in the range.

    References:
        Cochran, Sampling Techniques (1977), sections 2.6 and 9A.2; Buonaccorsi (1987).
    """
    scores = _checks.finite(values, "values")
    span = _checks.span_of(scores, low=low, high=high)
    codes = _checks.coded(clusters, n_items=scores.size)
    mean, binary = float(scores.mean()), bool(np.isin(scores, (0.0, 1.0)).all()) and (low, high) == (0.0, 1.0)
    if of is not None and (scores.size > of.items or codes.n_clusters > of.sources):
        raise StatisticsError(
            f"{scores.size} items of {codes.n_clusters} sources are no part of {of.items} items of {of.sources}"
        )
    independent = codes.n_clusters == scores.size
    if binary and independent and (of is None or of.items == of.sources):
        hits = round(float(scores.sum()))
        if of is None:
            return ListedMean(mean, clopper_pearson(hits, scores.size, confidence=confidence), "clopper-pearson")
        ends = hypergeometric(hits, scores.size, population=of.items, confidence=confidence)
        return ListedMean(mean, _at_least_an_item(ends, mean, span / of.items, low, high), "hypergeometric")
    if binary:
        found, name = (
            clustered_proportion(scores.astype(int).tolist(), clusters, confidence=confidence),
            "korn-graubard",
        )
    else:
        found = clustered_mean(scores.tolist(), clusters, confidence=confidence, low=low, high=high, skewed=True)
        name = "cr1-t-skew"
    if of is None:
        return ListedMean(mean, found.interval, name)
    drawn = units_drawn(codes.n_clusters, of)
    factor = finite_population_correction(sampled=drawn, population=of.sources)
    tail = _checks.alpha_of(confidence)
    hidden = hypergeometric(
        0, max(1, min(drawn, math.floor(effective_clusters(codes)))), population=of.sources, confidence=1.0 - tail
    ).high
    ends = Interval(mean - factor * (mean - found.interval.low), mean + factor * (found.interval.high - mean))
    ends = Interval(min(ends.low, high - hidden * span), max(ends.high, low + hidden * span))
    return ListedMean(mean, _at_least_an_item(ends, mean, span / of.items, low, high), f"{name}-fpc")


def units_drawn(sources: int, of: Extent) -> int:
    """Clusters that count as drawn whole, of those that were asked; `random_subset` says why."""
    return sources if of.items == of.sources else max(1, sources - 1)


def subset_power(
    drawn: int, true: float, *, population: int, bound: float, direction: Direction, alpha: float = 0.05
) -> float:
    """Probability that a random part of a list passes by `random_subset`'s bound, for a list of known share: exact.

    Args:
        drawn: Items asked; all of the list is asked where it is the population.
        true: Share of the list's items that meet the criterion, in [0, 1]; rounded to whole items towards the bound.
        population: Items of the list.
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        alpha: One-sided error, in (0, 1).

    Raises:
        NotEnoughDataError: Nothing is drawn.
        StatisticsError: An argument is out of range.
    """
    rate, limit = _checks.fraction(true, "true"), _checks.between(bound, "bound", low=0.0, high=1.0)
    error = _checks.between(alpha, "alpha", low=0.0, high=1.0)
    if direction == "at_most":
        return subset_power(
            drawn, 1.0 - rate, population=population, bound=1.0 - limit, direction="at_least", alpha=error
        )
    whole = _checks.count(population, "population")
    part, _ = _checks.successes_of(drawn, whole)
    _checks.successes_of(0, part)
    good = math.floor(rate * whole + 1e-9)
    # One item is kept free in either case, so that a bound is never passed by the value itself.
    hits = np.arange(part + 1)
    enough = hits / part - 1.0 / whole >= limit - 1e-12
    if part < whole:
        most_wrong = math.ceil(limit * whole - 1e-9) - 1
        enough &= stats.hypergeom.sf(hits - 1, whole, most_wrong, part) <= error
    return float(stats.hypergeom.pmf(hits[enough], whole, good, part).sum())


def _at_least_an_item(ends: Interval, value: float, item: float, low: float, high: float) -> Interval:
    """The interval, widened to one item on either side of the value, within the range."""
    return Interval(max(low, min(ends.low, value - item)), min(high, max(ends.high, value + item)))
