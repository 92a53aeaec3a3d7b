"""Exact odds of a test that may stop early: against simulation, against what was measured elsewhere, at the limit."""

import numpy as np
import pytest

from verify.errors import StatisticsError
from verify.statistics import EProcess, betting_interval
from verify.statistics.stopping import rejecting, stopping_odds

LOOKS_50 = (*range(50, 2000, 50), 2000)


@pytest.mark.parametrize(
    ("true", "share", "undecided"),
    [
        pytest.param(0.86, 0.20, 0.00, id="far above"),
        pytest.param(0.84, 0.43, 0.05, id="above"),
        pytest.param(0.82, 0.87, 0.72, id="just above"),
        pytest.param(0.80, 0.98, 0.98, id="at the limit"),
        pytest.param(0.78, 0.93, 0.84, id="just below"),
        pytest.param(0.75, 0.41, 0.03, id="below"),
        pytest.param(0.70, 0.11, 0.00, id="far below"),
    ],
)
def test_what_is_saved_is_what_was_measured_before(true: float, share: float, undecided: float) -> None:
    """Oracle: 1,500 simulated paths of a beta mixture, n = 2,000, limit .80, a look every 50 items (facts)."""
    odds = stopping_odds(LOOKS_50, true, bound=0.8, direction="at_least", alpha=0.05)

    assert odds.clusters / 2000 == pytest.approx(share, abs=0.02)
    assert odds.undecided == pytest.approx(undecided, abs=0.02)


@pytest.mark.parametrize("bound", [0.05, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("looks", [(8, 16, 64), tuple(range(1, 301)), (32, 64, 96, 240)])
def test_no_rate_on_the_wrong_side_is_decided_more_often_than_alpha(bound: float, looks: tuple[int, ...]) -> None:
    """Oracle: Ville's inequality; here the chance is exact, even with a look after every cluster."""
    at = stopping_odds(looks, bound, bound=bound, direction="at_least", alpha=0.05)
    above = stopping_odds(looks, (1.0 + bound) / 2, bound=bound, direction="at_least", alpha=0.05)
    below = stopping_odds(looks, bound / 2, bound=bound, direction="at_least", alpha=0.05)

    assert at.passed <= 0.05
    assert at.failed <= 0.05
    assert above.failed <= 0.05
    assert below.passed <= 0.05


def test_odds_are_those_of_simulated_paths() -> None:
    """Oracle: 4,000 paths of coin throws, judged by the e-process itself."""
    looks, true, bound = (20, 40, 60, 100), 0.9, 0.75
    rng = np.random.default_rng(3)
    counts = {"pass": 0, "fail": 0, "undecided": 0}
    for path in rng.random((4000, 100)) < true:
        seen, outcome = 0, "undecided"
        for look in looks:
            seen = int(path[:look].sum())
            low, high = rejecting(look, bound, threshold=-np.log(0.05))
            if seen <= low or seen >= high:
                outcome = "pass" if seen >= high else "fail"
                break
        counts[outcome] += 1

    odds = stopping_odds(looks, true, bound=bound, direction="at_least", alpha=0.05)

    assert odds.passed == pytest.approx(counts["pass"] / 4000, abs=0.025)
    assert odds.failed == pytest.approx(counts["fail"] / 4000, abs=0.01)
    assert odds.passed + odds.failed + odds.undecided == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "bound"), [(30, 0.8), (59, 0.95), (200, 0.5), (100, 0.05)])
def test_the_sums_that_suffice_are_those_of_the_process_and_of_the_interval(n: int, bound: float) -> None:
    """Oracle: the e-process fed cluster by cluster, and the interval's own ends."""
    low, high = rejecting(n, bound, threshold=-np.log(0.05))

    for hits in {max(low, 0), min(low + 1, n), max(high - 1, 0), min(high, n)}:
        values = [1.0] * hits + [0.0] * (n - hits)
        above, below = EProcess(bound, side="above"), EProcess(bound, side="below")
        for value in values:
            above.update(value)
            below.update(value)
        interval = betting_interval(values, confidence=0.9)
        assert (hits >= high) == (above.value >= 20.0) == (interval.low >= bound - 1e-12)
        assert (hits <= low) == (below.value >= 20.0) == (interval.high <= bound + 1e-12)


def test_the_direction_mirrors_the_odds() -> None:
    up = stopping_odds((40, 80), 0.9, bound=0.8, direction="at_least")
    down = stopping_odds((40, 80), 0.1, bound=0.2, direction="at_most")

    assert up == pytest.approx(down)


@pytest.mark.parametrize("looks", [(), (0, 3), (5, 5), (9, 4)])
def test_looks_that_do_not_rise_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(StatisticsError, match="rising"):
        stopping_odds(looks, 0.5, bound=0.5, direction="at_least")
