"""What the items can show, before the run: against published numbers, exact sums and the statistics themselves."""

from pathlib import Path

import pytest
from scipy import stats

from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.planning import PlanInputs, make_plan
from verify.planning.power import comparison_power, power_of
from verify.records import Bound, Levels, PlannedCheck
from verify.runtime.scripted import ScriptedRuntime
from verify.statistics.stopping import stopping_odds

ACCURACY, ERRORS = METHODS["sums"].metrics
LEVELS = Levels()


def check_of(folder: Path, **changes: object) -> PlannedCheck:
    inputs = PlanInputs(policy=policy(**changes), suites=[str(folder)])
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods=METHODS, frameworks={}).plan.checks[0]


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_power_is_the_exact_binomial_tail_beyond_the_acceptance_number(n: int) -> None:
    """Oracle: acceptance shares .96, .93, .916 for a limit of .90 (facts 1.10), then scipy's binomial."""
    accepted = {100: 96, 300: 279, 1000: 916}[n]

    found = power_of(ACCURACY, Bound(at_least=0.9), levels=LEVELS, effect=0.5, n_clusters=n)

    assert found is not None
    assert found.assumed == pytest.approx(0.95)
    assert found.power == pytest.approx(stats.binom.sf(accepted - 1, n, 0.95))
    assert found.detectable is not None
    assert stats.binom.sf(accepted - 1, n, found.detectable) == pytest.approx(0.8)


def test_the_number_needed_gives_the_power_that_is_asked_for() -> None:
    found = power_of(ERRORS, Bound(at_most=0.05), levels=LEVELS, effect=0.5, n_clusters=50)
    assert found is not None
    assert found.needed is not None

    enough = power_of(ERRORS, Bound(at_most=0.05), levels=LEVELS, effect=0.5, n_clusters=found.needed)

    assert found.power < 0.8
    assert enough is not None
    assert enough.power >= 0.8


def test_a_check_that_may_stop_states_the_odds_of_its_looks() -> None:
    looks = (32, 64, 96, 128, 160, 192, 224, 240)

    found = power_of(ACCURACY, Bound(at_least=0.8), levels=LEVELS, effect=0.5, n_clusters=240, looks=looks)
    odds = stopping_odds(looks, 0.9, bound=0.8, direction="at_least", alpha=0.05)

    assert found is not None
    assert (found.power, found.expected) == pytest.approx((odds.passed, odds.clusters))
    assert found.detectable is not None
    near = stopping_odds(looks, found.detectable, bound=0.8, direction="at_least", alpha=0.05)
    assert near.passed == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize("bound", [Bound(at_least=1.0), Bound(at_least=0.0)])
def test_a_limit_at_an_end_of_the_range_has_no_power(bound: Bound) -> None:
    assert power_of(ACCURACY, bound, levels=LEVELS, effect=0.5, n_clusters=100) is None


@pytest.mark.parametrize(("n", "expected"), [(200, 0.36), (500, 0.67), (1000, 0.91)])
def test_the_power_of_a_comparison_is_the_published_one(n: int, expected: float) -> None:
    """Oracle: margin 3 points, discordance .1, true difference 0 (facts 1.6)."""
    assert comparison_power(n, margin=0.03, levels=LEVELS) == pytest.approx(expected, abs=0.015)


def test_a_plan_whose_power_is_under_four_fifths_says_so(tmp_path: Path) -> None:
    few, many = (check_of(write_suite(tmp_path / str(n), n=n)) for n in (30, 300))

    assert any(w.startswith("power 0.") and "would do" in w for w in few.warnings)
    assert many.warnings == ()


def test_the_effect_is_the_policys(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=100)

    assert [check_of(folder, effect=e).power.assumed for e in (0.25, 1.0)] == pytest.approx([0.85, 1.0])  # type: ignore[union-attr]


def test_a_faultless_subject_too_few_sources_for_is_named_once(tmp_path: Path) -> None:
    check = check_of(write_suite(tmp_path, n=10, check=default_check()))

    assert check.power is not None
    assert check.power.detectable is None
    assert len(check.warnings) == 1
