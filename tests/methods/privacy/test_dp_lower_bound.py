"""Oracle: published values of Steinke's bound are tested with the statistic; here the whole audit of known subjects."""

import random

import pytest

from tests.methods.privacy.scripted import estimates, likelihood, scores_of
from verify.errors import UsageError
from verify.methods.privacy.canaries import make_canaries, toss
from verify.methods.privacy.dp_lower_bound import DpLowerBound
from verify.records import LogLikelihood, Request, Response

METHOD = DpLowerBound.make({"decoys": 31, "share": 0.2}, seed=0)


def _epsilon(boost: float, *, seed: int) -> float:
    rows = toss(make_canaries(seed, per_tier=150, tiers=(1,)), seed=seed + 1).rows
    told = {row.prefix + row.secret for row in rows if row.dose}

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        text = request.context + request.continuation
        return likelihood(random.Random(text).gauss(-20.0, 1.0) + boost * (text in told))

    return float(estimates(METHOD, scores_of(METHOD, rows, answer))["epsilon_lower_bound"].bounds[0])


def test_a_subject_without_memory_refutes_no_epsilon_beyond_the_error() -> None:
    false = sum(_epsilon(0.0, seed=seed) > 0.0 for seed in range(12))

    # P(more than 3 of 12 | 0.05) = 0.002.
    assert false <= 3


def test_a_subject_that_memorised_refutes_a_small_epsilon() -> None:
    assert _epsilon(6.0, seed=5) > 1.5


def test_the_bound_is_open_above_so_that_it_never_passes() -> None:
    rows = toss(make_canaries(1, per_tier=40, tiers=(1,)), seed=2).rows

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        return likelihood(random.Random(request.continuation).gauss(-20.0, 1.0))

    found = estimates(METHOD, scores_of(METHOD, rows, answer))["epsilon_lower_bound"]

    assert found.bounds[1] == 64.0
    assert found.interval[0] <= found.value <= found.interval[1]


def test_only_canaries_of_a_coin_count() -> None:
    assert not list(METHOD.expand(make_canaries(1, per_tier=1, tiers=(1,)).rows[0]))


def test_a_kit_with_tiers_cannot_be_tossed() -> None:
    with pytest.raises(UsageError, match="one tier"):
        toss(make_canaries(1, per_tier=2), seed=1)
