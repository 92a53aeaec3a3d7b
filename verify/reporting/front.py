"""The first pages of a report: what was found, how sure, what was not measured, and what departs from the plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from verify.records import Conduct, Estimate, Outcome
from verify.reporting.data import BundleLike
from verify.reporting.frameworks import FrameworkStanding
from verify.reporting.statement import holds, percent, ties_of
from verify.reporting.text import one_line
from verify.reporting.translated import told
from verify.reporting.words import Words

BLANKS = (
    "front.number",
    "front.customer",
    "front.laboratory",
    "front.performed",
    "front.authorised",
    "front.issued",
)
"""What the laboratory fills in by hand; the instrument knows none of it."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Checks that were not measured for one reason."""

    reason: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Front:
    """What the first two pages say beyond the table of results."""

    id: str
    rule: str
    two_kinds: str
    uncertainty: tuple[str, ...]
    instrument: tuple[str, ...]
    deviations: tuple[str, ...]


def report_id(root: str) -> str:
    """The name of a report on every page: it follows from the bundle, so rendering again gives the same.

    Examples:
        >>> report_id("sha256:ada0443d5dae73226c85")
        'AXV-ada0-443d-5dae-7322'
    """
    digits = root.removeprefix("sha256:")[:16]
    return "-".join(["AXV", *(digits[at : at + 4] for at in range(0, len(digits), 4))])


def front_of(bundle: BundleLike, *, standings: Sequence[FrameworkStanding], words: Words) -> Front:
    """The summary of a bundle.

    Args:
        bundle: A sealed run.
        standings: Frameworks; those whose mapping changed after the plan are named.
        words: In whose language.
    """
    levels = bundle.plan.levels
    said = {"level": percent(1 - levels.alpha), "alpha": f"{levels.alpha:g}", "confidence": percent(levels.confidence)}
    return Front(
        id=report_id(bundle.manifest.root),
        rule=words("front.rule", level=said["level"], alpha=said["alpha"]),
        two_kinds=words("front.two_kinds", confidence=said["confidence"], level=said["level"]),
        uncertainty=(words("front.random"), words("front.systematic"), *_bands(bundle, words)),
        instrument=(_calibrated(bundle, words), _suitable(bundle.conduct, words)),
        deviations=tuple(_deviations(bundle, standings, words)),
    )


def absences(found: Sequence[tuple[str, str]]) -> tuple[Absent, ...]:
    """Reasons for not measuring, each with its checks, in the order in which they first come.

    Args:
        found: Reason and title of each check that was not measured.
    """
    by_reason: dict[str, list[str]] = {}
    for reason, title in found:
        by_reason.setdefault(reason, []).append(title)
    return tuple(Absent(reason, tuple(titles)) for reason, titles in by_reason.items())


def _bands(bundle: BundleLike, words: Words) -> list[str]:
    again = bundle.conduct.repeatability if bundle.conduct is not None else None
    if again is None:
        return [words("front.unrepeated")]
    verdicts = {verdict.check: verdict for verdict in bundle.results.verdicts}
    tied = [each for each in ties_of(bundle.conduct).values() if each.n and each.check in verdicts]
    across = sum(holds(each, verdicts[each.check]) for each in tied)
    changed = sum(max(each.changed_alike, each.changed_otherwise) for each in again.envelopes)
    return [
        words("front.ties", n=len(tied), across=across),
        words("front.moved", n=sum(each.n for each in again.envelopes), changed=changed),
    ]


def _calibrated(bundle: BundleLike, words: Words) -> str:
    if bundle.calibration is None:
        return words("front.uncalibrated")
    asked = {check.name for check in bundle.plan.checks}
    known = {each.check for each in bundle.calibration.performances}
    known |= {each.check for each in bundle.calibration.detections}
    digest = bundle.calibration.content_digest()[:23] + "…"
    return words("front.calibrated", digest=digest, n=len(asked), covered=len(asked & known))


def _suitable(conduct: Conduct | None, words: Words) -> str:
    tried = conduct.suitability if conduct is not None else None
    if tried is None:
        return words("front.untried")
    uncovered = len(tried.uncovered) + len(tried.not_run)
    return words("front.suitable", n=sum(case.suitable for case in tried.cases), uncovered=uncovered)


def _deviations(bundle: BundleLike, standings: Sequence[FrameworkStanding], words: Words) -> list[str]:
    plan, conduct = bundle.plan, bundle.conduct
    said = []
    if plan.limit is not None:
        said.append(words("deviation.limit", limit=f"{plan.limit:,}"))
    if stopped := sum(each.stopped_after is not None and each.group is None for each in _deciding(bundle)):
        said.append(words("deviation.sequential", n=stopped))
    if bundle.calibration is None:
        said.append(words("deviation.calibration"))
    said += _of_conduct(conduct, words)
    if plan.allow:
        outcomes = ", ".join(words(f"verdict.{Outcome(each).value}") for each in plan.allow)
        said.append(words("deviation.allow", outcomes=outcomes))
    if changed := [each.framework.title[words.language] for each in standings if not each.as_planned]:
        said.append(words("deviation.mapping", frameworks=", ".join(one_line(each) for each in changed)))
    if bundle.subject.warnings:
        said.append(words("deviation.warnings", n=len(bundle.subject.warnings)))
    return said


def _deciding(bundle: BundleLike) -> list[Estimate]:
    metrics = {verdict.check: verdict.metric for verdict in bundle.results.verdicts}
    return [each for each in bundle.results.estimates if metrics.get(each.check) == each.metric]


def _of_conduct(conduct: Conduct | None, words: Words) -> list[str]:
    if conduct is None:
        return [words("deviation.suitability"), words("deviation.repeats")]
    said = []
    if conduct.sessions > 1:
        said.append(words("deviation.sessions", n=conduct.sessions))
    if conduct.suitability is None:
        said.append(words("deviation.suitability"))
    elif conduct.suitability.not_run:
        said.append(words("deviation.late", checks=", ".join(map(one_line, conduct.suitability.not_run))))
    if conduct.repeatability is None:
        said.append(words("deviation.repeats"))
    return said + [told(note, words).text for note in conduct.notes]
