"""What the items can decide, before a single request is made."""

from functools import lru_cache
from typing import Final, NamedTuple

from verify.errors import NotEnoughDataError, StatisticsError
from verify.methods.base import Metric
from verify.records import Bound, Caution, Levels, Power
from verify.statistics import (
    MIN_CLUSTERS_FOR_VERDICT,
    Direction,
    StoppingOdds,
    clopper_pearson,
    minimum_detectable,
    n_for_bound,
    noninferiority_power,
    power,
    stopping_odds,
)

ASKED_POWER: Final = 0.8
"""Power below which a plan says so."""
DISCORDANCE: Final = 0.1
"""Share of items that two releases answer differently: what a plan assumes of a comparison."""
MOST_LOOKS: Final = 20
"""Looks that the search for a number of sources assumes; more of them change its result little."""
MOST_SOURCES: Final = 20_000
"""A check that may stop early and needs more is said to need more than any suite has."""
_STEPS: Final = 14

MAX_SEARCH = 200_000


def n_to_pass(metric: Metric, bound: Bound, *, levels: Levels) -> int | None:
    """Independent items at which a subject without any defect just passes.

    For a share with limit L this is the n at which the one-sided Clopper-Pearson bound of n out of n
    (or 0 out of n) reaches L: 1 - alpha**(1/n), inverted by doubling and bisection (rule of three).

    Returns:
        The number, or None where no number of items could pass, or the metric is not a share in [0, 1]
        whose ideal is an end of the range.
    """
    if (metric.low, metric.high) != (0.0, 1.0) or metric.ideal not in (0.0, 1.0):
        return None
    if bound.value == metric.ideal:
        return None

    def passes(n: int) -> bool:
        hits = n if metric.ideal == 1.0 else 0
        interval = clopper_pearson(hits, n, confidence=1.0 - 2.0 * levels.alpha)
        return interval.low >= bound.value if metric.ideal == 1.0 else interval.high <= bound.value

    high = 1
    while not passes(high):
        high *= 2
        if high > MAX_SEARCH:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def power_of(
    metric: Metric, bound: Bound, *, levels: Levels, effect: float, n_clusters: int, looks: tuple[int, ...] = ()
) -> Power | None:
    """What the independent sources of a check can show.

    Args:
        metric: Its deciding metric.
        bound: The limit.
        levels: Error rates.
        effect: Where between the bound (0) and the metric's ideal (1) the subject lies that ought to pass.
        n_clusters: Independent sources.
        looks: Sources asked at each look, where the check may stop early.

    Returns:
        None where the metric is no share in [0, 1] with its ideal at an end, or the bound is an end itself.
    """
    if (metric.low, metric.high) != (0.0, 1.0) or metric.ideal not in (0.0, 1.0) or not 0.0 < bound.value < 1.0:
        return None
    return _power(_Claim(bound.value, metric.ideal, levels.alpha), effect, n_clusters, looks)


def comparison_power(n_clusters: int, *, margin: float, levels: Levels) -> float:
    """Probability that a release which is as good as the one before is found no worse by the declared margin.

    Args:
        n_clusters: Independent sources that both releases are asked.
        margin: The policy's, for a share.
        levels: Error rates.
    """
    return _comparison_power(n_clusters, margin, levels.alpha)


def warnings_for(
    *, metric: Metric, bound: Bound, levels: Levels, n_clusters: int, min_clusters: int, power: Power | None
) -> dict[Caution, str]:
    """What the reader should know before the run about a check's power: code -> the sentence that the plan keeps."""
    found: dict[Caution, str] = {}
    if n_clusters < min_clusters:
        found["few_sources"] = f"{n_clusters} independent sources; a verdict needs {min_clusters}: will be inconclusive"
    needed = n_to_pass(metric, bound, levels=levels)
    if needed is not None and n_clusters < needed:
        found["faultless_needs_more"] = (
            f"even a faultless subject needs {needed} independent sources to pass {bound}; there are {n_clusters}"
        )
    elif power is not None and power.power < ASKED_POWER:
        more = "no suite has enough" if power.needed is None else f"{power.needed} independent sources would do"
        found["low_power"] = (
            f"power {power.power:.2f}: a subject at {power.assumed:g} passes {bound} with that probability only "
            f"(asked: {ASKED_POWER:g}); {more}"
        )
    if bound.value == metric.ideal:
        found["bound_is_ideal"] = f"the bound {bound} is the ideal value itself; no finite number of items can show it"
    return found


class _Claim(NamedTuple):
    """A share against its limit."""

    bound: float
    ideal: float
    alpha: float

    @property
    def direction(self) -> Direction:
        return "at_least" if self.ideal == 1.0 else "at_most"

    def at(self, effect: float) -> float:
        """The share at a place between the bound (0) and the ideal (1)."""
        return self.bound + effect * (self.ideal - self.bound)

    def odds(self, looks: tuple[int, ...], true: float) -> StoppingOdds:
        return stopping_odds(looks, true, bound=self.bound, direction=self.direction, alpha=self.alpha)


@lru_cache(maxsize=1024)
def _power(claim: _Claim, effect: float, n: int, looks: tuple[int, ...]) -> Power:
    assumed = claim.at(effect)
    if not looks:
        chance = power(n, assumed, bound=claim.bound, direction=claim.direction, alpha=claim.alpha)
        return Power(detectable=_detectable(claim, n), assumed=assumed, power=chance, needed=_needed(claim, assumed))
    odds = claim.odds(looks, assumed)
    return Power(
        detectable=_detectable_if_stopping(claim, looks),
        assumed=assumed,
        power=min(1.0, odds.passed),
        needed=_needed_if_stopping(claim, assumed),
        expected=odds.clusters,
    )


def _detectable(claim: _Claim, n: int) -> float | None:
    try:
        return minimum_detectable(n, bound=claim.bound, direction=claim.direction, alpha=claim.alpha, power=ASKED_POWER)
    except NotEnoughDataError:
        return None


def _detectable_if_stopping(claim: _Claim, looks: tuple[int, ...]) -> float | None:
    if claim.odds(looks, claim.ideal).passed < ASKED_POWER:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = claim.odds(looks, claim.at(middle)).passed >= ASKED_POWER
        low, high = (low, middle) if enough else (middle, high)
    return claim.at(high)


def _needed(claim: _Claim, assumed: float) -> int | None:
    try:
        return n_for_bound(claim.bound, claim.direction, assumed=assumed, alpha=claim.alpha, power=ASKED_POWER)
    except StatisticsError:  # the assumption lies too near the bound
        return None


def _needed_if_stopping(claim: _Claim, assumed: float) -> int | None:
    def enough(n: int) -> bool:
        looks = tuple(sorted({-(-n * number // MOST_LOOKS) for number in range(1, MOST_LOOKS + 1)}))
        return claim.odds(looks, assumed).passed >= ASKED_POWER

    high = MIN_CLUSTERS_FOR_VERDICT
    while not enough(high):
        high *= 2
        if high > MOST_SOURCES:
            return None
    low = high // 2
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@lru_cache(maxsize=1024)
def _comparison_power(n: int, margin: float, alpha: float) -> float:
    return noninferiority_power(n, margin=margin, discordance=DISCORDANCE, alpha=alpha)
