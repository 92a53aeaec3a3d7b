"""What lies where in a bundle, of which record each file is made, and how a record becomes text.

    DIR/
    ├── plan.json  subject.json  conduct.json      what was decided before, on what, when
    ├── items.jsonl  responses.jsonl  scores.jsonl one record a line
    ├── results.json  calibration.json             estimates and verdicts; the instrument's own record
    ├── schemas/*.schema.json                      JSON Schema (2020-12) of every file above
    ├── statement.json  statement.dsse.json        in-toto statement; its signature where a key was given
    ├── manifest.json                              sha256 of every file above
    ├── report/                                    rendered from the above, so it can be rendered again;
    │   └── manifest.json                          its own digests, and the root of the bundle it shows
    └── .run/                                      workings (journal, key): no evidence, not handed on

`calibration.json`, `conduct.json` and `statement.dsse.json` are there only where they exist.
"""

import json
import re
from typing import Any

from verify.records import (
    CalibrationRecord,
    Conduct,
    ItemScore,
    KeptResponse,
    Manifest,
    Plan,
    PlannedItem,
    Record,
    Results,
    Subject,
    canonical_json,
)

PLAN, SUBJECT, RESULTS, MANIFEST = "plan.json", "subject.json", "results.json", "manifest.json"
CONDUCT, CALIBRATION = "conduct.json", "calibration.json"
ITEMS, RESPONSES, SCORES = "items.jsonl", "responses.jsonl", "scores.jsonl"
STATEMENT, ENVELOPE = "statement.json", "statement.dsse.json"
SCHEMAS, REPORT, WORKINGS = "schemas", "report", ".run"

RECORDS: dict[str, type[Record]] = {
    PLAN: Plan,
    SUBJECT: Subject,
    CONDUCT: Conduct,
    ITEMS: PlannedItem,
    RESPONSES: KeptResponse,
    SCORES: ItemScore,
    RESULTS: Results,
    CALIBRATION: CalibrationRecord,
    MANIFEST: Manifest,
}
"""File -> record of the whole file, or of each line where the name ends in `.jsonl`."""

REQUIRED = (PLAN, SUBJECT, ITEMS, RESPONSES, SCORES, RESULTS, STATEMENT)

_UNSEEN = re.compile("[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def show_controls(text: str) -> str:
    r"""JSON text in which terminal controls, bidirectional and zero-width characters are `\uXXXX`.

    They occur inside strings only, so the value stays the same; a person who prints the file sees what
    is there, and no terminal obeys it.
    """
    return _UNSEEN.sub(_escaped, text)


def to_text(value: Record | dict[str, Any]) -> str:
    """A whole file: indented JSON with a final line end."""
    plain = value.to_json() if isinstance(value, Record) else value
    return show_controls(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def to_line(record: Record) -> str:
    """One line of a `.jsonl` file: canonical JSON, controls shown."""
    return show_controls(canonical_json(record.to_json()).decode()) + "\n"


def schema_name(file: str) -> str:
    """Path of the JSON Schema of `file`, relative to the bundle."""
    return f"{SCHEMAS}/{file.split('.', maxsplit=1)[0]}.schema.json"


def schema_of(file: str) -> dict[str, Any]:
    """JSON Schema of `file`, or of each of its lines."""
    schema = RECORDS[file].model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
