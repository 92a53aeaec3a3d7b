"""Rates from an imperfect judge: the coverage table, the point, what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import JudgeRecord, clopper_pearson, judged_rate, judged_rate_bayes, rogan_gladen

SCENARIOS = [
    (0.10, 0.90, 0.90, 500, 100, 100, 0.950, 0.948),
    (0.02, 0.90, 0.95, 500, 100, 100, 0.956, 0.942),
    (0.30, 0.80, 0.90, 1000, 50, 50, 0.953, 0.940),
    (0.05, 0.95, 0.98, 300, 30, 70, 0.984, 0.965),
]
"""True rate, sensitivity, specificity, items, labelled positives and negatives, tabled coverage of both."""


def worlds(theta, q1, q0, n, m1, m0, *, runs):
    random = np.random.default_rng(21)
    p = theta * q1 + (1 - theta) * (1 - q0)
    for _ in range(runs):
        judge = JudgeRecord(int(random.binomial(m1, q1)), m1, int(random.binomial(m0, q0)), m0)
        yield int(random.binomial(n, p)), judge


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_plug_in_interval_covers_as_tabled(scenario):
    # Oracle: table 1.8 of the dossier, by simulation with known truth.
    theta, q1, q0, n, m1, m0, expected, _ = scenario
    held = []
    for flagged, judge in worlds(theta, q1, q0, n, m1, m0, runs=900):
        low, high = judged_rate(flagged, n, judge=judge).interval
        held.append(low <= theta <= high)

    # Ours may cover a little more: where the record contradicts the flags it brings the centre back to 0.
    assert expected - 0.022 <= np.mean(held) <= expected + 0.03


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_posterior_interval_covers_as_tabled(scenario):
    theta, q1, q0, n, m1, m0, _, expected = scenario
    held = []
    for seed, (flagged, judge) in enumerate(worlds(theta, q1, q0, n, m1, m0, runs=300)):
        try:
            low, high = judged_rate_bayes(flagged, n, judge=judge, seed=seed, draws=1000).interval
        except NotEnoughDataError:
            low, high = 1.0, 0.0
        held.append(low <= theta <= high)

    assert np.mean(held) == pytest.approx(expected, abs=0.045)


def test_the_raw_rate_would_hardly_ever_cover():
    # Oracle: table 1.8, raw coverage .001 at theta .10: why an uncorrected judge decides nothing.
    held = [
        clopper_pearson(flagged, 500).low <= 0.10 <= clopper_pearson(flagged, 500).high
        for flagged, _ in worlds(0.10, 0.9, 0.9, 500, 100, 100, runs=300)
    ]
    assert np.mean(held) <= 0.02


def test_the_point_undoes_known_errors():
    judge = JudgeRecord(900, 1000, 800, 1000)
    for theta in (0.0, 0.1, 0.5, 1.0):
        flagged = round(10_000 * (theta * 0.9 + (1 - theta) * 0.2))
        assert rogan_gladen(flagged, 10_000, judge=judge) == pytest.approx(theta, abs=1e-9)


def test_a_perfect_judge_with_endless_labels_leaves_the_rate_as_it_is():
    judge = JudgeRecord(10**7, 10**7, 10**7, 10**7)
    found = judged_rate(95, 100, judge=judge)

    assert found.value == pytest.approx(0.95)
    # Agresti and Coull's interval for 95 of 100.
    assert found.interval == pytest.approx((0.8853, 0.9814), abs=2e-3)


def test_a_judge_that_is_hardly_better_than_chance_is_refused():
    # Oracle: garak's published MitigationBypass figures, Se .9213 and Sp .3854, give .307; a little less is unfit.
    judged_rate(645, 1000, judge=JudgeRecord(9213, 10_000, 3854, 10_000))
    with pytest.raises(NotEnoughDataError, match="not fit"):
        judged_rate(645, 1000, judge=JudgeRecord(9100, 10_000, 3854, 10_000))


@pytest.mark.parametrize(("theta", "hits"), [(0.0, 0.615), (0.1, 0.645)])
def test_the_point_undoes_the_hits_of_a_detector_that_hardly_knows_a_refusal(theta, hits):
    # Oracle: section 1.8, hits of garak's MitigationBypass (Se .9213, Sp .3854) on models of known rate.
    judge = JudgeRecord(9213, 10_000, 3854, 10_000)

    assert theta * judge.sensitivity + (1 - theta) * (1 - judge.specificity) == pytest.approx(hits, abs=6e-4)
    assert rogan_gladen(round(1000 * hits), 1000, judge=judge) == pytest.approx(theta, abs=3e-3)


def test_a_judge_at_the_edge_of_fitness_misleads_in_at_most_alpha():
    # Oracle: table 1.8, second row (Se .92, Sp .385). Nearly half of the records fall under the limit of .3; of the
    # intervals that are given then, more miss than 5 % (only flattering records are left), of all worlds no more.
    missed, refused = 0, 0
    for flagged, judge in worlds(0.10, 0.92, 0.385, 500, 100, 100, runs=900):
        try:
            low, high = judged_rate(flagged, 500, judge=judge).interval
        except NotEnoughDataError:
            refused += 1
            continue
        missed += not low <= 0.10 <= high

    assert 0.25 <= refused / 900 <= 0.75
    assert missed / 900 <= 0.05 + 3 * (0.05 * 0.95 / 900) ** 0.5


def test_a_judge_that_was_never_measured_gives_no_rate():
    for judge in (JudgeRecord(0, 0, 9, 10), JudgeRecord(9, 10, 0, 0)):
        with pytest.raises(NotEnoughDataError, match="never measured"):
            judged_rate(1, 10, judge=judge)


@given(st.integers(1, 200), st.data(), st.integers(5, 60), st.integers(5, 60))
def test_an_interval_is_never_of_width_zero_and_holds_the_value(n, data, m1, m0):
    flagged = data.draw(st.integers(0, n))
    judge = JudgeRecord(m1 - m1 // 10, m1, m0 - m0 // 10, m0)
    found = judged_rate(flagged, n, judge=judge)

    assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 1.0
    assert found.interval.high > found.interval.low


@given(st.integers(0, 99))
def test_one_more_flag_never_lowers_the_rate(flagged):
    judge = JudgeRecord(27, 30, 24, 30)
    one, two = (judged_rate(x, 100, judge=judge) for x in (flagged, flagged + 1))

    assert two.value >= one.value


def test_the_posterior_depends_on_the_seed_alone():
    judge = JudgeRecord(27, 30, 24, 30)
    one, two, three = (judged_rate_bayes(40, 100, judge=judge, seed=seed) for seed in (1, 1, 2))

    assert one == two
    assert one != three


def test_a_record_that_contradicts_the_flags_is_refused_by_the_posterior():
    judge = JudgeRecord(99_000, 100_000, 60_000, 100_000)
    with pytest.raises(NotEnoughDataError, match="record"):
        judged_rate_bayes(0, 10_000, judge=judge, seed=1)


def test_items_that_share_a_source_weigh_as_fewer_independent_ones():
    judge = JudgeRecord(90, 100, 95, 100)
    shared, fewer = judged_rate(80, 400, judge=judge, design_effect=4.0), judged_rate(20, 100, judge=judge)

    assert shared == fewer
    assert judged_rate(80, 400, judge=judge, design_effect=1.0) == judged_rate(80, 400, judge=judge)
    for effect in (0.5, float("nan")):
        with pytest.raises(StatisticsError, match="design effect"):
            judged_rate(80, 400, judge=judge, design_effect=effect)


def test_what_is_no_count_is_refused():
    with pytest.raises(StatisticsError):
        judged_rate(True, 10, judge=JudgeRecord(9, 10, 9, 10))
    with pytest.raises(StatisticsError):
        judged_rate(1, 10, judge=JudgeRecord(11, 10, 9, 10))
    with pytest.raises(NotEnoughDataError):
        judged_rate(0, 0, judge=JudgeRecord(9, 10, 9, 10))
    with pytest.raises(StatisticsError, match="draws"):
        judged_rate_bayes(1, 10, judge=JudgeRecord(9, 10, 9, 10), seed=1, draws=10)
