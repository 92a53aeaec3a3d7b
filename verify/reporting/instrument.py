"""What a calibration record says of the instrument, as lines that the terminal and the HTML report share."""

import math
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text as Line

from verify.records import CalibrationRecord, Detection, Performance
from verify.reporting.text import number, one_line
from verify.reporting.translated import metric_name
from verify.reporting.words import Words


class PerformanceRow(NamedTuple):
    """One check on one family of standards."""

    check: str
    defect: str
    blank: str
    alarms: str
    doses: tuple[str, ...]
    """Detected of standards at each dose, with the 95 % interval of the rate."""
    detects: str
    shown: str
    """From which dose on a rate of 95 % is shown, or the most that is."""
    line: str


def rows(record: CalibrationRecord, words: Words, *, checks: Collection[str] | None = None) -> list[PerformanceRow]:
    """The table of a record.

    Args:
        record: A calibration record.
        words: In whose language.
        checks: Checks to show; None shows all.
    """
    shown = [one for one in record.performances if checks is None or one.check in checks]
    return [_row(one, record.detections, words) for one in shown]


def identity(record: CalibrationRecord) -> tuple[str, str]:
    """The record's digest, by which a run cites it, and the engine and methods that it was made with."""
    made = [(name.removeprefix("method:"), value) for name, value in record.made_with.items() if "suite:" not in name]
    return record.content_digest(), ", ".join(f"{name} {value}" for name, value in made)


def unrecorded(record: CalibrationRecord, checks: Collection[str]) -> list[str]:
    """Checks of which a record holds neither detection nor a reading."""
    known = {one.check for one in record.performances} | {cell.check for cell in record.detections}
    return sorted(set(checks) - known - {_check_of(reading.quantity) for reading in record.readings})


def _check_of(quantity: str) -> str:
    return quantity.partition("/")[0]


def notes(record: CalibrationRecord, words: Words, *, checks: Collection[str] | None = None) -> Iterator[str]:
    """When and on what it was made, how constructed standards were read, and which planted defects were not seen.

    Args:
        record: A calibration record.
        words: In whose language.
        checks: Checks that are concerned; None tells all.
    """
    if record.made:
        yield words("power.made", made=one_line(record.made), machine=one_line(record.machine or "—"))
    if record.studied and record.standards:
        yield words("power.studied", shipped=len(record.standards), studied=record.studied)
    exact = [r for r in record.readings if r.exact and (checks is None or _check_of(r.quantity) in checks)]
    if exact:
        agreed = sum(reading.agrees for reading in exact)
        yield words("power.exact", agreed=agreed, n=len(exact))
    endings = [ending for ending in record.endings if checks is None or ending.check in checks]
    if endings:
        agreed = sum(ending.expected is ending.found for ending in endings)
        yield words("power.endings", agreed=agreed, n=len(endings))
    for one in record.unseen:
        if checks is not None and _check_of(one.quantity) not in checks:
            continue
        yield words(
            "power.seen" if one.seen else "power.unseen",
            standard=one_line(one.standard),
            quantity=one_line(one.quantity),
            measured=number(one.measured),
            low=number(one.interval[0]),
            high=number(one.interval[1]),
            concealed=number(one.concealed),
        )


COLUMNS = ("table.check", "power.blank", "power.alarms", "power.doses", "power.detects", "power.shown", "power.line")
"""Keys of the columns' headings."""


def calibration_summary(record: CalibrationRecord, words: Words) -> RenderableType:
    """The record for a terminal: a block for each check and family, then what is known not to be seen."""
    lines: list[Line] = []
    for row in rows(record, words):
        lines.append(Line(f"{one_line(row.check)} · {one_line(row.defect)}", style="bold"))
        values = (row.blank, row.alarms, "  ".join(row.doses) or "—", row.detects, row.shown, row.line)
        lines += [Line(f"  {words(key)}: {value}") for key, value in zip(COLUMNS[1:], values, strict=True)]
    spots = [spot[words.language] for spot in record.blind_spots]
    return Group(*lines, Line(), *_bullets(notes(record, words)), *_bullets(spots))


def _bullets(texts: Iterable[str]) -> list[Line]:
    return [Line(f"• {text}") for text in texts]


def _dose(cell: Detection, words: Words) -> str:
    share = f"{cell.dose:g}: {_share(cell.detected, cell.n, cell.interval)}"
    return words("power.within", share=share) if cell.conforms else share


def _row(one: Performance, detections: Collection[Detection], words: Words) -> PerformanceRow:
    cells = [cell for cell in detections if (cell.check, cell.defect) == (one.check, one.defect) and cell.dose]
    if one.limit_of_blank is None:
        blank = words("power.no_blank")
    else:
        rule = "power.percentile" if one.blank_rule == "percentile" else "power.worst"
        blank = words(rule, value=number(one.limit_of_blank), n=one.blanks)
    return PerformanceRow(
        check=one.check,
        defect=one.defect,
        blank=blank,
        alarms=_share(one.false_alarms, one.blanks, one.false_alarm_interval),
        doses=tuple(_dose(cell, words) for cell in cells),
        detects=words("power.never")
        if one.detection_dose is None
        else words(
            "power.from_dose",
            dose=f"{one.detection_dose:g}",
            seen=one.detected,
            n=one.n,
            low=_at_least(one.detection_at_least or 0.0),
        ),
        shown=_shown(one, words),
        line="; ".join(
            words(
                "power.straight",
                metric=metric_name(line.quantity.partition("/")[2], words),
                slope=number(line.slope),
                intercept=number(line.intercept),
                largest=number(line.largest),
                n=line.n,
            )
            for line in one.linearity
        )
        or "—",
    )


def _shown(one: Performance, words: Words) -> str:
    if one.best is None:
        return "—"
    figures = {
        "dose": f"{one.best.dose:g}",
        "seen": one.best.detected,
        "n": one.best.n,
        "low": _at_least(one.best.at_least),
    }
    return words("power.not_shown" if one.shown_dose is None else "power.shown_from", **figures)


def _at_least(limit: float) -> str:
    """A lower limit, rounded down: 0.9505 is not at least 0.951."""
    return number(math.floor(limit * 1000) / 1000)


def _share(part: int, n: int, interval: tuple[float, float] | None) -> str:
    return f"{part}/{n}" + (f" [{number(interval[0])}, {number(interval[1])}]" if interval else "")
