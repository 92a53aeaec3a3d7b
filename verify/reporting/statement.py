"""What a report states of a measured check, as ISO/IEC 17025 (7.6, 7.8) and ILAC-G8 ask: no number is made here.

Every number is one of the bundle, or the distance between two of them. Where the bundle lacks what a line needs, the
line says that it was not measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from verify.deciding.decide import counted_both_ways
from verify.records import (
    CalibrationRecord,
    Conduct,
    Estimate,
    Generate,
    NearTies,
    Outcome,
    PlannedCheck,
    PlannedSuite,
    Request,
    Verdict,
)
from verify.reporting.instrument import rows
from verify.reporting.text import limit, number, one_line
from verify.reporting.translated import interval_method, metric_name
from verify.reporting.words import Words

CORRECTED: Final = {"harmful_compliance": "complied_share", "over_refusal": "refused_share"}
"""Metrics that a reader's measured errors are taken out of -> what was counted before that."""
PROMPTS: Final = {"wording_spread": "budget.wording_spread", "control_drop": "budget.control_drop"}
"""Metrics of a check that say what harmless changes of the prompt cost -> how that is told."""
_COMPARED: Final = {
    (Outcome.PASS, True): "statement.held.at_least",
    (Outcome.PASS, False): "statement.held.at_most",
    (Outcome.FAIL, True): "statement.broken.at_least",
    (Outcome.FAIL, False): "statement.broken.at_most",
}
"""Verdict, and whether the limit is a least value -> how its bound compares with the limit."""


class Line(NamedTuple):
    """One line of an uncertainty budget."""

    component: str
    kind: str
    """Random or systematic."""
    treatment: str


class Fact(NamedTuple):
    """A named statement."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a statement of one check is made from."""

    check: PlannedCheck
    suite: PlannedSuite
    verdict: Verdict
    estimate: Estimate
    others: tuple[Estimate, ...]
    conduct: Conduct | None
    calibration: CalibrationRecord | None
    requests: tuple[Request, ...]
    """Of one of its items: how the check is asked."""

    @property
    def bounds(self) -> tuple[float, float]:
        """What decided: items without a score counted against the subject, and for it."""
        return counted_both_ways(self.estimate, self.check).bounds


def decided_by(verdict: Verdict, estimate: Estimate | None, *, words: Words) -> str:
    """The one-sided bound that decided, and which one it is; both where none did.

    Args:
        verdict: Of the check.
        estimate: Its estimate, items without a score counted both ways.
        words: In whose language.
    """
    if estimate is None:
        return words("decided.none")
    low, high = (number(end) for end in estimate.bounds)
    if verdict.verdict not in (Outcome.PASS, Outcome.FAIL):
        return words("decided.both", low=low, high=high)
    return words("decided.lower", low=low) if is_lower(verdict) else words("decided.upper", high=high)


def is_lower(verdict: Verdict) -> bool:
    """Whether a decided verdict rests on the lower bound."""
    return (verdict.verdict is Outcome.PASS) == (verdict.bound.at_least is not None)


def is_within(verdict: Verdict, estimate: Estimate | None) -> bool:
    """Whether the two-sided interval holds the limit although a one-sided bound decided."""
    if estimate is None or verdict.verdict not in (Outcome.PASS, Outcome.FAIL):
        return False
    low, high = estimate.interval
    return low < verdict.bound.value < high


def percent(share: float) -> str:
    """A level for a sentence.

    Examples:
        >>> percent(0.95), percent(0.999)
        ('95%', '99.9%')
    """
    return f"{round(share * 100, 6):g}%"


def facts(on: Ground, *, words: Words) -> tuple[Fact, ...]:
    """Estimand, universe, sources, estimator, deciding bound, power and the instrument's record of one check."""
    named = {
        "statement.measured": f"{metric_name(on.estimate.metric, words)}. {words(f'estimand.{on.estimate.estimand}')}",
        "statement.universe": _universe(on, words),
        "statement.sources": _sources(on, words),
        "statement.estimator": words(
            "statement.interval",
            estimate=f"{number(on.estimate.value)} [{number(on.estimate.interval[0])}, "
            f"{number(on.estimate.interval[1])}]",
            confidence=percent(on.estimate.confidence),
            method=interval_method(on.estimate.method, words),
        ),
        "statement.deciding": _deciding(on, words),
        "statement.power": _power(on.check, words),
        "statement.calibration": _calibration(on, words),
        "statement.suitability": _suitability(on, words),
    }
    return tuple(Fact(words(key), text) for key, text in named.items())


def _universe(on: Ground, words: Words) -> str:
    summary = on.suite.summary
    told = summary[words.language] if summary is not None else words("statement.unsummarised")
    drawn = on.check.n_items < on.check.n_available
    return words(
        "statement.asked" if drawn else "statement.asked_all",
        summary=told,
        n=f"{on.check.n_items:,}",
        available=f"{on.check.n_available:,}",
    )


def _sources(on: Ground, words: Words) -> str:
    key = f"source.{on.check.method}"
    return words(
        "statement.clusters",
        clusters=f"{on.estimate.n_clusters:,}",
        source=words(key if words.has(key) else "source.default"),
        n=f"{on.estimate.n:,}",
        unscored=f"{on.estimate.n_unscored:,}",
        allowed=percent(on.check.max_unscored),
    )


def _deciding(on: Ground, words: Words) -> str:
    low, high = on.bounds
    values = {
        "level": percent(1 - on.estimate.alpha),
        "low": number(low),
        "high": number(high),
        "limit": f"{on.verdict.bound.value:g}",
    }
    if on.verdict.verdict not in (Outcome.PASS, Outcome.FAIL):
        return words("statement.open", **{**values, "limit": limit(on.verdict.bound)})
    guard, margin = _distances(on)
    said = [
        words(_COMPARED[on.verdict.verdict, on.verdict.bound.at_least is not None], **values),
        words("statement.guard", guard=number(guard), margin=number(margin)),
    ]
    if is_within(on.verdict, on.estimate):
        said.append(words("statement.within", confidence=percent(on.estimate.confidence)))
    return ". ".join(each.rstrip(".") for each in said) + "."


def _distances(on: Ground) -> tuple[float, float]:
    """From the estimate to the bound that decided, and from there to the limit."""
    end = on.bounds[0 if is_lower(on.verdict) else 1]
    return abs(on.estimate.value - end), abs(end - on.verdict.bound.value)


def _power(check: PlannedCheck, words: Words) -> str:
    if check.power is None:
        return words("statement.unplanned")
    nearest = check.power.detectable
    told = words(
        "statement.planned",
        assumed=number(check.power.assumed),
        power=f"{check.power.power:.2f}",
        detectable=number(nearest) if nearest is not None else words("statement.nothing"),
    )
    return " ".join((told, words("statement.at_worst"))) if check.power.worst_case else told


def _calibration(on: Ground, words: Words) -> str:
    found = rows(on.calibration, words, checks={on.check.name}) if on.calibration is not None else []
    if not found:
        return words("statement.uncalibrated")
    return "; ".join(
        words(
            "statement.calibrated",
            defect=words.named(one_line(row.defect), "defect"),
            blank=row.blank,
            alarms=row.alarms,
            detects=row.detects,
        )
        for row in found
    )


def _suitability(on: Ground, words: Words) -> str:
    tried = on.conduct.suitability if on.conduct is not None else None
    cases = [case for case in tried.cases if case.check == on.check.name] if tried is not None else []
    if not cases:
        return words("statement.untried")
    return "; ".join(
        words(
            "statement.suitable",
            planted=one_line(case.planted),
            clean=one_line(case.clean),
            outcome=words(f"verdict.{case.clean_verdict.value}"),
        )
        for case in cases
    )


def budget(on: Ground, *, words: Words) -> tuple[Line, ...]:
    """The uncertainty budget of one check, component by component; systematic ones as bands, never in quadrature."""
    random, systematic = words("budget.random"), words("budget.systematic")
    low, high = on.estimate.bounds
    items = words("budget.items_in", below=number(on.estimate.value - low), above=number(high - on.estimate.value))
    lines = [
        Line(words("budget.items"), random, items),
        Line(words("budget.subset"), random, _subset(on.check, words)),
        Line(words("budget.generations"), random, _generations(on, words)),
        Line(words("budget.reading"), systematic, _reading(on, words)),
        Line(words("budget.gold"), systematic, words("budget.unmeasured")),
        Line(words("budget.prompt"), systematic, _prompt(on.others, words)),
        Line(words("budget.repeats"), systematic, _repeats(on, words)),
        Line(words("budget.ties"), systematic, _ties(on, words)),
        Line(words("budget.unscored"), systematic, _unscored(on, words)),
    ]
    if on.estimate.stopped_after is not None:
        lines.append(Line(words("budget.stopping"), systematic, words("budget.stopped")))
    if on.verdict.verdict in (Outcome.PASS, Outcome.FAIL):
        margin = words("budget.margin", margin=number(_distances(on)[1]))
        lines.append(Line(words("budget.tolerated"), systematic, margin))
    return tuple(lines)


def _subset(check: PlannedCheck, words: Words) -> str:
    if check.n_items == check.n_available:
        return words("budget.subset_all")
    return words("budget.subset_in", n=f"{check.n_items:,}", available=f"{check.n_available:,}")


def _generations(on: Ground, words: Words) -> str:
    if on.estimate.estimand == "items_x_generations":
        return words("budget.generations_in")
    if not on.requests:
        return words("budget.generations_unknown")
    written = [request for request in on.requests if isinstance(request, Generate)]
    if not written:
        return words("budget.generations_none")
    greedy = all(request.temperature == 0 for request in written)
    return words("budget.generations_greedy" if greedy else "budget.generations_once")


def _reading(on: Ground, words: Words) -> str:
    """How far the instrument was from assigned values of this very metric."""
    if on.estimate.metric in CORRECTED:
        raw = next((e for e in on.others if (e.metric, e.group) == (CORRECTED[on.estimate.metric], None)), None)
        return words("budget.reading_corrected", raw="—" if raw is None else number(raw.value))
    quantity = f"{on.check.name}/{on.estimate.metric}"
    readings = on.calibration.readings if on.calibration is not None else ()
    apart = [abs(r.measured - r.assigned) for r in readings if r.quantity == quantity and r.measured is not None]
    if not apart:
        return words("budget.unmeasured")
    return words("budget.reading_seen", n=len(apart), largest=number(max(apart)))


def _prompt(others: Sequence[Estimate], words: Words) -> str:
    found = [words(PROMPTS[other.metric], value=number(other.value)) for other in others if other.metric in PROMPTS]
    return "; ".join(found) or words("budget.unmeasured")


def _repeats(on: Ground, words: Words) -> str:
    again = on.conduct.repeatability if on.conduct is not None else None
    kinds = {request.kind for request in on.requests}
    found = [each for each in again.envelopes if each.kind in kinds] if again is not None else []
    return "; ".join(
        words(
            "budget.repeated",
            n=each.n,
            changed=max(each.changed_alike, each.changed_otherwise),
            high=number(each.interval[1]),
        )
        for each in found
    ) or words("budget.unmeasured")


def _ties(on: Ground, words: Words) -> str:
    found = ties_of(on.conduct).get(on.check.name)
    if found is None:
        return words("budget.unmeasured")
    told = words("budget.tied", n=found.n, of=found.of, low=number(found.low), high=number(found.high))
    return " ".join((told, words("budget.across"))) if holds(found, on.verdict) else told


def ties_of(conduct: Conduct | None) -> Mapping[str, NearTies]:
    """Check -> its near ties, where they were counted."""
    again = conduct.repeatability if conduct is not None else None
    return {each.check: each for each in again.near_ties} if again is not None else {}


def holds(ties: NearTies, verdict: Verdict) -> bool:
    """Whether the limit lies between the values that near ties may give."""
    return ties.low < ties.high and ties.low <= verdict.bound.value <= ties.high


def _unscored(on: Ground, words: Words) -> str:
    if not on.estimate.n_unscored:
        return words("budget.unscored_none")
    n = f"{on.estimate.n_unscored:,}"
    if on.check.low is None or on.check.high is None:
        return words("budget.unscored_left", n=n)
    low, high = (number(end) for end in on.bounds)
    return words("budget.unscored_some", n=n, low=low, high=high)
