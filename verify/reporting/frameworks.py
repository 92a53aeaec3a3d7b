"""Framework x verdicts: for each clause, what the tests say and how strongly. Nothing is decided here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

from verify.records import Clause, Framework, Outcome, Text, Verdict

KOREAN = ("kr-", "mois-", "nis-")
"""How the ids of Korean frameworks begin; a Korean agency reads these first."""


class Standing(StrEnum):
    """What the tests of a run say about a clause."""

    FOR = "for"
    """Mapped checks passed, none failed."""
    AGAINST = "against"
    """Mapped checks failed, none passed."""
    BOTH = "both"
    """Some mapped checks passed, others failed."""
    INCONCLUSIVE = "inconclusive"
    """Mapped checks were asked and none decided."""
    NOT_MEASURED = "not_measured"
    """Mapped checks exist, and none was measured in this run."""
    NO_TEST = "no_test"
    """Organisational: no test of a model is evidence for or against."""


class Force(StrEnum):
    """Whether a clause applies on the day of the test."""

    IN_FORCE = "in_force"
    PLANNED = "planned"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Link:
    """A check that speaks to a clause."""

    check: str
    coverage: Literal["direct", "partial"]
    outcome: Outcome | None
    """None where the run did not plan this check."""
    not_covered: Text


@dataclass(frozen=True, slots=True)
class ClauseStanding:
    """A clause with what was found."""

    clause: Clause
    force: Force
    standing: Standing
    coverage: Literal["direct", "partial"] | None
    """Strongest coverage among the checks that decided; None where none did."""
    links: tuple[Link, ...]

    @property
    def complete(self) -> bool:
        """Whether every mapped check decided; what stands on some of them is printed with that remark."""
        return all(link.outcome in (Outcome.PASS, Outcome.FAIL) for link in self.links)

    def named(self, outcome: str) -> tuple[str, ...]:
        """Mapped checks that ended so; those that were not planned count as not measured."""
        ended = [(link.check, link.outcome or Outcome.NOT_MEASURED) for link in self.links]
        return tuple(dict.fromkeys(check for check, found in ended if found == outcome))


@dataclass(frozen=True, slots=True)
class FrameworkStanding:
    """A framework with all its clauses."""

    framework: Framework
    clauses: tuple[ClauseStanding, ...]
    as_planned: bool
    """Whether the mapping is the one that the plan fixed by digest."""

    def count(self, standing: str) -> int:
        """Number of clauses in `standing`."""
        return sum(each.standing == standing for each in self.clauses)


def stand(
    frameworks: Iterable[Framework],
    verdicts: Sequence[Verdict],
    *,
    on: date,
    planned: Mapping[str, str] | None = None,
) -> tuple[FrameworkStanding, ...]:
    """What the verdicts say about every clause of every framework, Korean ones first.

    Args:
        frameworks: Laws and standards.
        verdicts: Of the run, one for each check.
        on: Day of the test; a clause that starts later is `planned`.
        planned: Framework -> digest that the plan fixed; one that is not named there counts as planned.
    """
    fixed = planned or {}
    return tuple(
        FrameworkStanding(
            framework=framework,
            clauses=tuple(_stand(clause, verdicts, on=on) for clause in framework.clauses),
            as_planned=fixed.get(framework.id) in (None, framework.content_digest()),
        )
        for framework in sorted(frameworks, key=_place)
    )


def _place(framework: Framework) -> tuple[bool, str]:
    return not framework.id.startswith(KOREAN), framework.id


def force_of(clause: Clause, *, on: date) -> Force:
    """Whether a clause applies on a day; both ends of its window are included."""
    day = on.isoformat()
    if clause.effective_from is not None and day < clause.effective_from:
        return Force.PLANNED
    if clause.effective_to is not None and day > clause.effective_to:
        return Force.ENDED
    return Force.IN_FORCE


def _stand(clause: Clause, verdicts: Sequence[Verdict], *, on: date) -> ClauseStanding:
    links = tuple(_links(clause, verdicts))
    outcomes = {link.outcome for link in links}
    decided = [link for link in links if link.outcome in (Outcome.PASS, Outcome.FAIL)]
    return ClauseStanding(
        clause=clause,
        force=force_of(clause, on=on),
        standing=_standing(clause, outcomes),
        coverage=_strongest(decided),
        links=links,
    )


def _links(clause: Clause, verdicts: Sequence[Verdict]) -> Iterable[Link]:
    for mapping in clause.evidence:
        for pattern in mapping.checks:
            matching = [each for each in verdicts if fnmatchcase(each.check, pattern)]
            found: list[tuple[str, Outcome | None]] = [(each.check, each.verdict) for each in matching]
            for check, outcome in found or [(pattern, None)]:
                yield Link(
                    check=check,
                    coverage=mapping.coverage,
                    outcome=outcome,
                    not_covered=mapping.not_covered,
                )


def _standing(clause: Clause, outcomes: set[Outcome | None]) -> Standing:
    if not clause.evidence:
        return Standing.NO_TEST
    if {Outcome.PASS, Outcome.FAIL} <= outcomes:
        return Standing.BOTH
    if Outcome.FAIL in outcomes:
        return Standing.AGAINST
    if Outcome.PASS in outcomes:
        return Standing.FOR
    return Standing.INCONCLUSIVE if Outcome.INCONCLUSIVE in outcomes else Standing.NOT_MEASURED


def _strongest(links: Iterable[Link]) -> Literal["direct", "partial"] | None:
    coverages = {link.coverage for link in links}
    if "direct" in coverages:
        return "direct"
    return "partial" if coverages else None
