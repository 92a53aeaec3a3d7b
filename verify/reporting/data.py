"""What a report is made of: a bundle, seen from here by its parts."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Protocol

from verify.errors import UsageError
from verify.records import (
    CalibrationRecord,
    Conduct,
    ItemScore,
    KeptResponse,
    Manifest,
    Plan,
    PlannedItem,
    Results,
    Subject,
)


class BundleLike(Protocol):
    """The parts of a sealed run; `verify.evidence.Bundle` is one."""

    @property
    def plan(self) -> Plan:
        """What was decided before the run."""

    @property
    def subject(self) -> Subject:
        """What was tested."""

    @property
    def results(self) -> Results:
        """Estimates and verdicts."""

    @property
    def manifest(self) -> Manifest:
        """Digests of all files; its root names the bundle."""

    @property
    def conduct(self) -> Conduct | None:
        """When and where the run took place."""

    @property
    def calibration(self) -> CalibrationRecord | None:
        """The instrument's own record."""

    def items(self) -> Iterator[PlannedItem]:
        """Items as asked."""

    def responses(self) -> Iterator[KeptResponse]:
        """Kept exchanges."""

    def scores(self) -> Iterator[ItemScore]:
        """All scores."""


def day_of(bundle: BundleLike, *, on: date | None) -> date:
    """The day of the test: as given, else the day (UTC) on which the run finished.

    Raises:
        UsageError: Neither is known.
    """
    if on is not None:
        return on
    if bundle.conduct is None:
        raise UsageError("the bundle does not say when the run took place; give the day of the test")
    return datetime.fromisoformat(bundle.conduct.finished).date()
