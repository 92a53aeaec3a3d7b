"""Sequential verdicts: error under any stopping computed exactly, tabled run lengths, coverage at every look."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    EProcess,
    SequentialTest,
    betting_interval,
    clopper_pearson,
    clopper_pearson_bound,
    confidence_sequence,
    stopping_odds,
)
from verify.statistics.sequential import STAKES


def e_table(null: float, n: int) -> np.ndarray:
    """E-values by the likelihood-ratio formula of section 1.7; entry [t, s] is that of s successes in t."""
    grid = np.linspace(null, 1, 202)[1:-1]
    t, s = np.arange(n + 1)[:, None, None], np.arange(n + 1)[None, :, None]
    logs = s * np.log(grid / null) + (t - s) * np.log((1 - grid) / (1 - null))
    return np.where(s[..., 0] <= t[..., 0], special.logsumexp(logs, axis=2) - math.log(grid.size), -np.inf)


def crossing(null: float, truth: float, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Probability of ever reaching 1/alpha within n and the mean stopping time, exactly, over all paths."""
    table, alive, stopped, mean = e_table(null, n), np.array([1.0]), 0.0, 0.0
    for t in range(1, n + 1):
        alive = np.concatenate([alive * (1 - truth), [0.0]]) + np.concatenate([[0.0], alive * truth])
        out = table[t, : t + 1] >= math.log(1 / alpha)
        mean += t * float(alive[out].sum())
        stopped += float(alive[out].sum())
        alive = np.where(out, 0.0, alive)
    return stopped, mean + n * float(alive.sum())


@pytest.mark.parametrize(("null", "below"), [(0.5, 0.0), (0.8, 0.0), (0.95, 0.0), (0.8, 0.05)])
def test_stopping_at_will_errs_at_most_as_often_as_alpha(null, below):
    # Oracle: exact dynamic programming over all 2^250 paths; Ville's inequality.
    assert crossing(null, null - below, 250)[0] <= 0.05


@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.sampled_from([0.3, 0.8, 0.95]))
def test_the_process_is_the_mixture_of_likelihood_ratios_on_binary_outcomes(outcomes, null):
    process = EProcess(null, side="above")
    for outcome in outcomes:
        value = process.update(outcome)

    assert math.log(value) == pytest.approx(e_table(null, len(outcomes))[-1, sum(outcomes)], abs=1e-9)


@pytest.mark.parametrize(
    ("truth", "null", "passed", "items"),
    [
        (0.80, 0.80, 0.036, 969),
        (0.83, 0.80, 0.43, 765),
        (0.85, 0.80, 0.92, 433),
        (0.90, 0.80, 1.0, 92),
        (0.95, 0.90, 1.0, 205),
        (0.99, 0.95, 1.0, 148),
    ],
)
@pytest.mark.slow
def test_run_lengths_are_the_tabled_ones(truth, null, passed, items):
    # Oracle: table 1.7 of the dossier (simulation of 4,000 paths); ours is exact.
    found = crossing(null, truth, 1000)
    assert found[0] == pytest.approx(passed, abs=0.012)
    assert found[1] == pytest.approx(items, abs=12)


@pytest.mark.parametrize(("truth", "null", "items"), [(1.0, 0.95, 88), (0.90, 0.80, 92)])
def test_clear_subjects_stop_early_as_tabled(truth, null, items):
    passed, mean = crossing(null, truth, 250)
    assert passed >= 0.93
    assert mean == pytest.approx(items, abs=12)


@pytest.mark.parametrize(
    ("truth", "null", "passed"),
    [
        (0.80, 0.80, 0.308),
        (0.83, 0.80, 0.92),
        (0.85, 0.80, 1),
        (0.90, 0.80, 1),
        (0.95, 0.90, 1),
        (0.99, 0.95, 1),
        (1, 0.95, 1),
    ],
)
def test_peeking_with_a_fixed_bound_passes_as_often_as_tabled(truth, null, passed):
    # Oracle: table 1.7, naive peeking after every item up to 1,000, by simulation; here exact. The bound is
    # Clopper-Pearson's at .95, whose least passing count is the binomial's upper tail.
    looks = np.arange(1, 1001)
    least = np.asarray(stats.binom.isf(0.05, looks, null)).astype(int) + 1
    alive, crossed = np.array([1.0]), 0.0
    for count in least:
        alive = np.concatenate([alive * (1 - truth), [0.0]]) + np.concatenate([[0.0], alive * truth])
        crossed += float(alive[count:].sum())
        alive[count:] = 0.0

    for n in (1, 30, 200, 1000):
        assert clopper_pearson_bound(int(least[n - 1]) - 1, n, side="lower") < null
        assert least[n - 1] > n or clopper_pearson_bound(int(least[n - 1]), n, side="lower") >= null
    assert crossed == pytest.approx(passed, abs=0.015)


def betting(truth: float, null: float, *, runs: int) -> tuple[float, float]:
    """Share that passes within 1,000 items and their mean number: one predictable stake (aGRAPA, at most half of 1/m)."""
    random, n = np.random.default_rng(36), 1000
    capital, hits, squares = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    stopped = np.full(runs, n)
    for t in range(1, n + 1):
        mean, variance = (0.5 + hits) / t, (0.25 + squares) / t
        stake = np.clip((mean - null) / (variance + (mean - null) ** 2), 0.0, 0.5 / null)
        x = (random.random(runs) < truth).astype(float)
        capital += np.log1p(stake * (x - null))
        hits += x
        squares += (x - (0.5 + hits) / (t + 1)) ** 2
        stopped[(capital >= math.log(20)) & (stopped == n)] = t
        capital[stopped < n] = math.inf  # decided: what comes after does not matter
    return float(np.mean(capital == math.inf)), float(stopped.mean())


@pytest.mark.parametrize(
    ("truth", "null", "items"),
    [
        (0.80, 0.80, 977),
        (0.83, 0.80, 801),
        (0.85, 0.80, 481),
        (0.90, 0.80, 97),
        (0.95, 0.90, 210),
        (0.99, 0.95, 181),
        (1.00, 0.95, 127),
    ],
)
def test_a_single_predictable_bet_would_need_as_many_items_as_tabled_and_ours_needs_no_more(truth, null, items):
    # Oracle: table 1.7, the betting column, by simulation (Waudby-Smith and Ramdas 2024, aGRAPA with c = 1/2).
    passed, mean = betting(truth, null, runs=1500)

    assert mean == pytest.approx(items, abs=25 if truth < 0.9 else 8)
    if truth == null:
        assert passed <= 0.05
    else:
        assert stopping_odds(range(1, 1001), truth, bound=null, direction="at_least").clusters <= mean + 10


@pytest.mark.parametrize("side", ["above", "below"])
def test_real_cluster_means_err_at_most_as_often_as_alpha(side):
    # Oracle: simulation at the null with Beta-distributed cluster means; 3 standard errors.
    random, runs, n = np.random.default_rng(32), 1000, 120
    means = random.beta(4, 1, (runs, n)) if side == "above" else random.beta(1, 4, (runs, n))
    null = 0.8 if side == "above" else 0.2
    x, m = (means, null) if side == "above" else (1 - means, 1 - null)
    capital = np.zeros((runs, STAKES.size))
    crossed = np.zeros(runs, dtype=bool)
    for t in range(n):
        capital += np.log(1 - STAKES + STAKES * x[:, [t]] / m)
        crossed |= special.logsumexp(capital, axis=1) - math.log(STAKES.size) >= math.log(20)
    process = EProcess(null, side=side)
    for mean in means[0]:
        process.update(float(mean))

    assert math.log(process.value) == pytest.approx(special.logsumexp(capital[0]) - math.log(STAKES.size))
    assert crossed.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@given(st.floats(0.01, 0.99), st.floats(0, 1))
def test_no_bet_has_a_positive_expectation_under_the_null(null, share):
    # The reason for Ville: for means of 0 or 1, the hardest case, each factor expects at most 1.
    truth = null * share
    expected = truth * (1 - STAKES + STAKES / null) + (1 - truth) * (1 - STAKES)
    assert (expected <= 1 + 1e-9).all()


def test_the_anytime_p_only_falls():
    process = EProcess(0.5, side="above")
    seen = []
    for outcome in [1] * 10 + [0] * 10 + [1] * 3:
        process.update(outcome)
        seen.append(process.p)

    assert seen == sorted(seen, reverse=True)
    assert process.n == 23
    assert process.value < 1 / process.p


def test_a_verdict_once_reached_stays():
    test = SequentialTest(0.8, "at_least")
    states = [test.update(1.0) for _ in range(40)]
    first = next(state for state in states if state.decision == "pass")

    assert all(state == first for state in states[first.n_clusters :])
    assert all(test.update(0.0) == first for _ in range(100))


def test_directions_mirror_each_other():
    least, most = SequentialTest(0.8, "at_least"), SequentialTest(0.2, "at_most")
    for x in np.random.default_rng(33).random(50):
        one, two = least.update(float(x)), most.update(1.0 - float(x))
        assert one.decision == two.decision
        assert one.p_pass == pytest.approx(two.p_pass)
    assert least.state.decision == "fail"


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_a_confidence_sequence_holds_the_truth_at_every_look(p):
    # Oracle: simulation with known truth; looks at each of 40 items.
    random, missed = np.random.default_rng(34), 0
    for _ in range(25):
        looks = confidence_sequence((random.random(40) < p).astype(float).tolist())
        missed += any(not low <= p <= high for low, high in looks)

    assert missed / 25 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 25)


def test_a_confidence_sequence_only_narrows_and_never_to_nothing():
    looks = confidence_sequence([1.0, 0.0, 0.5, 1.0, 1.0, 0.2] * 5)
    for before, after in pairwise(looks):
        assert before.low <= after.low < after.high <= before.high


@pytest.mark.parametrize("n", [20, 100, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["beta", "zeros", "binary"])
def test_the_betting_interval_covers_whatever_the_distribution(n, kind):
    # Oracle: simulation with known means, table M3: Beta data, and 95 % zeros.
    random, missed = np.random.default_rng(35), 0
    for _ in range(80):
        values, truth = {
            "beta": lambda: (random.beta(5, 1, n), 5 / 6),
            "zeros": lambda: (np.where(random.random(n) < 0.05, random.random(n), 0.0), 0.025),
            "binary": lambda: ((random.random(n) < 0.97).astype(float), 0.97),
        }[kind]()
        low, high = betting_interval(values.tolist())
        missed += not low <= truth <= high

    assert missed / 80 <= 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms())
def test_the_betting_interval_is_never_of_width_zero_and_ignores_the_order(values, random):
    low, high = betting_interval(values)
    shuffled = list(values)
    random.shuffle(shuffled)

    assert 0.0 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= 1.0
    assert high > low
    assert betting_interval(shuffled) == pytest.approx((low, high), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=15), st.data())
def test_a_better_score_never_lowers_a_betting_bound(values, data):
    place = data.draw(st.integers(0, len(values) - 1))
    better = [*values]
    better[place] = data.draw(st.floats(values[place], 1.0))
    before, after = betting_interval(values), betting_interval(better)

    assert after.low >= before.low - 1e-9
    assert after.high >= before.high - 1e-9


def test_guaranteed_intervals_are_wider_than_exact_ones():
    assert betting_interval([1.0] * 60).low < clopper_pearson(60, 60).low


def test_scaled_scores_give_a_scaled_interval():
    values = [0.1, 0.4, 0.9, 0.5]
    low, high = betting_interval(values)
    scaled = betting_interval([10 * x - 5 for x in values], low=-5, high=5)

    assert scaled == pytest.approx((10 * low - 5, 10 * high - 5))


@pytest.mark.parametrize("bad", [float("nan"), None, 1.5, -0.1, "1", float("inf")])
def test_a_mean_that_is_none_is_refused(bad):
    with pytest.raises(StatisticsError):
        EProcess(0.5, side="above").update(bad)
    with pytest.raises(StatisticsError):
        confidence_sequence([0.5, bad])


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(StatisticsError):
        EProcess(1.0, side="above")
    with pytest.raises(StatisticsError, match="side"):
        EProcess(0.5, side="left")
    with pytest.raises(StatisticsError, match="direction"):
        SequentialTest(0.5, "above")
    with pytest.raises(NotEnoughDataError):
        confidence_sequence([])
    with pytest.raises(NotEnoughDataError):
        betting_interval([])


def test_overwhelming_evidence_is_infinite_not_an_error():
    process = EProcess(0.001, side="above")
    for _ in range(300):
        process.update(1)

    assert process.value == math.inf
    assert process.p == 0.0 or process.p < 1e-300
