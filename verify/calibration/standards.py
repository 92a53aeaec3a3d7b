"""Where a reference standard lies, and whether it still is what was certified."""

from pathlib import Path

from verify import content
from verify.errors import ContentError, UnknownNameError
from verify.loading import file_digest, load_standards
from verify.records import ReferenceStandard
from verify.runtime.base import Runtime
from verify.runtime.opening import open_reference


def standard_folder(name: str) -> Path:
    """Folder of a reference standard, after its files were compared with its certificate.

    Raises:
        UnknownNameError: There is no such standard.
        ContentError: A file is missing or was altered; a standard without its assigned value measures nothing.
    """
    known = load_standards()
    if name not in known:
        raise UnknownNameError("reference standard", name, known=known)
    folder = content.reference_folder() / name
    check_files(folder, known[name])
    return folder


def open_standard(folder: Path) -> Runtime:
    """Open a reference standard by its folder: `OpenFolder` of a calibration."""
    return open_reference(folder)


def check_files(folder: Path, standard: ReferenceStandard) -> None:
    """Compare the files of a standard with its certificate.

    Raises:
        ContentError: A file is missing or was altered.
    """
    for name, digest in standard.files.items():
        path = folder / name
        if not path.is_file() or file_digest([path]) != digest:
            state = "was altered" if path.is_file() else "is missing"
            raise ContentError(path, f"{state}; get the file of this release again, or train the standard anew")
