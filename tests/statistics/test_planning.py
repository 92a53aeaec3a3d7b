"""Plans: tabled numbers, and agreement with the bounds that will decide."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    acceptance_number,
    clopper_pearson_bound,
    minimum_detectable,
    n_for_bound,
    n_for_paired,
    n_for_zero_failures,
    noninferiority_power,
    paired_power,
    paired_shares,
    power,
)


def test_zero_failures_need_the_tabled_numbers():
    # Oracle: table M2 of the dossier.
    assert [n_for_zero_failures(p) for p in (0.9, 0.95, 0.99, 0.999)] == [29, 59, 299, 2995]


@given(st.floats(0.01, 0.99), st.sampled_from([0.8, 0.95, 0.99]))
def test_zero_failures_are_enough_and_one_item_less_is_not(p, confidence):
    n = n_for_zero_failures(p, confidence)

    assert clopper_pearson_bound(n, n, side="lower", confidence=confidence) >= p - 1e-9
    if n > 1:
        assert clopper_pearson_bound(n - 1, n - 1, side="lower", confidence=confidence) < p


@pytest.mark.parametrize(
    ("n", "accept", "at_limit", "above"),
    [(100, 96, 0.024, 0.44), (300, 279, 0.046, 0.95), (1000, 916, 0.049, 1.00)],
)
def test_acceptance_at_090_is_the_tabled_one(n, accept, at_limit, above):
    # Oracle: table 1.10 of the dossier.
    assert acceptance_number(n, bound=0.9, direction="at_least") == accept
    assert power(n, 0.9, bound=0.9, direction="at_least") == pytest.approx(at_limit, abs=6e-4)
    assert power(n, 0.95, bound=0.9, direction="at_least") == pytest.approx(above, abs=6e-3)


@pytest.mark.parametrize(
    ("n", "reject", "open_at_092", "simple"),
    [(100, 84, 0.90, 0.583), (300, 260, 0.69, 0.548), (1000, 883, 0.30, 0.527)],
)
def test_rejection_and_open_outcomes_at_090_are_the_tabled_ones(n, reject, open_at_092, simple):
    # Oracle: table 1.10 of the dossier; to fail "at least" is to show "at most" for the same limit.
    accept = acceptance_number(n, bound=0.9, direction="at_least")
    assert accept is not None
    assert acceptance_number(n, bound=0.9, direction="at_most") == reject
    assert stats.binom.cdf(accept - 1, n, 0.92) - stats.binom.cdf(reject, n, 0.92) == pytest.approx(
        open_at_092, abs=0.0051
    )
    assert stats.binom.sf(math.ceil(0.9 * n - 1e-9) - 1, n, 0.9) == pytest.approx(simple, abs=6e-4)


@pytest.mark.parametrize(("true", "passed"), [(0.80, 0.036), (0.83, 0.78)])
def test_a_fixed_number_of_items_passes_as_often_as_tabled(true, passed):
    # Oracle: section 1.7 of the dossier: Clopper-Pearson at n = 1,000 against the limit .80, at two-sided .05 and .10.
    found = power(1000, true, bound=0.8, direction="at_least")

    assert found == pytest.approx(passed, abs=0.02)


@given(st.integers(1, 300), st.floats(0.01, 0.99), st.sampled_from(["at_least", "at_most"]))
def test_the_acceptance_number_is_where_the_bound_passes(n, limit, direction):
    number = acceptance_number(n, bound=limit, direction=direction)
    for x in range(n + 1):
        if direction == "at_least":
            passes = clopper_pearson_bound(x, n, side="lower") >= limit
            assert passes == (number is not None and x >= number)
        else:
            passes = clopper_pearson_bound(x, n, side="upper") <= limit
            assert passes == (number is not None and x <= number)


@given(st.integers(1, 2000), st.floats(0.01, 0.99), st.floats(0, 1), st.sampled_from(["at_least", "at_most"]))
def test_a_subject_on_the_wrong_side_passes_at_most_as_often_as_alpha(n, limit, share, direction):
    wrong = limit * share if direction == "at_least" else limit + (1 - limit) * share
    assert power(n, wrong, bound=limit, direction=direction) <= 0.05 + 1e-9


@pytest.mark.parametrize(("limit", "assumed"), [(0.9, 0.95), (0.95, 0.99), (0.5, 0.6), (0.9, 1.0), (0.99, 0.999)])
def test_the_number_for_a_bound_reaches_the_power_and_fewer_do_not_keep_it(limit, assumed):
    n = n_for_bound(limit, "at_least", assumed=assumed)
    tooth = int(1 / (1 - limit)) + 2

    assert all(power(m, assumed, bound=limit, direction="at_least") >= 0.8 for m in range(n, n + tooth))
    assert power(n - 1, assumed, bound=limit, direction="at_least") < 0.8
    assert n_for_bound(1 - limit, "at_most", assumed=1 - assumed) == pytest.approx(n, abs=1)


def test_a_subject_at_the_bound_cannot_be_planned_for():
    with pytest.raises(StatisticsError, match="no number of items"):
        n_for_bound(0.9, "at_least", assumed=0.9)
    with pytest.raises(StatisticsError, match="too near"):
        n_for_bound(0.9, "at_least", assumed=0.90001)


@settings(max_examples=50)
@given(st.integers(60, 3000), st.floats(0.05, 0.94), st.sampled_from(["at_least", "at_most"]))
def test_the_minimum_detectable_rate_has_exactly_the_power(n, limit, direction):
    bound = limit if direction == "at_least" else 1 - limit
    found = minimum_detectable(n, bound=bound, direction=direction)

    assert power(n, found, bound=bound, direction=direction) == pytest.approx(0.8, abs=1e-6)
    assert (found > bound) == (direction == "at_least")


def test_too_few_items_say_how_many_are_needed():
    with pytest.raises(NotEnoughDataError, match="299"):
        minimum_detectable(26, bound=0.01, direction="at_most")
    assert power(26, 0.0, bound=0.01, direction="at_most") == 0.0
    assert acceptance_number(26, bound=0.01, direction="at_most") is None


def test_paired_numbers_are_the_tabled_ones():
    # Oracle: table 1.6 of the dossier.
    table = {
        0.1: (7842, 1955, 865, 307),
        0.2: (15690, 3917, 1737, 621),
        0.3: (23539, 5879, 2609, 935),
    }
    for discordance, expected in table.items():
        found = tuple(n_for_paired(delta, discordance=discordance) for delta in (0.01, 0.02, 0.03, 0.05))
        assert found == expected


@pytest.mark.parametrize(
    ("discordance", "expected"), [(0.1, (0.36, 0.67, 0.91, 0.995)), (0.2, (0.23, 0.44, 0.68, 0.91))]
)
def test_noninferiority_power_is_the_tabled_one(discordance, expected):
    # Oracle: table 1.6 by simulation (20,000 runs); ours is exact.
    found = [noninferiority_power(n, margin=0.03, discordance=discordance) for n in (200, 500, 1000, 2000)]
    assert found == pytest.approx(expected, abs=0.011)


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("discordance", [0.1, 0.2])
def test_noninferiority_size_at_the_margin_is_the_tabled_one(n, discordance):
    size = noninferiority_power(n, margin=0.03, discordance=discordance, difference=-0.03)
    assert 0.047 <= size <= 0.0505


def test_impossible_plans_are_refused():
    with pytest.raises(StatisticsError):
        n_for_paired(0.2, discordance=0.1)
    with pytest.raises(StatisticsError):
        noninferiority_power(100, margin=0.03, discordance=0.1, difference=0.2)
    with pytest.raises(StatisticsError):
        paired_power(100, margin=0.03, discordance=0.1, difference=0.2)


@pytest.mark.parametrize(("n", "margin", "discordance"), [(40, 0.1, 0.15), (90, 0.05, 0.05), (120, 0.08, 0.2)])
@pytest.mark.parametrize("difference", [0.0, -1.0])
def test_the_power_of_pairs_is_how_often_the_interval_excludes_the_margin(n, margin, discordance, difference):
    # Oracle: enumeration of all outcomes, each with the interval itself; -1 stands for the margin (or all one way).
    gap = max(difference * margin, -discordance)
    p10, p01 = (discordance + gap) / 2, (discordance - gap) / 2
    expected = sum(
        stats.multinomial.pmf([b, c, n - b - c], n, [p10, p01, 1 - discordance])
        for b in range(n + 1)
        for c in range(min(n - b, 60) + 1)
        if paired_shares(b, c, n, confidence=0.9).low > -margin
    )

    assert paired_power(n, margin=margin, discordance=discordance, difference=gap) == pytest.approx(expected, abs=1e-6)
    assert difference == 0.0 or expected <= 0.05
    with pytest.raises(StatisticsError, match="direction"):
        n_for_bound(0.9, "above", assumed=0.95)
    with pytest.raises(NotEnoughDataError):
        power(0, 0.9, bound=0.5, direction="at_least")
    with pytest.raises(StatisticsError):
        n_for_zero_failures(1.0)
