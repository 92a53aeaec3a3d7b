"""Two releases measured alike, compared item by item: `comparison.json`."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Digest, Fraction, Record, Strings, Text, Tuple
from verify.records.bundles import KeptResponse
from verify.records.estimates import Ends, Estimate, Levels
from verify.records.scores import Score


class Change(StrEnum):
    """The four ways in which the comparison of a check ends."""

    NO_WORSE = "no_worse"
    """A worsening by the margin or more is excluded at alpha."""
    WORSE = "worse"
    """Such a worsening is not excluded, and a worsening was found (Holm over all checks)."""
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not_comparable"


class ChangeReason(StrEnum):
    """Why a comparison is what it is; reports translate it."""

    MARGIN_EXCLUDED = "margin_excluded"
    REGRESSION_FOUND = "regression_found"
    INTERVAL_HOLDS_MARGIN = "interval_holds_margin"
    DEPENDS_ON_UNSCORED = "depends_on_unscored"
    """Decided without the items that only one release has a score for, undecided with them."""
    FEW_CLUSTERS = "few_clusters"
    NOTHING_PAIRED = "nothing_paired"
    TOO_MANY_LOST = "too_many_lost"
    MEASURED_OTHERWISE = "measured_otherwise"
    NOT_MEASURED = "not_measured"
    ENDED_EARLY = "ended_early"
    """A release was not asked all items (sequential verdict): which ones depends on its answers."""
    DISPLAY_ONLY = "display_only"
    NO_ITEM_VALUE = "no_item_value"
    """The metric is no mean over items and items lack a score, so that nothing counts them both ways."""
    SAME_SCORES = "same_scores"
    """One subject gave every item the score that it had before: there is nothing to tell apart."""
    NO_SUCH_METHOD = "no_such_method"
    """The method is not here, or here in another version."""


class PairedTest(Record):
    """What pairs say; every difference is a *gain*: positive where the release after is better."""

    gain: float
    """Mean over pairs, in the metric's unit."""
    interval: Ends
    """Two-sided, at `confidence`."""
    confidence: float = Field(gt=0.0, lt=1.0)
    bounds: Ends
    """One-sided lower and upper bound of the gain, each at 1 - alpha."""
    alpha: float = Field(gt=0.0, lt=0.5)
    method: str
    """`mover-clopper-pearson`, `mover-korn-graubard` (`tango` in older comparisons); `cr1-t` or `betting` of real
    differences; the same with `size-` for |mean|; `two-intervals`, of metrics that are no mean over
    items, from the interval of each release as if the two were independent."""
    n_pairs: int = Field(ge=1)
    n_clusters: int = Field(ge=1)
    n_better: int = Field(ge=0)
    """Pairs in which the release after is better."""
    n_worse: int = Field(ge=0)
    p_noninferior: Fraction
    """One-sided p of "worse by the margin or more"."""
    p_difference: Fraction
    """Two-sided p of "both alike": McNemar's mid-p (exact below 10 discordant pairs) for independent 0/1 pairs."""
    p_regression: Fraction
    """One-sided p of "not worse": half of `p_difference` where the gain is negative, else 1."""
    p_equivalence: Fraction | None = None
    """P of "they differ by the margin or more, either way": the larger of two one-sided p (TOST)."""


class Particular(Record):
    """One thing in which two releases, or what was asked of them, differ; reports name it in their language."""

    name: str
    """As in the plan or the subject: `n_items`, `parameters.KEY`, `dtype`, `asked`."""
    before: str | None = None
    """None where it does not concern the release before."""
    after: str | None = None

    def __str__(self) -> str:
        """`name: before -> after`, or the one side that it concerns."""
        if self.before is not None and self.after is not None:
            return f"{self.name}: {self.before} -> {self.after}"
        side, value = ("before", self.before) if self.after is None else ("after", self.after)
        return f"{self.name}: {value} ({side})"


class Movement(Record):
    """An item whose value moved by more than the margin."""

    item: str
    repeat: int = Field(default=0, ge=0)
    before: float
    after: float


class PairExample(Record):
    """An item that moved, with what was asked and answered in both releases, as redacted as in the bundles."""

    item: str
    repeat: int = Field(default=0, ge=0)
    better: bool
    before: Score
    after: Score
    exchanges_before: Annotated[tuple[KeptResponse, ...], Tuple]
    exchanges_after: Annotated[tuple[KeptResponse, ...], Tuple]
    more: int = Field(default=0, ge=0)
    """Further exchanges of the item that are left out here."""


class ComparedCheck(Record):
    """One check of two releases."""

    check: str
    """`suite.check`."""
    title: Text
    metric: str
    better: Literal["higher", "lower"]
    margin: float = Field(gt=0.0)
    """Worsening that must be excluded, in the metric's unit."""
    outcome: Change
    code: ChangeReason
    reason: str
    before: Estimate | None = None
    """The deciding estimate of each release, as its bundle states it."""
    after: Estimate | None = None
    test: PairedTest | None = None
    """On pairs in which both releases have a score."""
    worst_case: PairedTest | None = None
    """With every score that one release lacks set to what is worst for the release after."""
    best_case: PairedTest | None = None
    p_noninferior: Fraction | None = None
    """What decides: of the pairs and, where scores are lacking, of the worst case."""
    p_regression: Fraction | None = None
    """What decides: of the pairs and, where scores are lacking, of the best case."""
    holm_adjusted_p: Fraction | None = None
    """`p_regression`, Holm-adjusted over all checks that were compared."""
    power: Fraction | None = None
    """Probability that two releases that are alike pass this margin, at the variation seen."""
    minimum_detectable: float | None = None
    """Worsening that is found with probability 0.8 at alpha, in the metric's unit; None where not even the
    largest is."""
    p_equivalence: Fraction | None = None
    """Where both bundles are of one subject: p of "a difference by the margin or more, either way" (TOST), at worst."""
    unscored_before: int = Field(default=0, ge=0)
    """Pairs in which only the release before has no score."""
    unscored_after: int = Field(default=0, ge=0)
    unscored_both: int = Field(default=0, ge=0)
    regressions: Annotated[tuple[Movement, ...], Tuple] = ()
    improvements: Annotated[tuple[Movement, ...], Tuple] = ()
    examples: Annotated[tuple[PairExample, ...], Tuple] = ()
    differences: Strings = ()
    """How the two were measured differently; empty where they were measured alike."""
    particulars: Annotated[tuple[Particular, ...], Tuple] = ()
    """What `reason` says of a check that is not comparable, for reports in another language."""
    warnings: Strings = ()


class Release(Record):
    """One side of a comparison."""

    subject: str
    subject_digest: Digest
    bundle: Digest
    """Root of the bundle's manifest."""
    plan: Digest


class Comparison(Record):
    """`comparison.json`."""

    schema_id: Literal["ax-verify/comparison/1"] = Field(default="ax-verify/comparison/1", alias="schema")
    outcome: Change
    """worse if a check is; else inconclusive or not_comparable if one is; else no_worse."""
    before: Release
    after: Release
    policy: str
    policy_digest: Digest
    margins_planned: bool
    """Whether the release after was planned under this very policy: its margins were fixed before the run."""
    levels: Levels
    min_clusters: int = Field(ge=2)
    seed: int
    checks: Annotated[tuple[ComparedCheck, ...], Tuple]
    waived: Strings = ()
    """Checks that neither release measured where the policy allows `not_measured`; they do not count."""
    notes: Strings = ()
    """Conditions in which the two runs differed although each check was measured alike."""
    conditions: Annotated[tuple[Particular, ...], Tuple] = ()
    """The same, for reports in another language."""

    @property
    def one_subject(self) -> bool:
        """Whether both bundles are of the very same subject, so that equivalence is asked."""
        return self.before.subject_digest == self.after.subject_digest

    decision_rule: str = (
        "no_worse: a worsening by the margin or more is excluded at one-sided alpha (two "
        "Clopper-Pearson intervals combined for independent 0/1 pairs; cluster-robust otherwise, by a bet that holds "
        "for any distribution where differences are few or skewed), also when each score "
        "that one release lacks counts against the release after; worse: not so, and a worsening is found by the "
        "one-sided paired test (McNemar mid-p for independent 0/1 pairs), Holm-adjusted over all compared checks, "
        "also when each lacking score counts for the release after; else inconclusive. "
        "no_worse overall: every check that counts is (intersection-union, no correction). "
        "Of one subject, equivalent: differences by the margin or more are excluded both ways (two one-sided tests)."
    )
