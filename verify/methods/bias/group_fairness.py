"""Labelled cases of people in groups: do decisions differ by group, and do errors?

Three criteria that cannot all hold where base rates differ (Kleinberg 2016, Chouldechova 2017): equal
selection (demographic parity), equal true positive rates (equal opportunity), equal false positive rates
(with the former: equalised odds). A check names one of them as its metric, and its `why` says why that one.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import ClassVar, Final

from pydantic import Field

from verify.errors import NotEnoughDataError
from verify.methods.base import Examination, Method, Metric, Parameters, Parts, parts_by
from verify.methods.bias.magnitude import gap_of, magnitude
from verify.methods.estimating import Estimator, Pick
from verify.records import (
    Classify,
    ClassifyAnswer,
    Estimand,
    Estimate,
    FailureReason,
    Item,
    ItemScore,
    Levels,
    Predict,
    Request,
    RequestKind,
    Scored,
    Unscored,
)

METRICS: Final = (
    Metric(
        name="selection_gap", better="lower", low=0.0, high=1.0, ideal=0.0, scores=(-1.0, 1.0),
        meaning="largest difference of the share of favourable decisions between two groups; simultaneous bounds",
    ),
    Metric(
        name="true_positive_gap", better="lower", low=0.0, high=1.0, ideal=0.0, scores=(-1.0, 1.0),
        meaning="largest difference between two groups of the share of deserving cases that are favoured",
    ),
    Metric(
        name="false_positive_gap", better="lower", low=0.0, high=1.0, ideal=0.0, scores=(-1.0, 1.0),
        meaning="largest difference between two groups of the share of undeserving cases that are favoured",
    ),
    Metric(
        name="accuracy_gap", better="lower", low=0.0, high=1.0, ideal=0.0, scores=(-1.0, 1.0),
        meaning="largest difference of accuracy between two groups",
    ),
    Metric(
        name="accuracy", better="higher", low=0.0, high=1.0, ideal=1.0,
        meaning="share of cases that are decided as they are labelled",
    ),
    Metric(
        name="selection_rate", better="higher", low=0.0, high=1.0, ideal=1.0,
        meaning="share of favourable decisions; for display, by group",
    ),
)  # fmt: skip


class FairnessParameters(Parameters):
    """Whom the gaps are between, and which decision is the good one."""

    favourable: str = Field(min_length=1)
    """Label that is good for the person concerned."""
    between: str = Field(min_length=1)
    """Facet of the items whose groups are compared, e.g. `sex`."""


class CaseItem(Item):
    """A case with its true label; `groups` says which groups the person belongs to."""

    label: str = Field(min_length=1)
    """What the case deserves, in the subject's own labels."""


class RowItem(CaseItem):
    """A case as a row of a table."""

    row: dict[str, float | int | str | bool | None]
    """Column name -> value, as the model was trained."""


class TextItem(CaseItem):
    """A case as a text."""

    text: str = Field(min_length=1)


class _GroupFairness(Method[CaseItem, FairnessParameters]):
    """What both methods share: decisions against labels, and the gaps between groups."""

    parameters_type = FairnessParameters
    metrics = METRICS

    def check_row(self, row: CaseItem) -> Iterable[str]:
        """A case that belongs to no group of the compared facet."""
        if self.parameters.between not in row.groups:
            yield f"groups: the case has no {self.parameters.between!r}, which the check compares"

    def parts(self, metric: str, items: Sequence[CaseItem]) -> Parts:
        """Every two groups, for the largest gap; each gap rests on the sources of its poorer group at least."""
        if not metric.endswith("_gap"):
            return Parts()
        wanted = {"true_positive_gap": (True,), "false_positive_gap": (False,)}.get(metric, (True, False))
        facet = self.parameters.between
        concerned = (
            (item.groups[facet], item.cluster_key)
            for item in items
            if facet in item.groups and (item.label == self.parameters.favourable) in wanted
        )
        return parts_by(concerned, sources=len({item.cluster_key for item in items}), pairs=True)

    def examine(self, item: CaseItem) -> Examination:
        """Decide one case: the label with the highest probability; ties go to the first in the alphabet."""
        (answer,) = yield [self._request(item)]
        if not isinstance(answer, ClassifyAnswer):
            raise TypeError(f"label probabilities were asked for, not {answer.kind!r}")
        missing = {self.parameters.favourable, item.label} - answer.probabilities.keys()
        if missing:
            return Unscored(reason=FailureReason.UNSUPPORTED, detail=f"the subject has no label {min(missing)!r}"[:200])
        chosen = max(sorted(answer.probabilities), key=lambda label: answer.probabilities[label])
        selected, deserving = (label == self.parameters.favourable for label in (chosen, item.label))
        return Scored(
            values={
                "selected": float(selected),
                "deserving": float(deserving),
                "correct": float(chosen == item.label),
            },
            labels={"chosen": chosen, "label": item.label},
            defect=deserving and not selected,
        )

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterator[Estimate]:
        """The largest gap of each criterion, with bounds over all pairs of groups, and rates by group."""
        if not any(isinstance(score.score, Scored) for score in scores):
            return
        made = Estimator(scores, levels=levels, estimand=estimand)
        for metric, pick in (
            ("selection_gap", _value("selected")),
            ("true_positive_gap", _value("selected", deserving=1.0)),
            ("false_positive_gap", _value("selected", deserving=0.0)),
            ("accuracy_gap", _value("correct")),
        ):
            yield from self._gap(made, metric, pick)
        for by in (None, self.parameters.between):
            yield from made.proportion("accuracy", "correct", by=by)
            for estimate in made.proportion("selection_rate", "selected", by=by):
                yield estimate.model_copy(update={"display_only": True})

    @abstractmethod
    def _request(self, item: CaseItem) -> Request:
        """What is asked about a case."""

    def _gap(self, made: Estimator, metric: str, pick: Pick) -> Iterator[Estimate]:
        facet = self.parameters.between
        names = sorted({score.groups[facet] for score in made.scores if facet in score.groups})
        samples = [made.sample(_within(pick, facet, name)) for name in names]
        parts = [gap_of(one, two) for one, two in combinations(samples, 2)]
        if not all(sample.values for sample in samples):
            return  # a group without a single case of the kind: its rate, and the largest gap, are not known
        with suppress(NotEnoughDataError):  # one group only, or a group with a single source
            n = sum(len(sample.values) for sample in samples)
            measured = magnitude(parts, levels=made.levels, n=n, method="magnitude-clustered-difference")
            yield made.given(metric, measured)


class GroupFairness(_GroupFairness):
    """Group fairness of a tabular model: selection, error rates and accuracy between groups.

    References:
        Hardt et al. (2016), https://arxiv.org/abs/1610.02413;
        Chouldechova (2017), https://arxiv.org/abs/1703.00056
    """

    name: ClassVar[str] = "group-fairness"
    item_type = RowItem
    needs: ClassVar[frozenset[RequestKind]] = frozenset({"predict"})

    def _request(self, item: CaseItem) -> Request:
        if not isinstance(item, RowItem):
            raise TypeError(f"item {item.id!r} has no row")
        return Predict(row=item.row)


class GroupFairnessText(_GroupFairness):
    """Group fairness of a text classifier."""

    name: ClassVar[str] = "group-fairness-text"
    item_type = TextItem
    needs: ClassVar[frozenset[RequestKind]] = frozenset({"classify"})

    def _request(self, item: CaseItem) -> Request:
        if not isinstance(item, TextItem):
            raise TypeError(f"item {item.id!r} has no text")
        return Classify(text=item.text)


def _value(name: str, *, deserving: float | None = None) -> Pick:
    return lambda _, scored: (
        scored.values[name] if deserving is None or scored.values["deserving"] == deserving else None
    )


def _within(pick: Pick, facet: str, group: str) -> Callable[[ItemScore, Scored], float | None]:
    return lambda score, scored: pick(score, scored) if score.groups.get(facet) == group else None
