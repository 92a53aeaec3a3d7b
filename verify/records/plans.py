"""Everything that is decided before the first request."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from verify.records.base import Digest, Fraction, Record, Strings, Text, Tuple
from verify.records.checks import Bound, Concern
from verify.records.estimates import Estimand, Levels

Caution: TypeAlias = Literal[
    "few_sources", "open_ended", "faultless_needs_more", "low_power", "low_power_at_worst", "bound_is_ideal"
]
"""What the items of a check cannot show, as `PlannedCheck.cautions` has it."""


class Power(Record):
    """What a number of independent sources can show of a share or a mean, before they are asked.

    Items of one source are taken to depend on each other fully, so that more may be seen than is said here.
    """

    detectable: float | None
    """The true value nearest to the bound at which a subject passes in four runs of five; null if none does."""
    assumed: float
    """True value of the subject that ought to pass (`Policy.effect`)."""
    power: Fraction
    """Probability that this subject passes."""
    needed: int | None
    """Independent sources at which it passes in four runs of five; null if more than any suite has, or no number."""
    expected: float | None = Field(default=None, ge=0.0)
    """Mean number of sources that this subject is asked about, where the check may stop early."""
    worst_case: bool = False
    """Whether all scores are taken to lie at the ends of their range, where a mean varies most: then `power` is the
    least that it may be, and `needed` the most."""


class Stopping(Record):
    """How a check may end before its last item: it is looked at after each batch, and ends once it is decided."""

    order: Digest
    """Over the ids of its items in the order in which they are asked: clusters at random, by the plan's seed."""
    look: int = Field(ge=1)
    """Items between two looks; more where a cluster would be cut."""


class PlannedCheck(Record):
    """A check with its items fixed."""

    name: str
    """`suite.check`."""
    suite: str
    concern: Concern
    title: Text
    method: str
    method_version: int = Field(ge=1)
    parameters: dict[str, Any]
    metric: str
    better: Literal["higher", "lower"]
    low: float | None = None
    """Least value that the metric can take."""
    high: float | None = None
    """Greatest value that the metric can take."""
    bound: Bound
    max_unscored: float
    estimand: Estimand
    n_items: int = Field(ge=0)
    n_clusters: int = Field(ge=0)
    n_available: int = Field(ge=0)
    """Items that the suite has; more than `n_items` where a limit drew a random part."""
    n_clusters_available: int = Field(default=0, ge=0)
    """Independent sources of those; 0 in plans made before this field, none of which is about a list itself."""
    items_digest: Digest
    why: Text
    remedy: Text
    open_ended: bool = False
    """As in `Check`."""
    min_clusters: int = Field(default=0, ge=0)
    """Independent sources that a verdict on this metric needs, where that is more than the plan's."""
    clauses: Strings = ()
    not_measured: str | None = None
    """Why the check cannot be measured on this subject; null when it will be asked."""
    not_measured_code: str | None = None
    lacking: Strings = ()
    """Inputs or kinds of request without which it cannot be measured; empty in plans made before this field."""
    n_to_pass: int | None = None
    """Independent items at which a subject without any defect (or all right) could pass; null if none."""
    stopping: Stopping | None = None
    """Null where all items are asked in any case; else `n_items` is the declared maximum."""
    power: Power | None = None
    """What the items can show; null where the metric is neither a share nor a mean of known range."""
    warnings: Strings = ()
    """What the reader should know before the run, e.g. that the items cannot reach a decision."""
    cautions: Annotated[tuple[Caution, ...], Tuple] = ()
    """What each of the warnings says; empty in plans made before this field. Reports put it into their own words."""


class PlannedSuite(Record):
    """A suite by digest."""

    id: str
    version: int
    digest: Digest
    title: Text
    summary: Text | None = None
    """What its items ask about, so that a reader knows the universe of items; null in plans made before this field."""


class Plan(Record):
    """`plan.json`: written, by digest, before the first request."""

    schema_id: Literal["ax-verify/plan/1"] = Field(default="ax-verify/plan/1", alias="schema")
    subject: str
    subject_digest: Digest
    policy: str
    policy_digest: Digest
    allow: Strings = ()
    levels: Levels
    min_clusters: int = Field(ge=2)
    seed: int
    limit: int | None
    suites: Annotated[tuple[PlannedSuite, ...], Tuple]
    checks: Annotated[tuple[PlannedCheck, ...], Tuple]
    inputs: dict[str, Digest] = Field(default_factory=dict)
    """Further inputs by digest, e.g. `canaries`."""
    frameworks: dict[str, Digest] = Field(default_factory=dict)
    engine: dict[str, str] = Field(default_factory=dict)
    """Versions of the engine and of what decides."""
    decision_rule: str = (
        "pass: the one-sided bound at alpha lies on the right side of the limit; "
        "fail: the other one-sided bound lies wholly on the wrong side; else inconclusive. "
        "Overall pass: every check passes (intersection-union, no correction). "
        "List of non-conformities: Holm over all decided checks."
    )
