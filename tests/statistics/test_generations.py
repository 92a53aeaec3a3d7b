"""Several generations an item: pass@k by oracle and enumeration, two-level variance by simulation."""

from itertools import combinations

import numpy as np
import pytest

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import items_times_generations, pass_at_k


def test_pass_at_k_gives_the_oracle_value():
    # Oracle: table M6 of the dossier.
    assert pass_at_k(10, 3, 5) == pytest.approx(0.9166667, abs=5e-8)


@pytest.mark.parametrize(("n", "c", "k"), [(6, 2, 3), (5, 0, 2), (5, 5, 1), (7, 3, 7), (4, 1, 1)])
def test_pass_at_k_is_the_share_of_all_draws_that_hold_a_right_one(n, c, k):
    draws = list(combinations([1] * c + [0] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


def test_pass_at_more_than_was_generated_is_not_measured():
    with pytest.raises(NotEnoughDataError):
        pass_at_k(3, 1, 4)
    with pytest.raises(NotEnoughDataError):
        pass_at_k(0, 0, 1)
    with pytest.raises(StatisticsError):
        pass_at_k(3, 1, 0)


def test_the_error_of_item_means_is_that_of_both_levels():
    # Oracle: Var = (omega^2 + sigma^2 / K) / n with omega, sigma, K, n known.
    random = np.random.default_rng(4)
    omega, sigma, k, n = 0.2, 0.4, 5, 4000
    scores = random.normal(0.5, omega, (n, 1)) + random.normal(0, sigma, (n, k))
    found = items_times_generations(scores.tolist())

    assert found.n == n
    assert found.standard_error == pytest.approx(np.sqrt((omega**2 + sigma**2 / k) / n), rel=0.05)
    pooled = scores.std() / np.sqrt(n * k)
    assert found.standard_error > 1.25 * pooled


def test_items_with_more_generations_weigh_no_more():
    assert items_times_generations([[1.0] * 9, [0.0], [0.5, 0.5]]).value == pytest.approx(0.5)


def test_an_item_without_a_generation_is_refused():
    with pytest.raises(NotEnoughDataError, match=r"scores\[1\]"):
        items_times_generations([[1.0], []])
