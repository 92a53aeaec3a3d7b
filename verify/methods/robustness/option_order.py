"""Choice questions asked with their options in other orders: is it the option that is chosen, or its place?"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Literal

from verify.methods.accuracy import choices
from verify.methods.accuracy.choices import LETTERS, ChoiceItem, ChoiceParameters, Question, Rule
from verify.methods.base import Examination, Method, Metric, Parts
from verify.methods.estimating import Estimator, Measured
from verify.records import Estimand, Estimate, FailureReason, ItemScore, Levels, Scored, Unscored
from verify.statistics import Interval


class OptionOrderParameters(ChoiceParameters):
    """Which orders are asked."""

    orders: Literal["cyclic", "all"] = "cyclic"
    """`cyclic`: as many as there are options, each option once at each place. `all`: for at most four."""
    score: Rule = "char"
    """Rule that reads the choice; see `verify.methods.accuracy.choices`."""


class OptionOrder(Method[ChoiceItem, OptionOrderParameters]):
    """Each item is asked once for each order of its options.

    RStd is the standard deviation over the places of the recall there (how often the right answer is found
    when it stands at that place), after Zheng et al. (2024), "Large Language Models Are Not Robust Multiple
    Choice Selectors". Its interval holds simultaneously for all places (Bonferroni) and is conservative.
    """

    name = "option-order"
    version = 3
    item_type = ChoiceItem
    parameters_type = OptionOrderParameters
    needs = frozenset({"loglikelihood"})
    metrics = (
        Metric(
            name="consistency",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Share of items for which the same option is chosen in every order.",
        ),
        Metric(
            name="accuracy_all_orders",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Share of items that are right in every order.",
        ),
        Metric(
            name="accuracy",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Mean accuracy over the orders.",
        ),
        Metric(
            name="recall",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Accuracy when the right answer stands at a place; given by place only.",
        ),
        Metric(
            name="recall_spread",
            better="lower",
            low=0.0,
            high=0.5,
            ideal=0.0,
            meaning="RStd: standard deviation of the recall over the places of the right answer.",
            scores=(0.0, 1.0),
        ),
    )

    item_values = MappingProxyType({name: name for name in ("consistency", "accuracy_all_orders", "accuracy")})

    def check_row(self, row: ChoiceItem) -> Iterable[str]:
        """Answers outside the options, options that are alike, too many options for all orders."""
        yield from choices.faults(row)
        if self.parameters.orders == "all" and len(row.choices) > 4:
            yield f"choices: {len(row.choices)}; orders: all takes at most 4, use cyclic"

    def orders(self, n: int) -> list[tuple[int, ...]]:
        """The orders in which `n` options are shown; the first is the item's own."""
        if self.parameters.orders == "all":
            return list(itertools.permutations(range(n)))
        return [tuple((start + place) % n for place in range(n)) for start in range(n)]

    def parts(self, metric: str, items: Sequence[ChoiceItem]) -> Parts:
        """The places, for the spread over them; in every order set, each item stands at every place it has."""
        if metric != "recall_spread" or not items:
            return Parts()
        places = max(len(item.choices) for item in items)
        last = {item.cluster_key for item in items if len(item.choices) == places}
        return Parts(places, len(last) / len({item.cluster_key for item in items}), spread=True)

    def examine(self, item: ChoiceItem) -> Examination:
        """Ask in every order at once."""
        n = len(item.choices)
        orders = self.orders(n)
        batches = []
        for order in orders:
            shown = Question(item.passage, item.question, [item.choices[k] for k in order])
            batches.append(choices.requests_for(shown, self.parameters))
        answers = yield [request for batch in batches for request in batch]
        chosen: list[int | None] = []
        for place, order in enumerate(orders):
            continuations = [request.continuation for request in batches[place]]
            rulings = choices.read(answers[place * n : (place + 1) * n], continuations)
            if isinstance(rulings, Unscored):
                return rulings
            position = rulings[self.parameters.score].chosen
            chosen.append(None if position is None else order[position])
        if not any(choice is not None for choice in chosen):
            detail = "in no order was one option likelier than the others; where they stand shows nothing"
            return Unscored(reason=FailureReason.UNPARSABLE, detail=detail)
        return _score(item, orders, chosen)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Consistency and accuracy over all items and by facet; recall by place and its spread."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        facets = sorted({facet for score in scores for facet in score.groups})
        for metric in ("consistency", "accuracy_all_orders"):
            yield from estimator.proportion(metric, metric)
            for facet in facets:
                yield from estimator.proportion(metric, metric, by=facet)
        yield from estimator.mean("accuracy", "accuracy", low=0.0, high=1.0)
        recalls = list(_recalls(estimator))
        yield from recalls
        if len(recalls) > 1:
            yield estimator.given("recall_spread", _spread(recalls, scores, levels=levels, estimand=estimand))


def _score(item: ChoiceItem, orders: Sequence[tuple[int, ...]], chosen: Sequence[int | None]) -> Scored:
    right = [float(choice == item.answer) for choice in chosen]
    consistent = chosen[0] is not None and len(set(chosen)) == 1
    values = {
        "consistency": float(consistent),
        "accuracy_all_orders": float(all(right)),
        "accuracy": sum(right) / len(right),
    }
    for place in range(len(item.choices)):
        here = [hit for order, hit in zip(orders, right, strict=True) if order[place] == item.answer]
        values[f"at_{LETTERS[place]}"] = sum(here) / len(here)
    labels = {"answer": item.choices[item.answer]}
    for number, choice in enumerate(chosen, start=1):
        labels[f"order_{number}"] = "" if choice is None else item.choices[choice]
    return Scored(values=values, labels=labels, defect=not consistent)


def _recalls(estimator: Estimator) -> Iterator[Estimate]:
    for letter in LETTERS:
        for estimate in estimator.mean("recall", f"at_{letter}", low=0.0, high=1.0):
            yield estimate.model_copy(update={"group": f"place={letter}"})


def _spread(
    recalls: Sequence[Estimate], scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand
) -> Measured:
    k = len(recalls)
    shown, decided = (
        spread_over([e.interval for e in _recalls(Estimator(scores, levels=at, estimand=estimand))])
        for at in (
            Levels(confidence=1.0 - (1.0 - levels.confidence) / k, alpha=levels.alpha),
            Levels(confidence=1.0 - levels.alpha / k, alpha=levels.alpha),
        )
    )
    value = _deviation([estimate.value for estimate in recalls])
    n, n_clusters = (max(getattr(e, name) for e in recalls) for name in ("n", "n_clusters"))
    return Measured(value, shown, decided, f"box-of-{k}-cr1-t-bonferroni", n, n_clusters)


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def spread_over(boxes: Sequence[tuple[float, float]]) -> Interval:
    """Least and greatest standard deviation of numbers of which each lies somewhere in its interval.

    The greatest lies at a corner, because the standard deviation is convex. The least is
    min over m of sqrt(mean of squared distances of m from the intervals), which is convex in m.

    Args:
        boxes: Low and high end of each number, shape (k,), k <= 6.
    """
    greatest = max(_deviation(corner) for corner in itertools.product(*boxes))

    def off(m: float) -> float:
        return math.fsum(max(low - m, 0.0, m - high) ** 2 for low, high in boxes)

    left, right = min(low for low, _ in boxes), max(high for _, high in boxes)
    for _ in range(200):
        third = (right - left) / 3.0
        if off(left + third) <= off(right - third):
            right -= third
        else:
            left += third
    return Interval(math.sqrt(off((left + right) / 2.0) / len(boxes)), greatest)
