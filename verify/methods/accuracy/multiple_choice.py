"""Multiple choice by log-likelihood, with the calibration of the subject's own probabilities."""

import math
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final

from scipy import stats

from verify.methods.accuracy import choices
from verify.methods.accuracy.choices import RULES, ChoiceItem, ChoiceParameters
from verify.methods.base import Examination, Method, Metric
from verify.methods.estimating import Estimator, Measured, Pick
from verify.records import (
    Estimand,
    Estimate,
    ItemScore,
    Levels,
    Scored,
    Unscored,
)
from verify.statistics import Interval
from verify.statistics.reliability import expected_calibration_error

_BINS: Final = 15
_PARTS: Final = 40
"""Most parts that the jackknife leaves out, one at a time."""


def _overconfidence(_: ItemScore, scored: Scored) -> float:
    return scored.values["confidence"] - scored.values["correct_raw"]


def _undecided(rule: str) -> Pick:
    """Whether the best options tie exactly, so that none was chosen."""
    return lambda _, scored: float(scored.labels.get(f"chosen_{rule}") == "")


def _accuracy(rule: str, divided: str) -> Metric:
    return Metric(
        name=f"accuracy_{rule}",
        better="higher",
        low=0.0,
        high=1.0,
        ideal=1.0,
        meaning=f"Share of items whose right option has the highest log-likelihood{divided}; a tie is wrong.",
    )


class MultipleChoice(Method[ChoiceItem, ChoiceParameters]):
    """The subject chooses the option that it finds most likely after the question.

    All three readings are reported (see `choices`); the check's metric says which one decides.
    Confidence is the softmax of the raw log-likelihoods over the options.
    """

    name = "multiple-choice"
    version = 2
    earlier = frozenset({1})
    item_type = ChoiceItem
    parameters_type = ChoiceParameters
    needs = frozenset({"loglikelihood"})
    metrics = (
        _accuracy("raw", ""),
        _accuracy("token", " per token"),
        _accuracy("char", " per character"),
        Metric(
            name="fragile",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="Share of items whose best two options lie within 0.001 nats (per unit) under some rule.",
        ),
        Metric(
            name="brier",
            better="lower",
            low=0.0,
            high=2.0,
            ideal=0.0,
            meaning="Mean over items of the squared distance of the option probabilities from 0/1 (Brier 1950).",
            scores=(0.0, 2.0),
        ),
        Metric(
            name="overconfidence",
            better="lower",
            low=-1.0,
            high=1.0,
            ideal=0.0,
            meaning="Mean probability of the chosen option minus the share that is right; above 0 is overconfident.",
            scores=(-1.0, 1.0),
        ),
        Metric(
            name="ece",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="Expected calibration error, bins of equal mass (Guo et al. 2017); biased upwards, for display.",
        ),
        Metric(
            name="ece_excess",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="ece less what a perfectly calibrated subject would show on these items; for display.",
        ),
    )

    item_values = MappingProxyType(
        {f"accuracy_{rule}": f"correct_{rule}" for rule in RULES}
        | {"fragile": "fragile", "brier": "brier", "overconfidence": _overconfidence}
    )

    tied_values = MappingProxyType(
        {f"accuracy_{rule}": (f"correct_worst_{rule}", f"correct_best_{rule}") for rule in RULES}
    )

    exact_ties = MappingProxyType({f"accuracy_{rule}": _undecided(rule) for rule in RULES})

    def check_row(self, row: ChoiceItem) -> Iterable[str]:
        """Answers outside the options, options that are alike."""
        return choices.faults(row)

    def examine(self, item: ChoiceItem) -> Examination:
        """Ask for the likelihood of each option."""
        requests = choices.requests_for(choices.question_of(item), self.parameters)
        answers = yield requests
        rulings = choices.read(answers, [request.continuation for request in requests])
        if isinstance(rulings, Unscored):
            return rulings
        values: dict[str, float] = {"fragile": float(any(r.fragile for r in rulings.values()))}
        labels = {"answer": item.choices[item.answer]}
        for rule, ruling in rulings.items():
            values[f"correct_{rule}"] = float(ruling.right(item.answer))
            values[f"correct_best_{rule}"] = float(ruling.right_at_best(item.answer))
            values[f"correct_worst_{rule}"] = float(ruling.right_at_worst(item.answer))
            labels[f"chosen_{rule}"] = "" if ruling.chosen is None else item.choices[ruling.chosen]
        chances = choices.probabilities(rulings["raw"].scores)
        values["confidence"] = max(chances)
        values["brier"] = sum((p - (k == item.answer)) ** 2 for k, p in enumerate(chances))
        wrong = not any(ruling.right(item.answer) for ruling in rulings.values())
        return Scored(values=values, labels=labels, defect=wrong)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Accuracies over all items and by every facet; calibration over all items."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        facets = sorted({facet for score in scores for facet in score.groups})
        for rule in RULES:
            yield from estimator.proportion(f"accuracy_{rule}", f"correct_{rule}")
            for facet in facets:
                yield from estimator.proportion(f"accuracy_{rule}", f"correct_{rule}", by=facet)
        yield from estimator.proportion("fragile", "fragile")
        skewed = self.version > 1  # before, t took few large errors among many small ones for a steady sample
        yield from estimator.mean("brier", "brier", low=0.0, high=2.0, skewed=skewed)
        yield from estimator.mean("overconfidence", _overconfidence, low=-1.0, high=1.0, skewed=skewed)
        yield from self._calibration_errors(estimator, levels)

    def _calibration_errors(self, estimator: Estimator, levels: Levels) -> Iterator[Estimate]:
        """ECE as it is and less its bias, with a delete-a-group jackknife over clusters; for display only.

        The jackknife (Efron and Stein 1981) measures the spread and not the bias of binning, so no verdict
        may rest on it; `overconfidence` and `brier` have intervals that decide.
        """
        stated, right = estimator.sample("confidence"), estimator.sample("correct_raw")
        parts = _parts(stated.clusters)
        n_bins = min(_BINS, len(stated.values) // 4)
        if n_bins < 1 or len(set(parts)) < 2 or not right.binary:
            return

        def error(kept: Sequence[int], draws: int) -> tuple[float, float]:
            found = expected_calibration_error(
                [stated.values[i] for i in kept],
                [int(right.values[i]) for i in kept],
                seed=self.seed_for("ece"),
                clusters=[stated.clusters[i] for i in kept],
                bins=n_bins,
                draws=draws,
            )
            return found.value, found.excess

        k = max(parts) + 1
        everything = range(len(parts))
        left_out = [error([i for i in everything if parts[i] != part], 100)[0] for part in range(k)]
        mean = sum(left_out) / k
        spread = math.sqrt((k - 1) / k * math.fsum((value - mean) ** 2 for value in left_out))
        for metric, value in zip(("ece", "ece_excess"), error(everything, 1000), strict=True):
            shown, decided = (_around(value, spread, k, tail=tail) for tail in _tails(levels))
            measured = Measured(value, shown, decided, "jackknife-t", len(parts), len(set(stated.clusters)))
            yield estimator.given(metric, measured, display_only=True)


def _parts(clusters: Sequence[str]) -> list[int]:
    """For each item the part that it is left out with: clusters stay whole, in order of appearance."""
    order = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    return [order[cluster] % _PARTS for cluster in clusters]


def _tails(levels: Levels) -> tuple[float, float]:
    return (1.0 - levels.confidence) / 2.0, levels.alpha


def _around(value: float, spread: float, parts: int, *, tail: float) -> Interval:
    # A spread of 0 comes of few bins and equal answers; then a share 1 - tail^(1/k) may still differ unseen.
    half = float(stats.t.isf(tail, parts - 1)) * spread or 1.0 - tail ** (1.0 / parts)
    return Interval(max(0.0, value - half), min(1.0, value + half))
