"""From a bundle to files in `report/`: written whole, tied to the bundle by its root."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from verify.content import templates_folder
from verify.errors import UnknownNameError, UsageError
from verify.records import Framework, ReportManifest
from verify.reporting.data import BundleLike
from verify.reporting.html import to_html
from verify.reporting.machine import to_json, to_junit, to_sarif
from verify.reporting.page import Page, build_page
from verify.reporting.words import LANGUAGES, Language, Words

FORMATS = ("html", "json", "junit", "sarif")
MANIFEST = "manifest.json"


def render(
    bundle: BundleLike,
    *,
    out: Path,
    frameworks: Iterable[Framework],
    locales: Mapping[str, Mapping[str, Any]],
    formats: Sequence[str] = ("html", "json", "junit"),
    languages: Sequence[str] = LANGUAGES,
    on: date | None = None,
) -> tuple[Path, ...]:
    """Write reports of a bundle.

    `report.html` is in the first language, `report.<language>.html` in each further one: a file that is
    filed or printed holds one language, and none needs another to open. `manifest.json` beside them
    names the bundle's root and the digest of each file; rendering again replaces all.

    Args:
        bundle: A sealed run.
        out: The folder for the reports, usually `report/` of the bundle; made where it is missing.
        frameworks: Laws and standards whose clauses are shown.
        locales: Language -> fixed words.
        formats: Of `html`, `json`, `junit`, `sarif`.
        languages: Of `ko`, `en`, the first one leading.
        on: Day of the test; by default the day on which the run finished.

    Returns:
        The files that were written, in the order of `formats`.

    Raises:
        UnknownNameError: A format or language that there is not.
        UsageError: Nothing to render, or the day of the test is unknown.
        EvidenceError: The bundle contradicts itself.
    """
    chosen = _languages(languages)
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("report format", name, known=FORMATS)
    laws = tuple(frameworks)
    pages = [
        build_page(bundle, words=Words(language, locales[language]), frameworks=laws, on=on) for language in chosen
    ]
    files: dict[str, bytes] = {}
    for name in formats:
        files |= _files_of(name, pages)
    if not files:
        raise UsageError(f"no report format given; there are: {', '.join(FORMATS)}")
    made = {name: "sha256:" + hashlib.sha256(content).hexdigest() for name, content in files.items()}
    out.mkdir(parents=True, exist_ok=True)
    record = ReportManifest(
        bundle=bundle.manifest.root, files={**_kept(out, bundle.manifest.root, new=set(made)), **made}
    )
    (out / MANIFEST).unlink(missing_ok=True)
    for name, content in files.items():
        _replace(out / name, content)
    _replace(out / MANIFEST, _json_bytes(record.to_json()))
    return tuple(out / name for name in files)


def _kept(out: Path, root: str, *, new: set[str]) -> dict[str, str]:
    """Earlier files that show this very bundle; those of another one are removed, so that nobody forwards them."""
    try:
        before = ReportManifest.model_validate_json((out / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    if before.bundle == root:
        return {name: digest for name, digest in before.files.items() if (out / name).is_file()}
    for name in set(before.files) - new:
        (out / name).unlink(missing_ok=True)
    return {}


def _languages(names: Sequence[str]) -> tuple[Language, ...]:
    for name in names:
        if name not in LANGUAGES:
            raise UnknownNameError("report language", name, known=LANGUAGES)
    if not names:
        raise UsageError(f"no report language given; there are: {', '.join(LANGUAGES)}")
    return tuple(language for name in dict.fromkeys(names) for language in LANGUAGES if language == name)


def _files_of(name: str, pages: Sequence[Page]) -> dict[str, bytes]:
    leading = pages[0]
    match name:
        case "html":
            names = ["report.html", *(f"report.{page.words.language}.html" for page in pages[1:])]
            return {
                file: to_html(
                    page, templates=templates_folder(), others=tuple(other for other in names if other != file)
                ).encode()
                for file, page in zip(names, pages, strict=True)
            }
        case "json":
            return {"report.json": _json_bytes(to_json(leading))}
        case "junit":
            return {"junit.xml": to_junit(leading)}
        case _:
            return {"report.sarif": _json_bytes(to_sarif(leading))}


def _json_bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, indent=2, allow_nan=False).encode() + b"\n"


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
