"""What a run leaves: results and the manifest over every file."""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from verify.records.base import Digest, Name, Record, Strings, Tuple
from verify.records.estimates import Estimate
from verify.records.instrument import Repeatability, Suitability
from verify.records.items import Item
from verify.records.requests import Request
from verify.records.responses import Response
from verify.records.verdicts import Outcome, Verdict

ItemT = TypeVar("ItemT", bound=Item)


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


class PlannedItem(Record):
    """One line of `items.jsonl`: an item as it was asked, so that an auditor can ask it again."""

    check: str
    """`suite.check`."""
    item: dict[str, Any]
    """The item with all fields of its method's item type."""

    @classmethod
    def of(cls, check: str, item: Item) -> "PlannedItem":
        """The line for `item` of `check`."""
        return cls(check=check, item=item.to_json())

    def as_item(self, item_type: type[ItemT]) -> ItemT:
        """The item as its method knows it.

        Raises:
            ValidationError: It is no item of that type.
        """
        return item_type.model_validate_json(json.dumps(self.item))


class KeptResponse(Record):
    """One line of `responses.jsonl`: an exchange with the subject, personal data already replaced."""

    digest: Digest
    """Content digest of the request; replay finds the response by it."""
    request: Request
    response: Response

    @classmethod
    def of(cls, request: Request, response: Response) -> "KeptResponse":
        """The line for one exchange."""
        return cls(digest=request.content_digest(), request=request, response=response)


class Conduct(Record):
    """`conduct.json`: when and where the run took place; nothing is decided from it."""

    schema_id: Literal["ax-verify/conduct/1"] = Field(default="ax-verify/conduct/1", alias="schema")
    started: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+\d{2}:\d{2})$")
    """UTC time of the first session, ISO 8601."""
    finished: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+\d{2}:\d{2})$")
    """UTC time at which the last response was in."""
    sessions: int = Field(default=1, ge=1)
    """How often the run was started; more than 1 means that it was interrupted and resumed."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions and machine (processor, cores, memory) of the deciding process."""
    notes: Strings = ()
    suitability: Suitability | None = None
    """What the instrument saw of planted defects before the run; null where that was not tried."""
    repeatability: Repeatability | None = None
    """How far answers moved when they were asked again; null where that was not tried."""


class Manifest(Record):
    """`manifest.json`: sha256 of every other file of the bundle."""

    schema_id: Literal["ax-verify/manifest/1"] = Field(default="ax-verify/manifest/1", alias="schema")
    files: dict[str, Digest]
    """Path relative to the bundle -> digest."""
    root: Digest
    """Merkle root over the sorted entries (RFC 6962 leaf and node prefixes)."""


class ReportManifest(Record):
    """`report/manifest.json`: a report can be rendered again, so it is no evidence; this ties it to some."""

    schema_id: Literal["ax-verify/report/1"] = Field(default="ax-verify/report/1", alias="schema")
    bundle: Digest
    """Root of the bundle that the report shows."""
    files: dict[Name, Digest]
    """Name of a rendered file -> digest."""
