"""Reports of a bundle, as several commands write and print them."""

from collections.abc import Sequence
from pathlib import Path

from verify import loading
from verify.cli.console import open_console
from verify.errors import UnknownNameError
from verify.evidence import layout, read_bundle
from verify.reporting import FORMATS, build_page, render, summary
from verify.reporting.words import LANGUAGES, Words

__all__ = ["FORMATS", "parse_formats", "print_summary", "render_report"]


def parse_formats(text: str) -> tuple[str, ...]:
    """Formats as the user wrote them, with commas; checked before anything is run.

    Raises:
        UnknownNameError: A format that there is not.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError("report format", name, known=FORMATS)
    return names


def render_report(folder: Path, *, formats: Sequence[str], languages: Sequence[str]) -> tuple[Path, ...]:
    """Write `report/` of a bundle; the first file is the one to open."""
    return render(
        read_bundle(folder),
        out=folder / layout.REPORT,
        frameworks=loading.load_frameworks().values(),
        locales={language: loading.load_locale(language) for language in LANGUAGES},
        formats=formats,
        languages=languages,
    )


def print_summary(folder: Path, *, language: str) -> None:
    """Print the outcome and one row a check."""
    bundle = read_bundle(folder)
    words = Words("ko" if language == "ko" else "en", loading.load_locale(language))
    page = build_page(bundle, words=words, frameworks=tuple(loading.load_frameworks().values()), on=None)
    open_console().print(summary(page))
