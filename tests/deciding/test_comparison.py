"""Claims about the comparison of two releases: sizes, power, directions, lacking scores."""

import math
import random
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.deciding.comparison import (
    Decided,
    Pair,
    Scale,
    Weighed,
    decide_change,
    outlook,
    overall_change,
    p_equivalence,
    weigh,
)
from verify.deciding.gains import SizeGain
from verify.errors import NotEnoughDataError, StatisticsError
from verify.records import Change, ChangeReason, Levels
from verify.statistics import holm, n_for_paired, paired_shares

SHARE = Scale(0.0, 1.0, "higher")
ERROR = Scale(0.0, 1.0, "lower")
LEVELS = Levels()


def pairs(
    before: Sequence[float | None], after: Sequence[float | None], clusters: Sequence[object] | None = None
) -> list[Pair]:
    names = clusters if clusters is not None else range(len(before))
    return [Pair(f"i{k}", 0, str(c), a, b) for k, (a, b, c) in enumerate(zip(before, after, names, strict=True))]


def table(b: int, c: int, n: int) -> list[Pair]:
    """`b` pairs where only the release after is right, `c` where only the one before is, `n` in all."""
    both = (n - b - c) // 2
    before = [0.0] * b + [1.0] * (c + both) + [0.0] * (n - b - c - both)
    after = [1.0] * b + [0.0] * c + [1.0] * both + [0.0] * (n - b - c - both)
    return pairs(before, after)


def outcome(weighed: Weighed, *, margin: float = 0.03, family: int = 1) -> Decided:
    adjusted = holm([weighed.p_regression, *[1.0] * (family - 1)])[0]
    return decide_change(weighed, margin=margin, holm_p=adjusted, min_clusters=8)


@pytest.mark.parametrize(("b", "c", "p"), [(5, 15, 0.026604), (10, 25, 0.011331), (1, 9, 0.011719), (15, 5, 0.026604)])
def test_the_difference_is_mcnemars_mid_p(b: int, c: int, p: float) -> None:
    """Oracle: trust.md 1.2 M7 (Fagerland 2013)."""
    weighed = weigh(table(b, c, 200), SHARE, margin=0.03, levels=LEVELS)

    assert weighed.test.p_difference == pytest.approx(p, abs=1e-6)
    assert weighed.p_regression == pytest.approx(p / 2 if c > b else 1.0, abs=1e-6)
    assert (weighed.test.n_better, weighed.test.n_worse) == (b, c)


def test_few_discordant_pairs_get_the_exact_p() -> None:
    """Oracle: 2 * P(X <= 1 | 8, 1/2) = 2 * 9 / 256."""
    weighed = weigh(table(1, 7, 200), SHARE, margin=0.03, levels=LEVELS)

    assert weighed.test.p_difference == pytest.approx(18 / 256)


def test_the_interval_and_the_p_of_the_margin_agree_on_independent_pairs() -> None:
    for b, c, n in ((3, 9, 400), (20, 20, 700), (0, 0, 88), (0, 0, 87), (12, 2, 60)):
        weighed = weigh(table(b, c, n), SHARE, margin=0.03, levels=LEVELS)

        assert (weighed.test.bounds[0] > -0.03) == (weighed.p_noninferior < 0.05)


def test_alike_answers_need_99_items_for_three_points() -> None:
    """Oracle: no discordant pair of n leaves 1 - alpha^(1/n) of worse ones open; n >= ln 0.05 / ln 0.97 = 98.4."""
    assert outcome(weigh(table(0, 0, 98), SHARE, margin=0.03, levels=LEVELS)).outcome is Change.INCONCLUSIVE
    assert outcome(weigh(table(0, 0, 99), SHARE, margin=0.03, levels=LEVELS)).outcome is Change.NO_WORSE


@pytest.mark.parametrize(("n", "discordance", "power"), [(200, 0.1, 0.36), (500, 0.1, 0.67), (1000, 0.2, 0.68)])
def test_power_is_a_little_less_than_that_of_the_score_test(n: int, discordance: float, power: float) -> None:
    """Oracle: published power of Tango's test, margin 3 points, true difference 0; keeping the error costs some."""
    half = round(n * discordance / 2)
    weighed = weigh(table(half, half, n), SHARE, margin=0.03, levels=LEVELS)

    assert power - 0.05 <= outlook(weighed, margin=0.03).power <= power


def test_the_detectable_worsening_is_nearly_the_one_that_the_planning_formula_inverts() -> None:
    """Oracle: Miller's n for a paired difference, at two-sided 2 alpha; the bounds that decide are a little wider."""
    weighed = weigh(table(50, 50, 1000), SHARE, margin=0.03, levels=LEVELS)

    needed = n_for_paired(outlook(weighed, margin=0.03).minimum_detectable, discordance=0.1, alpha=0.1, power=0.8)

    assert 900 <= needed <= 1000


def simulate(
    rng: np.random.Generator, *, runs: int, n: int, gain: float, discordance: float, margin: float
) -> list[Decided]:
    """Independent 0/1 pairs with known truth; equal tables are weighed once."""
    share_b, share_c = (discordance + gain) / 2, (discordance - gain) / 2
    draws = rng.multinomial(n, [share_b, share_c, 1 - discordance], size=runs)
    seen: dict[tuple[int, int], Decided] = {}
    for b, c, _ in draws.tolist():
        if (b, c) not in seen:
            seen[b, c] = outcome(weigh(table(b, c, n), SHARE, margin=margin, levels=LEVELS), margin=margin)
    return [seen[b, c] for b, c, _ in draws.tolist()]


def rate(found: Sequence[Decided], wanted: Change) -> float:
    return sum(each.outcome is wanted for each in found) / len(found)


@pytest.mark.parametrize("n", [300, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("discordance", [0.1, 0.2])
def test_a_release_worse_by_the_margin_passes_in_at_most_alpha(n: int, discordance: float) -> None:
    """Simulation with known truth, 4,000 runs: simulation error 3 * 0.0034."""
    found = simulate(np.random.default_rng(n), runs=4000, n=n, gain=-0.03, discordance=discordance, margin=0.03)

    assert rate(found, Change.NO_WORSE) <= 0.05 + 0.011


@pytest.mark.parametrize("n", [120, 300, pytest.param(1000, marks=pytest.mark.slow)])
def test_alike_releases_raise_an_alarm_in_at_most_alpha(n: int) -> None:
    """Simulation with known truth, 4,000 runs."""
    found = simulate(np.random.default_rng(n), runs=4000, n=n, gain=0.0, discordance=0.15, margin=0.03)

    assert rate(found, Change.WORSE) <= 0.05 + 0.011


def test_ten_checks_of_alike_releases_raise_any_alarm_in_at_most_alpha() -> None:
    """Simulation with known truth, 2,000 families: Holm keeps the whole list of worsenings at alpha."""
    draws = np.random.default_rng(6).multinomial(120, [0.08, 0.08, 0.84], size=(2000, 10))
    p: dict[tuple[int, int], float] = {}
    alarms = 0
    for family in draws.tolist():
        for b, c, _ in family:
            if (b, c) not in p:
                p[b, c] = weigh(table(b, c, 120), SHARE, margin=0.03, levels=LEVELS).p_regression
        alarms += min(holm([p[b, c] for b, c, _ in family])) <= 0.05

    assert alarms / 2000 <= 0.05 + 0.015


@pytest.mark.slow
def test_the_power_that_is_printed_is_the_power_there_is() -> None:
    """Simulation with known truth: alike releases, 1,000 items, discordance 0.1: planned 0.91."""
    found = simulate(np.random.default_rng(1), runs=4000, n=1000, gain=0.0, discordance=0.1, margin=0.03)

    assert rate(found, Change.NO_WORSE) == pytest.approx(0.91, abs=0.02)


@pytest.mark.slow
def test_a_worsening_of_the_detectable_size_is_found_in_four_of_five_runs() -> None:
    """Simulation with known truth."""
    detectable = outlook(weigh(table(50, 50, 1000), SHARE, margin=0.03, levels=LEVELS), margin=0.03).minimum_detectable
    found = simulate(np.random.default_rng(2), runs=4000, n=1000, gain=-detectable, discordance=0.1, margin=0.01)

    assert rate(found, Change.WORSE) == pytest.approx(0.8, abs=0.03)


def clustered_flips(rng: np.random.Generator, *, clusters: int, size: int, better: float, worse: float) -> list[Pair]:
    """Clusters whose items flip together with probability one half of each flip: 0/1 pairs, correlated."""
    before, after, names = [], [], []
    for cluster in range(clusters):
        shared = rng.random() < 0.5
        whole = rng.random()
        for _ in range(size):
            draw = whole if shared else rng.random()
            b, a = (0.0, 1.0) if draw < better else (1.0, 0.0) if draw < better + worse else (1.0, 1.0)
            before.append(b)
            after.append(a)
            names.append(cluster)
    return pairs(before, after, names)


@pytest.mark.slow
@pytest.mark.parametrize(("better", "worse", "wrong"), [(0.05, 0.05, Change.WORSE), (0.04, 0.07, Change.NO_WORSE)])
def test_pairs_that_share_clusters_keep_the_error_too(better: float, worse: float, wrong: Change) -> None:
    """Simulation with known truth (0, and the margin): 60 clusters of 5 that flip together half of the time."""
    rng = np.random.default_rng(3)
    runs = 200
    found = [
        outcome(
            weigh(
                clustered_flips(rng, clusters=60, size=5, better=better, worse=worse), SHARE, margin=0.03, levels=LEVELS
            )
        )
        for _ in range(runs)
    ]

    assert rate(found, wrong) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("share", "most"), [(0.03, 0.05), (0.06, 0.05), (0.15, 0.05), (0.3, 0.065), (0.6, 0.065)])
def test_real_values_that_rarely_move_keep_the_error(share: float, most: float) -> None:
    """Simulation with known truth: a share of items loses 0.03 / share each, so that the loss is the margin.

    Where many lose the very same amount the t interval is a Wald interval: its size is not quite 0.05.
    """
    runs, scale = 4000, Scale(-0.5, 1.0, "higher")
    moved = np.random.default_rng(4).binomial(120, share, size=runs).tolist()
    passed = {}
    for count in set(moved):
        after = [0.99 - 0.03 / share] * count + [0.99] * (120 - count)
        found = outcome(weigh(pairs([0.99] * 120, after), scale, margin=0.03, levels=LEVELS))
        passed[count] = found.outcome is Change.NO_WORSE

    assert sum(passed[count] for count in moved) / runs <= most + 0.011


def test_dense_real_values_get_the_t_interval_of_their_differences() -> None:
    """Oracle: mean difference -0.05 with normal spread 0.1 on 400 items; t and z agree to 1 %."""
    rng = np.random.default_rng(5)
    before = rng.uniform(0.4, 0.6, 400)
    after = before + rng.normal(-0.05, 0.1, 400).clip(-0.4, 0.4)
    weighed = weigh(pairs(before.tolist(), after.tolist()), SHARE, margin=0.03, levels=LEVELS)
    differences = after - before
    z = NormalDist().inv_cdf(0.95)

    assert weighed.test.method == "cr1-t"
    assert weighed.test.bounds[0] == pytest.approx(differences.mean() - z * differences.std(ddof=1) / 20, abs=5e-4)
    assert outcome(weighed).outcome is Change.WORSE
    assert outcome(weighed).code is ChangeReason.REGRESSION_FOUND


def test_a_shown_gain_within_the_margin_is_no_worse_although_it_is_a_loss() -> None:
    found = outcome(weigh(table(100, 150, 10_000), SHARE, margin=0.03, levels=LEVELS))

    assert found.outcome is Change.NO_WORSE


def test_an_alarm_needs_more_where_more_checks_are_compared() -> None:
    weighed = weigh(table(5, 15, 150), SHARE, margin=0.03, levels=LEVELS)

    assert outcome(weighed).outcome is Change.WORSE
    assert outcome(weighed, family=10).outcome is Change.INCONCLUSIVE


binary = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=30, max_size=120)


@settings(max_examples=15, deadline=None)
@given(binary, st.booleans())
def test_direction_belongs_to_the_metric(values: list[tuple[bool, bool]], clustered: bool) -> None:
    """Right answers of a metric that should be high, and wrong ones of its mirror image, decide alike."""
    names = [k // 3 if clustered else k for k in range(len(values))]
    right = pairs([float(a) for a, _ in values], [float(b) for _, b in values], names)
    wrong = pairs([float(not a) for a, _ in values], [float(not b) for _, b in values], names)

    one = weigh(right, SHARE, margin=0.03, levels=LEVELS)
    other = weigh(wrong, ERROR, margin=0.03, levels=LEVELS)

    assert one == other


ORDER = {Change.WORSE: 0, Change.INCONCLUSIVE: 1, Change.NO_WORSE: 2}


@settings(max_examples=30, deadline=None)
@given(binary, st.data(), st.booleans())
def test_a_better_release_never_gets_a_worse_outcome(
    values: list[tuple[bool, bool]], data: st.DataObject, clustered: bool
) -> None:
    names = [k // 4 if clustered else k for k in range(len(values))]
    before = [float(a) for a, _ in values]
    after = [float(b) for _, b in values]
    place = data.draw(st.integers(0, len(values) - 1))
    improved = [1.0 if k == place else value for k, value in enumerate(after)]

    first = outcome(weigh(pairs(before, after, names), SHARE, margin=0.1, levels=LEVELS), margin=0.1)
    second = outcome(weigh(pairs(before, improved, names), SHARE, margin=0.1, levels=LEVELS), margin=0.1)

    if not clustered:  # a variance estimated from clusters may grow with one more right answer
        assert ORDER[second.outcome] >= ORDER[first.outcome]
    assert {first.outcome, second.outcome} != {Change.WORSE, Change.NO_WORSE}


@settings(max_examples=12, deadline=None)
@given(binary, st.randoms(use_true_random=False))
def test_the_order_of_items_and_the_names_of_clusters_change_nothing(
    values: list[tuple[bool, bool]], rng: random.Random
) -> None:
    made = pairs([float(a) for a, _ in values], [float(b) for _, b in values], [k // 2 for k in range(len(values))])
    shuffled = [pair._replace(cluster=f"renamed {pair.cluster}") for pair in made]
    rng.shuffle(shuffled)

    one, other = (weigh(each, SHARE, margin=0.05, levels=LEVELS) for each in (made, shuffled))

    assert one.test.bounds == pytest.approx(other.test.bounds, abs=1e-12)
    assert one.p_noninferior == pytest.approx(other.p_noninferior, rel=1e-6)


def test_scores_that_only_one_release_lacks_are_counted_both_ways() -> None:
    whole = table(0, 0, 200)
    lacking = [pair._replace(after=None) if k < 6 else pair for k, pair in enumerate(whole)]

    weighed = weigh(lacking, SHARE, margin=0.03, levels=LEVELS)

    assert weighed.test.n_pairs == 194
    assert weighed.worst_case is not None and weighed.best_case is not None
    assert weighed.worst_case.n_worse == 6 and weighed.worst_case.n_better == 0
    assert weighed.best_case.n_worse == 0
    assert weighed.p_noninferior == weighed.worst_case.p_noninferior > 0.05 > weighed.test.p_noninferior
    assert outcome(weighed).code is ChangeReason.DEPENDS_ON_UNSCORED


def test_a_score_that_the_release_before_lacks_counts_as_its_success_at_worst() -> None:
    lacking = [pair._replace(before=None) if k >= 190 else pair for k, pair in enumerate(table(0, 0, 200))]

    weighed = weigh(lacking, ERROR, margin=0.03, levels=LEVELS)

    assert weighed.worst_case is not None and weighed.best_case is not None
    assert weighed.worst_case.gain <= weighed.test.gain <= weighed.best_case.gain


def test_an_alarm_that_hangs_on_lacking_scores_is_none() -> None:
    made = table(5, 15, 150) + pairs([0.0] * 7, [None] * 7, range(1000, 1007))

    weighed = weigh(made, SHARE, margin=0.03, levels=LEVELS)

    assert weighed.test.p_regression < 0.05 < weighed.p_regression
    assert outcome(weighed).outcome is Change.INCONCLUSIVE


def test_few_sources_give_no_outcome() -> None:
    made = pairs([1.0] * 700, [1.0] * 700, [k % 7 for k in range(700)])

    assert outcome(weigh(made, SHARE, margin=0.6, levels=LEVELS), margin=0.6).code is ChangeReason.FEW_CLUSTERS


def test_nothing_paired_is_no_number() -> None:
    with pytest.raises(NotEnoughDataError):
        weigh(pairs([1.0, None], [None, 0.0]), SHARE, margin=0.03, levels=LEVELS)
    with pytest.raises(NotEnoughDataError):
        weigh(pairs([1.0, 0.5], [0.0, 1.0], ["one", "one"]), SHARE, margin=0.03, levels=LEVELS)


def test_a_value_outside_the_metrics_range_is_refused() -> None:
    with pytest.raises(StatisticsError):
        weigh(pairs([0.5] * 20, [1.5] * 20), SHARE, margin=0.03, levels=LEVELS)


def test_the_worst_check_decides_the_whole() -> None:
    assert overall_change([Change.NO_WORSE, Change.WORSE, Change.INCONCLUSIVE]) is Change.WORSE
    assert overall_change([Change.NO_WORSE, Change.NOT_COMPARABLE]) is Change.NOT_COMPARABLE
    assert overall_change([Change.NO_WORSE]) is Change.NO_WORSE
    assert overall_change([]) is Change.NOT_COMPARABLE


def test_the_size_of_a_mean_can_get_worse_either_way() -> None:
    """Known truth: |-0.5| is as good as |0.5|; |0.9| is worse than |0.5| by 0.4."""
    size = Scale(-1.0, 1.0, "lower", sized=True)

    def signed(negative: int) -> list[float]:
        return [-1.0] * negative + [1.0] * (200 - negative)

    turned = weigh(pairs(signed(150), signed(50)), size, margin=0.3, levels=LEVELS)
    grown = weigh(pairs(signed(50), signed(10)), size, margin=0.1, levels=LEVELS)

    assert turned.test.gain == pytest.approx(0.0)
    assert outcome(turned, margin=0.3).outcome is Change.NO_WORSE
    assert grown.test.gain == pytest.approx(0.5 - 0.9)
    assert outcome(grown, margin=0.1).outcome is Change.WORSE
    assert (grown.test.n_better, grown.test.n_worse) == (0, 40)
    assert -1.0 <= grown.test.interval[0] <= grown.test.bounds[0] <= grown.test.gain


@pytest.mark.parametrize(
    ("before", "after", "at_margin"), [(0.0, 0.1, True), (-0.2, 0.3, True), (0.2, 0.2, False), (0.2, -0.2, False)]
)
def test_the_size_of_a_mean_keeps_the_error(before: float, after: float, at_margin: bool) -> None:
    """Simulation with known truth, at the margin 0.1 or at no gain: 60 clusters of 4, paired by shared draws."""
    rng, runs = np.random.default_rng(7), 150
    names = np.repeat(np.arange(60), 4)
    wrong = 0
    for _ in range(runs):
        common = np.where(rng.random(240) < 0.5, rng.random(60)[names], rng.random(240))
        other = np.where(rng.random(240) < 0.5, common, rng.random(240))
        old, new = (
            np.where(u < (0.5 + mean) / 2, 1.0, np.where(u > 1 - (0.5 - mean) / 2, -1.0, 0.0)).tolist()
            for u, mean in ((common, before), (other, after))
        )
        low, high = SizeGain(old, new, names.tolist(), reach=1.0, alpha=0.05).interval(0.9)
        wrong += low > -0.1 if at_margin else high < 0.0

    assert wrong / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_the_bound_and_the_p_of_a_size_agree() -> None:
    rng = np.random.default_rng(10)
    old, new = (rng.uniform(-1.0, high, 60).tolist() for high in (0.6, 0.2))
    gain = SizeGain(old, new, [str(k) for k in range(60)], reach=1.0, alpha=0.05)
    low, high = gain.interval(0.9)

    for step in (-1e-4, 1e-4):
        assert (gain.p_above(low + step) <= 0.05) == (step < 0)
        assert (gain.p_below(high + step) <= 0.05) == (step > 0)


def test_a_lacking_score_of_a_size_is_counted_both_ways() -> None:
    size = Scale(-1.0, 1.0, "lower", sized=True)
    made = pairs([0.1] * 100, [0.1] * 95 + [None] * 5)

    weighed = weigh(made, size, margin=0.3, levels=LEVELS)

    assert weighed.worst_case is not None and weighed.best_case is not None
    assert weighed.worst_case.gain == pytest.approx(0.1 - (9.5 + 5.0) / 100)
    assert weighed.best_case.gain == pytest.approx(0.1 - 4.5 / 100)


@pytest.mark.parametrize("gain", [-0.1, 0.1])
def test_a_difference_of_the_margin_is_equivalent_in_at_most_alpha(gain: float) -> None:
    """Simulation with known truth, 2,000 runs at either end of the zone (Schuirmann 1987)."""
    draws = np.random.default_rng(8).multinomial(150, [0.15 + gain / 2, 0.15 - gain / 2, 0.7], size=2000)
    seen: dict[tuple[int, int], float] = {}
    for b, c, _ in draws.tolist():
        if (b, c) not in seen:
            seen[b, c] = p_equivalence(weigh(table(b, c, 150), SHARE, margin=0.1, levels=LEVELS))

    assert sum(seen[b, c] <= 0.05 for b, c, _ in draws.tolist()) / 2000 <= 0.05 + 0.015


@pytest.mark.parametrize(("b", "c"), [(3, 5), (0, 0), (12, 9)])
def test_equivalence_of_independent_pairs_is_shown_where_the_interval_lies_within_the_margin(b: int, c: int) -> None:
    """Oracle: `paired_shares` at a confidence a little under and over that of the p-value (Schuirmann 1987)."""
    found = p_equivalence(weigh(table(b, c, 200), SHARE, margin=0.1, levels=LEVELS))

    inside = [
        max(-low, high) < 0.1
        for low, high in (paired_shares(b, c, 200, confidence=1 - 2 * found * k) for k in (1.02, 0.98))
    ]
    assert inside == [True, False]


def test_all_checks_at_the_margin_pass_together_in_at_most_alpha() -> None:
    """Intersection-union with known truth, 3,000 families: one check at the margin, two far better; no correction.

    The worst case for the whole: nearly as often as the one check alone passes.
    """
    rng = np.random.default_rng(9)
    at_margin = rng.multinomial(200, [0.02, 0.12, 0.86], size=3000).tolist()
    better = rng.multinomial(200, [0.10, 0.01, 0.89], size=(3000, 2)).tolist()
    seen: dict[tuple[int, int], Change] = {}

    def change(b: int, c: int) -> Change:
        if (b, c) not in seen:
            weighed = weigh(table(b, c, 200), SHARE, margin=0.1, levels=LEVELS)
            seen[b, c] = outcome(weighed, margin=0.1, family=3).outcome
        return seen[b, c]

    alone = [change(b, c) for b, c, _ in at_margin]
    whole = [
        overall_change([one, *(change(b, c) for b, c, _ in others)]) for one, others in zip(alone, better, strict=True)
    ]

    assert whole.count(Change.NO_WORSE) / 3000 <= 0.05 + 0.012
    assert whole.count(Change.NO_WORSE) >= 0.9 * alone.count(Change.NO_WORSE)


def test_no_detection_limit_exceeds_what_the_metric_allows() -> None:
    """Eight sources without a change of a size in [0, 1]: not even a worsening by 1 would be found."""
    weighed = weigh(pairs([0.0] * 8, [0.0] * 8), Scale(-1.0, 1.0, "lower", sized=True), margin=0.1, levels=LEVELS)

    assert outlook(weighed, margin=0.1).minimum_detectable is None
