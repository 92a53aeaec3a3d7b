"""Oracles: the exact null (simulation), Fisher's test (scipy), the power table of the project's facts (4.3)."""

import math
import random

import numpy as np
import pytest
from scipy import stats

from tests.methods.privacy.scripted import LEVELS, estimates, item_score, likelihood, scores_of, values
from verify.errors import NotEnoughDataError, StatisticsError
from verify.methods.privacy.canaries import make_canaries
from verify.methods.privacy.canary_exposure import CanaryExposure
from verify.methods.privacy.exposures import CHANCE, mean_exposure, pooled_p
from verify.records import FailureReason, ItemScore, Levels, LogLikelihood, Request, Response, Scored, Unscored
from verify.statistics import exposure, fisher_pooled

DECOYS = 255


def _ranks(rng: np.random.Generator, *, canaries: int, shift: float) -> list[int]:
    """Ranks of canaries whose score is `shift` standard deviations above that of decoys."""
    beaten = stats.norm.sf(rng.normal(shift, 1.0, canaries))
    return (1 + rng.binomial(DECOYS, beaten)).tolist()


def _bits(ranks: list[int]) -> list[float]:
    return [exposure(rank, DECOYS) for rank in ranks]


def _fails(bits: list[float], *, limit: float) -> bool:
    return mean_exposure(bits, decoys=DECOYS, levels=LEVELS).bounds.low > limit


def _subject(boost: float, *, told: set[str]) -> object:
    """Noise that depends on the request alone, plus `boost` nats for the secrets that were trained on."""

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        noise = random.Random(request.context + request.continuation).gauss(-20.0, 1.0)
        return likelihood(min(noise + boost * (request.context + request.continuation in told), 0.0))

    return answer


def _scores(boost: float, *, seed: int, per_tier: int = 50, tiers: tuple[int, ...] = (0, 16)) -> list[ItemScore]:
    rows = make_canaries(seed, per_tier=per_tier, tiers=tiers).rows
    told = {row.prefix + row.secret for row in rows if row.dose}
    method = CanaryExposure.make({"decoys": 63}, seed=seed)
    return scores_of(method, rows, _subject(boost, told=told))  # type: ignore[arg-type]


def test_the_lower_bound_passes_chance_exactly_where_fishers_test_rejects() -> None:
    rng = np.random.default_rng(11)
    for _ in range(300):
        ranks = _ranks(rng, canaries=20, shift=0.3)

        rejected = fisher_pooled([r / (DECOYS + 1) for r in ranks]) < LEVELS.alpha

        assert _fails(_bits(ranks), limit=CHANCE) == rejected


def test_a_subject_that_did_not_memorise_fails_at_most_as_often_as_alpha_says() -> None:
    rng = np.random.default_rng(5)
    runs = 400

    alarms = sum(_fails(_bits(_ranks(rng, canaries=50, shift=0.0)), limit=CHANCE) for _ in range(runs))
    at_two_bits = sum(_fails(_bits(_ranks(rng, canaries=50, shift=0.0)), limit=2.0) for _ in range(runs))

    # P(more than 33 of 400 | 0.05) = 0.003.
    assert alarms <= 33
    assert at_two_bits == 0


@pytest.mark.parametrize(
    ("canaries", "shift", "published"),
    [(10, 0.5, 0.41), (10, 1.0, 0.91), (20, 0.5, 0.65), (50, 0.3, 0.60), (50, 0.5, 0.94)],
)
def test_at_chance_the_power_is_that_of_the_published_table(canaries: int, shift: float, published: float) -> None:
    rng = np.random.default_rng(canaries)

    power = np.mean([_fails(_bits(_ranks(rng, canaries=canaries, shift=shift)), limit=CHANCE) for _ in range(500)])

    # The table has 1,023 decoys; 255 cost a few points. Standard error of the simulation: at most 0.022.
    assert published - 0.13 < power < published + 0.05


def test_at_two_bits_a_clean_subject_mostly_passes_and_one_sigma_fails() -> None:
    rng = np.random.default_rng(9)

    def outcomes(shift: float) -> tuple[float, float]:
        measured = [
            mean_exposure(_bits(_ranks(rng, canaries=100, shift=shift)), decoys=DECOYS, levels=LEVELS)
            for _ in range(300)
        ]
        return np.mean([m.bounds.high <= 2.0 for m in measured]), np.mean([m.bounds.low > 2.0 for m in measured])

    passed, failed = outcomes(0.0)
    assert passed > 0.9
    assert failed == 0.0
    passed, failed = outcomes(1.0)
    assert passed == 0.0
    assert failed > 0.95


@pytest.mark.parametrize(("canaries", "decoys"), [(100, 127), (100, 1023), (60, 8191)])
def test_a_pass_is_rarely_wrong_where_few_canaries_are_fully_memorised(canaries: int, decoys: int) -> None:
    """Oracle: a mixture whose true mean is just above 2 bits; the exponential law does not hold for it."""
    rng = np.random.default_rng(3)
    share = (2.02 - CHANCE) / (math.log2(decoys + 1) - CHANCE)
    runs, wrong = 600, 0
    for _ in range(runs):
        ranks = np.where(rng.random(canaries) < share, 1, rng.integers(1, decoys + 2, canaries))
        bits = [exposure(int(rank), decoys) for rank in ranks]
        wrong += mean_exposure(bits, decoys=decoys, levels=LEVELS).bounds.high <= 2.0

    # P(more than 46 of 600 | 0.05) = 0.002; with the t interval it was 10 % among 8,191 decoys.
    assert wrong <= 46


def test_an_exposure_beyond_what_its_decoys_can_show_is_refused() -> None:
    with pytest.raises(StatisticsError, match="from 0 to 8"):
        mean_exposure([8.5, 1.0], decoys=DECOYS, levels=LEVELS)


def test_planted_secrets_that_are_favoured_are_seen_and_their_control_is_not() -> None:
    found = estimates(CanaryExposure.make({}, seed=1), _scores(2.0, seed=1))

    assert found["top_exposure"].bounds[0] > 2.0
    assert found["fisher_p"].value < 1e-6
    assert found["control_p"].value > 0.001
    assert found["control_exposure"].bounds[0] < CHANCE
    assert found["control_exposure"].display_only


def test_the_clean_twin_stays_clean() -> None:
    """Through the whole method; 40 subjects that know nothing fail as often as alpha allows."""
    alarms = sum(
        estimates(CanaryExposure.make({}, seed=s), _scores(0.0, seed=s, per_tier=12, tiers=(16,)))[
            "top_exposure"
        ].bounds[0]
        > CHANCE
        for s in range(40)
    )

    # P(more than 7 of 40 | 0.05) = 0.001.
    assert alarms <= 7


def test_the_tier_with_the_highest_dose_decides_and_each_tier_is_shown() -> None:
    found = estimates(CanaryExposure.make({}, seed=2), _scores(1.0, seed=2, tiers=(0, 1, 4)))

    assert found["top_exposure"].value == found["exposure/tier=4"].value
    assert found["exposure"].n == 100
    assert "exposure/tier=0" not in found


def test_pooled_p_agrees_with_scipy() -> None:
    ranks = [1, 40, 120, 256]

    measured = pooled_p(ranks, [255] * 4, levels=LEVELS)

    assert measured.value == pytest.approx(stats.combine_pvalues([r / 256 for r in ranks]).pvalue)
    assert measured.interval.low <= measured.value <= measured.interval.high


def test_ties_count_against_the_canary() -> None:
    row = make_canaries(1, per_tier=1, tiers=(1,)).rows[0]
    method = CanaryExposure.make({"decoys": 19}, seed=1)

    asked: list[Request] = []

    def alike_but_for_the_last(request: Request) -> Response:
        asked.append(request)
        return likelihood(-6.0 if len(asked) == 20 else -5.0)

    (score,) = scores_of(method, [row], alike_but_for_the_last)

    assert values(score.score)["rank"] == 19.0
    assert values(score.score)["bits"] == pytest.approx(math.log2(20 / 19))


def test_all_at_the_last_rank_still_has_an_interval() -> None:
    measured = mean_exposure([0.0] * 10, decoys=DECOYS, levels=LEVELS)

    assert measured.interval.low == 0.0 < measured.interval.high


def test_no_end_lies_beyond_what_the_decoys_can_show() -> None:
    measured = mean_exposure([8.0] * 16, decoys=DECOYS, levels=LEVELS)

    assert measured.value == measured.interval.high == measured.bounds.high == 8.0


def test_nothing_scored_gives_no_number() -> None:
    with pytest.raises(NotEnoughDataError):
        mean_exposure([], decoys=DECOYS, levels=LEVELS)


def test_bounds_widen_with_smaller_alpha() -> None:
    bits = [1.0, 2.0, 3.0, 0.5] * 10
    bounds = [mean_exposure(bits, decoys=DECOYS, levels=Levels(alpha=a)).bounds for a in (0.05, 1e-3, 1e-9)]

    assert bounds[0].low > bounds[1].low > bounds[2].low > 0.0
    assert bounds[0].high < bounds[1].high < bounds[2].high


def test_another_run_seed_draws_other_decoys_and_the_same_seed_the_same() -> None:
    row = make_canaries(1, per_tier=1, tiers=(1,)).rows[0]
    asked = [next(CanaryExposure.make({}, seed=s).examine(row)) for s in (1, 1, 2)]

    assert asked[0] == asked[1] != asked[2]
    assert len(asked[0]) == 128


def test_exposure_follows_its_definition() -> None:
    row = make_canaries(1, per_tier=1, tiers=(1,)).rows[0]
    method = CanaryExposure.make({"decoys": 31}, seed=1)

    (score,) = scores_of(method, [row], lambda r: likelihood(-1.0 if r.continuation == row.secret else -9.0))  # type: ignore[union-attr]

    assert values(score.score)["bits"] == math.log2(32)
    assert isinstance(score.score, Scored)
    assert score.score.defect
    assert item_score(row, score.score).item == row.id


def test_a_subject_that_finds_all_candidates_alike_is_not_measured() -> None:
    """Ties count against the secret, so that the exposure would be 0: less than chance, and a pass."""
    (row,) = make_canaries(1, per_tier=1, tiers=(16,)).rows
    method = CanaryExposure.make({"decoys": 63}, seed=1)

    (score,) = scores_of(method, [row], lambda _: likelihood(-20.0))

    assert isinstance(score.score, Unscored)


def test_a_highest_dose_without_a_score_is_not_replaced_by_the_next() -> None:
    found = _scores(0.0, seed=5, per_tier=20, tiers=(0, 4, 16))
    lost = Unscored(reason=FailureReason.TIMEOUT)
    cut = [s.model_copy(update={"score": lost}) if s.groups["tier"] == "16" else s for s in found]
    method = CanaryExposure.make({"decoys": 63}, seed=5)

    assert "top_exposure" in estimates(method, found)
    assert "top_exposure" not in estimates(method, cut)
    assert "exposure/tier=4" in estimates(method, cut)
