"""What checks made of reference standards of further seeds: too many to ship, enough to show a detection power."""

import math
from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Digest, Name, Record, Tuple
from verify.records.calibrations import EXACTLY
from verify.records.verdicts import Outcome


class StudiedCheck(Record):
    """The verdict of one check on a standard, and what it decided on."""

    check: str
    metric: str
    better: Literal["higher", "lower"]
    verdict: Outcome
    measured: float | None
    """Null where nothing was measured."""


class StudyRow(Record):
    """A standard that was made, examined and not kept; its recipe and seed make it again."""

    standard: Name
    recipe: str
    defect: Name
    dose: float
    """0 is a clean twin."""
    seed: int
    context: Digest
    """Of `Study.contexts`: with what it was made and examined."""
    certificate: Digest | None
    """Of its certificate; null for a model that did not learn its lessons: it is no standard and was not examined."""
    checks: Annotated[tuple[StudiedCheck, ...], Tuple] = ()
    assigned: dict[str, float] = Field(default_factory=dict)
    """`suite.check/metric` -> its true value."""
    measured: dict[str, float] = Field(default_factory=dict)
    """The same -> what the instrument reported; one that it could not measure is left out."""

    @property
    def exact(self) -> bool:
        """Whether each value was reported as it is: so it has to be of a constructed standard."""
        apart = (abs(value - self.measured.get(name, math.inf)) for name, value in self.assigned.items())
        return all(distance < EXACTLY for distance in apart)


class Study(Record):
    """`models/reference/study.json`; `verify calibrate` counts the rows that hold for what is here."""

    schema_id: Literal["ax-verify/study/1"] = Field(default="ax-verify/study/1", alias="schema")
    contexts: dict[Digest, dict[str, str]] = Field(default_factory=dict)
    """Digest -> recipe, policy, methods by version and suites by digest: what a row depends on."""
    rows: Annotated[tuple[StudyRow, ...], Tuple] = ()
