"""lm-eval's metrics: name, direction, range, and how the value of a task is made from its documents."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from verify.errors import UsageError
from verify.methods.base import Metric
from verify.methods.lm_eval.tasks import Blueprint, Leaf

UNBOUNDED: Final = 1e300
"""Stands for an end that a metric's range does not have."""

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "mcc": (-1.0, 1.0),
    "brier_score": (0.0, 2.0),
    "bleu": (0.0, 100.0),
    "chrf": (0.0, 100.0),
    "chrf++": (0.0, 100.0),
    "ter": (0.0, UNBOUNDED),
    "perplexity": (1.0, UNBOUNDED),
    "word_perplexity": (1.0, UNBOUNDED),
    "byte_perplexity": (1.0, UNBOUNDED),
    "bits_per_byte": (0.0, UNBOUNDED),
}
_SHARE: Final = re.compile(r"(^|_)(acc|accuracy|em|f1|match|exact)(_|$)|^pass@")
"""Names of metrics in [0, 1]; a metric of another name may have any value."""
_MEANS: Final = frozenset({"mean", "nanmean"})
_LEAST_SOURCES: Final = 200
"""Sources from which a bound of a ratio of sums misses no more than 1.5 times as often as it states (simulated in
`estimates`: 7.2 % at worst where it states 5 %; with 100 sources 8.7 %)."""


class Rule(NamedTuple):
    """How one task makes one metric."""

    aggregate: Callable[[list[Any]], float]
    """lm-eval's own function over what the documents contribute."""
    mean: bool
    """Whether that is their mean."""
    perplexity: bool
    """Whether it is the exponential of a mean, whose spread is judged on the logarithm."""
    weighted: bool
    """Whether a document brings a sum and its size (log-likelihood and bytes), and weighs by the size."""
    higher: bool
    scaled: bool
    """Whether the metric's name tells its range; code of a task's own may count in per cent."""


class Measure(NamedTuple):
    """One metric of a check, after one of lm-eval's filters of the answers."""

    name: str
    """`acc`; with several filters `exact_match,strict-match`, as lm-eval writes it."""
    metric: str
    filter_name: str
    rules: Mapping[str, Rule]
    """Task -> how it makes the metric; tasks without it are left out."""

    @property
    def key(self) -> str:
        """Under which a score keeps what a document contributes."""
        return f"{self.metric},{self.filter_name}"

    @property
    def ratio(self) -> bool:
        """Whether it is a ratio of sums without an upper end: a perplexity, or bits per byte."""
        return all(rule.perplexity or rule.weighted for rule in self.rules.values())

    @property
    def mean(self) -> bool:
        """Whether every task makes it as a mean over documents."""
        return all(rule.mean for rule in self.rules.values())


def measures(plan: Blueprint) -> tuple[Measure, ...]:
    """All metrics of a task or group that have a value over the whole, in lm-eval's order.

    Raises:
        UsageError: A task's metrics cannot be told without its data.
    """
    rules: dict[tuple[str, str], dict[str, Rule]] = {}
    for leaf in plan.leaves:
        for filter_name in _filters(leaf):
            for metric, rule in _rules(leaf):
                if plan.shares is None or plan.share(metric, filter_name) is not None:
                    rules.setdefault((metric, filter_name), {})[leaf.task_name] = rule
    if plan.shares is not None:  # the group's own order: its first metric is the one that it is known by
        order = [share.metric for share in plan.shares]
        rules = dict(sorted(rules.items(), key=lambda pair: order.index(pair[0][0])))
    several = len({filter_name for _, filter_name in rules}) > 1
    return tuple(
        Measure(f"{metric},{filter_name}" if several else metric, metric, filter_name, by_task)
        for (metric, filter_name), by_task in rules.items()
    )


def as_metric(measure: Measure) -> Metric:
    """A measure as the metric of a method."""
    rules = tuple(measure.rules.values())
    low, high = range_of(measure.metric) if all(rule.scaled for rule in rules) else (-UNBOUNDED, UNBOUNDED)
    ideal = high if rules[0].higher else low
    made = "mean over documents" if measure.mean else "lm-eval's own aggregate of all documents"
    return Metric(
        name=measure.name,
        better="higher" if rules[0].higher else "lower",
        low=low,
        high=high,
        ideal=ideal,
        meaning=f"lm-eval's {measure.metric} after its filter {measure.filter_name!r}: {made}.",
        min_clusters=_LEAST_SOURCES if measure.ratio else 0,
    )


def range_of(metric: str) -> tuple[float, float]:
    """Least and greatest value of a metric, as far as its name tells."""
    if metric in _RANGES:
        return _RANGES[metric]
    return (0.0, 1.0) if _SHARE.search(metric) else (-UNBOUNDED, UNBOUNDED)


KNOWN: Final[Sequence[Metric]] = tuple(
    Metric(
        name=name,
        better="lower" if lower else "higher",
        low=range_of(name)[0],
        high=range_of(name)[1],
        ideal=range_of(name)[0] if lower else range_of(name)[1],
        meaning=meaning,
    )
    for name, lower, meaning in (
        ("acc", False, "Share of documents whose right option is the most likely one."),
        ("acc_norm", False, "The same with log-likelihoods per character."),
        ("exact_match", False, "Share of documents whose filtered answer is the reference."),
        ("f1", False, "F1 over all documents, as the task defines it."),
        ("mcc", False, "Matthews correlation over all documents."),
        ("bleu", False, "Corpus BLEU (sacrebleu)."),
        ("chrf", False, "Corpus chrF (sacrebleu)."),
        ("perplexity", True, "exp of minus the mean log-likelihood of the targets."),
        ("word_perplexity", True, "exp of minus the log-likelihood per word of all documents."),
        ("byte_perplexity", True, "exp of minus the log-likelihood per byte of all documents."),
        ("bits_per_byte", True, "Minus the log-likelihood per byte of all documents, in bits."),
    )
)
"""What many tasks have; a task's own metrics are known once it is named."""


def _filters(leaf: Leaf) -> tuple[str, ...]:
    listed = leaf.config.get("filter_list")
    return tuple(dict.fromkeys(one["name"] for one in listed)) if listed else ("none",)


def _rules(leaf: Leaf) -> Iterator[tuple[str, Rule]]:
    from lm_eval.api import registry

    if leaf.python_class is not None and not leaf.config.get("metric_list"):
        yield from _rules_of_class(leaf)
        return
    listed = leaf.config.get("metric_list")
    if listed is None:
        listed = [{"metric": name} for name in registry.DEFAULT_METRIC_REGISTRY[leaf.output_type]]
    for one in listed:
        metric = one["metric"]
        name = metric.__name__ if callable(metric) else str(metric)
        aggregation = one.get("aggregation")
        if not callable(aggregation):
            found = registry.get_aggregation(aggregation) if aggregation else registry.get_metric_aggregation(name)
            aggregation = found or registry.get_aggregation("mean")
        higher = one.get("higher_is_better")
        if higher is None:
            higher = registry.is_higher_better(name)
        yield name, _rule(aggregation, higher=higher is not False, scaled=True)


def _rules_of_class(leaf: Leaf) -> Iterator[tuple[str, Rule]]:
    """Of a task written in Python, which states them by methods that need no data."""
    assert leaf.python_class is not None  # noqa: S101  # the caller looked
    try:
        bare: Any = object.__new__(leaf.python_class)
        directions, aggregations = bare.higher_is_better(), bare.aggregation()
    except Exception as error:  # the package's own code on an object without its data
        raise UsageError(f"lm-eval's task {leaf.task_name!r} does not state its metrics without its data") from error
    for name, aggregation in aggregations.items():
        yield name, _rule(aggregation, higher=bool(directions.get(name, True)), scaled=False)


def _rule(aggregation: Any, *, higher: bool, scaled: bool) -> Rule:
    name = getattr(aggregation, "__name__", "")
    own = getattr(aggregation, "__module__", "") == "lm_eval.api.metrics"
    return Rule(
        aggregate=aggregation,
        mean=own and name in _MEANS,
        perplexity=own and name in {"perplexity", "weighted_perplexity"},
        weighted=own and name in {"weighted_perplexity", "bits_per_byte"},
        higher=higher,
        scaled=scaled,
    )
