"""Human labels steadied by a judge's: tabled gains, coverage with known truth, what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import MIN_LABELLED_CLUSTERS, clustered_mean, powered_mean


def world(random, p, *, sensitivity, specificity, items, size=1):
    """0/1 truths of `items` items, what a judge says of them, and their sources; sources differ where shared."""
    levels = np.full(items, p) if size == 1 else np.repeat(random.beta(2 * p, 2 * (1 - p), items // size), size)
    truth = random.random(items) < levels
    judged = np.where(truth, random.random(items) < sensitivity, random.random(items) >= specificity)
    return truth.astype(int).tolist(), judged.astype(int).tolist(), (np.arange(items) // size).tolist()


@pytest.mark.parametrize(("accuracy", "gain"), [(0.7, 1.16), (0.8, 1.46), (0.9, 2.37), (0.95, 4.08)])
def test_the_gain_is_the_tabled_one(accuracy, gain):
    # Oracle: section 1.8 of the dossier, 200 human and 5,000 judge labels, which fits a rate of .3. In closed form
    # the gain is 1 / (1 - r^2 N / (n + N)), r being the correlation of human and judge.
    p, n, total = 0.3, 200, 5000
    flagged = p * accuracy + (1 - p) * (1 - accuracy)
    r2 = (p * (1 - p) * (2 * accuracy - 1)) ** 2 / (p * (1 - p) * flagged * (1 - flagged))
    closed = 1 / (1 - r2 * total / (n + total))
    random = np.random.default_rng(71)
    found = []
    for _ in range(60):
        human, judged, _ = world(random, p, sensitivity=accuracy, specificity=accuracy, items=n)
        _, alone, _ = world(random, p, sensitivity=accuracy, specificity=accuracy, items=total)
        found.append(powered_mean(human, judged, alone).gain)

    assert closed == pytest.approx(gain, abs=0.06)
    assert np.mean(found) == pytest.approx(closed, rel=0.07)


@pytest.mark.parametrize(
    ("p", "sensitivity", "specificity", "n", "alone", "size"),
    [
        pytest.param(0.3, 0.9, 0.9, 200, 2000, 1, id="as tabled"),
        pytest.param(0.02, 0.9, 0.95, 100, 1000, 1, id="rare"),
        pytest.param(0.98, 0.95, 0.95, 30, 1000, 1, id="frequent, few labels"),
        pytest.param(0.5, 0.9, 0.9, 20, 500, 1, id="the least number of labels"),
        pytest.param(0.9, 0.95, 0.95, 30, 100, 1, id="few of both"),
        pytest.param(0.3, 0.5, 0.5, 40, 1000, 1, id="a useless judge"),
        pytest.param(0.2, 0.6, 0.99, 100, 1000, 1, id="a judge that misses many"),
        pytest.param(0.3, 0.9, 0.9, 200, 1000, 5, id="shared sources"),
    ],
)
def test_either_end_misses_at_most_as_often_as_it_says(p, sensitivity, specificity, n, alone, size):
    # Oracle: simulation with known truth, one-sided .05 at each end, 3 standard errors.
    random, runs = np.random.default_rng(72), 400
    above = below = 0
    for _ in range(runs):
        kind = {"sensitivity": sensitivity, "specificity": specificity, "size": size}
        human, judged, sources = world(random, p, items=n, **kind)
        _, rest, others = world(random, p, items=alone, **kind)
        low, high = powered_mean(
            human, judged, rest, clusters=sources, clusters_alone=[-1 - c for c in others], confidence=0.9
        ).interval
        above += low > p
        below += high < p

    tolerance = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert above / runs <= 0.05 + tolerance
    assert below / runs <= 0.05 + tolerance


def test_the_estimate_is_right_on_average_however_biased_the_judge():
    # Oracle: simulation; the judge says yes twice as often as the human.
    random = np.random.default_rng(73)
    found = []
    for _ in range(150):
        human, judged, _ = world(random, 0.3, sensitivity=1.0, specificity=0.57, items=100)
        _, alone, _ = world(random, 0.3, sensitivity=1.0, specificity=0.57, items=500)
        found.append(powered_mean(human, judged, alone).value)

    assert np.mean(found) == pytest.approx(0.3, abs=3 * 0.046 / math.sqrt(150))


def test_the_estimate_and_its_error_are_those_of_the_paper():
    # Oracle: equations of PPI++ for a mean, written out with numpy on independent items; Bessel's factor is CR1's.
    random = np.random.default_rng(74)
    human, alone = random.random(50), random.random(300)
    judged = np.clip(0.7 * human + 0.3 * random.random(50), 0, 1)
    weight = np.cov(human, judged)[0, 1] / (np.var(judged, ddof=1) + 50 / 300 * np.var(alone, ddof=1))
    error = math.sqrt(np.var(human - weight * judged, ddof=1) / 50 + weight**2 * np.var(alone, ddof=1) / 300)
    found = powered_mean(human.tolist(), judged.tolist(), alone.tolist())

    assert 0.0 < weight < 1.0
    assert found.weight == pytest.approx(weight)
    assert found.value == pytest.approx(human.mean() - weight * (judged.mean() - alone.mean()))
    assert found.standard_error == pytest.approx(error)
    assert found.gain == pytest.approx(np.var(human, ddof=1) / 50 / error**2)


def test_a_judge_that_tells_nothing_leaves_the_human_labels_alone():
    human = [1, 0, 0] * 20
    found = powered_mean(human, [1 - y for y in human], [1, 0] * 50)
    alone = clustered_mean([1 - y for y in human], range(60), low=0, high=1, skewed=True)

    assert (found.weight, found.gain) == (0.0, 1.0)
    assert found.interval == pytest.approx(clustered_mean(human, range(60), low=0, high=1, skewed=True).interval)
    assert alone.interval.high == pytest.approx(1 - found.interval.low)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    n = draw(st.integers(MIN_LABELLED_CLUSTERS, 40))
    pairs = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=n, max_size=n))
    alone = draw(st.lists(st.integers(0, 1), min_size=2, max_size=60))
    return [y for y, _ in pairs], [f for _, f in pairs], alone


@given(labelled())
def test_an_interval_is_never_of_width_zero_holds_the_value_and_never_loses_to_the_labels_alone(data):
    found = powered_mean(*data)

    assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 1.0
    assert found.interval.high > found.interval.low
    assert found.gain >= 1.0 - 1e-9
    assert 0.0 <= found.weight <= 1.0


@given(labelled(), st.randoms())
def test_neither_order_nor_names_nor_the_direction_matters(data, random):
    human, judged, alone = data
    one = powered_mean(human, judged, alone)
    places = list(range(len(human)))
    random.shuffle(places)
    shuffled = powered_mean([human[i] for i in places], [judged[i] for i in places], sorted(alone))
    named = powered_mean(
        human,
        judged,
        alone,
        clusters=[f"l{i * 7 % 97}" for i in range(len(human))],
        clusters_alone=[f"a{i}" for i in range(len(alone))],
    )
    other = powered_mean([1 - x for x in human], [1 - x for x in judged], [1 - x for x in alone])

    for two in (shuffled, named):
        assert two.value == pytest.approx(one.value)
        assert two.interval == pytest.approx(one.interval, abs=1e-9)
    assert other.value == pytest.approx(1 - one.value)
    if sum(human) * 2 != len(human):  # at the middle both readings are as good; one is taken
        assert other.interval == pytest.approx((1 - one.interval.high, 1 - one.interval.low), abs=1e-9)


@given(labelled(), st.integers(2, 3))
def test_repeating_every_item_in_its_source_never_narrows_the_interval(data, times):
    human, judged, alone = data
    ids, others = list(range(len(human))), [-1 - i for i in range(len(alone))]
    one = powered_mean(human, judged, alone, clusters=ids, clusters_alone=others)
    many = powered_mean(
        human * times, judged * times, alone * times, clusters=ids * times, clusters_alone=others * times
    )

    assert many.value == pytest.approx(one.value)
    assert many.interval.low <= one.interval.low + 1e-9
    assert many.interval.high >= one.interval.high - 1e-9


def test_scores_in_another_range_give_a_scaled_interval():
    random = np.random.default_rng(75)
    human, alone = random.random(40), random.random(200)
    judged = np.clip(human + random.normal(0, 0.1, 40), 0, 1)
    low, high = powered_mean(human.tolist(), judged.tolist(), alone.tolist()).interval
    scaled = powered_mean(*((4 * x + 1).tolist() for x in (human, judged, alone)), low=1.0, high=5.0)

    assert scaled.interval == pytest.approx((4 * low + 1, 4 * high + 1))


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf"), "1", 1.5, -0.1])
def test_a_label_that_is_none_is_refused(bad):
    good = [1, 0] * 15
    for place in range(3):
        data = [list(good) for _ in range(3)]
        data[place][4] = bad
        with pytest.raises(StatisticsError):
            powered_mean(*data)


def test_too_few_labels_and_a_source_on_both_sides_are_refused():
    few, enough = [1, 0] * 9, [1, 0] * 15
    with pytest.raises(NotEnoughDataError, match="at least 20"):
        powered_mean(few, few, enough)
    with pytest.raises(NotEnoughDataError, match="at least 20"):
        powered_mean(enough, enough, enough, clusters=[i // 2 for i in range(30)], clusters_alone=range(100, 130))
    for nothing in ([], [1]):
        with pytest.raises(NotEnoughDataError):
            powered_mean(enough, enough, nothing)
    with pytest.raises(NotEnoughDataError):
        powered_mean([], [], enough)
    with pytest.raises(StatisticsError, match="both"):
        powered_mean(enough, enough[1:], enough)
    with pytest.raises(StatisticsError, match="whole sources"):
        powered_mean(enough, enough, enough, clusters=range(30), clusters_alone=range(29, 59))
    with pytest.raises(StatisticsError, match="outside"):
        powered_mean([1.5, *enough[1:]], enough, enough)
