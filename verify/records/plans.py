"""Everything that is decided before the first request."""

from typing import Annotated, Any, Literal

from pydantic import Field

from verify.records.base import Digest, Record, Strings, Text, Tuple
from verify.records.checks import Bound, Concern
from verify.records.estimates import Estimand, Levels


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
    bound: Bound
    max_unscored: float
    estimand: Estimand
    n_items: int = Field(ge=0)
    n_clusters: int = Field(ge=0)
    n_available: int = Field(ge=0)
    """Items that the suite has; more than `n_items` where a limit drew a random part."""
    items_digest: Digest
    why: Text
    remedy: Text
    open_ended: bool = False
    """As in `Check`."""
    clauses: Strings = ()
    not_measured: str | None = None
    """Why the check cannot be measured on this subject; null when it will be asked."""
    not_measured_code: str | None = None
    n_to_pass: int | None = None
    """Independent items at which a subject without any defect (or all right) could pass; null if none."""
    warnings: Strings = ()
    """What the reader should know before the run, e.g. that the items cannot reach a decision."""


class PlannedSuite(Record):
    """A suite by digest."""

    id: str
    version: int
    digest: Digest
    title: Text


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
