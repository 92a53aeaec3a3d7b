"""The report for people: one HTML file in one language that opens offline.

No script, no picture, no request: a content security policy forbids all but the one style block, by its
digest. Every value is escaped by the template engine; an undefined one is an error, never an empty cell.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verify import __version__
from verify.reporting import forest, instrument
from verify.reporting.asking import asked_lines
from verify.reporting.front import BLANKS
from verify.reporting.page import Page, estimate_text, facets, sample_text
from verify.reporting.text import limit, number, one_line, probability
from verify.reporting.translated import interval_method, metric_name, told, told_list
from verify.reporting.words import Words

TEMPLATE, STYLE = "report.html.j2", "report.css"
_CODED = frozenset({"kind", "form", "label"})
"""Labels of a score whose values are codes of ours."""
_GRADE = re.compile(r"[a-z]+(?:-[a-z]+)+")
SEOUL = timezone(timedelta(hours=9))


def to_html(page: Page, *, templates: Path, others: tuple[str, ...] = ()) -> str:
    """A page as HTML.

    Args:
        page: From `build_page`.
        templates: The folder `reports/templates`.
        others: File names of the same report in other languages.
    """
    style = (templates / STYLE).read_text("utf-8") + _running_head(page.front.id)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    words = page.words
    calibration, subject = page.bundle.calibration, page.bundle.subject
    asked = {check.name for check in page.bundle.plan.checks}
    return (
        _environment(templates)
        .get_template(TEMPLATE)
        .render(
            page=page,
            plan=page.bundle.plan,
            subject=subject,
            results=page.bundle.results,
            conduct=page.bundle.conduct,
            calibration=calibration,
            calibration_record=instrument.identity(calibration) if calibration else None,
            performance=instrument.rows(calibration, words, checks=asked) if calibration else [],
            performance_columns=instrument.COLUMNS,
            calibration_notes=list(instrument.notes(calibration, words, checks=asked)) if calibration else [],
            without_record=instrument.unrecorded(calibration, asked) if calibration else [],
            blanks=BLANKS,
            equipment=_equipment(page),
            environments=_environments(page),
            asked=asked_lines(page.asked, words=words),
            isolation=told_list(subject.isolation, words),
            path=words.coded("path", subject.path or ""),
            architecture=words.coded("architecture", subject.architecture or ""),
            path_reason=told_list(subject.path_reason, words),
            warnings=[told(warning, words) for warning in subject.warnings],
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
            metric_name=lambda name: metric_name(name, words),
            interval_method=lambda name: interval_method(name, words),
            label=lambda key, value: label_text(key, value, words),
            tried_at=_tried_at(page),
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


def _running_head(name: str) -> str:
    """The report's name on top of every printed page; it holds letters, digits and hyphens alone."""
    return f'@page {{ @top-right {{ content: "{name}"; font-size: 8pt; color: #57606a; }} }}\n'


def _equipment(page: Page) -> list[str]:
    """What computed the subject, in one line; the deciding machine only where it did."""
    subject, conduct = page.bundle.subject, page.bundle.conduct
    elsewhere = subject.kind in ("endpoint", "recorded") or "executor" in subject.environment
    here = conduct.environment if conduct is not None and not elsewhere else {}
    machine = [here.get("machine"), subject.environment.get("accelerator"), subject.device, subject.dtype]
    return [one_line(each) for each in machine if each] + (
        [page.words.coded("path", subject.path)] if subject.path else []
    )


def _environments(page: Page) -> list[tuple[str, list[tuple[str, str]]]]:
    """Versions and machines: of the instrument, of what computes the subject, of the deciding process."""
    words, conduct = page.words, page.bundle.conduct
    groups = {
        "instrument": page.bundle.plan.engine,
        "computing": page.bundle.subject.environment,
        "deciding": conduct.environment if conduct is not None else {},
    }
    return [
        (
            words(f"environment.{group}"),
            [(words.coded("environment", name), one_line(value, limit=300)) for name, value in of.items()],
        )
        for group, of in groups.items()
        if of
    ]


def label_text(key: str, value: str, words: Words) -> str:
    """A word that a score keeps; codes of ours have names, what the subject or an item says stays as it is."""
    if key == "grades":
        return _GRADE.sub(lambda found: words.named(found.group()), value)
    return words.named(value, key) if key in _CODED or words.has(f"named.{key}={value}") else value


def _tried_at(page: Page) -> str:
    conduct = page.bundle.conduct
    tried = conduct.suitability if conduct is not None else None
    return _clock(tried.made, page.words.language) if tried is not None else ""
