"""Releases compared by a metric that is no mean over items: two intervals, as if the releases were independent."""

import numpy as np
import pytest

from verify.deciding.gains import Estimated, EstimateGain
from verify.statistics import clopper_pearson

N = 100


def gain_of(before: int, after: int) -> EstimateGain:
    def release(right: int, at: float) -> Estimated:
        return Estimated(right / N, clopper_pearson(right, N, confidence=1.0 - 2.0 * at), N)

    return EstimateGain(lambda at: release(before, at), lambda at: release(after, at), alpha=0.05)


@pytest.mark.parametrize(("old", "margin"), [(0.3, 0.1), (0.9, 0.1), (0.99, 0.05)])
def test_a_release_worse_by_the_margin_passes_in_at_most_alpha(old: float, margin: float) -> None:
    """Simulation with known truth: 1,500 pairs of independent releases at the margin, alpha 5 %, standard error .6 %."""
    rng = np.random.default_rng(3)
    drawn = zip(rng.binomial(N, old, 1500).tolist(), rng.binomial(N, old - margin, 1500).tolist(), strict=True)

    assert sum(gain_of(*pair).p_above(-margin) <= 0.05 for pair in drawn) / 1500 <= 0.05 + 0.017


def test_a_p_value_is_a_level_at_which_the_interval_excludes_rounded_up() -> None:
    found = gain_of(90, 70)
    p = found.p_below(0.0)

    assert p == 0.001
    assert found.interval(1.0 - 2.0 * p).high < 0.0 < found.interval(1.0 - 2.0 * 1e-4).high
    assert found.p_above(0.0) == 1.0


def test_the_value_lies_within_and_more_confidence_is_wider() -> None:
    found = gain_of(90, 70)
    narrow, wide = found.interval(0.8), found.interval(0.99)

    assert wide.low < narrow.low < found.value < narrow.high < wide.high
    assert found.standard_error == pytest.approx((0.9 * 0.1 / N + 0.7 * 0.3 / N) ** 0.5, rel=0.15)
