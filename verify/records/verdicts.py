"""A check decided."""

from enum import StrEnum

from pydantic import Field

from verify.records.base import Record, Strings
from verify.records.checks import Bound


class Outcome(StrEnum):
    """The four ways in which a check ends."""

    PASS = "pass"  # noqa: S105  # an outcome, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not_measured"


class Reason(StrEnum):
    """Why a verdict is what it is; reports translate it, so that no verdict carries prose alone."""

    BOUND_HELD = "bound_held"
    BOUND_BROKEN = "bound_broken"
    INTERVAL_HOLDS_BOUND = "interval_holds_bound"
    FEW_CLUSTERS = "few_clusters"
    DISPLAY_ONLY = "display_only"
    NOTHING_SCORED = "nothing_scored"
    TOO_MANY_UNSCORED = "too_many_unscored"
    ACCESS_LEVEL = "access_level"
    INPUT_MISSING = "input_missing"
    INPUT_EMPTY = "input_empty"
    SUBJECT_KIND = "subject_kind"
    INVALID_DESIGN = "invalid_design"


class Verdict(Record):
    """What the evidence says of a check."""

    check: str
    """`suite.check`."""
    metric: str
    verdict: Outcome
    bound: Bound
    code: Reason
    reason: str
    """The numbers, e.g. `0.91 [0.87, 0.94] against at_least 0.8 on 240 items (120 clusters)`."""
    holm_adjusted_p: float | None = Field(default=None, ge=0.0, le=1.0)
    """For failed checks: p of the claim that the bound holds, Holm-adjusted over all decided checks."""
    clauses: Strings = ()
    """`framework/clause` ids that this check gives evidence for or against."""
    unscored: dict[str, int] = Field(default_factory=dict)
    """Reason -> number of items without a score."""
