"""One check decided.

The rule (ILAC-G8:09/2019 non-binary with the exact equivalent of a guard band for rates): `pass` when the
one-sided bound at alpha lies on the right side of the limit, `fail` when the other one lies wholly on the
wrong side, else `inconclusive`. The point estimate is never compared: a subject exactly at the limit would
pass more than half of the time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from verify.records import Bound, Estimate, ItemScore, Outcome, PlannedCheck, Reason, Scored, Verdict

EstimateAt: TypeAlias = Callable[[float], Estimate | None]
"""The deciding estimate of a check at another alpha (for p-values)."""


def decide(
    check: PlannedCheck, scores: Sequence[ItemScore], estimate: Estimate | None, *, min_clusters: int
) -> Verdict:
    """Say whether the evidence confirms the claim, refutes it, or does neither.

    Args:
        check: The planned check.
        scores: All its scores; unscored ones count against `max_unscored`.
        estimate: The deciding estimate: the check's metric over all items; None where nothing gave one.
        min_clusters: Fewer independent sources give no verdict; a check may need more.
    """
    unscored = Counter(s.score.reason.value for s in scores if not isinstance(s.score, Scored))
    # A list that was asked in full is not a sample of sources, however many it has.
    whole = estimate is not None and estimate.estimand == "finite_list"
    needed = 0 if whole else max(min_clusters, check.min_clusters)
    code, outcome, reason = _weigh(check, scores, estimate, unscored, needed)
    return Verdict(
        check=check.name,
        metric=check.metric,
        verdict=outcome,
        bound=check.bound,
        code=code,
        reason=reason,
        clauses=check.clauses,
        unscored=dict(sorted(unscored.items())),
    )


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """Fail if one failed; else inconclusive or not_measured if one is; else pass. Nothing decided is not_measured."""
    found = set(outcomes)
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED):
        if outcome in found:
            return outcome
    return Outcome.PASS if found else Outcome.NOT_MEASURED


def confirmed(estimate: Estimate, bound: Bound) -> bool:
    """Whether the one-sided bound at alpha lies on the right side of the limit."""
    low, high = estimate.bounds
    return low >= bound.value if bound.at_least is not None else high <= bound.value


def refuted(estimate: Estimate, bound: Bound) -> bool:
    """Whether the other one-sided bound lies wholly on the wrong side of the limit."""
    low, high = estimate.bounds
    return high < bound.value if bound.at_least is not None else low > bound.value


def _weigh(
    check: PlannedCheck,
    scores: Sequence[ItemScore],
    estimate: Estimate | None,
    unscored: Counter[str],
    min_clusters: int,
) -> tuple[Reason, Outcome, str]:
    if check.not_measured is not None:
        return Reason(check.not_measured_code or Reason.ACCESS_LEVEL), Outcome.NOT_MEASURED, check.not_measured
    n_unscored = sum(unscored.values())
    # Where a metric is about some of the items only, all that have no score may be of those: then as many are
    # missing from them, and a subject must not improve its rate by writing nothing readable where it would err.
    concerned = min(len(scores), estimate.n + n_unscored) if estimate else len(scores)
    share = n_unscored / concerned if concerned else 1.0
    causes = ", ".join(f"{reason} {count}" for reason, count in unscored.most_common())
    if share > check.max_unscored:
        text = f"{n_unscored} of {concerned} items have no score ({causes}); at most {check.max_unscored:.0%} may"
        return Reason.TOO_MANY_UNSCORED, Outcome.NOT_MEASURED, text
    if estimate is None:
        return Reason.NOTHING_SCORED, Outcome.NOT_MEASURED, f"no estimate of {check.metric} from {len(scores)} items"
    numbers = _numbers(estimate, check.bound)
    if estimate.stopped_after is not None:
        numbers += f"; confidence sequence after {estimate.stopped_after} of {check.n_items} items"
    if estimate.display_only:
        return Reason.DISPLAY_ONLY, Outcome.INCONCLUSIVE, f"{numbers}; no verdict may rest on it"
    if estimate.n_clusters < min_clusters:
        text = f"{numbers}; {estimate.n_clusters} independent sources, a verdict needs {min_clusters}"
        return Reason.FEW_CLUSTERS, Outcome.INCONCLUSIVE, text
    both_ways = counted_both_ways(estimate, check)
    if refuted(both_ways, check.bound):
        return Reason.BOUND_BROKEN, Outcome.FAIL, numbers
    if confirmed(both_ways, check.bound):
        return Reason.BOUND_HELD, Outcome.PASS, numbers
    if refuted(estimate, check.bound) or confirmed(estimate, check.bound):
        numbers = f"{numbers}; {estimate.n_unscored} items without a score could turn it, counted both ways"
    return Reason.INTERVAL_HOLDS_BOUND, Outcome.INCONCLUSIVE, numbers


def counted_both_ways(estimate: Estimate, check: PlannedCheck) -> Estimate:
    """The estimate with its bounds as if the items without a score had all been the worst, and all the best.

    A subject cannot pass by leaving the hard items unanswered, nor be failed for what nobody measured. For a mean
    over n items and u unscored ones the bounds become (n * low + u * least) / (n + u) and likewise above.
    """
    if not estimate.n_unscored or check.low is None or check.high is None:
        return estimate
    n, u = estimate.n, estimate.n_unscored
    low, high = estimate.bounds
    return estimate.model_copy(
        update={"bounds": ((n * low + u * check.low) / (n + u), (n * high + u * check.high) / (n + u))}
    )


def _numbers(estimate: Estimate, bound: Bound) -> str:
    low, high = estimate.bounds
    clusters = f" ({estimate.n_clusters} clusters)" if estimate.n_clusters != estimate.n else ""
    rests = f"one-sided alpha {estimate.alpha:g}"
    if estimate.estimand == "finite_list":
        rests = "the whole list, give or take one item"
    return f"{estimate.value:.3f} [{low:.3f}, {high:.3f}] against {bound} on {estimate.n} items{clusters}, {rests}"
