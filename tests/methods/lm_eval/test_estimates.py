"""Intervals of metrics that are no means: coverage by simulation with a known truth.

Oracle: the population is a fixed pool of sources, samples are drawn from it with replacement, and the truth is the
same aggregate (lm-eval's own function) over the whole pool.
"""

import json
import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from lm_eval.api import metrics as theirs
from scipy import stats

from verify.errors import NotEnoughDataError
from verify.methods.base import Metric
from verify.methods.lm_eval.estimates import Document, Value, _unskewed, measure_documents
from verify.methods.lm_eval.metrics import UNBOUNDED, Measure, Rule, as_metric, range_of
from verify.records import Levels

Pool = Sequence[Sequence[Any]]
"""Source -> what its documents contribute."""


def value_of(
    name: str, aggregate: Callable[[list[Any]], float], *, by_size: bool = True, tasks: Sequence[str] = ("t",)
) -> Value:
    low, high = range_of(name)
    sized = name in {"word_perplexity", "bits_per_byte"}
    rule = Rule(aggregate, mean=False, perplexity="perplexity" in name, weighted=sized, higher=True, scaled=True)
    metric = Metric(name=name, better="higher", low=low, high=high, ideal=high, meaning="of a test")
    return Value(Measure(name, name, "none", dict.fromkeys(tasks, rule)), metric, by_size)


def documents(sources: Pool, task: str = "t") -> list[Document]:
    return [Document(task, f"{task}{i}", json.dumps(one)) for i, own in enumerate(sources) for one in own]


def misses(value: Value, pool: Pool, *, sources: int, runs: int, seed: int) -> tuple[float, float, float]:
    """Share of runs in which the interval, the lower bound and the upper bound miss the truth."""
    rng = random.Random(seed)
    rule = next(iter(value.measure.rules.values()))
    truth = float(rule.aggregate([tuple(one) for own in pool for one in own]))
    outside = below = above = 0
    for _ in range(runs):
        found = measure_documents(value, documents(rng.choices(pool, k=sources)), Levels())
        outside += not found.interval.low <= truth <= found.interval.high
        below += truth < found.bounds.low
        above += truth > found.bounds.high
    return outside / runs, below / runs, above / runs


def texts(n: int, *, seed: int) -> Pool:
    """Log-likelihood and bytes of documents, sources differing in rate and in length."""
    rng = random.Random(seed)
    pool = []
    for _ in range(n):
        rate = rng.gauss(0.8, 0.15)
        lengths = [int(rng.lognormvariate(5.0, 0.6)) + 1 for _ in range(rng.choice((1, 1, 3)))]
        pool.append([[-rate * n_bytes + rng.gauss(0.0, 4.0), n_bytes] for n_bytes in lengths])
    return pool


def of_two_kinds(n: int, *, seed: int) -> Pool:
    """One source in eight is of a kind that costs more than twice as much."""
    rng = random.Random(seed)
    pool = []
    for _ in range(n):
        rate = rng.gauss(1.8, 0.2) if rng.random() < 0.12 else rng.gauss(0.7, 0.1)
        n_bytes = int(rng.lognormvariate(5.0, 0.6)) + 1
        pool.append([[-rate * n_bytes, n_bytes]])
    return pool


def harder_if_long(n: int, *, seed: int, power: float) -> Pool:
    """The rate of a source grows with its length (or falls, where the power is negative)."""
    rng = random.Random(seed)
    pool = []
    for _ in range(n):
        n_bytes = int(rng.lognormvariate(5.0, 0.8)) + 1
        rate = 0.8 * (n_bytes / 150) ** power * rng.lognormvariate(0.0, 0.2)
        pool.append([[-rate * n_bytes, n_bytes]])
    return pool


def answers(n: int, *, right: float, seed: int) -> Pool:
    """Gold and predicted labels, sources of one to three documents with a difficulty of their own."""
    rng = random.Random(seed)
    pool = []
    for _ in range(n):
        chance = min(1.0, max(0.0, rng.gauss(right, 0.15)))
        golds = [int(rng.random() < 0.3) for _ in range(rng.choice((1, 2, 3)))]
        pool.append([[gold, gold if rng.random() < chance else 1 - gold] for gold in golds])
    return pool


@pytest.mark.parametrize(
    ("name", "aggregate"), [("bits_per_byte", theirs.bits_per_byte), ("word_perplexity", theirs.weighted_perplexity)]
)
def test_a_ratio_over_documents_covers_the_truth(name: str, aggregate: Callable[[list[Any]], float]) -> None:
    outside, below, above = misses(value_of(name, aggregate), texts(400, seed=1), sources=40, runs=250, seed=2)

    assert outside <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 250)
    assert max(below, above) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 250)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(of_two_kinds(2000, seed=11), id="two kinds"),
        pytest.param(harder_if_long(2000, seed=12, power=0.25), id="long sources are harder"),
        pytest.param(harder_if_long(2000, seed=13, power=-0.25), id="short sources are harder"),
    ],
)
def test_from_the_least_sources_on_a_bound_misses_at_most_half_again_as_often_as_it_states(pool: Pool) -> None:
    value = value_of("word_perplexity", theirs.weighted_perplexity)
    least = as_metric(value.measure).min_clusters

    _, below, above = misses(value, pool, sources=least, runs=400, seed=14)

    assert max(below, above) <= 0.075 + 2 * math.sqrt(0.075 * 0.925 / 400)


def test_only_what_has_a_tail_without_an_end_needs_more_sources() -> None:
    ratios = [("word_perplexity", theirs.weighted_perplexity), ("bits_per_byte", theirs.bits_per_byte)]

    needed = [as_metric(value_of(name, aggregate).measure).min_clusters for name, aggregate in ratios]
    assert min(needed) >= 200
    assert as_metric(value_of("mcc", theirs.matthews_corrcoef).measure).min_clusters == 0


@pytest.mark.parametrize("skew", [-0.4, -0.01, 0.0, 0.02, 0.6])
@pytest.mark.parametrize("t", [-2.1, 1.7])
def test_the_skewness_taken_out_is_halls(t: float, skew: float) -> None:
    """Oracle: Hall's cubic (1992, J. R. Statist. Soc. B 54), of which it is the inverse."""
    x = _unskewed(t, skew)

    assert x + skew * x**2 / 3 + skew**2 * x**3 / 27 + skew / 6 == pytest.approx(t)


def test_a_tail_of_hard_sources_lengthens_the_side_on_which_it_lies() -> None:
    value = value_of("bits_per_byte", theirs.bits_per_byte)
    easy, hard = [[[-70.0 - i % 5, 100]] for i in range(36)], [[[-250.0, 100]]] * 4

    found = measure_documents(value, documents([*easy, *hard]), Levels())

    assert found.bounds.high - found.value > 1.3 * (found.value - found.bounds.low)
    assert found.method == "jackknife-t-skew"


@pytest.mark.slow
@pytest.mark.parametrize("right", [0.75, 0.97])
@pytest.mark.parametrize("name", ["f1", "mcc"])
def test_an_f_score_and_a_correlation_cover_the_truth(name: str, right: float) -> None:
    from lm_eval.tasks.kobest.utils import macro_f1_score

    aggregate = macro_f1_score if name == "f1" else theirs.matthews_corrcoef
    pool = answers(300, right=right, seed=3)

    outside, below, above = misses(value_of(name, aggregate), pool, sources=60, runs=150, seed=4)

    assert outside <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)
    assert max(below, above) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


@pytest.mark.slow
def test_corpus_chrf_covers_the_truth() -> None:
    rng = random.Random(5)
    words = ["민원실", "창구", "여권", "신청", "수수료", "등본", "처리", "기간", "안내", "담당"]
    pool = []
    for _ in range(120):
        gold = rng.choices(words, k=6)
        said = [word if rng.random() < 0.6 else rng.choice(words) for word in gold]
        pool.append([[" ".join(gold), " ".join(said)]])

    outside, _, _ = misses(value_of("chrf", theirs.chrf), pool, sources=30, runs=120, seed=6)

    assert outside <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 120)


def test_a_faultless_sample_has_no_interval_of_width_zero() -> None:
    value = value_of("mcc", theirs.matthews_corrcoef)

    found = measure_documents(value, documents([[[i % 2, i % 2]] for i in range(20)]), Levels())

    assert found.value == 1.0
    assert found.bounds.low == pytest.approx(1.0 - 2.0 * (1.0 - 0.05 ** (1 / 20)))
    assert found.interval.high == 1.0


def test_the_unweighted_mean_of_a_group_is_the_mean_of_its_tasks() -> None:
    """Oracle: the jackknife of a mean in closed form, s^2/(n-1) for each task, over K^2 for independent tasks."""
    value = value_of("score", lambda rows: sum(rows) / len(rows), by_size=False, tasks=("a", "b"))
    small, large = [1.0, 0.0, 1.0, 1.0], [0.25 * (i % 3) for i in range(30)]
    rows = documents([[x] for x in small], "a") + documents([[x] for x in large], "b")

    found = measure_documents(value, rows, Levels())

    variance = sum(statistics.variance(own) / (len(own) - 1) for own in (small, large)) / 4
    assert found.value == pytest.approx((sum(small) / 4 + sum(large) / 30) / 2)
    half = stats.t.isf(0.025, 33) * math.sqrt(33 / 34 * variance)
    assert found.interval.high - found.value == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize("sources", [[[[-5.0, 10]]], [[[-5.0, 10]]] * 9], ids=["one source", "all alike and no range"])
def test_what_does_not_vary_is_not_measured(sources: Pool) -> None:
    with pytest.raises(NotEnoughDataError):
        measure_documents(value_of("word_perplexity", theirs.weighted_perplexity), documents(sources), Levels())


def test_a_value_beyond_all_numbers_is_not_measured() -> None:
    rows = documents([[[-9e5 - i, 1]] for i in range(9)])

    with pytest.raises(NotEnoughDataError, match="no value"):
        measure_documents(value_of("word_perplexity", theirs.weighted_perplexity), rows, Levels())
    assert math.inf > UNBOUNDED
