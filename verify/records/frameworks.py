"""Clauses of law and standards, mapped to checks with the strength of the evidence."""

from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Name, Record, Strings, Text, Tuple

RoughDate = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
"""A day, a month or a year: as exact as the source says."""

Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Mapping(Record):
    """Which checks speak to a clause, and how strongly."""

    checks: Strings
    """`suite.check` names; `suite.*` takes all checks of a suite."""
    coverage: Literal["direct", "partial"]
    not_covered: Text
    """What of the clause these checks say nothing about."""


class Clause(Record):
    """A clause, paraphrased by us."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9./-]{0,63}$")
    """Unique in its framework; `framework/clause` is the whole name."""
    title: Text
    paraphrase: Text
    """Our own words, never a quotation."""
    effective_from: Date | None = None
    effective_to: Date | None = None
    evidence: Annotated[tuple[Mapping, ...], Tuple] = ()
    """Empty: a model test gives no evidence (organisational duty); the report prints that."""
    confidence: Literal["H", "M", "L"]
    """H: primary text read; M: good secondary source; L: re-check before use."""


class Framework(Record):
    """A law or standard: one YAML file in `reports/frameworks/`."""

    id: Name
    title: Text
    edition: str
    """Promulgation number or edition year."""
    date: RoughDate
    """Date of the text that is mapped."""
    source: str
    """Where the text was read."""
    checked_on: Date
    clauses: Annotated[tuple[Clause, ...], Tuple] = Field(min_length=1)
