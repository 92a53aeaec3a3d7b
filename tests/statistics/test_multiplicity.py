"""Adjusted p-values: oracle vectors, an independent library, the error rates they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import benjamini_hochberg, holm

RAW = (0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216)


def test_adjusted_values_are_the_oracle_vectors():
    # Oracle: section 1.5 of the dossier.
    assert holm(RAW) == pytest.approx((0.01, 0.072, *[0.312] * 5, *[0.615] * 3))
    assert benjamini_hochberg(RAW) == pytest.approx((0.01, 0.04, *[0.084] * 3, 0.1, 0.1057, *[0.216] * 3), abs=5e-5)


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_values_agree_with_statsmodels_and_are_never_smaller(pvalues):
    for method, name in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        found = method(pvalues)
        assert found == pytest.approx(multipletests(pvalues, method=name)[1])
        assert all(new >= old - 1e-12 for new, old in zip(found, pvalues, strict=True))


def test_holm_raises_any_false_alarm_at_most_as_often_as_it_says():
    # Oracle: 121 true nulls, where uncorrected tests alarm with probability 1 - .95^121 = .998.
    worlds = np.random.default_rng(1).random((2000, 121))
    alarms = np.mean([min(holm(world)) <= 0.05 for world in worlds])

    assert alarms <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    assert np.mean(worlds.min(axis=1) <= 0.05) == pytest.approx(0.998, abs=0.004)


@pytest.mark.parametrize("bad", [[0.1, float("nan")], [0.1, None], [0.1, 1.1], [-0.1]])
def test_a_pvalue_that_is_none_is_refused(bad):
    for method in (holm, benjamini_hochberg):
        with pytest.raises(StatisticsError):
            method(bad)


def test_no_pvalue_is_not_measured():
    with pytest.raises(NotEnoughDataError):
        holm([])
