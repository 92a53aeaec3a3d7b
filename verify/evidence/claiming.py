"""The folder of a run is claimed before the first request, not found unfit when hours have been spent."""

import tempfile
from pathlib import Path

from verify.errors import UsageError
from verify.evidence import layout
from verify.evidence.bundle import read_record
from verify.records import Plan

_OWN = frozenset({*layout.RECORDS, layout.STATEMENT, layout.ENVELOPE, layout.SCHEMAS, layout.REPORT, layout.WORKINGS})


def claim(folder: Path, *, plan_digest: str | None = None) -> None:
    """Make the folder of a run, or say why no bundle can lie there.

    Args:
        folder: New, empty, or that of the same run.
        plan_digest: The plan of the run, once it is known; a sealed bundle of another one is not overwritten.

    Raises:
        UsageError: It is a file, cannot be written, holds files that would be sealed as evidence, or another run.
        EvidenceError: The plan that lies there is no plan.
    """
    try:
        foreign = sorted({entry.name for entry in folder.iterdir()} - _OWN) if folder.is_dir() else []
        if foreign:
            raise UsageError(f"{folder}: holds other files ({foreign[0]}); give an empty or a new folder as --out")
        workings = folder / layout.WORKINGS
        workings.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=workings):
            pass
    except OSError as error:
        raise UsageError(f"{folder}: no bundle can be written there ({error.strerror}); give another --out") from error
    sealed = folder / layout.PLAN
    if plan_digest is None or not (sealed.is_file() and (folder / layout.MANIFEST).is_file()):
        return
    if read_record(sealed, Plan).content_digest() != plan_digest:
        raise UsageError(f"{folder}: holds the bundle of another run; give another --out, or the options of that run")
