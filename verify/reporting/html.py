"""The report for people: one HTML file in one language that opens offline.

No script, no picture, no request: a content security policy forbids all but the one style block, by its
digest. Every value is escaped by the template engine; an undefined one is an error, never an empty cell.
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verify import __version__
from verify.reporting import forest, instrument
from verify.reporting.page import Page, estimate_text, facets, sample_text
from verify.reporting.text import limit, number, one_line, probability

TEMPLATE, STYLE = "report.html.j2", "report.css"
SEOUL = timezone(timedelta(hours=9))


def to_html(page: Page, *, templates: Path, others: tuple[str, ...] = ()) -> str:
    """A page as HTML.

    Args:
        page: From `build_page`.
        templates: The folder `reports/templates`.
        others: File names of the same report in other languages.
    """
    style = (templates / STYLE).read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    words = page.words
    calibration = page.bundle.calibration
    asked = {check.name for check in page.bundle.plan.checks}
    return (
        _environment(templates)
        .get_template(TEMPLATE)
        .render(
            page=page,
            plan=page.bundle.plan,
            subject=page.bundle.subject,
            results=page.bundle.results,
            conduct=page.bundle.conduct,
            calibration=calibration,
            calibration_record=instrument.identity(calibration) if calibration else None,
            performance=instrument.rows(calibration, words, checks=asked) if calibration else [],
            performance_columns=instrument.COLUMNS,
            calibration_notes=list(instrument.notes(calibration, words)) if calibration else [],
            root=page.bundle.manifest.root,
            t=words,
            language=words.language,
            style=Markup(style),  # noqa: S704  # our own file; its digest is the only style that the page allows
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            version=__version__,
            plot=forest,
            others=others,
            period=_period(page),
            estimate_text=estimate_text,
            facets=facets,
            sample=lambda estimate: sample_text(estimate, words=words),
        )
    )


def _environment(templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "limit": limit, "line": _line, "probability": probability}
    return environment


def _line(text: str, limit: int = 120) -> str:
    return one_line(text, limit=limit)


def _period(page: Page) -> tuple[str, str] | None:
    conduct = page.bundle.conduct
    if conduct is None:
        return None
    return _clock(conduct.started, page.words.language), _clock(conduct.finished, page.words.language)


def _clock(moment: str, language: str) -> str:
    zone, name = (SEOUL, "KST") if language == "ko" else (UTC, "UTC")
    return datetime.fromisoformat(moment).astimezone(zone).strftime(f"%Y-%m-%d %H:%M:%S {name}")
