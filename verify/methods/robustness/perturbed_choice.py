"""Choice questions asked again with typing errors, other spacing and other code points."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, field_validator

from verify.errors import UnknownNameError
from verify.korean.perturbations import perturbation
from verify.methods.accuracy import choices
from verify.methods.accuracy.choices import ChoiceItem, ChoiceParameters, Question, Rule, Ruling
from verify.methods.base import Examination, Method, Metric, Parts
from verify.methods.estimating import Estimator, Measured, Pick
from verify.records import Estimand, Estimate, Fraction, ItemScore, Levels, Scored, Strings, Unscored
from verify.statistics import Interval

_NUMERIC: Final = re.compile(
    r"[0-9][0-9,.:~-]*\s?[가-힣%㎡]{0,4}"
    r"|(?:하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열|한|두|세|네|몇)\s(?:가지|차례|사람|[가-힣])"
    r"|이상|이하|미만|초과|이내|이전|이후|제외|면제|외에|외의"
)
"""Amounts with their units, counts and limits: one letter more or less would be another fact."""


def _lost(first: str, second: str) -> Pick:
    """What an item contributes to a drop; None where nothing of it could be disturbed."""

    def pick(_: ItemScore, scored: Scored) -> float | None:
        values = scored.values
        return values[first] - values[second] if first in values and second in values else None

    return pick


class PerturbedChoiceParameters(ChoiceParameters):
    """Which disturbances, and how strong."""

    families: Strings = Field(
        default=(
            "typo.adjacent_key",
            "typo.drop",
            "typo.swap",
            "spacing.remove",
            "spacing.split",
            "encoding.nfd",
            "encoding.full_width",
            "encoding.zero_width",
        ),
        min_length=1,
    )
    """Entries of `verify.korean.perturbations`."""
    severity: Annotated[int, Field(ge=1, le=3)] = 2
    score: Rule = "char"
    """Rule that reads the choice; see `verify.methods.accuracy.choices`."""
    sample: Annotated[Fraction, Field(gt=0.0)] = 1.0
    """Share of the lines that is asked, drawn by the run's seed: each costs one question a family."""

    @field_validator("families")
    @classmethod
    def _known(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        for family in families:
            try:
                perturbation(family)
            except UnknownNameError as error:
                raise ValueError(str(error)) from error
        if len(set(families)) < len(families):
            raise ValueError("a family is named twice")
        return families


class PerturbedChoice(Method[ChoiceItem, PerturbedChoiceParameters]):
    """Each item is asked as it is, and once for each family with passage and question disturbed.

    Options, numbers with their units, limits (이상, 미만, ...), negations and the item's protected parts
    stay as they are, so the right answer does. The *control* asks the same words in another layout (blank
    lines): how much any harmless change costs. Asking the very same prompt again would prove nothing,
    because equal requests are asked once.

    A subject that does no better than guessing has nothing to lose: then drops are shown and decide nothing.
    """

    name = "perturbed-choice"
    version = 3
    item_type = ChoiceItem
    parameters_type = PerturbedChoiceParameters
    needs = frozenset({"loglikelihood"})
    metrics = (
        Metric(
            name="accuracy_drop",
            better="lower",
            low=-1.0,
            high=1.0,
            ideal=0.0,
            meaning="Accuracy on the plain items minus mean accuracy over the families, within items.",
            scores=(-1.0, 1.0),
        ),
        Metric(
            name="worst_family_drop",
            better="lower",
            low=-1.0,
            high=1.0,
            ideal=0.0,
            meaning="Largest drop of a single family; its lower bound is Bonferroni-corrected for the choice.",
            scores=(-1.0, 1.0),
        ),
        Metric(
            name="control_drop",
            better="lower",
            low=-1.0,
            high=1.0,
            ideal=0.0,
            meaning="Drop under blank lines between the parts: what any harmless change costs.",
            scores=(-1.0, 1.0),
        ),
        Metric(
            name="excess_drop",
            better="lower",
            low=-1.0,
            high=1.0,
            ideal=0.0,
            meaning="accuracy_drop minus control_drop, within items.",
            scores=(-1.0, 1.0),
        ),
        Metric(
            name="consistency",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Mean share of families under which the same option is chosen as on the plain item.",
        ),
        Metric(
            name="accuracy_plain",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Accuracy on the plain items.",
        ),
        Metric(
            name="accuracy_perturbed",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Mean accuracy over the families.",
        ),
    )

    item_values = MappingProxyType(
        {
            "accuracy_drop": _lost("plain", "perturbed"),
            "control_drop": _lost("plain", "control"),
            "excess_drop": _lost("control", "perturbed"),
            "consistency": "same",
            "accuracy_plain": "plain",
            "accuracy_perturbed": "perturbed",
        }
    )

    tied_values = MappingProxyType(
        {
            "accuracy_drop": (_lost("least:plain", "most:perturbed"), _lost("most:plain", "least:perturbed")),
            "control_drop": (_lost("least:plain", "most:control"), _lost("most:plain", "least:control")),
            "excess_drop": (_lost("least:control", "most:perturbed"), _lost("most:control", "least:perturbed")),
            "consistency": ("least:same", "most:same"),
            "accuracy_plain": ("least:plain", "most:plain"),
            "accuracy_perturbed": ("least:perturbed", "most:perturbed"),
        }
    )

    def expand(self, row: ChoiceItem) -> Iterable[ChoiceItem]:
        """The line itself, if it is in the sample."""
        drawn = self.seed_for(row.id, "sample") < self.parameters.sample * 2**31
        return (row,) if drawn else ()

    def check_row(self, row: ChoiceItem) -> Iterable[str]:
        """Answers outside the options, options that are alike, protected parts that are not there."""
        return choices.faults(row)

    def parts(self, metric: str, items: Sequence[ChoiceItem]) -> Parts:
        """The families, for the worst of them; each is tried on every item."""
        return Parts(len(self.parameters.families)) if metric == "worst_family_drop" else Parts()

    def variants(self, item: ChoiceItem) -> dict[str, Question]:
        """The disturbed question of each family; families that find nothing to change are left out."""
        plain = choices.question_of(item)
        found = {}
        for family in self.parameters.families:
            passage, question = (
                self._disturbed(text, item, family=family) if text else "" for text in (item.passage, item.question)
            )
            variant = Question(passage, question, item.choices)
            if variant != plain:
                found[family] = variant
        return found

    def _disturbed(self, text: str, item: ChoiceItem, *, family: str) -> str:
        parts = {match.group() for match in _NUMERIC.finditer(text)}
        parts |= {part for part in (*item.protected, *item.choices) if part in text}
        seed = self.seed_for(item.id, family)
        change = perturbation(family)
        return change(text, severity=self.parameters.severity, seed=seed, protected=sorted(parts))

    def examine(self, item: ChoiceItem) -> Examination:
        """Ask the plain item, the control and each variant, all at once."""
        plain = choices.question_of(item)
        asked = [("plain", plain, False), ("control", plain, True)]
        asked += [(family, variant, False) for family, variant in self.variants(item).items()]
        batches = [choices.requests_for(shown, self.parameters, spaced=s) for _, shown, s in asked]
        answers = yield [request for batch in batches for request in batch]
        read: dict[str, Ruling] = {}
        width = len(item.choices)
        for place, (name, _, _) in enumerate(asked):
            continuations = [request.continuation for request in batches[place]]
            rulings = choices.read(answers[place * width : (place + 1) * width], continuations)
            if isinstance(rulings, Unscored):
                return rulings
            read[name] = rulings[self.parameters.score]
        scored = _score(item, {name: ruling.chosen for name, ruling in read.items()})
        return scored.model_copy(update={"values": scored.values | _tied(item, read)})

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Drops over all items, by family and by the items' own facets."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        facets = sorted({facet for score in scores for facet in score.groups})
        plain = list(estimator.proportion("accuracy_plain", "plain"))
        guessing = _is_guessing(scores, plain)
        drops = [
            *estimator.paired("accuracy_drop", "plain", "perturbed"),
            *estimator.paired("control_drop", "plain", "control"),
            *estimator.paired("excess_drop", "control", "perturbed"),
            *self._worst(scores, levels=levels, estimand=estimand),
            *(e for facet in facets for e in estimator.paired("accuracy_drop", "plain", "perturbed", by=facet)),
        ]
        for family in self.parameters.families:
            drops += _in_group(estimator.paired("accuracy_drop", "plain", family), family)
        yield from plain
        yield from (drop.model_copy(update={"display_only": guessing}) for drop in drops)
        yield from estimator.mean("accuracy_perturbed", "perturbed", low=0.0, high=1.0)
        yield from estimator.mean("consistency", "same", low=0.0, high=1.0)
        for family in self.parameters.families:
            yield from _in_group(estimator.proportion("consistency", f"same:{family}"), family)

    def _worst(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterator[Estimate]:
        """The largest drop over the families, with bounds that hold although it was chosen after the fact.

        Upper bound: the largest of the families' upper bounds, uncorrected, because the family that is
        truly worst is one of them. Lower bound: the largest of the lower ones at alpha / families
        (Bonferroni, the first step of Holm). The value itself is biased upwards.
        """
        k = len(self.parameters.families)
        strict = Levels(confidence=1.0 - (1.0 - levels.confidence) / k, alpha=levels.alpha / k)
        plain, corrected = (
            [
                estimate
                for family in self.parameters.families
                for estimate in Estimator(scores, levels=at, estimand=estimand).paired("drop", "plain", family)
            ]
            for at in (levels, strict)
        )
        if not plain:
            return
        worst = max(plain, key=lambda estimate: estimate.value)
        measured = Measured(
            worst.value,
            Interval(max(e.interval[0] for e in corrected), max(e.interval[1] for e in plain)),
            Interval(max(e.bounds[0] for e in corrected), max(e.bounds[1] for e in plain)),
            f"max-of-{k}-{worst.method}-bonferroni",
            worst.n,
            worst.n_clusters,
        )
        yield Estimator(scores, levels=levels, estimand=estimand).given("worst_family_drop", measured)


def _score(item: ChoiceItem, chosen: dict[str, int | None]) -> Scored:
    families = [name for name in chosen if name not in {"plain", "control"}]
    values = {name: float(choice == item.answer) for name, choice in chosen.items()}
    labels = {"answer": item.choices[item.answer]}
    labels |= {name: "" if choice is None else item.choices[choice] for name, choice in chosen.items()}
    # Where no family finds anything to change there is nothing to compare; the plain answer still counts.
    if families:
        same = {f"same:{f}": float(chosen[f] is not None and chosen[f] == chosen["plain"]) for f in families}
        values |= same
        values["perturbed"] = sum(values[family] for family in families) / len(families)
        values["same"] = sum(same.values()) / len(families)
    values["chance"] = 1.0 / len(item.choices)
    lost = values["plain"] == 1.0 and any(values[family] == 0.0 for family in families)
    return Scored(values=values, labels=labels, defect=lost)


def _tied(item: ChoiceItem, read: Mapping[str, Ruling]) -> dict[str, float]:
    """The least and the greatest that the values of an item may be, as its near ties fall; see `tied_values`."""
    families = [ruling for name, ruling in read.items() if name not in {"plain", "control"}]
    values: dict[str, float] = {}
    for name in ("plain", "control"):
        values[f"least:{name}"] = float(read[name].right_at_worst(item.answer))
        values[f"most:{name}"] = float(read[name].right_at_best(item.answer))
    if families:
        plain = read["plain"].open
        alike = sum(len(plain) == 1 and ruling.open == plain for ruling in families)
        could = max(sum(option in ruling.open for ruling in families) for option in plain)
        values["least:perturbed"] = sum(ruling.right_at_worst(item.answer) for ruling in families) / len(families)
        values["most:perturbed"] = sum(ruling.right_at_best(item.answer) for ruling in families) / len(families)
        values |= {"least:same": alike / len(families), "most:same": could / len(families)}
    return values


def _is_guessing(scores: Sequence[ItemScore], plain: Sequence[Estimate]) -> bool:
    """Whether the lower bound of the plain accuracy does not exceed what guessing would give."""
    chances = [score.score.values["chance"] for score in scores if isinstance(score.score, Scored)]
    return not plain or plain[0].bounds[0] <= sum(chances) / len(chances)


def _in_group(estimates: Iterable[Estimate], family: str) -> list[Estimate]:
    return [estimate.model_copy(update={"group": f"family={family}"}) for estimate in estimates]
