"""What a run found out about the instrument itself: does it see what was planted, and does it repeat itself?"""

from typing import Annotated

from pydantic import Field

from verify.records.base import Digest, Record, Strings, Tuple
from verify.records.estimates import Ends
from verify.records.requests import RequestKind
from verify.records.verdicts import Outcome


class SuitabilityCase(Record):
    """A check on a planted standard and on its clean twin."""

    check: str
    planted: str
    """Id of the standard that holds the defect."""
    clean: str
    planted_verdict: Outcome
    """`fail`: the defect was seen."""
    clean_verdict: Outcome
    """Anything but `fail`: nothing was seen where there is nothing."""

    @property
    def suitable(self) -> bool:
        """Whether the defect was seen, and only where it is."""
        return self.planted_verdict is Outcome.FAIL and self.clean_verdict is not Outcome.FAIL


class Suitability(Record):
    """System suitability (ISO/IEC 17025, 7.7): pairs of reference standards examined before the run."""

    key: Digest
    """Over the code, methods, suites and standards that it holds for."""
    made: str
    """UTC time, ISO 8601; earlier than the run where it was made for one before and nothing changed since."""
    cases: Annotated[tuple[SuitabilityCase, ...], Tuple] = ()
    uncovered: Strings = ()
    """Checks of the plan for which there is no pair of standards."""
    not_run: Strings = ()
    """Checks whose pair was left out because the time was up."""


class Envelope(Record):
    """How far the answers to one kind of request move when they are asked again."""

    kind: RequestKind
    n: int = Field(ge=1)
    """Requests that were asked again."""
    changed_alike: int = Field(ge=0)
    """Of these, how many were answered otherwise when asked twice alike: same order, same batches."""
    changed_otherwise: int = Field(ge=0)
    """How many were answered otherwise in another order and in other batches, those of the run among them."""
    interval: Ends
    """Clopper-Pearson 95 % of the share that either changed."""
    largest: float | None = Field(default=None, ge=0.0)
    """Largest difference of a log-probability (nats) or of a probability; null for texts."""


class NearTies(Record):
    """Items of a check whose two best answers lie closer together than its tolerance: a coin decides them."""

    check: str
    n: int = Field(ge=0)
    of: int = Field(ge=1)
    low: float
    """Least that the deciding metric may be, as the near ties fall."""
    high: float
    """Greatest that it may be: the worse end, where less is better."""
    exact: int = Field(default=0, ge=0)
    """Of the `n`, how many tie exactly: the score counts them by its own rule (as wrong; lm-eval's tasks take the
    first of them). 0 in records made before this field."""


class Repeatability(Record):
    """Repeatability of the answers (ISO 5725-1, 3.13): the same requests to the same subject once more."""

    seed: int
    tolerance: float = Field(ge=0.0)
    """Numbers that differ by no more count as unchanged."""
    envelopes: Annotated[tuple[Envelope, ...], Tuple]
    near_ties: Annotated[tuple[NearTies, ...], Tuple] = ()
