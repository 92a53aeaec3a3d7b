"""From scores to estimates: the one place where a method's numbers get their intervals.

A value that a score does not carry takes no part in that estimate; items without a score are counted
in `n_unscored`. Several generations of one item are averaged first (items x generations), and items that
share a cluster are never treated as independent.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from verify.errors import NotEnoughDataError
from verify.records import Estimand, Estimate, ItemScore, Levels, Scored
from verify.statistics import (
    Interval,
    clopper_pearson,
    clustered_difference,
    clustered_mean,
    clustered_proportion,
    paired_difference,
)

Pick = Callable[[ItemScore, Scored], float | None]
"""Takes the number that an item contributes out of its score, or None where it has none."""


class Sample(NamedTuple):
    """Numbers of the items that take part in an estimate, one for each item."""

    values: list[float]
    clusters: list[str]

    @property
    def independent(self) -> bool:
        """Whether every item is a source of its own."""
        return len(set(self.clusters)) == len(self.clusters)

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return all(value in (0.0, 1.0) for value in self.values)


class Measured(NamedTuple):
    """A value with its two intervals, before it becomes an `Estimate`."""

    value: float
    interval: Interval
    bounds: Interval
    method: str
    n: int
    n_clusters: int


class Estimator:
    """Makes the estimates of one check.

    Args:
        scores: All scores of the check, unscored ones too.
        levels: Confidence of the interval shown and alpha of the verdict.
        estimand: What the intervals are about.
    """

    def __init__(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> None:
        self.scores = scores
        self.levels = levels
        self.estimand = estimand

    def proportion(self, metric: str, value: str | Pick, *, by: str | None = None) -> Iterator[Estimate]:
        """Share of items whose 0/1 `value` is 1: Clopper-Pearson, or Korn-Graubard where items share clusters.

        Args:
            metric: Name of the metric.
            value: Key in `Scored.values`, or a function that takes the number out.
            by: Facet (`ItemScore.groups`); then one estimate for each group instead of one over all.
        """
        return self._each(metric, value, by, lambda sample, _: self._proportion(sample))

    def mean(
        self, metric: str, value: str | Pick, *, low: float, high: float, by: str | None = None, skewed: bool = True
    ) -> Iterator[Estimate]:
        """Mean of a value in [low, high]: cluster-robust (CR1) with t(G-1), clipped to the range.

        Args:
            metric: Name of the metric.
            value: Key in `Scored.values`, or a function that takes the number out.
            low: Least value that an item can take.
            high: Greatest value that an item can take.
            by: As in `proportion`.
            skewed: Whether a skewed sample may not pass for a steady one (`clustered_mean`); not where a range has
                no end, nor for estimates as they were before this was so.
        """
        return self._each(metric, value, by, lambda sample, _: self._mean(sample, low, high, skewed=skewed))

    def paired(
        self, metric: str, first: str | Pick, second: str | Pick, *, by: str | None = None
    ) -> Iterator[Estimate]:
        """Mean of `first - second` within items, both in [0, 1].

        Of 0/1 pairs two Clopper-Pearson intervals combined, or two Korn-Graubard intervals where items share clusters;
        else CR1 with t(G-1).
        """

        def both(score: ItemScore, scored: Scored) -> float | None:
            a, b = taker(first)(score, scored), taker(second)(score, scored)
            return None if a is None or b is None else a

        def other(score: ItemScore, scored: Scored) -> float | None:
            return None if both(score, scored) is None else taker(second)(score, scored)

        return self._each(metric, both, by, lambda sample, scores: self._paired(sample, self._sample(scores, other)))

    def gap(self, metric: str, first: Pick, second: Pick, *, low: float, high: float) -> Iterator[Estimate]:
        """Mean of one set of items minus the mean of another, each value in [low, high].

        The sets may share clusters (a template asked in two ways); then their covariance counts.
        """
        a, b = self._sample(self.scores, first), self._sample(self.scores, second)
        if not a.values or not b.values:
            return
        shown, decided = (
            clustered_difference(a.values, a.clusters, b.values, b.clusters, confidence=c, low=low, high=high)
            for c in self._confidences()
        )
        n_clusters = len(set(a.clusters) | set(b.clusters))
        yield self._estimate(
            metric,
            None,
            Measured(
                shown.value,
                shown.interval,
                decided.interval,
                "cr1-t-difference",
                len(a.values) + len(b.values),
                n_clusters,
            ),
            self._unscored(self.scores),
        )

    def given(self, metric: str, measured: Measured, *, display_only: bool = False) -> Estimate:
        """An estimate whose interval the method has made itself (exposure, ECE, a rank test)."""
        return self._estimate(metric, None, measured, self._unscored(self.scores), display_only=display_only)

    def sample(self, value: str | Pick) -> Sample:
        """The numbers of all items that have this value, averaged over repeats."""
        return self._sample(self.scores, value)

    def _each(
        self, metric: str, value: str | Pick, by: str | None, measure: Callable[[Sample, Sequence[ItemScore]], Measured]
    ) -> Iterator[Estimate]:
        parts: Iterable[tuple[str | None, Sequence[ItemScore]]]
        parts = [(None, self.scores)] if by is None else self._by_group(by)
        for group, scores in parts:
            sample = self._sample(scores, value)
            if not sample.values:
                continue
            try:
                measured = measure(sample, scores)
            except NotEnoughDataError:
                continue  # a single cluster has no interval; the check is then not measured
            yield self._estimate(metric, group, measured, self._unscored(scores))

    def _by_group(self, facet: str) -> list[tuple[str, list[ItemScore]]]:
        groups: dict[str, list[ItemScore]] = defaultdict(list)
        for score in self.scores:
            if facet in score.groups:
                groups[score.groups[facet]].append(score)
        return [(f"{facet}={name}", groups[name]) for name in sorted(groups)]

    def _sample(self, scores: Sequence[ItemScore], value: str | Pick) -> Sample:
        pick = taker(value)
        repeats: dict[str, list[float]] = defaultdict(list)
        clusters: dict[str, str] = {}
        for score in scores:
            if isinstance(score.score, Scored):
                number = pick(score, score.score)
                if number is not None:
                    repeats[score.item].append(number)
                    clusters[score.item] = score.cluster
        return Sample([sum(r) / len(r) for r in repeats.values()], [clusters[item] for item in repeats])

    def _unscored(self, scores: Sequence[ItemScore]) -> int:
        return sum(not isinstance(score.score, Scored) for score in scores)

    def _confidences(self) -> tuple[float, float]:
        return self.levels.confidence, 1.0 - 2.0 * self.levels.alpha

    def _proportion(self, sample: Sample) -> Measured:
        if not sample.binary:  # several generations of an item: its share is a fraction
            return self._mean(sample, 0.0, 1.0)
        n, hits = len(sample.values), round(sum(sample.values))
        if sample.independent:
            shown, decided = (clopper_pearson(hits, n, confidence=c) for c in self._confidences())
            return Measured(hits / n, shown, decided, "clopper-pearson", n, n)
        bits = [int(value) for value in sample.values]
        shown, decided = (
            clustered_proportion(bits, sample.clusters, confidence=c).interval for c in self._confidences()
        )
        return Measured(hits / n, shown, decided, "korn-graubard", n, len(set(sample.clusters)))

    def _mean(self, sample: Sample, low: float, high: float, *, skewed: bool = True) -> Measured:
        shown, decided = (
            clustered_mean(sample.values, sample.clusters, confidence=c, low=low, high=high, skewed=skewed)
            for c in self._confidences()
        )
        method = "cr1-t-skew" if skewed else "cr1-t"
        return Measured(shown.value, shown.interval, decided.interval, method, shown.n, shown.n_clusters)

    def _paired(self, first: Sample, second: Sample) -> Measured:
        shown, decided = (
            paired_difference(first.values, second.values, confidence=c, clusters=first.clusters, low=0.0, high=1.0)
            for c in self._confidences()
        )
        method = "cr1-t-paired"
        if first.binary and second.binary:
            method = "clopper-pearson-paired" if first.independent else "korn-graubard-paired"
        return Measured(shown.value, shown.interval, decided.interval, method, shown.n, len(set(first.clusters)))

    def _estimate(
        self,
        metric: str,
        group: str | None,
        measured: Measured,
        n_unscored: int,
        *,
        display_only: bool = False,
    ) -> Estimate:
        return Estimate(
            check=self.scores[0].check,
            metric=metric,
            group=group,
            value=measured.value,
            interval=(measured.interval.low, measured.interval.high),
            confidence=self.levels.confidence,
            method=measured.method,
            n=measured.n,
            n_clusters=measured.n_clusters,
            n_unscored=n_unscored,
            bounds=(measured.bounds.low, measured.bounds.high),
            alpha=self.levels.alpha,
            estimand=self.estimand,
            display_only=display_only,
        )


def taker(value: str | Pick) -> Pick:
    """The function that takes a number out of a score, where it may be named by its key."""
    if callable(value):
        return value
    return lambda _, scored: scored.values.get(value)
