"""Is a release no worse than the one before? Pairs of item values in, p-values and an outcome out. Pure.

Everything is said in *gains*: positive where the release after is better, whatever the metric's direction.

- Independent 0/1 pairs: non-inferiority by Tango's score test, difference by McNemar's mid-p (exact below ten
  discordant pairs), interval by Tango.
- 0/1 pairs that share clusters, and real values: cluster-robust intervals; their p-values are found by inverting
  the very interval that is shown. Where fewer than `TELLING` clusters moved at all, t knows too little of the
  spread of real values; the interval then also holds what the share of moved items could hide. (With 120 items of
  which 30 % lose the same amount, t passes a release at the margin in 6.4 instead of 5 % of simulated runs.)
- An item that only one release has a score for is counted both ways.

References:
    Tango (1998); Fagerland, Lydersen and Laake (2013); Holm (1979); Berger (1982). Sources in `verify.statistics`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

from verify.records import Change, ChangeReason, Levels, PairedTest
from verify.statistics import (
    ClusteredEstimate,
    Interval,
    clopper_pearson,
    clustered_proportion,
    mcnemar,
    noninferiority,
    noninferiority_power,
    paired_difference,
)

TELLING: Final = 20
"""Clusters that must have moved before t alone speaks for real values."""
FEW_DISCORDANT: Final = 10
"""Below this many discordant pairs McNemar's exact p is taken instead of mid-p."""
ASKED_POWER: Final = 0.8
_SMALLEST_P: Final = 1e-12
_LARGEST_ALPHA: Final = 0.499
_P_PRECISION: Final = 0.01


class Scale(NamedTuple):
    """Range and direction of a metric."""

    low: float
    high: float
    better: Literal["higher", "lower"]

    @property
    def span(self) -> float:
        """Most that a value can move."""
        return self.high - self.low

    def good(self, value: float) -> float:
        """The value, mirrored in its range where lower is better: more is then always better."""
        return value if self.better == "higher" else self.low + self.high - value


class Pair(NamedTuple):
    """One item in both releases; None where a release has no score for it, but the other has."""

    item: str
    repeat: int
    cluster: str
    before: float | None
    after: float | None

    @property
    def complete(self) -> bool:
        """Whether both releases have a score."""
        return self.before is not None and self.after is not None


class Weighed(NamedTuple):
    """What the pairs of a check say, before the checks are looked at together."""

    test: PairedTest
    worst_case: PairedTest | None
    best_case: PairedTest | None
    p_noninferior: float
    p_regression: float
    standard_error: float
    """Of the gain; that of one moved source where none moved."""


class Outlook(NamedTuple):
    """What the items could show at all, at the variation that was seen."""

    power: float
    """Probability that two alike releases pass the margin."""
    minimum_detectable: float
    """Worsening that is found with probability `ASKED_POWER` by the one-sided test, unadjusted."""


class Decided(NamedTuple):
    """A check's outcome."""

    outcome: Change
    code: ChangeReason
    reason: str


def weigh(pairs: Sequence[Pair], scale: Scale, *, margin: float, levels: Levels) -> Weighed:
    """Test the pairs of one check.

    Args:
        pairs: All pairs of which at least one side has a score.
        scale: The metric's range and direction.
        margin: Worsening that must be excluded, in (0, span of the metric).
        levels: Confidence of the interval shown, one-sided alpha of the outcome.

    Raises:
        NotEnoughDataError: No complete pair, or all come from one cluster.
        StatisticsError: A value lies outside the range, or the margin does.
    """
    complete = [pair for pair in pairs if pair.complete]
    test, error = _test(complete, scale, margin=margin, levels=levels)
    worst = best = None
    if len(complete) < len(pairs):
        worst, _ = _test([_filled(p, scale, kindly=False) for p in pairs], scale, margin=margin, levels=levels)
        best, _ = _test([_filled(p, scale, kindly=True) for p in pairs], scale, margin=margin, levels=levels)
    return Weighed(
        test=test,
        worst_case=worst,
        best_case=best,
        p_noninferior=max(test.p_noninferior, worst.p_noninferior) if worst else test.p_noninferior,
        p_regression=max(test.p_regression, best.p_regression) if best else test.p_regression,
        standard_error=error,
    )


def outlook(weighed: Weighed, *, margin: float) -> Outlook:
    """Power at the margin and minimum detectable worsening.

    Exact for independent 0/1 pairs at the discordance seen (one pair where none differs); else by the normal law
    with the spread that the lower bound itself implies, since a standard error says little where few items moved.
    """
    test, error = weighed.test, weighed.standard_error
    z = _z(1.0 - test.alpha)
    if test.method == "tango":
        share = max(test.n_better + test.n_worse, 1) / (test.n_pairs + 1)
        power = noninferiority_power(test.n_pairs, margin=margin, discordance=share, alpha=test.alpha)
    else:
        error = max(error, (test.gain - test.bounds[0]) / z)
        power = NormalDist().cdf(margin / error - z)
    return Outlook(power, (z + _z(ASKED_POWER)) * error)


def decide_change(weighed: Weighed, *, margin: float, holm_p: float, min_clusters: int) -> Decided:
    """Outcome of one check.

    Args:
        weighed: What its pairs say.
        margin: Worsening that must be excluded.
        holm_p: `p_regression`, adjusted over all compared checks.
        min_clusters: Fewer independent sources give no outcome.
    """
    test = weighed.test
    numbers = _numbers(test, margin)
    if test.n_clusters < min_clusters:
        text = f"{numbers}; {test.n_clusters} independent sources, an outcome needs {min_clusters}"
        return Decided(Change.INCONCLUSIVE, ChangeReason.FEW_CLUSTERS, text)
    if weighed.p_noninferior <= test.alpha:
        return Decided(Change.NO_WORSE, ChangeReason.MARGIN_EXCLUDED, f"{numbers}; p {weighed.p_noninferior:.2g}")
    if holm_p <= test.alpha:
        return Decided(Change.WORSE, ChangeReason.REGRESSION_FOUND, f"{numbers}; Holm-adjusted p {holm_p:.2g}")
    if weighed.worst_case is not None and test.p_noninferior <= test.alpha:
        lacking = weighed.worst_case.n_pairs - test.n_pairs
        text = f"{numbers}; no longer so if the {lacking} items that one release has no score for count against it"
        return Decided(Change.INCONCLUSIVE, ChangeReason.DEPENDS_ON_UNSCORED, text)
    return Decided(Change.INCONCLUSIVE, ChangeReason.INTERVAL_HOLDS_MARGIN, numbers)


def overall_change(outcomes: Iterable[Change]) -> Change:
    """Worse if one check is; else inconclusive or not comparable if one is; nothing compared is not comparable."""
    found = set(outcomes)
    for outcome in (Change.WORSE, Change.INCONCLUSIVE, Change.NOT_COMPARABLE):
        if outcome in found:
            return outcome
    return Change.NO_WORSE if found else Change.NOT_COMPARABLE


def _test(pairs: Sequence[Pair], scale: Scale, *, margin: float, levels: Levels) -> tuple[PairedTest, float]:
    """The test, and the standard error of the gain; that of one moved item where none moved."""
    before, after, clusters = _columns(pairs, scale)
    independent = len(set(clusters)) == len(clusters)
    share = (scale.low, scale.high) == (0.0, 1.0)
    binary = share and all(value in (0.0, 1.0) for value in (*before, *after))

    def measured(confidence: float) -> ClusteredEstimate:
        return _measured(before, after, clusters, confidence=confidence, scale=scale, binary=binary)

    shown = measured(levels.confidence)
    decided = measured(1.0 - 2.0 * levels.alpha).interval
    n_better, n_worse = (sum(sign * (b - a) > 0 for a, b in zip(before, after, strict=True)) for sign in (1, -1))
    if binary and independent:
        p_margin = noninferiority(n_better, n_worse, len(pairs), margin=margin)
        found = mcnemar(n_better, n_worse)
        p_two = found.exact if n_better + n_worse < FEW_DISCORDANT else found.midp
        p_one = p_two / 2 if n_worse > n_better else 1.0
    else:
        p_margin = _inverted(lambda at: measured(1.0 - 2.0 * at).interval.low > -margin, alpha=levels.alpha)
        p_two, p_one = _p_difference(measured, shown.value, alpha=levels.alpha)
    test = PairedTest(
        gain=shown.value,
        interval=(shown.interval.low, shown.interval.high),
        confidence=levels.confidence,
        bounds=(decided.low, decided.high),
        alpha=levels.alpha,
        method=("tango" if independent else "mover-korn-graubard") if binary else "cr1-t",
        n_pairs=len(pairs),
        n_clusters=shown.n_clusters,
        n_better=n_better,
        n_worse=n_worse,
        p_noninferior=p_margin,
        p_difference=p_two,
        p_regression=p_one,
    )
    return test, shown.standard_error or scale.span / shown.n_clusters


def _columns(pairs: Sequence[Pair], scale: Scale) -> tuple[list[float], list[float], list[str]]:
    before = [scale.good(pair.before) for pair in pairs if pair.before is not None]
    after = [scale.good(pair.after) for pair in pairs if pair.after is not None]
    return before, after, [pair.cluster for pair in pairs]


def _measured(
    before: Sequence[float],
    after: Sequence[float],
    clusters: Sequence[str],
    *,
    confidence: float,
    scale: Scale,
    binary: bool,
) -> ClusteredEstimate:
    if binary:
        return paired_difference(after, before, clusters=clusters, confidence=confidence)
    found = paired_difference(after, before, clusters=clusters, confidence=confidence, low=scale.low, high=scale.high)
    worse = [int(b < a) for a, b in zip(before, after, strict=True)]
    better = [int(b > a) for a, b in zip(before, after, strict=True)]
    moved = {c for c, w, g in zip(clusters, worse, better, strict=True) if w or g}
    if len(moved) >= TELLING:
        return found
    # Each moved item may have moved by the whole span: true of any values, and wide.
    low = min(found.interval.low, -scale.span * _share(worse, clusters, confidence=confidence))
    high = max(found.interval.high, scale.span * _share(better, clusters, confidence=confidence))
    return found._replace(interval=Interval(max(low, -scale.span), min(high, scale.span)))


def _share(flags: Sequence[int], clusters: Sequence[str], *, confidence: float) -> float:
    """Upper bound of a share."""
    if len(set(clusters)) == len(clusters):
        return clopper_pearson(sum(flags), len(flags), confidence=confidence).high
    return clustered_proportion(flags, clusters, confidence=confidence).interval.high


def _filled(pair: Pair, scale: Scale, *, kindly: bool) -> Pair:
    """The pair with a lacking score set to what is best, or worst, for the release after."""
    best, worst = (scale.high, scale.low) if scale.better == "higher" else (scale.low, scale.high)
    if pair.before is None:
        return pair._replace(before=worst if kindly else best)
    if pair.after is None:
        return pair._replace(after=best if kindly else worst)
    return pair


def _p_difference(measured: Callable[[float], ClusteredEstimate], gain: float, *, alpha: float) -> tuple[float, float]:
    """Two-sided p of "alike", and one-sided p of "not worse"; an interval that holds its value excludes one side."""
    if gain < 0.0:
        p = _inverted(lambda at: measured(1.0 - 2.0 * at).interval.high < 0.0, alpha=alpha)
        return min(1.0, 2.0 * p), p
    p = _inverted(lambda at: measured(1.0 - 2.0 * at).interval.low > 0.0, alpha=alpha)
    return min(1.0, 2.0 * p), 1.0


def _inverted(excluded_at: Callable[[float], bool], *, alpha: float) -> float:
    """Smallest level at which the one-sided bound still excludes; 1 where none below one half does.

    Never on the other side of `alpha` than the bound that is shown, and within one per cent.
    """
    if excluded_at(alpha):
        if excluded_at(_SMALLEST_P):
            return _SMALLEST_P
        low, high = math.log(_SMALLEST_P), math.log(alpha)
    elif excluded_at(_LARGEST_ALPHA):
        low, high = math.log(alpha), math.log(_LARGEST_ALPHA)
    else:
        return 1.0
    while high - low > _P_PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if excluded_at(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _numbers(test: PairedTest, margin: float) -> str:
    low, high = test.bounds
    clusters = f" ({test.n_clusters} clusters)" if test.n_clusters != test.n_pairs else ""
    return (
        f"gain {test.gain:+.3f} [{low:+.3f}, {high:+.3f}] against a margin of {margin:g} on {test.n_pairs} pairs"
        f"{clusters}, {test.n_better} better, {test.n_worse} worse, one-sided alpha {test.alpha:g}"
    )
