"""What the readings of reference standards say of a check: blanks, detection, straightness, false alarms.

Vocabulary of CLSI EP17-A2 (limit of blank, limit of detection) and of ISO 11843; the standards of one family are
few, so that every number comes with how many it rests on.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from verify.records import Detection, DosePower, Linearity, Outcome, Performance, Reading
from verify.statistics import clopper_pearson, clopper_pearson_bound

PERCENTILE_FROM: Final = 20
"""Blanks from which a 95th percentile exists among them."""
DETECTED: Final = 0.95
"""Rate from which a dose counts as detected."""


class Blank(NamedTuple):
    """The deciding metric of a check on a clean twin."""

    value: float
    worse: int
    """+1 where a greater value is worse, -1 where a smaller one is."""


def detections(
    outcomes: Mapping[tuple[str, str, float], Mapping[str, Outcome]],
    conforming: Collection[tuple[str, str]] = frozenset(),
) -> Iterable[Detection]:
    """One cell for each check, defect and dose.

    Args:
        outcomes: (check, defect, dose) -> standard -> verdict.
        conforming: (check, standard) whose assigned value meets the check's bound.
    """
    for (check, defect, dose), found in sorted(outcomes.items()):
        seen = sum(outcome is Outcome.FAIL for outcome in found.values())
        interval = clopper_pearson(seen, len(found))
        yield Detection(
            check=check,
            defect=defect,
            dose=dose,
            n=len(found),
            detected=seen,
            interval=(interval.low, interval.high),
            outcomes=dict(found),
            within=sum((check, name) in conforming for name in found) if dose else 0,
        )


def performances(
    cells: Sequence[Detection],
    blanks: Mapping[tuple[str, str], Sequence[Blank]],
    readings: Sequence[Reading],
    metrics: Mapping[str, str],
) -> Iterable[Performance]:
    """One for each check and family of standards.

    Args:
        cells: Detections by dose.
        blanks: (check, defect) -> what the clean twins measured.
        readings: Assigned and measured values.
        metrics: Check -> its deciding metric.
    """
    families: dict[tuple[str, str], list[Detection]] = defaultdict(list)
    for cell in cells:
        families[cell.check, cell.defect].append(cell)
    for (check, defect), own in families.items():
        clean = [cell for cell in own if cell.dose == 0]
        n, false = sum(cell.n for cell in clean), sum(cell.detected for cell in clean)
        alarms = clopper_pearson(false, n) if n else None
        measured = blanks.get((check, defect), ())
        pairs = _pairs(readings, check, defect)
        lines = [line_through(quantity, pairs[quantity]) for quantity in sorted(pairs)]
        made = Performance(
            check=check,
            defect=defect,
            metric=metrics[check],
            blanks=len(measured),
            limit_of_blank=limit_of_blank(measured) if measured else None,
            blank_rule="percentile" if len(measured) >= PERCENTILE_FROM else "worst-of-few",
            false_alarms=false,
            false_alarm_interval=(alarms.low, alarms.high) if alarms else None,
            linearity=tuple(line for line in lines if line is not None),
        )
        yield made.model_copy(update=_detection_doses(_powers(own)))


def limit_of_blank(blanks: Sequence[Blank]) -> float:
    """Value that 95 % of the blanks stay within: EP17's rank 0.5 + 0.95 n, or the worst of fewer than 20.

    Examples:
        >>> limit_of_blank([Blank(0.1, +1), Blank(0.0, +1)]), limit_of_blank([Blank(0.9, -1), Blank(1.0, -1)])
        (0.1, 0.9)
        >>> limit_of_blank([Blank(float(k), +1) for k in range(1, 101)])
        95.5
    """
    worse = blanks[0].worse
    ordered = sorted(worse * blank.value for blank in blanks)
    if len(ordered) < PERCENTILE_FROM:
        return worse * ordered[-1]
    rank = 0.5 + 0.95 * len(ordered)
    below = math.floor(rank)
    low, high = ordered[below - 1], ordered[min(below, len(ordered) - 1)]
    return worse * (low + (rank - below) * (high - low))


def line_through(quantity: str, pairs: Sequence[tuple[float, float]]) -> Linearity | None:
    """Least-squares line of measured on assigned values; None for fewer than three different assigned ones.

    Args:
        quantity: What was measured.
        pairs: (assigned, measured).

    Examples:
        >>> line = line_through("x", [(0.0, 0.1), (0.5, 0.6), (1.0, 1.1)])
        >>> round(line.slope, 6), round(line.intercept, 6), round(line.largest, 6)
        (1.0, 0.1, 0.1)
    """
    if len({assigned for assigned, _ in pairs}) < 3:
        return None
    n = len(pairs)
    mean_x, mean_y = (math.fsum(pair[k] for pair in pairs) / n for k in (0, 1))
    sxx = math.fsum((x - mean_x) ** 2 for x, _ in pairs)
    sxy = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    syy = math.fsum((y - mean_y) ** 2 for _, y in pairs)
    slope = sxy / sxx
    return Linearity(
        quantity=quantity,
        n=n,
        slope=slope,
        intercept=mean_y - slope * mean_x,
        r2=sxy * sxy / (sxx * syy) if syy else None,
        largest=max(abs(y - x) for x, y in pairs),
    )


def _pairs(readings: Sequence[Reading], check: str, defect: str) -> dict[str, list[tuple[float, float]]]:
    """Quantity -> (assigned, measured) of all standards of the family."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for reading in readings:
        if reading.defect == defect and reading.quantity.startswith(f"{check}/") and reading.measured is not None:
            pairs[reading.quantity].append((reading.assigned, reading.measured))
    return pairs


def _powers(cells: Sequence[Detection]) -> list[DosePower]:
    """One for each dose at which there is a defect to detect, the smallest first; either sign counts together."""
    doses: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for cell in cells:
        if cell.dose and not cell.conforms:
            doses[abs(cell.dose)][0] += cell.detected
            doses[abs(cell.dose)][1] += cell.n
    return [
        DosePower(dose=dose, detected=seen, n=n, at_least=clopper_pearson_bound(seen, n, side="lower"))
        for dose, (seen, n) in sorted(doses.items())
    ]


def _detection_doses(powers: Sequence[DosePower]) -> dict[str, object]:
    """The smallest dose from which on the rate is 95 % at each, and the smallest of these that shows it.

    A rate of 3 in 3 is 1, but shows no more than 0.37: what was seen and what was shown are told apart.
    """
    if not powers:
        return {}
    found: list[DosePower] = []
    for one in reversed(powers):
        if one.detected / one.n < DETECTED:
            break
        found.insert(0, one)
    shown = next((one for one in found if one.at_least >= DETECTED), None)
    best = shown or max(powers, key=lambda one: (one.at_least, -one.dose))
    doses: dict[str, object] = {"shown_dose": shown.dose if shown else None, "best": best}
    if not found:
        return doses
    first = found[0]
    return doses | {
        "detection_dose": first.dose,
        "detected": first.detected,
        "n": first.n,
        "detection_at_least": first.at_least,
    }
