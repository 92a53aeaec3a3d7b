"""A bundle as a page shows it: sentences, rows and groups, in one language; no markup."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from verify.deciding.decide import confirmed, counted_both_ways, refuted
from verify.errors import EvidenceError
from verify.records import Estimate, Framework, Outcome, PlannedCheck, Reason, Results, Verdict
from verify.reporting.asking import Survey, survey
from verify.reporting.causes import clauses_of, conditions, leaked
from verify.reporting.data import BundleLike, day_of
from verify.reporting.examples import Example, examples_of, find
from verify.reporting.foreseen import absence, cautions, recorded
from verify.reporting.forest import Row, row_of
from verify.reporting.frameworks import FrameworkStanding, stand
from verify.reporting.front import Absent, Front, absences, front_of
from verify.reporting.statement import Fact, Ground, Line, budget, decided_by, facts, is_within
from verify.reporting.text import limit, number
from verify.reporting.words import Words

WORST_FIRST = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED, Outcome.PASS)


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check with everything that was found."""

    planned: PlannedCheck
    verdict: Verdict
    estimate: Estimate | None
    """The one that decided."""
    others: tuple[Estimate, ...]
    """Further metrics over all items."""
    groups: tuple[Estimate, ...]
    """The deciding metric by group; where it has no groups, the other metrics by group."""
    plot: Row | None
    reason: str
    """Why the verdict is what it is, one sentence."""
    unscored: tuple[str, ...]
    """Reason and number of items without a score."""
    defects: int
    examples: tuple[Example, ...]
    detail: str = ""
    """The plan's own words for why the check was not asked, in English, where its codes do not tell all."""
    cautions: tuple[str, ...] = ()
    """What the plan said that the items cannot show, one sentence each."""
    leaked: str = ""
    """Which personal data came out, most often first; empty where the check is about something else."""
    conditions: tuple[str, ...] = ()
    """In which situations it did, one line a facet."""
    clauses: tuple[str, ...] = ()
    """Korean clauses that the check speaks to."""
    decided: str = ""
    """The one-sided bound that decided."""
    within: bool = False
    """Whether the two-sided interval holds the limit although a one-sided bound decided."""
    facts: tuple[Fact, ...] = ()
    """What is stated of a measured check."""
    budget: tuple[Line, ...] = ()
    """Its uncertainty, component by component."""

    @property
    def anchor(self) -> str:
        """Target of links to this check; check names hold no character that needs escaping."""
        return "check-" + "".join(c if c.isalnum() and c.isascii() else "-" for c in self.planned.name)


@dataclass(frozen=True, slots=True)
class SuiteView:
    """A suite with its checks, in the order of the plan."""

    id: str
    title: str
    version: int
    digest: str
    checks: tuple[CheckView, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All that a report shows."""

    words: Words
    bundle: BundleLike
    day: date
    suites: tuple[SuiteView, ...]
    frameworks: tuple[FrameworkStanding, ...]
    front: Front
    asked: Survey
    """How the subject was asked."""

    @property
    def absent(self) -> tuple[Absent, ...]:
        """Checks that were not measured, by reason."""
        found = self.with_outcome("not_measured")
        return absences([(view.reason, view.planned.title[self.words.language]) for view in found])

    @property
    def checks(self) -> tuple[CheckView, ...]:
        """All checks, in the order of the plan."""
        return tuple(check for suite in self.suites for check in suite.checks)

    def with_outcome(self, *outcomes: str) -> tuple[CheckView, ...]:
        """Checks with one of these outcomes, worst first."""
        wanted = [Outcome(outcome) for outcome in outcomes]
        order = {outcome: place for place, outcome in enumerate(WORST_FIRST)}
        found = [check for check in self.checks if check.verdict.verdict in wanted]
        return tuple(sorted(found, key=lambda check: order[check.verdict.verdict]))

    def count(self, outcome: str) -> int:
        """Number of checks that ended so."""
        return len(self.with_outcome(outcome))


def build_page(bundle: BundleLike, *, words: Words, frameworks: Iterable[Framework], on: date | None = None) -> Page:
    """Lay out a bundle in the language of `words`.

    Args:
        bundle: A sealed run.
        words: Fixed words.
        frameworks: Laws and standards whose clauses are shown.
        on: Day of the test; by default the day on which the run finished.

    Raises:
        EvidenceError: A planned check has no verdict, or belongs to no planned suite.
        UsageError: The day of the test is unknown.
    """
    day = day_of(bundle, on=on)
    plan, results = bundle.plan, bundle.results
    found = find(bundle.scores())
    standings = stand(frameworks, results.verdicts, on=day, planned=plan.frameworks)
    asked = survey(bundle.responses(), wanted=found.wanted())
    concerns = {check.name: check.concern for check in plan.checks}
    examples = examples_of(bundle, found, kept=asked.kept, concerns=concerns)
    views = [
        _view(
            check,
            results=results,
            words=words,
            min_clusters=max(plan.min_clusters, check.min_clusters),
            defects=found.defects.get(check.name, 0),
            examples=examples.get(check.name, ()),
        )
        for check in plan.checks
    ]
    views = [_stated(view, bundle, requests=found.requests, asked=asked, words=words) for view in views]
    views = [
        replace(
            view,
            leaked=leaked(found, view.planned, words=words),
            conditions=conditions(found, view.planned, words=words),
            clauses=clauses_of(view.planned.name, standings, words=words),
        )
        for view in views
    ]
    suites = tuple(
        SuiteView(
            id=suite.id,
            title=suite.title[words.language],
            version=suite.version,
            digest=suite.digest,
            checks=tuple(view for view in views if view.planned.suite == suite.id),
        )
        for suite in plan.suites
    )
    if sum(len(suite.checks) for suite in suites) != len(views):
        raise EvidenceError("plan.json: a check names a suite that the plan does not have")
    front = front_of(bundle, standings=standings, words=words)
    return Page(words=words, bundle=bundle, day=day, suites=suites, frameworks=standings, front=front, asked=asked)


def _stated(
    view: CheckView, bundle: BundleLike, *, requests: Mapping[str, Sequence[str]], asked: Survey, words: Words
) -> CheckView:
    """The view with what has to be stated of a measured check."""
    counted = counted_both_ways(view.estimate, view.planned) if view.estimate is not None else None
    decided = decided_by(view.verdict, counted, words=words)
    suite = next((suite for suite in bundle.plan.suites if suite.id == view.planned.suite), None)
    if view.estimate is None or suite is None:
        return replace(view, decided=decided)
    on = Ground(
        check=view.planned,
        suite=suite,
        verdict=view.verdict,
        estimate=view.estimate,
        others=view.others,
        conduct=bundle.conduct,
        calibration=bundle.calibration,
        requests=tuple(asked.kept[each].request for each in requests.get(view.planned.name, ()) if each in asked.kept),
    )
    return replace(
        view,
        decided=decided,
        within=is_within(view.verdict, view.estimate),
        facts=facts(on, words=words),
        budget=budget(on, words=words),
    )


def _view(
    check: PlannedCheck,
    *,
    results: Results,
    words: Words,
    min_clusters: int,
    defects: int,
    examples: tuple[Example, ...],
) -> CheckView:
    verdict = next((each for each in results.verdicts if each.check == check.name), None)
    if verdict is None:
        raise EvidenceError(f"results.json: no verdict on the planned check {check.name}")
    # What was not measured has no number here, although some items may have been scored.
    measured = verdict.verdict is not Outcome.NOT_MEASURED
    estimates = [each for each in results.estimates if measured and each.check == check.name]
    overall = [each for each in estimates if each.group is None]
    grouped = [each for each in estimates if each.group is not None]
    deciding = next((each for each in overall if each.metric == verdict.metric), None)
    return CheckView(
        planned=check,
        verdict=verdict,
        estimate=deciding,
        others=tuple(each for each in overall if each is not deciding),
        groups=tuple(each for each in grouped if each.metric == verdict.metric) or tuple(grouped),
        plot=row_of(counted_both_ways(deciding, check), verdict.bound) if deciding is not None else None,
        reason=reason_of(verdict, deciding, check=check, min_clusters=min_clusters, words=words),
        unscored=_unscored(verdict.unscored, words=words),
        defects=defects,
        examples=examples,
        detail=recorded(check),
        cautions=cautions(check, min_clusters=min_clusters, words=words),
    )


def reason_of(
    verdict: Verdict, estimate: Estimate | None, *, check: PlannedCheck, min_clusters: int, words: Words
) -> str:
    """Why a verdict is what it is, as a sentence with its numbers."""
    if check.not_measured is not None:
        return absence(check, words=words)
    side = "at_least" if verdict.bound.at_least is not None else "at_most"
    values: dict[str, object] = {
        "limit": limit(verdict.bound),
        "unscored": sum(verdict.unscored.values()),
        "allowed": f"{check.max_unscored:.0%}",
        "least": min_clusters,
        "low": "",
        "high": "",
        "level": "",
        "clusters": "",
    }
    case = _case(verdict, estimate, check)
    if estimate is not None:
        low, high = (estimate if case == "unscored_could_turn" else counted_both_ways(estimate, check)).bounds
        values |= {
            "low": number(low),
            "high": number(high),
            "level": f"{1 - estimate.alpha:.0%}",
            "clusters": estimate.n_clusters,
        }
    key = f"reason.{case}"
    return words(f"{key}.{side}" if words.keys_below(key) else key, **values)


def _case(verdict: Verdict, estimate: Estimate | None, check: PlannedCheck) -> str:
    """The code of a verdict; an undecided one has two further cases, of which more items would be no cure."""
    if verdict.code is Reason.INTERVAL_HOLDS_BOUND and estimate is not None:
        if confirmed(estimate, verdict.bound) or refuted(estimate, verdict.bound):
            return "unscored_could_turn"
        if check.open_ended:
            return "open_ended"
    return verdict.code.value


def _unscored(counts: Mapping[str, int], *, words: Words) -> tuple[str, ...]:
    return tuple(f"{words(f'unscored.{reason}')} {count:,}" for reason, count in sorted(counts.items()))


def estimate_text(estimate: Estimate) -> str:
    """Value and interval: `0.910 [0.880, 0.935]`."""
    low, high = estimate.interval
    return f"{number(estimate.value)} [{number(low)}, {number(high)}]"


def sample_text(estimate: Estimate, *, words: Words) -> str:
    """How many items, sources and items without a score a number rests on."""
    return words(
        "table.sample", n=f"{estimate.n:,}", clusters=f"{estimate.n_clusters:,}", unscored=f"{estimate.n_unscored:,}"
    )


def facets(groups: Sequence[Estimate]) -> tuple[tuple[str, str, tuple[Estimate, ...]], ...]:
    """Group estimates by metric and facet, in the order in which they first come."""
    keys = dict.fromkeys((each.metric, (each.group or "").partition("=")[0]) for each in groups)
    return tuple(
        (metric, facet, tuple(e for e in groups if e.metric == metric and (e.group or "").partition("=")[0] == facet))
        for metric, facet in keys
    )
