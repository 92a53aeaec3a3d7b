"""Rates that an imperfect judge or detector reports: corrected for its measured errors, or refused.

A judge without a measured sensitivity and specificity gives no rate at all: nothing here has a default
for them.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics._scores import outer_root
from verify.statistics.intervals import Interval, beta_bound, clopper_pearson

MIN_YOUDEN: Final = 0.3
"""Sensitivity + specificity - 1 below which a judge is not fit for its purpose."""


class JudgeRecord(NamedTuple):
    """How a judge did on labelled cases; the cases must be like those that it will judge."""

    true_positives: int
    positives: int
    true_negatives: int
    negatives: int

    @property
    def sensitivity(self) -> float:
        """Share of the labelled positives that the judge called positive."""
        return self.true_positives / self.positives

    @property
    def specificity(self) -> float:
        """Share of the labelled negatives that the judge called negative."""
        return self.true_negatives / self.negatives


class JudgedRate(NamedTuple):
    """A rate corrected for the judge's errors."""

    value: float
    interval: Interval


def rogan_gladen(flagged: int, judged: int, *, judge: JudgeRecord) -> float:
    """Point estimate of the true rate: (p + q0 - 1) / (q0 + q1 - 1), clipped to [0, 1].

    Args:
        flagged: Items that the judge called positive.
        judged: Items that it judged.
        judge: Its measured errors.

    Returns:
        The corrected rate in [0, 1]; it has no interval of its own, see `judged_rate`.

    Raises:
        NotEnoughDataError: Nothing judged, no labelled cases of one kind, or a judge not fit for purpose.
        StatisticsError: A count is not a count.

    References:
        Rogan and Gladen (1978), https://doi.org/10.1093/oxfordjournals.aje.a112510
    """
    hits, total = _checks.successes_of(flagged, judged)
    record = _fit(judge)
    share = hits / total + record.specificity - 1.0
    return min(max(share / (record.sensitivity + record.specificity - 1.0), 0.0), 1.0)


def judged_rate(
    flagged: int, judged: int, *, judge: JudgeRecord, confidence: float = 0.95, design_effect: float = 1.0
) -> JudgedRate:
    """True rate with an interval that carries the judge's own uncertainty, however poor the judge.

    A rate theta is in the interval where 0 is in that of (estimate - theta) * (q0 + q1 - 1), a linear function of
    three proportions, whose margins are those of Clopper and Pearson, added as squares (MOVER). Nothing is divided
    by Youden's index, which near the limit of fitness is uncertain itself: there the plug-in interval of Lee et al.
    covers as little as 0.84 of the worlds in which it is given. A judge that says little leaves the whole of [0, 1].

    Simulated over rates from 0 to 1, judges from an index of 0.3 on, 50 to 2000 items and 15 to 500 labels of each
    kind: of the two-sided intervals that are given at most their nominal share misses; of the one-sided bounds too,
    but for judges so near the limit that half of their records are refused: those that are left flatter, and
    either bound misses in up to 0.09 of them instead of 0.05 (0.05 of all worlds).

    Args:
        flagged: Items that the judge called positive.
        judged: Items that it judged.
        judge: Its measured errors.
        confidence: Two-sided coverage, in (0, 1).
        design_effect: Variance of the share relative to that of as many independent items, at least 1: items that
            share a source weigh as `judged / design_effect` independent ones.

    Returns:
        The Rogan-Gladen point and the interval, in [0, 1].

    Raises:
        NotEnoughDataError: Nothing judged, no labelled cases of one kind, or a judge not fit for purpose.
        StatisticsError: A count is not a count, or the design effect is below 1.

    References:
        Fieller (1954), J. R. Statist. Soc. B 16, 175-185; Zou, Huang and Zhang (2009), Computational Statistics and
        Data Analysis 53, 1080-1085; Lee et al. (2025), https://arxiv.org/abs/2511.21140
    """
    value = rogan_gladen(flagged, judged, judge=judge)
    if not design_effect >= 1.0:
        raise StatisticsError(f"a design effect is at least 1, not {design_effect}")
    items = judged / design_effect
    q1, q0 = judge.sensitivity, judge.specificity
    # Where the record contradicts the flags the value is cut off at 0 or 1; the share is then the one of that value.
    p = min(max(value * q1 + (1.0 - value) * (1.0 - q0), 0.0), 1.0)
    tail = _checks.alpha_of(confidence) / 2
    of_p = Interval(
        beta_bound(p * items, items, side="lower", alpha=tail),
        beta_bound(p * items, items, side="upper", alpha=tail),
    )
    of_q1 = clopper_pearson(judge.true_positives, judge.positives, confidence=confidence)
    of_q0 = clopper_pearson(judge.true_negatives, judge.negatives, confidence=confidence)

    def beyond_low(theta: float) -> float:
        margin = math.hypot(p - of_p.low, theta * (of_q1.high - q1), (1.0 - theta) * (q0 - of_q0.low))
        return (value - theta) * (q1 + q0 - 1.0) - margin

    def beyond_high(theta: float) -> float:
        margin = math.hypot(of_p.high - p, theta * (q1 - of_q1.low), (1.0 - theta) * (of_q0.high - q0))
        return (value - theta) * (q1 + q0 - 1.0) + margin

    low = outer_root(beyond_low, start=value, end=0.0)
    return JudgedRate(value, Interval(low, outer_root(beyond_high, start=value, end=1.0)))


def judged_rate_bayes(
    flagged: int, judged: int, *, judge: JudgeRecord, seed: int, confidence: float = 0.95, draws: int = 20_000
) -> JudgedRate:
    """True rate with the Monte-Carlo interval of Jeffreys posteriors of all three proportions: a cross-check.

    Args:
        flagged: Items that the judge called positive.
        judged: Items that it judged, independent.
        judge: Its measured errors.
        seed: Of the draws; the same seed gives the same interval.
        confidence: Probability of the interval, in (0, 1).
        draws: How many, >= 1000.

    Returns:
        The Rogan-Gladen point and the interval, in [0, 1].

    Raises:
        NotEnoughDataError: Nothing judged, no labelled cases of one kind, a judge not fit for purpose, or one
            whose record contradicts what it flagged here.
        StatisticsError: A count is not a count, or there are fewer than 1000 draws.
    """
    value = rogan_gladen(flagged, judged, judge=judge)
    tail = _checks.alpha_of(confidence) / 2
    if _checks.count(draws, "draws") < 1000:
        raise StatisticsError(f"draws must be at least 1000, not {draws}")
    source = np.random.default_rng(seed)

    def posterior(hits: int, total: int) -> _checks.Floats:
        return source.beta(hits + 0.5, total - hits + 0.5, draws)

    p = posterior(flagged, judged)
    q1 = posterior(judge.true_positives, judge.positives)
    q0 = posterior(judge.true_negatives, judge.negatives)
    youden = q0 + q1 - 1.0
    rates = np.clip((p + q0 - 1.0)[youden > 0.01] / youden[youden > 0.01], 0.0, 1.0)
    low, high = np.quantile(rates, [tail, 1.0 - tail]) if rates.size else (0.0, 0.0)
    if high <= low:
        raise NotEnoughDataError("the judge flags less (or more) than its record allows: label cases like these")
    return JudgedRate(value, Interval(min(float(low), value), max(float(high), value)))


def _fit(judge: JudgeRecord) -> JudgeRecord:
    for name, hits, total in (
        ("positive", judge.true_positives, judge.positives),
        ("negative", judge.true_negatives, judge.negatives),
    ):
        if _checks.count(total, f"labelled {name} cases") == 0:
            raise NotEnoughDataError(f"the judge was never measured on {name} cases: label some of them first")
        _checks.successes_of(hits, total)
    youden = judge.sensitivity + judge.specificity - 1.0
    if youden < MIN_YOUDEN:
        raise NotEnoughDataError(
            f"the judge is not fit for its purpose: sensitivity {judge.sensitivity:.3f} + specificity "
            f"{judge.specificity:.3f} - 1 = {youden:.3f} is below {MIN_YOUDEN}; take another judge or human labels"
        )
    return judge
