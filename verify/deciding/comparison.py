"""Is a release no worse than the one before? Pairs of item values in, p-values and an outcome out. Pure.

Everything is said in *gains*: positive where the release after is better, whatever the metric's direction. `gains` says
which interval and which test that is. An item that only one release has a score for is counted both ways.

References:
    Zou and Donner (2008); Fagerland, Lydersen and Laake (2013); Holm (1979); Berger (1982). Sources in
    `verify.statistics`.
"""

from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

from verify.deciding.gains import EstimateGain, Gain, MeanGain, ShareGain, SizeGain
from verify.errors import StatisticsError
from verify.records import Change, ChangeReason, Levels, PairedTest
from verify.statistics import paired_power

ASKED_POWER: Final = 0.8


class Scale(NamedTuple):
    """Range and direction of a metric's items."""

    low: float
    high: float
    better: Literal["higher", "lower"]
    sized: bool = False
    """Whether the metric is the size |mean| of the items, in a range around 0."""

    @property
    def span(self) -> float:
        """Most that the metric can move."""
        return self.high if self.sized else self.high - self.low

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
    span: float
    """Most that the metric can move."""


class Outlook(NamedTuple):
    """What the items could show at all, at the variation that was seen."""

    power: float
    """Probability that two alike releases pass the margin."""
    minimum_detectable: float | None
    """Worsening that is found with probability `ASKED_POWER` by the one-sided test, unadjusted; None where not even the
    largest that the metric allows is."""


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
        worst, _ = _test(_filled(pairs, scale, kindly=False), scale, margin=margin, levels=levels)
        best, _ = _test(_filled(pairs, scale, kindly=True), scale, margin=margin, levels=levels)
    return Weighed(
        test=test,
        worst_case=worst,
        best_case=best,
        p_noninferior=max(test.p_noninferior, worst.p_noninferior) if worst else test.p_noninferior,
        p_regression=max(test.p_regression, best.p_regression) if best else test.p_regression,
        standard_error=error,
        span=scale.span,
    )


def weigh_estimates(gain: EstimateGain, *, span: float, n: int, margin: float, levels: Levels) -> Weighed:
    """Test a metric that is no mean over items, of which no item is better or worse.

    Args:
        gain: Both estimates, at any level.
        span: Most that the metric can move.
        n: Items that both estimates are made of; all have a score.
        margin: Worsening that must be excluded.
        levels: Confidence of the interval shown, one-sided alpha of the outcome.
    """
    test = _paired_test(gain, n_pairs=n, moves=(), margin=margin, levels=levels)
    return Weighed(test, None, None, test.p_noninferior, test.p_regression, gain.standard_error, span)


def outlook(weighed: Weighed, *, margin: float) -> Outlook:
    """Power at the margin and minimum detectable worsening.

    Exact for independent 0/1 pairs at the discordance seen (one pair where none differs); else by the normal law
    around the bounds that decide, since a standard error says little where few items moved.
    """
    test, error = weighed.test, weighed.standard_error
    further = _z(ASKED_POWER)
    if test.method == "mover-clopper-pearson":
        share = max(test.n_better + test.n_worse, 1) / (test.n_pairs + 1)
        power = paired_power(test.n_pairs, margin=margin, discordance=share, alpha=test.alpha)
    else:
        power = NormalDist().cdf((margin - (test.gain - test.bounds[0])) / error)
    detectable = test.bounds[1] - test.gain + further * error
    return Outlook(power, detectable if detectable < weighed.span else None)


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


def p_equivalence(weighed: Weighed) -> float:
    """P of "they differ by the margin or more, either way", also with lacking scores at their best and worst."""
    found = (weighed.test, weighed.worst_case, weighed.best_case)
    return max(test.p_equivalence for test in found if test is not None and test.p_equivalence is not None)


def overall_change(outcomes: Iterable[Change]) -> Change:
    """Worse if one check is; else inconclusive or not comparable if one is; nothing compared is not comparable."""
    found = set(outcomes)
    for outcome in (Change.WORSE, Change.INCONCLUSIVE, Change.NOT_COMPARABLE):
        if outcome in found:
            return outcome
    return Change.NO_WORSE if found else Change.NOT_COMPARABLE


def leaning(pairs: Sequence[Pair], scale: Scale) -> Scale:
    """The scale by which single items are said to be better or worse.

    Of a metric that is the size of a mean, an item got worse that moved the way in which the larger of the two means
    points: where both point the same way, the mean of such gains is the gain of the size.
    """
    if not scale.sized:
        return scale
    before, after = (sum(side) for side in _columns([pair for pair in pairs if pair.complete]))
    return scale._replace(better="lower" if (after if abs(after) >= abs(before) else before) >= 0.0 else "higher")


def _test(pairs: Sequence[Pair], scale: Scale, *, margin: float, levels: Levels) -> tuple[PairedTest, float]:
    """The test, and the standard error of the gain; that of one moved source where none moved."""
    gain = _gain(pairs, scale, alpha=levels.alpha)
    by_item = leaning(pairs, scale)
    moves = [by_item.good(after) - by_item.good(before) for before, after in zip(*_columns(pairs), strict=True)]
    test = _paired_test(gain, n_pairs=len(pairs), moves=moves, margin=margin, levels=levels)
    return test, gain.standard_error or scale.span / gain.n_clusters


def _paired_test(gain: Gain, *, n_pairs: int, moves: Sequence[float], margin: float, levels: Levels) -> PairedTest:
    shown, decided = gain.interval(levels.confidence), gain.interval(1.0 - 2.0 * levels.alpha)
    worse = gain.p_below(0.0) if gain.value < 0.0 else 1.0
    p_margin = gain.p_above(-margin)
    return PairedTest(
        gain=gain.value,
        interval=(shown.low, shown.high),
        confidence=levels.confidence,
        bounds=(decided.low, decided.high),
        alpha=levels.alpha,
        method=gain.method,
        n_pairs=n_pairs,
        n_clusters=gain.n_clusters,
        n_better=sum(move > 0 for move in moves),
        n_worse=sum(move < 0 for move in moves),
        p_noninferior=p_margin,
        p_difference=min(1.0, 2.0 * (worse if gain.value < 0.0 else gain.p_above(0.0))),
        p_regression=worse,
        p_equivalence=max(p_margin, gain.p_below(margin)),
    )


def _gain(pairs: Sequence[Pair], scale: Scale, *, alpha: float) -> Gain:
    """The gain by what the values are."""
    before, after = _columns(pairs)
    clusters = [pair.cluster for pair in pairs]
    for value in (*before, *after):
        if not scale.low <= value <= scale.high:
            raise StatisticsError(f"{value:g} lies outside the metric's range [{scale.low:g}, {scale.high:g}]")
    if scale.sized:
        return SizeGain(before, after, clusters, reach=scale.high, alpha=alpha)
    good = [scale.good(value) for value in before], [scale.good(value) for value in after]
    if (scale.low, scale.high) == (0.0, 1.0) and all(value in (0.0, 1.0) for side in good for value in side):
        return ShareGain(*good, clusters, alpha=alpha)
    return MeanGain(*good, clusters, span=scale.span, alpha=alpha)


def _columns(pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """Values before and after, of pairs that have both."""
    return [p.before for p in pairs if p.before is not None], [p.after for p in pairs if p.after is not None]


def _filled(pairs: Sequence[Pair], scale: Scale, *, kindly: bool) -> list[Pair]:
    """The pairs with every lacking score set to what is best, or worst, for the release after."""
    before, after = _columns(pairs)
    good, bad = (scale.high, scale.low) if scale.better == "higher" else (scale.low, scale.high)
    fill_before, fill_after = (bad, good) if kindly else (good, bad)
    if scale.sized:
        # What pulls a mean nearest to 0 is good, what pushes it on is bad.
        least, most = (_pulled, _pushed) if kindly else (_pushed, _pulled)
        fill_after, fill_before = least(after, scale, len(pairs)), most(before, scale, len(pairs))
    return [
        pair._replace(
            before=fill_before if pair.before is None else pair.before,
            after=fill_after if pair.after is None else pair.after,
        )
        for pair in pairs
    ]


def _pushed(values: Sequence[float], scale: Scale, n: int) -> float:
    """What moves the mean of `n` values away from 0, if the lacking ones have it."""
    del n
    return scale.high if sum(values) >= 0.0 else scale.low


def _pulled(values: Sequence[float], scale: Scale, n: int) -> float:
    """What brings the mean of `n` values nearest to 0, if the lacking ones have it."""
    lacking = max(n - len(values), 1)
    return min(max(-sum(values) / lacking, scale.low), scale.high)


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _numbers(test: PairedTest, margin: float) -> str:
    low, high = test.bounds
    clusters = f" ({test.n_clusters} clusters)" if test.n_clusters != test.n_pairs else ""
    return (
        f"gain {test.gain:+.3f} [{low:+.3f}, {high:+.3f}] against a margin of {margin:g} on {test.n_pairs} pairs"
        f"{clusters}, {test.n_better} better, {test.n_worse} worse, one-sided alpha {test.alpha:g}"
    )
