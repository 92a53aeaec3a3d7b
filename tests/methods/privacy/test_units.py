"""Rows that share a cluster: the truth is known by construction, and rows taken as independent get it wrong."""

import random
from collections.abc import Callable

import pytest

from tests.methods.privacy.scripted import estimates
from verify.methods.base import Method
from verify.methods.privacy.benchmark_contamination import BenchmarkContamination
from verify.methods.privacy.canary_exposure import CanaryExposure
from verify.methods.privacy.dp_lower_bound import DpLowerBound
from verify.methods.privacy.membership_inference import MembershipInference
from verify.methods.privacy.units import one_a_cluster
from verify.records import FailureReason, ItemScore, Scored, Unscored
from verify.statistics import exposure

DECOYS, CLUSTERS, ROWS = 127, 20, 6
RUNS = 40


def _score(cluster: int, row: int, values: dict[str, float], *, clustered: bool, **labels: str) -> ItemScore:
    item = f"c{cluster:03d}-r{row}"
    return ItemScore(
        check="privacy.test",
        item=item,
        cluster=f"c{cluster}" if clustered else item,
        score=Scored(values=values, labels=labels),
    )


def _ranked(seed: int, *, clustered: bool, dose: Callable[[random.Random], float], rows: int = ROWS) -> list[ItemScore]:
    """Secrets that nobody memorised: each cluster's rank is uniform, and all its rows say the same."""
    chance, scores = random.Random(seed), []
    for cluster in range(CLUSTERS):
        rank, told = chance.randint(1, DECOYS + 1), dose(chance)
        values = {
            "rank": float(rank),
            "decoys": float(DECOYS),
            "bits": exposure(rank, DECOYS),
            "dose": told,
            "logprob": -20.0 - rank,
        }
        scores += [_score(cluster, row, values, clustered=clustered) for row in range(rows)]
    return scores


def _rejected(method: Method, metric: str, *, clustered: bool, runs: int = 120) -> float:
    rejected = 0
    for seed in range(runs):
        scores = _ranked(seed, clustered=clustered, dose=lambda _: 1.0)
        rejected += estimates(method, scores)[metric].value <= 0.05
    return rejected / runs


@pytest.mark.parametrize(
    ("method", "metric"),
    [(CanaryExposure.make({}, seed=0), "fisher_p"), (BenchmarkContamination.make({}, seed=0), "order_p")],
    ids=["canaries", "shards"],
)
def test_a_pooled_test_keeps_its_size_when_rows_say_the_same_thing_six_times(method, metric):
    # Truth: nothing was memorised, 5 % may be rejected. Three standard errors of 120 runs are 0.06.
    assert _rejected(method, metric, clustered=True) <= 0.05 + 0.06
    assert _rejected(method, metric, clustered=False) > 0.15


def test_coins_that_are_shared_refute_no_epsilon():
    # Truth: epsilon is 0; a bound above 0 is an error of at most 5 %. Three standard errors of 40 runs are 0.1.
    method = DpLowerBound.make({"share": 0.5}, seed=0)

    def wrong(*, clustered: bool) -> float:
        runs = [
            _ranked(seed, clustered=clustered, rows=15, dose=lambda chance: float(chance.random() < 0.5))
            for seed in range(RUNS)
        ]
        return sum(estimates(method, run)["epsilon_lower_bound"].bounds[0] > 0.0 for run in runs) / RUNS

    assert wrong(clustered=True) <= 0.05 + 0.1
    assert wrong(clustered=False) > 0.15


def _documents(seed: int, *, clustered: bool) -> list[ItemScore]:
    """Documents cut into six pieces; a piece's score is its document's, which says nothing of membership."""
    chance, scores = random.Random(seed), []
    for document in range(2 * CLUSTERS):
        level, member = chance.gauss(0.0, 1.0), float(document % 2)
        words = " ".join(f"{chance.randrange(1 << 14):x}" for _ in range(12))
        for row in range(ROWS):
            values = {"min_k_plus": level + chance.gauss(0.0, 0.1), "member": member, "length": 100.0}
            scores.append(_score(document, row, values, clustered=clustered, words=words))
    return scores


def test_the_interval_of_an_attack_covers_the_truth_when_documents_come_in_pieces():
    # Truth: AUC 0.5, and no word tells members; 95 % intervals. Three standard errors of 20 runs are 0.15.
    method, runs = MembershipInference.make({}, seed=0), 20
    covers = {True: 0, False: 0}
    invalid = {True: 0, False: 0}
    for seed in range(runs):
        for clustered in covers:
            found = estimates(method, _documents(seed, clustered=clustered))
            covers[clustered] += found["auc"].interval[0] <= 0.5 <= found["auc"].interval[1]
            invalid[clustered] += "design-invalid" in found["blind_auc"].method

    assert covers[True] / runs >= 0.95 - 0.15
    assert covers[False] / runs < 0.75
    assert invalid[True] / runs <= 0.05 + 0.15
    assert invalid[False] / runs > 0.9  # pieces of one document are known again across folds


def test_the_first_scored_row_counts_and_twins_count_both():
    rows = [
        ItemScore(check="p.t", item="b", cluster="x", score=Scored(values={"member": 1.0})),
        ItemScore(check="p.t", item="a", cluster="x", score=Unscored(reason=FailureReason.EMPTY)),
        ItemScore(check="p.t", item="c", cluster="x", score=Scored(values={"member": 0.0})),
        ItemScore(check="p.t", item="d", cluster="x", score=Scored(values={"member": 0.0})),
    ]

    assert [score.item for score in one_a_cluster(rows)] == ["b"]
    assert [score.item for score in one_a_cluster(rows, kind=lambda s: s.values["member"])] == ["b", "c"]
    assert one_a_cluster(rows[::-1])[0].item == "b"
