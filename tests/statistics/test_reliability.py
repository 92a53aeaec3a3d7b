"""Stated probabilities: Brier and calibration error against other libraries and worlds of known calibration."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import brier, expected_calibration_error


def world(seed: int, *, n: int = 300, shift: float = 0.0):
    random = np.random.default_rng(seed)
    stated = random.beta(4, 2, n)
    return stated.tolist(), (random.random(n) < np.clip(stated - shift, 0, 1)).astype(int).tolist()


def test_brier_agrees_with_scikit_learn():
    stated, true = world(1)
    assert brier(stated, true).value == pytest.approx(brier_score_loss(true, stated))


def test_brier_of_a_calibrated_subject_is_covered():
    # Oracle: simulation; the expected score is the mean of p (1 - p).
    held = 0
    for seed in range(300):
        stated, true = world(seed)
        truth = 4 * 2 / (6 * 7)
        low, high = brier(stated, true).interval
        held += low <= truth <= high

    assert held / 300 >= 0.95 - 3 * (0.05 * 0.95 / 300) ** 0.5


def test_brier_widens_for_items_that_share_a_source():
    stated, true = world(2)
    ids = list(range(300)) * 3
    one, three = brier(stated, true), brier(stated * 3, true * 3, clusters=ids)

    assert three.interval == pytest.approx(one.interval, abs=1e-9)


def test_a_perfect_forecast_has_an_interval_still():
    found = brier([1.0, 0.0] * 20, [1, 0] * 20)
    assert found.value == 0.0
    assert found.interval.high > 0.0


def test_the_error_is_that_of_a_slow_reference():
    # Oracle: the definition, written out bin by bin.
    stated, true = (np.array(x) for x in world(3, n=60))
    order = np.argsort(stated)
    expected = 0.0
    for part in np.array_split(order, 6):
        expected += len(part) / 60 * abs(stated[part].mean() - true[part].mean())

    assert expected_calibration_error(stated.tolist(), true.tolist(), seed=1, bins=6).value == pytest.approx(expected)


def test_a_calibrated_subject_alarms_at_most_as_often_as_alpha_and_has_little_excess():
    # Oracle: simulation of calibrated subjects, whose raw error is far from 0 all the same.
    found = [expected_calibration_error(*world(seed), seed=seed, draws=200) for seed in range(300)]

    assert np.mean([x.p <= 0.05 for x in found]) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert np.mean([x.value for x in found]) > 0.05
    assert np.mean([x.value - x.null_mean for x in found]) == pytest.approx(0.0, abs=0.003)


def test_an_overconfident_subject_is_seen():
    found = expected_calibration_error(*world(4, n=600, shift=0.15), seed=4)
    assert found.p <= 0.01
    assert found.excess == pytest.approx(0.15, abs=0.06)


def test_items_of_one_source_do_not_pass_for_a_miscalibration():
    # Oracle: calibrated worlds in which each outcome is repeated ten times.
    alone, shared = [], []
    for seed in range(100):
        stated, true = (x * 10 for x in world(seed, n=40))
        ids = list(range(40)) * 10
        alone.append(expected_calibration_error(stated, true, seed=seed, bins=8, draws=200).p <= 0.05)
        shared.append(expected_calibration_error(stated, true, seed=seed, bins=8, draws=200, clusters=ids).p <= 0.05)

    assert np.mean(alone) > 0.5
    assert np.mean(shared) <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5


def test_the_seed_alone_decides_the_null():
    stated, true = world(5)
    one, two = (expected_calibration_error(stated, true, seed=7) for _ in range(2))
    assert one == two


def test_what_is_no_probability_or_outcome_is_refused():
    with pytest.raises(StatisticsError):
        brier([0.5, 1.2], [1, 0])
    with pytest.raises(StatisticsError):
        brier([0.5, None], [1, 0])
    with pytest.raises(StatisticsError, match="outcomes"):
        brier([0.5, 0.2], [1])
    with pytest.raises(StatisticsError, match="draws"):
        expected_calibration_error([0.5] * 40, [1] * 40, seed=1, draws=5)
    with pytest.raises(NotEnoughDataError):
        expected_calibration_error([0.5] * 10, [1] * 10, seed=1)
    with pytest.raises(NotEnoughDataError):
        brier([], [])
