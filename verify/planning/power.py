"""What the items can decide, before a single request is made."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.methods.base import Metric, Parts
from verify.records import Bound, Caution, Levels, Power
from verify.statistics import (
    MIN_CLUSTERS_FOR_VERDICT,
    Direction,
    StoppingOdds,
    acceptance_number,
    clopper_pearson,
    minimum_detectable,
    n_for_bound,
    paired_power,
    power,
    stopping_odds,
    subset_power,
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
ONE_MEAN: Final = Parts()

MAX_SEARCH = 200_000


def n_to_pass(
    metric: Metric, bound: Bound, *, levels: Levels, parts: Parts = ONE_MEAN, population: int | None = None
) -> int | None:
    """Independent items at which a subject without any defect just passes.

    Its scores are all ideal, and the bound of n alike scores lies 1 - alpha**(1/n) of the way from them to the
    far end of their range: for a share that is Clopper-Pearson's of n out of n (rule of three). Inverted by
    doubling and bisection.

    Args:
        metric: The deciding metric.
        bound: The limit.
        levels: Error rates.
        parts: The means that it is made of. Bounds of the largest are each mean's own; the spread of means that are
            all ideal is bounded by the standard deviation of a box whose sides are theirs at alpha / (2 means).
        population: Length of the list (in what is drawn: items or sources) where the claim is about a list; the bound
            of a part of it is then hypergeometric, and that of all of it one item away.

    Returns:
        The number, or None where no number of items could pass, or the metric is neither a share whose ideal is
        an end of [0, 1] nor a mean of scores of a known range.
    """
    ends = _ends(metric)
    if ends is None or bound.value == metric.ideal:
        return None
    far = ends[1] if metric.better == "lower" else ends[0]
    way = (bound.value - metric.ideal) / (far - metric.ideal)

    tail = levels.alpha / (2.0 * parts.means) if parts.spread else levels.alpha
    reach = math.sqrt(parts.means**2 // 4) / parts.means if parts.spread else 1.0

    def passes(n: int) -> bool:
        own = _of_part(n, parts.share)
        return own > 0 and reach * clopper_pearson(0, own, confidence=1.0 - 2.0 * tail).high <= way

    if population is not None:
        claim = _Claim(way, 0.0, "at_most", levels.alpha, population=population)
        return next((n for n in range(1, population + 1) if claim.passes(n, 0.0) > 0.5), None)
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
    metric: Metric,
    bound: Bound,
    *,
    levels: Levels,
    effect: float,
    n_clusters: int,
    population: int | None = None,
    looks: tuple[int, ...] = (),
    parts: Parts = ONE_MEAN,
) -> Power | None:
    """What the independent sources of a check can show.

    A mean of scores that may lie anywhere in a range is planned for its worst case: of all scores with that mean
    those at the ends of the range vary most. So they are a share on the range as its axis, planned as shares are.
    The largest of several means passes where each does: at worst all lie at the value assumed, and their chances to
    fail add up (Bonferroni); means of groups rest on their group's sources alone. The spread of several shares
    (`Parts.spread`) varies most where they are one half: each lies within e of its true value but for a binomial tail,
    and its interval within h of itself, so that the bound is at most the true spread + e + h; the tails add up.

    Args:
        metric: Its deciding metric.
        bound: The limit.
        levels: Error rates.
        effect: Where between the bound (0) and the metric's ideal (1) the subject lies that ought to pass.
        n_clusters: Independent sources; of a list that is asked in full its items.
        population: Of how many they are drawn, where the claim is about a finite list: then exact, without error
            where all are asked.
        looks: Sources asked at each look, where the check may stop early.
        parts: The means that the metric is made of.

    Returns:
        None where the metric is neither a share whose ideal is an end of [0, 1] nor a mean of scores of a known
        range, or the bound is an end itself.
    """
    ends = _ends(metric)
    if ends is None or not metric.low < bound.value < metric.high:
        return None
    low, span = ends[0], ends[1] - ends[0]
    claim = _Claim(
        (bound.value - low) / span,
        (metric.ideal - low) / span,
        "at_most" if metric.better == "lower" else "at_least",
        levels.alpha,
        both=low < metric.low,
        parts=parts,
        mean=metric.scores is not None,
        population=population,
    )
    found = _power(claim, effect, n_clusters, looks)
    return found.model_copy(
        update={
            "detectable": None if found.detectable is None else low + span * found.detectable,
            "assumed": bound.value + effect * (metric.ideal - bound.value),
            "worst_case": metric.scores is not None and population != n_clusters,
        }
    )


def comparison_power(n_clusters: int, *, margin: float, levels: Levels) -> float:
    """Probability that a release which is as good as the one before is found no worse by the declared margin.

    Args:
        n_clusters: Independent sources that both releases are asked.
        margin: The policy's, for a share.
        levels: Error rates.
    """
    return _comparison_power(n_clusters, margin, levels.alpha)


def warnings_for(  # noqa: PLR0913  # one argument for each thing that may stand in the way
    *,
    metric: Metric,
    bound: Bound,
    levels: Levels,
    n_clusters: int,
    min_clusters: int,
    power: Power | None,
    open_ended: bool,
    parts: Parts = ONE_MEAN,
    population: int | None = None,
) -> dict[Caution, str]:
    """What the reader should know before the run about a check's power: code -> the sentence that the plan keeps."""
    found: dict[Caution, str] = {}
    if n_clusters < min_clusters:
        found["few_sources"] = f"{n_clusters} independent sources; a verdict needs {min_clusters}: will be inconclusive"
    if open_ended:
        found["open_ended"] = f"a lower bound: it can fail {bound} and never pass it, however many sources there are"
        return found
    needed = n_to_pass(metric, bound, levels=levels, parts=parts, population=population)
    if needed is not None and n_clusters < needed:
        found["faultless_needs_more"] = (
            f"even a faultless subject needs {needed} independent sources to pass {bound}; there are {n_clusters}"
        )
    elif power is not None and power.power < ASKED_POWER:
        more = "no suite has enough" if power.needed is None else f"{power.needed} independent sources would do"
        at_worst = " at worst" if power.worst_case else ""
        found["low_power_at_worst" if power.worst_case else "low_power"] = (
            f"power {power.power:.2f}{at_worst}: a subject at {power.assumed:g} passes {bound} with that probability "
            f"only (asked: {ASKED_POWER:g}); {more}"
        )
    if bound.value == metric.ideal:
        found["bound_is_ideal"] = f"the bound {bound} is the ideal value itself; no finite number of items can show it"
    return found


class _Claim(NamedTuple):
    """A share against its limit."""

    bound: float
    ideal: float
    direction: Direction
    alpha: float
    both: bool = False
    """Whether the limit holds on both sides of the ideal, which then is one half."""
    parts: Parts = ONE_MEAN
    """Shares that must all pass, or whose spread must."""
    mean: bool = False
    """Whether it is a mean planned for its worst case, so that its interval is that of a mean."""
    population: int | None = None
    """Of how many the sources are drawn; None where they stand for a population without end."""

    @property
    def single(self) -> bool:
        """Whether one side of one share of a population without end decides."""
        return not (self.both or self.mean) and self.parts == ONE_MEAN and self.population is None

    def at(self, effect: float) -> float:
        """The share at a place between the bound (0) and the ideal (1)."""
        return self.bound + effect * (self.ideal - self.bound)

    def passes(self, n: int, true: float) -> float:
        """Chance that n sources pass: exact on both sides of one share, at least that for several parts."""
        if self.population is not None:
            n = min(n, self.population)
            return subset_power(
                n, true, population=self.population, bound=self.bound, direction=self.direction, alpha=self.alpha
            )
        n = _of_part(n, self.parts.share)
        if n == 0:
            return 0.0
        if self.parts.spread:
            return _spread_passes(n, self.bound - true, means=self.parts.means, alpha=self.alpha)
        chance = self._one_side(n, true)
        if not self.both and self.parts == ONE_MEAN:
            return chance
        missed = 1.0 - chance
        if self.both:  # no count lies in both tails
            missed += 1.0 - self._one_side(n, 1.0 - true)
        return max(0.0, 1.0 - self.parts.means * missed)

    def _one_side(self, n: int, true: float) -> float:
        if not self.mean:
            return power(n, true, bound=self.bound, direction=self.direction, alpha=self.alpha)
        if self.direction == "at_least":
            return _mean_passes(n, 1.0 - true, bound=1.0 - self.bound, alpha=self.alpha)
        return _mean_passes(n, true, bound=self.bound, alpha=self.alpha)

    def odds(self, looks: tuple[int, ...], true: float) -> StoppingOdds:
        return stopping_odds(looks, true, bound=self.bound, direction=self.direction, alpha=self.alpha)


def _mean_passes(n: int, true: float, *, bound: float, alpha: float) -> float:
    """Chance that a mean of n scores at the ends of [0, 1] is shown to lie below a bound.

    The interval of a mean holds that of t too, which is the wider one where the bound lies beyond the middle.
    """
    number = acceptance_number(n, bound=bound, direction="at_most", alpha=alpha)
    while number is not None and number > 0 and _t_end(number, n, alpha) > bound:
        number -= 1
    return 0.0 if number is None else float(stats.binom.cdf(number, n, true))


def _t_end(hits: int, n: int, alpha: float) -> float:
    """Upper end of the t interval of n scores at the ends of [0, 1], `hits` of them at the upper one."""
    share = hits / n
    return share + float(stats.t.isf(alpha, max(n - 1, 1))) * math.sqrt(share * (1.0 - share) / max(n - 1, 1))


def _of_part(n: int, share: float) -> int:
    """Sources of the poorest mean; that a share came of a division must not cost one."""
    return int(n * share + 1e-9)


def _spread_passes(n: int, room: float, *, means: int, alpha: float) -> float:
    """Least chance that the bound of a spread lies less than `room` above its true value, at n sources a share."""
    if n < 2:
        return 0.0
    tail = alpha / (2.0 * means)
    exact = clopper_pearson(n // 2, n, confidence=1.0 - 2.0 * tail)
    half = max(float(stats.t.isf(tail, n - 1)) * 0.5 / math.sqrt(n - 1), (exact.high - exact.low) / 2.0)
    if room <= half:
        return 0.0
    missed = 2.0 * float(stats.binom.cdf(math.ceil(n * (0.5 - (room - half))) - 1, n, 0.5))
    return max(0.0, 1.0 - means * missed)


@lru_cache(maxsize=1024)
def _power(claim: _Claim, effect: float, n: int, looks: tuple[int, ...]) -> Power:
    assumed = claim.at(effect)
    if not looks:
        chance = claim.passes(n, assumed)
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
    if not claim.single:
        return _nearest(claim, lambda true: claim.passes(n, true))
    try:
        found = minimum_detectable(
            n, bound=claim.bound, direction=claim.direction, alpha=claim.alpha, power=ASKED_POWER
        )
    except NotEnoughDataError:
        return None
    beyond = found < claim.ideal if claim.direction == "at_most" else found > claim.ideal
    return None if beyond else found


def _detectable_if_stopping(claim: _Claim, looks: tuple[int, ...]) -> float | None:
    return _nearest(claim, lambda true: claim.odds(looks, true).passed)


def _nearest(claim: _Claim, chance: Callable[[float], float]) -> float | None:
    """The true share nearest to the bound that has the power asked for; None where the ideal has not."""
    if chance(claim.ideal) < ASKED_POWER:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = chance(claim.at(middle)) >= ASKED_POWER
        low, high = (low, middle) if enough else (middle, high)
    return claim.at(high)


def _needed(claim: _Claim, assumed: float) -> int | None:
    if (whole := claim.population) is not None:
        if claim.passes(whole, assumed) < ASKED_POWER:
            return None
        return min(whole, _least(lambda n: claim.passes(n, assumed) >= ASKED_POWER) or whole)
    if not claim.single:
        # Power goes up in teeth, of sources of the poorest mean: all of one must have it.
        tooth = math.ceil(1.0 / min(claim.bound, 1.0 - claim.bound)) + 1
        return _least(
            lambda n: all(
                claim.passes(math.ceil(n + further / claim.parts.share), assumed) >= ASKED_POWER
                for further in range(tooth)
            )
        )
    try:
        return n_for_bound(claim.bound, claim.direction, assumed=assumed, alpha=claim.alpha, power=ASKED_POWER)
    except StatisticsError:  # the assumption lies too near the bound
        return None


def _needed_if_stopping(claim: _Claim, assumed: float) -> int | None:
    def enough(n: int) -> bool:
        looks = tuple(sorted({-(-n * number // MOST_LOOKS) for number in range(1, MOST_LOOKS + 1)}))
        return claim.odds(looks, assumed).passed >= ASKED_POWER

    return _least(enough)


def _least(enough: Callable[[int], bool]) -> int | None:
    """Sources from which on there are enough, to one in a hundred; None where that is more than any suite has."""
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


def _ends(metric: Metric) -> tuple[float, float] | None:
    """The range of the scores that a plan is made for; None where none is."""
    share = (metric.low, metric.high) == (0.0, 1.0) and metric.ideal in (0.0, 1.0)
    return metric.scores or ((0.0, 1.0) if share else None)


@lru_cache(maxsize=1024)
def _comparison_power(n: int, margin: float, alpha: float) -> float:
    return paired_power(n, margin=margin, discordance=DISCORDANCE, alpha=alpha)
