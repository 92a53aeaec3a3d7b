"""Certified radii: tabled values, error of the certificate by enumeration, abstention."""

import numpy as np
import pytest
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import certified_radius, clopper_pearson_bound


@pytest.mark.parametrize(
    ("hits", "samples", "sigma", "radius"),
    [(990, 1000, 0.25, 0.4945), (99_900, 100_000, 0.5, 1.5001), (1000, 1000, 0.25, 0.6158)],
)
def test_radii_are_the_tabled_ones(hits, samples, sigma, radius):
    # Oracle: section 3.6 of the dossier (table M17).
    assert certified_radius(hits, samples, sigma=sigma) == pytest.approx(radius, abs=6e-5)


@pytest.mark.parametrize(("hits", "samples", "low"), [(990, 1000, 0.976036), (99_900, 100_000, 0.998651)])
def test_the_bound_below_a_radius_is_the_tabled_one(hits, samples, low):
    # Oracle: section 3.6 of the dossier, one-sided Clopper-Pearson at .001.
    found = clopper_pearson_bound(hits, samples, side="lower", confidence=0.999)

    assert found == pytest.approx(low, abs=6e-7)


@pytest.mark.parametrize("p", [0.5, 0.8, 0.99])
def test_a_radius_is_overstated_at_most_as_often_as_the_error(p):
    # Oracle: a linear classifier, whose true radius is sigma * Phi^-1(p) exactly; enumeration of 300 samples.
    true = stats.norm.ppf(p)
    over = [certified_radius(hits, 300, sigma=1.0, confidence=0.99) > true + 1e-12 for hits in range(301)]

    assert stats.binom.pmf(np.arange(301), 300, p)[over].sum() <= 0.01


def test_without_a_shown_majority_nothing_is_certified():
    assert certified_radius(50, 100, sigma=1.0) == 0.0
    assert certified_radius(0, 100, sigma=1.0) == 0.0
    with pytest.raises(NotEnoughDataError):
        certified_radius(0, 0, sigma=1.0)
    for sigma in (0.0, -1.0, float("nan"), None):
        with pytest.raises(StatisticsError):
            certified_radius(9, 10, sigma=sigma)
