"""Suites, checks and what decides them."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from verify.records.base import Fraction, Name, Record, Strings, Text, Tuple

Concern = Literal["accuracy", "bias", "robustness", "privacy", "safety", "integrity"]


class Bound(Record):
    """The value that a check compares its metric with; exactly one side is given."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> "Bound":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self

    @property
    def value(self) -> float:
        """The limit, whichever side it is."""
        return self.at_least if self.at_least is not None else self.at_most  # type: ignore[return-value]  # one is set

    def __str__(self) -> str:
        side = "at_least" if self.at_least is not None else "at_most"
        return f"{side} {self.value:g}"


class Check(Record):
    """A claim to decide: a method on items, one of its metrics, a bound."""

    id: Name
    """Unique in its suite; the whole name is `suite.check`."""
    title: Text
    method: str
    """Name of a method (`verify methods`)."""
    items: Strings = ()
    """Files of items, relative to the suite's folder; `*` is allowed. `../accuracy/items/x.jsonl` is too. None where
    the method brings its items itself, or takes them from a further input."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the method; an unknown one is an error."""
    metric: str
    """Which of the method's metrics the bound is for."""
    bound: Bound
    estimand: Literal["super_population", "finite_list"] = "super_population"
    """What the claim is about: the population that the items stand for, or `finite_list`, this very list and no other
    question (a regression gate, a benchmark reproduced). Asked in full, a list has no sampling error; of a random part
    (`--limit`) the bounds are those of a finite population. Only for means over items whose answers are not drawn."""
    max_unscored: Fraction = 0.05
    """Share of items without a score above which the check is not measured."""
    why: Text
    """What a failure means for the people concerned, in one sentence."""
    remedy: Text
    """What to do when it fails."""
    open_ended: bool = False
    """True where no number of items could confirm the claim, because what is measured is a lower bound
    (fishing for personal data): such a check can fail, and its inconclusive verdict does not keep the
    whole from passing."""
    needs: Strings = ()
    """Further inputs, e.g. `canaries`; without them the check is not measured."""


class Suite(Record):
    """Content for one concern: checks and where their items lie."""

    id: Name
    version: int = Field(ge=1)
    concern: Concern
    title: Text
    summary: Text
    checks: Annotated[tuple[Check, ...], Tuple] = Field(min_length=1)


class BoundOverride(Record):
    """A policy's own bound for a check."""

    check: str
    """`suite.check`."""
    bound: Bound


class Margin(Record):
    """How much worse than the release before a check's metric may be, in the metric's own unit."""

    check: str
    """`suite.check`."""
    margin: float = Field(gt=0.0)


class Policy(Record):
    """Which suites, with which bounds, confidence and error control."""

    id: Name
    title: Text
    summary: Text
    suites: Strings = Field(min_length=1)
    without: Strings = ()
    """`suite.check` names of those suites that this policy leaves out."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """One-sided error of a pass; the overall pass is an intersection-union test and needs no correction."""
    limit: int | None = Field(default=None, ge=1)
    """Most items a check is asked, drawn at random with the seed; null asks all."""
    min_clusters: int = Field(default=8, ge=2)
    """Below this many independent sources no verdict is given."""
    sequential: bool = False
    """Whether a check ends as soon as it is decided; it then has a verdict and a confidence sequence, no score."""
    effect: Fraction = 0.5
    """The subject that ought to pass, as a place between a check's bound (0) and its metric's ideal (1): the plan
    states the power there."""
    bounds: Annotated[tuple[BoundOverride, ...], Tuple] = ()
    allow: Annotated[tuple[Literal["inconclusive", "not_measured"], ...], Tuple] = ()
    """Outcomes that the exit code treats as passed."""
    margins: Annotated[tuple[Margin, ...], Tuple] = ()
    """For `verify compare`: a check's own margin of non-inferiority."""
    default_margin: float = Field(default=0.03, gt=0.0)
    """The margin of every other check."""
