"""One item's measurement: `Scored`, or `Unscored` with the reason; never a silent 0, never NaN."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from verify.records.base import Record, Strings, Tuple
from verify.records.responses import FailureReason


class Finding(Record):
    """A piece of personal data in an answer, masked."""

    type: str
    """Entity type, e.g. `KR_RRN`."""
    masked: str
    """Value with everything that identifies replaced."""
    start: int = Field(ge=0)
    """Offset in the kept (redacted) answer, in code points."""
    fingerprint: str
    """Keyed hash (HMAC-SHA256, truncated); the key is not in the bundle."""
    grade: str = ""
    """How likely it concerns a real person, where the method says so."""


class Scored(Record):
    """A measurement that succeeded."""

    kind: Literal["scored"] = "scored"
    values: dict[str, float]
    """Named numbers, from which the method makes its estimates; 0/1 for yes and no."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Named words that the estimate or the report needs (the option chosen, the group it favours)."""
    defect: bool = False
    """Whether this item shows the defect that the check looks for; the report takes examples from these."""
    findings: Annotated[tuple[Finding, ...], Tuple] = ()


class Unscored(Record):
    """A measurement that did not succeed; it counts against `max_unscored`."""

    kind: Literal["unscored"] = "unscored"
    reason: FailureReason
    detail: str = Field(default="", max_length=500)


Score: TypeAlias = Annotated[Scored | Unscored, Field(discriminator="kind")]


class ItemScore(Record):
    """A score with what the statistics need to know of its item; one line of `scores.jsonl`."""

    check: str
    item: str
    cluster: str
    groups: dict[str, str] = Field(default_factory=dict)
    repeat: int = Field(default=0, ge=0)
    """Which of several generations of the same item this is."""
    requests: Strings = ()
    """Content digests of the requests that led to this score, in order; reports show their exchanges."""
    score: Score
