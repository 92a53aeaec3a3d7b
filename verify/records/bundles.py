"""What a run leaves: results and the manifest over every file."""

from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Digest, Record, Tuple
from verify.records.estimates import Estimate
from verify.records.verdicts import Outcome, Verdict


class SubjectBrief(Record):
    """The subject as results name it."""

    name: str
    digest: Digest


class Results(Record):
    """`results.json`."""

    schema_id: Literal["ax-verify/results/1"] = Field(default="ax-verify/results/1", alias="schema")
    outcome: Outcome
    """fail if a check failed; else inconclusive or not_measured if one is; else pass."""
    subject: SubjectBrief
    plan: Digest
    estimates: Annotated[tuple[Estimate, ...], Tuple]
    verdicts: Annotated[tuple[Verdict, ...], Tuple]
    calibration: Digest | None = None
    """Digest of the calibration record that was in force."""


class Manifest(Record):
    """`manifest.json`: sha256 of every other file of the bundle."""

    schema_id: Literal["ax-verify/manifest/1"] = Field(default="ax-verify/manifest/1", alias="schema")
    files: dict[str, Digest]
    """Path relative to the bundle -> digest."""
    root: Digest
    """Merkle root over the sorted entries (RFC 6962 leaf and node prefixes)."""
