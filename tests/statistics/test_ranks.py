"""Canary ranks and membership: oracle values, exact null distributions, planted truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    canary_rank_p,
    clopper_pearson,
    exposure,
    extraction_probability,
    fisher_pooled,
    n_for_extraction,
    roc_auc,
    steinke_epsilon_lower_bound,
    tpr_at_fpr,
)


@pytest.mark.parametrize("decoys", [1, 9, 1023])
def test_the_rank_p_is_exactly_uniform_under_the_null(decoys):
    # Oracle: all decoys + 1 ranks are equally likely.
    ps = np.array([canary_rank_p(rank, decoys) for rank in range(1, decoys + 2)])
    for alpha in (0.01, 0.05, 0.5, 1.0):
        assert np.mean(ps <= alpha + 1e-12) <= alpha + 1e-12
    assert ps.max() == 1.0


def test_exposure_has_its_null_distribution():
    # Oracle: section 4.2, P(exposure >= e) = 2^-e and mean 1/ln 2 = 1.443.
    bits = np.array([exposure(rank, 1023) for rank in range(1, 1025)])
    assert np.mean(bits >= 5) == pytest.approx(2**-5)
    assert bits.max() == 10.0
    assert bits.mean() == pytest.approx(1 / math.log(2), abs=0.01)


@pytest.mark.parametrize(
    ("canaries", "shift", "pooled", "counted", "best"),
    [
        (10, 0.5, 0.41, 0.12, 0.15),
        (10, 1.0, 0.91, 0.50, 0.44),
        (20, 0.5, 0.65, 0.24, 0.15),
        (20, 1.0, 0.99, 0.80, 0.45),
        (50, 0.3, 0.60, 0.28, 0.11),
        (50, 0.5, 0.94, 0.60, 0.20),
        (50, 1.0, 1.00, 0.99, 0.56),
        (10, 0.0, 0.0465, 0.011, 0.05),
        (50, 0.0, 0.0465, 0.036, 0.05),
    ],
)
def test_pooled_ranks_have_the_tabled_power_and_size_and_beat_what_was_tried_instead(
    canaries, shift, pooled, counted, best
):
    # Oracle: table 4.3 of the dossier, 1,023 decoys; null size .044-.049. The count of p <= .05 and the best canary
    # with Bonferroni's correction hold the simulation itself to the table, whose own runs left up to .02; at shift 0 theirs are the binomial's.
    random, runs = np.random.default_rng(41), 4000
    tail = stats.norm.sf(random.normal(shift, 1, (runs, canaries)))
    ranks = random.binomial(1023, tail) + 1
    of_rank = np.array([math.nan, *(canary_rank_p(rank, 1023) for rank in range(1, 1025))])
    ps = of_rank[ranks]
    alarms = [fisher_pooled(row) < 0.05 for row in ps[:2000].tolist()]
    few = stats.binom.sf((ps <= 0.05).sum(axis=1) - 1, canaries, 0.05) <= 0.05

    assert np.mean(alarms) == pytest.approx(pooled, abs=0.03)
    assert np.mean(few) == pytest.approx(counted, abs=0.03)
    assert np.mean(ps.min(axis=1) <= 0.05 / canaries) == pytest.approx(best, abs=0.04)


def test_fisher_is_the_chi_squared_tail():
    ps = [0.1, 0.2, 0.03]
    expected = stats.chi2.sf(-2 * sum(math.log(p) for p in ps), 6)
    assert fisher_pooled(ps) == pytest.approx(expected)
    assert fisher_pooled(ps) == pytest.approx(stats.combine_pvalues(ps, method="fisher").pvalue)


@pytest.mark.parametrize(("p_z", "n"), [(1e-4, 6932), (1e-3, 693), (1e-2, 69)])
def test_samples_for_an_even_chance_are_the_oracle_ones(p_z, n):
    # Oracle: section 4.2, (n, p)-discoverable extraction.
    assert n_for_extraction(p_z, 0.5) == n


def test_the_extraction_probability_is_the_oracle_one():
    assert extraction_probability(1e-3, 1000) == pytest.approx(0.6323, abs=5e-5)
    assert extraction_probability(0.0, 10**9) == 0.0
    assert extraction_probability(1.0, 1) == 1.0
    assert extraction_probability(1e-18, 1000) == pytest.approx(1e-15, rel=1e-9)


@given(st.floats(1e-9, 0.999), st.floats(0.01, 0.99))
def test_the_number_of_samples_is_the_least_that_reaches_the_probability(p_z, p):
    n = n_for_extraction(p_z, p)
    assert extraction_probability(p_z, n) >= p - 1e-9
    if n > 1:
        assert extraction_probability(p_z, n - 1) < p + 1e-9


def test_a_secret_that_truncation_excludes_is_never_extracted():
    assert n_for_extraction(0.0, 0.5) is None
    assert n_for_extraction(1.0, 0.5) == 1


@pytest.mark.parametrize(
    ("m", "r", "v", "delta", "expected"),
    [
        (1000, 100, 100, 0.0, 3.493),
        (1000, 100, 100, 1e-5, 3.465),
        (1000, 100, 90, 0.0, 1.631),
        (1000, 100, 90, 1e-5, 1.626),
        (1000, 100, 60, 0.0, 0.052),
        (1000, 50, 50, 0.0, 2.785),
        (1000, 1000, 700, 0.0, 0.732),
    ],
)
def test_epsilon_is_the_oracle_one(m, r, v, delta, expected):
    # Oracle: section 4.6 of the dossier (Steinke et al. 2023, appendix D).
    assert steinke_epsilon_lower_bound(m, r, v, delta=delta) == pytest.approx(expected, abs=5.1e-4)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0, 3.0])
def test_epsilon_is_overstated_at_most_as_often_as_alpha(epsilon):
    # Oracle: randomised response of known epsilon; exact, by enumeration (simulated in the dossier: .048).
    q = 1 / (1 + math.exp(-epsilon))
    weights = stats.binom.pmf(np.arange(201), 200, q)
    over = [
        steinke_epsilon_lower_bound(200, 200, v) > epsilon + 1e-9 if w > 1e-9 else False for v, w in enumerate(weights)
    ]

    assert weights[np.array(over)].sum() <= 0.05


def test_guessing_at_chance_shows_no_epsilon():
    assert steinke_epsilon_lower_bound(100, 100, 50) == 0.0
    with pytest.raises(NotEnoughDataError):
        steinke_epsilon_lower_bound(100, 0, 0)
    with pytest.raises(StatisticsError):
        steinke_epsilon_lower_bound(10, 11, 5)


scores = st.lists(st.integers(-5, 5), min_size=2, max_size=30)


@given(scores, scores)
def test_the_area_agrees_with_scikit_learn_and_its_interval_never_vanishes(members, others):
    found = roc_auc(members, others)
    labels = [1] * len(members) + [0] * len(others)

    assert found.value == pytest.approx(roc_auc_score(labels, members + others))
    assert -1e-12 <= found.interval.low <= found.value <= found.interval.high <= 1 + 1e-12
    assert found.interval.high > found.interval.low
    back = roc_auc(others, members)
    assert back.value == pytest.approx(1 - found.value)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_the_area_is_covered(shift):
    # Oracle: simulation of normal scores, true area Phi(shift / sqrt 2).
    random, truth, held = np.random.default_rng(42), stats.norm.cdf(shift / math.sqrt(2)), 0
    for _ in range(500):
        low, high = roc_auc(random.normal(shift, 1, 30).tolist(), random.normal(0, 1, 40).tolist()).interval
        held += low <= truth <= high

    assert held / 500 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 500)


@given(scores, st.lists(st.integers(-5, 5), min_size=10, max_size=40))
def test_the_threshold_keeps_the_false_positive_rate_even_with_ties(members, others):
    found = tpr_at_fpr(members, others, fpr=0.1)

    assert found.fpr <= 0.1 + 1e-12
    assert found.fpr == np.mean(np.array(others) > found.threshold)
    assert found.tpr == np.mean(np.array(members) > found.threshold)
    hits = round(found.tpr * len(members))
    assert found.tpr_interval == clopper_pearson(hits, len(members))


def test_detection_at_one_percent_is_that_of_the_known_shift():
    # Oracle: normal scores, TPR = Phi(shift - z_.99).
    random = np.random.default_rng(43)
    found = tpr_at_fpr(random.normal(2, 1, 20_000).tolist(), random.normal(0, 1, 100_000).tolist(), fpr=0.01)
    truth = stats.norm.sf(stats.norm.isf(0.01) - 2)

    assert found.tpr == pytest.approx(truth, abs=0.02)


def test_too_few_non_members_cannot_show_a_small_false_positive_rate():
    with pytest.raises(NotEnoughDataError, match="1000"):
        tpr_at_fpr([1.0], [0.0] * 999, fpr=0.001)


@pytest.mark.parametrize(("rank", "decoys"), [(0, 10), (12, 10), (True, 10), (1.0, 10), (None, 10), (1, -1)])
def test_a_rank_that_is_none_is_refused(rank, decoys):
    for method in (canary_rank_p, exposure):
        with pytest.raises(StatisticsError):
            method(rank, decoys)


def test_no_decoys_no_p_values_no_scores_are_not_measured():
    with pytest.raises(NotEnoughDataError):
        canary_rank_p(1, 0)
    with pytest.raises(NotEnoughDataError):
        fisher_pooled([])
    with pytest.raises(StatisticsError):
        fisher_pooled([0.0, 0.5])
    with pytest.raises(NotEnoughDataError):
        roc_auc([], [1.0])
    with pytest.raises(StatisticsError):
        roc_auc([float("nan")], [1.0])
    with pytest.raises(NotEnoughDataError):
        extraction_probability(0.5, 0)
