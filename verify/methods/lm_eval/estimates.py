"""Intervals for lm-eval's values: of means as everywhere, of corpus-level metrics by a jackknife over clusters.

A mean over documents gets the project's own intervals (`Estimator`). What lm-eval computes from all documents at once
(perplexity, BLEU, macro F1, the unweighted mean of a group's tasks) is a smooth function of them; its standard error
is the delete-a-group jackknife's: clusters are dealt to at most 100 parts, the value is made again without each part,
and v = (k-1)/k * sum (T_(-j) - mean)^2. Its t has G' - 1 degrees of freedom, at most k - 1, where
G' = (sum w)^2 / sum w^2 is the number of clusters discounted for their unequal weight w (Kish): bytes or words where a
document weighs by those, documents elsewhere. Perplexities are taken on the logarithm, where they are a ratio of sums.

Three guards. A metric with a known range never gets an end nearer to its value than (high-low) * (1 - tail^(1/G')),
which G' clusters without a fault cannot exclude. A median, for which the jackknife is not consistent, is shown but
decides nothing. And perplexities and bits per byte, whose summands have a tail without an end, get at each end the
wider of the plain t and Hall's t, which takes the skewness out of it; they decide from 200 sources on.

Simulated misses of the one-sided bounds in per cent (lower / upper; nominal 5 / 5; 10,000 samples a cell, of pools
and seeds that nothing was chosen on), the plain t's in brackets:

    population of sources                8 sources            40                    200
    rate normal, length lognormal        4.4/4.2  (5.0/4.9)   4.8/4.9  (5.0/5.2)    5.0/4.9 (5.0/5.1)
    the same, lengths with a long tail   3.9/3.4  (4.5/4.1)   5.7/5.2  (5.9/5.4)    6.0/4.7 (6.2/4.9)
    rate lognormal                       2.1/8.3  (2.3/10.3)  2.8/7.3  (2.8/8.6)    4.1/5.7 (4.1/6.7)
    long sources are harder              1.1/10.5 (1.2/15.0)  2.1/9.1  (2.1/12.9)   2.9/5.7 (2.9/8.7)
    short sources are harder             6.2/2.7  (8.1/2.9)   6.6/3.6  (8.2/3.6)    5.6/4.1 (6.9/4.1)
    one source in eight of a hard kind   0.4/24.7 (0.4/30.3)  1.2/12.3 (1.2/17.4)   2.5/6.5 (2.5/10.1)

The upper bound, by which a perplexity passes, is the weak one: few sources may hold none of the hard kind, which no
interval can mend. The samples by which the correction and the 200 were chosen gave 7.2 at worst.

References:
    Hall (1992), On the removal of skewness by transformation, J. R. Statist. Soc. B 54, 221-228; Kish (1965), Survey
    Sampling; Efron and Stein (1981), https://doi.org/10.1214/aos/1176345462; Wolter (2007), Introduction to Variance
    Estimation, ch. 4; Shao and Tu (1995), The Jackknife and Bootstrap, sections 2.3 and 6.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from scipy import stats

from verify.errors import NotEnoughDataError
from verify.methods.base import Metric
from verify.methods.estimating import Estimator, Measured, Pick
from verify.methods.lm_eval.metrics import UNBOUNDED, Measure
from verify.methods.lm_eval.scoring import contribution
from verify.methods.lm_eval.tasks import Blueprint
from verify.records import Estimate, ItemScore, Levels, Scored
from verify.statistics import Interval

_PARTS: Final = 100
"""Most parts that the jackknife leaves out, one at a time."""
_UNSMOOTH: Final = frozenset({"median"})


class Document(NamedTuple):
    """What one document brings to a metric of all documents."""

    task: str
    cluster: str
    contribution: str
    """JSON."""


class Value(NamedTuple):
    """Where the value of a check's metric comes from."""

    measure: Measure
    metric: Metric
    by_size: bool
    """Whether a group's tasks weigh by their documents."""

    @property
    def is_mean(self) -> bool:
        """Whether it is the plain mean over all documents."""
        return self.measure.mean and self.by_size


def value_of(plan: Blueprint, measure: Measure, metric: Metric) -> Value:
    """How the whole of a task or group makes a metric."""
    share = plan.share(measure.metric, measure.filter_name)
    return Value(measure, metric, by_size=share is None or share.by_size)


def picked(measure: Measure) -> Pick:
    """Takes the number that a document contributes to a mean."""

    def pick(_: ItemScore, scored: Scored) -> float | None:
        return scored.values.get(measure.key)

    return pick


def estimates(
    value: Value, scores: Sequence[ItemScore], estimator: Estimator, *, facets: Sequence[str]
) -> Iterator[Estimate]:
    """The value over all documents, and within each group of the facets."""
    if value.is_mean:
        yield from _means(value, estimator, by=None)
    else:
        yield from _whole(value, scores, estimator)
    for facet in facets:
        if value.measure.mean and (value.by_size or facet == "task"):
            yield from _means(value, estimator, by=facet)
        elif facet == "task":
            yield from _by_task(value, scores, estimator)


def _means(value: Value, estimator: Estimator, *, by: str | None) -> Iterator[Estimate]:
    metric, pick = value.metric, picked(value.measure)
    low, high = metric.low, metric.high
    numbers = estimator.sample(pick).values
    if numbers and not low <= min(numbers) <= max(numbers) <= high:  # a task that counts otherwise than its name says
        low, high = -UNBOUNDED, UNBOUNDED
    if (low, high) == (0.0, 1.0):
        yield from estimator.proportion(metric.name, pick, by=by)
    else:
        bounded = low > -UNBOUNDED and high < UNBOUNDED
        yield from estimator.mean(metric.name, pick, low=low, high=high, by=by, skewed=bounded)


def _whole(value: Value, scores: Sequence[ItemScore], estimator: Estimator) -> Iterator[Estimate]:
    documents = _documents(value.measure, scores)
    if not documents or {d.task for d in documents} != set(value.measure.rules):
        return  # a limit left a task of the group without a document: the whole has no value
    try:
        measured = measure_documents(value, documents, estimator.levels)
    except NotEnoughDataError:
        return
    yield estimator.given(value.metric.name, measured, display_only=_is_unsmooth(value.measure))


def _by_task(value: Value, scores: Sequence[ItemScore], estimator: Estimator) -> Iterator[Estimate]:
    by_task: dict[str, list[ItemScore]] = defaultdict(list)
    for score in scores:
        by_task[score.groups.get("task", "")].append(score)
    for task, own in sorted(by_task.items()):
        if task not in value.measure.rules:
            continue
        narrowed = value._replace(measure=value.measure._replace(rules={task: value.measure.rules[task]}))
        alone = Estimator(own, levels=estimator.levels, estimand=estimator.estimand)
        for estimate in _whole(narrowed, own, alone):
            yield estimate.model_copy(update={"group": f"task={task}"})


def measure_documents(value: Value, documents: Sequence[Document], levels: Levels) -> Measured:
    """Value and intervals of a metric of all documents.

    Args:
        value: The metric.
        documents: What each document contributes.
        levels: Confidence of the interval shown and alpha of the verdict.

    Raises:
        NotEnoughDataError: One cluster, or no spread and no range that is known.
    """
    clusters = list(dict.fromkeys(document.cluster for document in documents))
    if len(clusters) < 2:
        raise NotEnoughDataError("one cluster only: how much clusters differ is not measured")
    logarithm = all(rule.perplexity for rule in value.measure.rules.values()) and value.by_size
    logarithm = logarithm and len(value.measure.rules) == 1
    whole, left_out = _replicates(_Statistic(value), tuple(documents))
    change = math.log if logarithm else float
    at, others = change(whole), [change(one) for one in left_out]
    k, mean = len(others), math.fsum(others) / len(others)
    effective = _effective(value.measure, documents)
    error = math.sqrt((k - 1) / k * math.fsum((one - mean) ** 2 for one in others))
    skew = _skewness([mean - one for one in others]) / math.sqrt(k) if value.measure.ratio else 0.0
    shown, decided = (
        _around(value.metric, at, error, skew=skew, freedom=min(k, effective) - 1.0, tail=tail, logarithm=logarithm)
        for tail in ((1.0 - levels.confidence) / 2.0, levels.alpha)
    )
    method = "jackknife-t" + "-skew" * value.measure.ratio + "-log" * logarithm
    return Measured(whole, shown, decided, method, len(documents), len(clusters))


def _around(
    metric: Metric, at: float, error: float, *, skew: float, freedom: float, tail: float, logarithm: bool
) -> Interval:
    """Both ends; `skew` is the skewness of the parts' influence over the root of their number."""
    t = float(stats.t.isf(tail, max(freedom, 1.0)))
    below, above = max(t, _unskewed(t, skew)) * error, max(t, -_unskewed(-t, skew)) * error
    if metric.low > -UNBOUNDED and metric.high < UNBOUNDED:
        least = (metric.high - metric.low) * (1.0 - tail ** (1.0 / (freedom + 1.0)))
        below, above = max(below, least), max(above, least)
    if below == 0.0:
        raise NotEnoughDataError("all clusters alike: no spread, and no range that is known")
    if logarithm:
        return Interval(max(metric.low, math.exp(at - below)), math.exp(min(at + above, math.log(UNBOUNDED))))
    return Interval(max(metric.low, at - below), min(metric.high, at + above))


def _skewness(influences: Sequence[float]) -> float:
    """Fisher's G1 of the parts' influence on the value, whose mean is 0; 0 where it has none."""
    k = len(influences)
    square = math.fsum(x * x for x in influences) / k
    if k < 3 or square == 0.0:
        return 0.0
    third = math.fsum(x**3 for x in influences) / k
    return third / math.sqrt(square) ** 3 * math.sqrt(k * (k - 1.0)) / (k - 2.0)


def _unskewed(t: float, skew: float) -> float:
    """The quantile of a t whose summands are skewed: the inverse of Hall's cubic, as that of the plain t is `t`."""
    if abs(skew) < 1e-9:
        return t
    return float(3.0 * (math.cbrt(1.0 + skew * (t - skew / 6.0)) - 1.0) / skew)


def _effective(measure: Measure, documents: Sequence[Document]) -> float:
    """Number of clusters, discounted for unequal weight."""
    weights: dict[str, float] = defaultdict(float)
    for document in documents:
        sized = measure.rules[document.task].weighted
        weights[document.cluster] += float(contribution(document.contribution)[1]) if sized else 1.0
    return math.fsum(weights.values()) ** 2 / math.fsum(weight**2 for weight in weights.values())


class _Statistic:
    """The value as a function of documents; equal where the same metric of the same tasks is meant."""

    def __init__(self, value: Value) -> None:
        self._rules = value.measure.rules
        self._by_size = value.by_size
        self._key = (value.measure.key, tuple((t, id(r.aggregate)) for t, r in self._rules.items()), value.by_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Statistic) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __call__(self, rows: Mapping[str, Sequence[Any]]) -> float:
        """lm-eval's aggregate of a task, or of a group: the mean of its tasks', by their size or all alike."""
        values = {task: float(self._rules[task].aggregate(list(own))) for task, own in rows.items()}
        weights = {task: len(own) if self._by_size else 1 for task, own in rows.items()}
        return sum(values[task] * weights[task] for task in rows) / sum(weights.values())


@lru_cache(maxsize=64)  # a p-value asks for the same value at many levels
def _replicates(statistic: _Statistic, documents: tuple[Document, ...]) -> tuple[float, tuple[float, ...]]:
    """The value of all documents, and without each part of the clusters.

    Raises:
        NotEnoughDataError: A task of the group has all its documents in one part.
    """
    order = {cluster: place for place, cluster in enumerate(dict.fromkeys(d.cluster for d in documents))}
    rows = [(d.task, order[d.cluster] % _PARTS, contribution(d.contribution)) for d in documents]

    def without(part: int | None) -> float:
        kept: dict[str, list[Any]] = {task: [] for task, _, _ in rows}
        for task, own, row in rows:
            if own != part:
                kept[task].append(row)
        if not all(kept.values()):
            raise NotEnoughDataError("a task of the group has too few clusters to be left out in part")
        try:
            value = statistic(kept)
        except OverflowError:
            value = math.inf
        if not abs(value) < UNBOUNDED:
            raise NotEnoughDataError("the metric has no value on these documents")
        return value

    return without(None), tuple(without(part) for part in range(min(len(order), _PARTS)))


def _documents(measure: Measure, scores: Sequence[ItemScore]) -> list[Document]:
    found = []
    for score in scores:
        if isinstance(score.score, Scored):
            label = score.score.labels.get(measure.key)
            number = score.score.values.get(measure.key)
            if label is None and number is not None:
                label = repr(number)
            if label is not None:
                task = score.groups.get("task") or next(iter(measure.rules))
                found.append(Document(task, score.cluster, label))
    return found


def _is_unsmooth(measure: Measure) -> bool:
    return any(getattr(rule.aggregate, "__name__", "") in _UNSMOOTH for rule in measure.rules.values())
