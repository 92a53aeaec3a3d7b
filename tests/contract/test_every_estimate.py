"""What must hold for the estimates of every method that there is, whatever its scores are.

Oracle: metamorphic relations (trust facts, T7-T12). Where a shipped suite uses the method its scores are those of a
subject that answers by chance, so that a new method is covered as soon as a suite has it; the others' scores are
made here (`MADE`), with every key that the method gives, which the first test sees to.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.test_item_values import noise
from verify import loading
from verify.deciding import decide
from verify.engine import Memory, Silent, examine
from verify.errors import NotEnoughDataError
from verify.methods.base import Method
from verify.methods.catalogue import MethodClass, methods
from verify.planning import PlanInputs, make_plan
from verify.records import (
    Bound,
    Estimate,
    FailureReason,
    ItemScore,
    Levels,
    Outcome,
    PlannedCheck,
    Scored,
    Text,
    Unscored,
    digest_of,
)
from verify.reporting.translated import interval_method
from verify.reporting.words import Language, Words
from verify.runtime.scripted import ScriptedRuntime

METHODS = list(methods().values())
each_method = pytest.mark.parametrize("kind", METHODS, ids=lambda m: m.name)

Key = tuple[str, str | None]
"""Metric and group."""


class Pool(NamedTuple):
    """A method with scores of it, from which worlds are drawn."""

    method: Method[Any, Any]
    scores: Sequence[ItemScore]


def _rank(draw: random.Random) -> dict[str, float]:
    rank = draw.randint(1, 100)
    return {"rank": float(rank), "decoys": 99.0, "bits": math.log2(100 / rank)}


def _dosed(draw: random.Random) -> tuple[dict[str, float], dict[str, str]]:
    dose = draw.choice([0, 4, 16])
    return {**_rank(draw), "dose": float(dose), "logprob": -draw.random() * 30}, {"tier": str(dose)}


def _document(draw: random.Random) -> tuple[dict[str, float], dict[str, str]]:
    attacks = {name: draw.gauss(-3, 1) for name in ("loss", "zlib", "min_k", "min_k_plus", "recall", "reference")}
    return {**attacks, "member": float(draw.random() < 0.5), "length": float(draw.randint(80, 120))}, {}


def _coins(draw: random.Random, *names: str) -> dict[str, float]:
    return {name: float(draw.random() < 0.5) for name in names}


def _split(draw: random.Random) -> dict[str, str]:
    return {"split": draw.choice(["member", "heldout"])}


MADE: Mapping[str, tuple[Mapping[str, object], Callable[[random.Random], tuple[dict[str, float], dict[str, str]]]]] = {
    "canary-exposure": ({}, _dosed),
    "canary-extraction": ({}, lambda d: (_coins(d, "extracted", "discoverable"), {"tier": "4", "kind": d.choice("ab")})),
    "dp-lower-bound": ({}, _dosed),
    "known-data-extraction": ({}, lambda d: (_coins(d, "near", "verbatim", "pii"), _split(d))),
    "pii-inference": ({}, lambda d: (_coins(d, "top1"), _split(d))),
    "membership-inference": ({}, _document),
    "benchmark-contamination": ({}, lambda d: (_rank(d), {})),
    "counterfactual-classifier": (
        {"favourable": "승인"},
        lambda d: (
            {**_coins(d, "flip", "null_flip"), "gap": d.uniform(-1, 1), "direction": d.choice([-1.0, 0.0, 1.0])},
            {"ground": d.choice(["sex", "age"])},
        ),
    ),
    "group-fairness": (
        {"favourable": "승인", "between": "sex"},
        lambda d: (_coins(d, "selected", "deserving", "correct"), {"sex": d.choice(["a", "b"])}),
    ),
    "group-fairness-text": (
        {"favourable": "승인", "between": "sex"},
        lambda d: (_coins(d, "selected", "deserving", "correct"), {"sex": d.choice(["a", "b"])}),
    ),
    "lm-eval": ({"task": "gsm8k"}, lambda d: (_coins(d, "exact_match,strict-match", "exact_match,flexible-extract"), {})),
}  # fmt: skip
"""Method -> parameters and what one item may score."""


@cache
def examined() -> Mapping[str, Pool]:
    """Method -> its first check in the shipped suites, examined on a subject that answers by chance."""
    found: dict[str, Pool] = {}
    for suite in loading.suite_names():
        runtime = ScriptedRuntime(noise)
        inputs = PlanInputs(policy=loading.load_policy("self-check"), suites=[suite], limit=30)
        planned = make_plan(runtime.subject, inputs, methods=methods(), frameworks={})
        asked = [e for e in planned.examinations if e.items]
        done = examine(asked, runtime, Memory(), gate=lambda _, response: response, progress=Silent())
        for each in asked:
            scores = [s for s in done.scores[each.check.name] if isinstance(s.score, Scored)]
            if scores:
                found.setdefault(each.check.method, Pool(each.method, scores))
    return found


@cache
def pool(name: str) -> Pool:
    if name in examined():
        return examined()[name]
    assert name in MADE, f"no suite has {name!r}: say in MADE what its items may score"
    parameters, made = MADE[name]
    draw = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))
    scores = []
    for i in range(60):
        values, groups = made(draw)
        labels = {"words": f"{i:x} {i % 7:x}a"} if name == "membership-inference" else {}
        scores.append(
            ItemScore(
                check="toys.any", item=f"p{i}", cluster="", groups=groups, score=Scored(values=values, labels=labels)
            )
        )
    return Pool(methods()[name].make(dict(parameters), seed=0), scores)


@st.composite
def worlds(draw: st.DrawFn, scores: Sequence[ItemScore], *, least: int = 1) -> list[ItemScore]:
    """Up to 40 items, each with a score of the pool, in up to 12 clusters."""
    size = draw(st.integers(least, 40))
    drawn = draw(st.lists(st.tuples(st.integers(0, len(scores) - 1), st.integers(0, 11)), min_size=size, max_size=size))
    return [
        scores[place].model_copy(update={"item": f"i{k:02d}", "cluster": f"c{cluster}"})
        for k, (place, cluster) in enumerate(drawn)
    ]


def estimates(method: Method[Any, Any], scores: Sequence[ItemScore]) -> dict[Key, Estimate]:
    try:
        made = list(method.estimate(scores, levels=Levels(), estimand="super_population"))
    except NotEnoughDataError:
        return {}
    found = {(e.metric, e.group): e for e in made}
    assert len(found) == len(made), "two estimates of one metric and group"
    return found


DRAWN = {"ece", "ece_excess"}
"""Shown only: the bias of the error is drawn at random, item by item, so that it is another with another order."""


def numbers(estimate: Estimate) -> tuple[float, ...]:
    return (estimate.value, *estimate.interval, *estimate.bounds, estimate.n, estimate.n_clusters, estimate.n_unscored)


def same(one: Mapping[Key, Estimate], other: Mapping[Key, Estimate]) -> None:
    assert one.keys() == other.keys()
    for key, estimate in one.items():
        if key[0] in DRAWN:
            continue
        assert numbers(other[key]) == pytest.approx(numbers(estimate), abs=1e-9), key
        assert other[key].display_only == estimate.display_only, key


def outcome(
    kind: MethodClass, scores: Sequence[ItemScore], estimate: Estimate | None, bound: Bound, metric: str
) -> Outcome:
    """The verdict of a check that has this metric and bound."""
    word = Text(ko="낱말", en="word")
    check = PlannedCheck(
        name="toys.any", suite="toys", concern="accuracy", title=word, method=kind.name, method_version=1, parameters={},
        metric=metric, better="higher" if bound.at_least is not None else "lower", bound=bound, max_unscored=0.05,
        estimand="super_population", n_items=1, n_clusters=1, n_available=1, items_digest=digest_of([]), why=word,
        remedy=word,
    )  # fmt: skip
    return decide(check, scores, estimate, min_clusters=8).verdict


RELATION = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@each_method
def test_there_are_scores_from_which_every_metric_is_estimated(kind: MethodClass) -> None:
    method, scores = pool(kind.name)
    # Twice, so that no group has a single source, of which nothing is estimated.
    every = [s.model_copy(update={"item": f"i{k:03d}", "cluster": f"c{k}"}) for k, s in enumerate([*scores, *scores])]

    found = {metric for metric, _ in estimates(method, every)}

    rare = {"tpr_at_1_fpr", "tpr_at_01_fpr"}  # need 100 and 1,000 non-members
    assert {m.name for m in method.metrics} - rare <= found


@each_method
@RELATION
@given(data=st.data())
def test_neither_the_order_nor_the_names_of_clusters_change_a_number(kind: MethodClass, data: st.DataObject) -> None:
    method, scores = pool(kind.name)
    world = data.draw(worlds(scores))
    before = estimates(method, world)

    same(before, estimates(method, data.draw(st.permutations(world))))
    same(before, estimates(method, [s.model_copy(update={"cluster": f"z{s.cluster[::-1]}"}) for s in world]))


@each_method
@RELATION
@given(data=st.data(), times=st.integers(2, 3))
def test_the_same_items_again_in_their_clusters_never_narrow_an_interval(
    kind: MethodClass, data: st.DataObject, times: int
) -> None:
    method, scores = pool(kind.name)
    world = data.draw(worlds(scores))
    before = estimates(method, world)
    after = estimates(method, [s.model_copy(update={"item": f"{s.item}/{k}"}) for k in range(times) for s in world])

    for key in before.keys() & after.keys():
        one, many = before[key], after[key]
        if key[0] in DRAWN:
            continue
        assert many.value == pytest.approx(one.value, abs=1e-9), key
        for narrow, wide in ((one.bounds, many.bounds), (one.interval, many.interval)):
            assert wide[0] <= narrow[0] + 1e-9, key
            assert wide[1] >= narrow[1] - 1e-9, key
        assert many.n_clusters <= one.n_clusters, key


@each_method
@RELATION
@given(data=st.data())
def test_no_interval_has_width_zero_each_holds_its_value_and_counts_no_more_sources_than_there_are(
    kind: MethodClass, data: st.DataObject
) -> None:
    method, scores = pool(kind.name)
    alike = data.draw(st.booleans())
    world = data.draw(worlds(scores[:1] if alike else scores))
    for (metric, group), estimate in estimates(method, world).items():
        assert all(map(math.isfinite, numbers(estimate))), metric
        for low, high in (estimate.interval, estimate.bounds):
            assert low < high, (metric, group)
        assert estimate.interval[0] - 1e-12 <= estimate.value <= estimate.interval[1] + 1e-12, (metric, group)
        assert estimate.n_clusters <= len({s.cluster for s in world}), (metric, group)
        assert estimate.n <= len(world), (metric, group)


@each_method
@RELATION
@given(data=st.data(), alone=st.booleans())
def test_one_more_of_the_best_items_never_turns_a_pass_into_a_fail(
    kind: MethodClass, data: st.DataObject, alone: bool
) -> None:
    method, scores = pool(kind.name)
    world = data.draw(worlds(scores))
    before = estimates(method, world)
    for metric in method.metrics:
        if metric.name not in method.item_values or (metric.name, None) not in before:
            continue
        best = _best(method, scores, metric.name, higher=metric.better == "higher")
        more = [*world, best.model_copy(update={"item": "more", "cluster": "more" if alone else world[0].cluster})]
        one, other = before[metric.name, None], estimates(method, more).get((metric.name, None))
        if other is None:  # two items of one source: no interval is made of them, so that nothing fails
            continue

        limit = metric.low + (metric.high - metric.low) * data.draw(st.floats(0.01, 0.99))
        bound = Bound(at_least=limit) if metric.better == "higher" else Bound(at_most=limit)
        sign = 1.0 if metric.better == "higher" else -1.0
        assert sign * other.value >= sign * one.value - 1e-9, metric.name
        # For every limit at once: what passed had its lower end above it, what fails has its upper end below.
        if metric.better == "higher":
            assert other.bounds[1] >= one.bounds[0], metric.name
        else:
            assert other.bounds[0] <= one.bounds[1], metric.name
        verdicts = [outcome(kind, w, e, bound, metric.name) for w, e in ((world, one), (more, other))]
        assert verdicts != [Outcome.PASS, Outcome.FAIL], metric.name


def _best(method: Method[Any, Any], scores: Sequence[ItemScore], metric: str, *, higher: bool) -> ItemScore:
    pick = method.item_values[metric]

    def number(score: ItemScore) -> float:
        assert isinstance(score.score, Scored)
        found = pick(score, score.score) if callable(pick) else score.score.values.get(pick)
        return -math.inf if found is None else (found if higher else -found)

    return max(scores, key=number)


@each_method
@RELATION
@given(data=st.data())
def test_items_without_a_score_are_counted_and_change_no_number(kind: MethodClass, data: st.DataObject) -> None:
    method, scores = pool(kind.name)
    world = data.draw(worlds(scores))
    lost = [
        s.model_copy(update={"item": f"lost{k}", "score": Unscored(reason=FailureReason.TIMEOUT)})
        for k, s in enumerate([world[0], world[0], world[-1]])
    ]
    before, after = estimates(method, world), estimates(method, [*world, *lost])

    for key in before.keys() & after.keys():
        if key[0].endswith("_strict"):  # which count them as wrong
            continue
        assert numbers(after[key])[:-1] == pytest.approx(numbers(before[key])[:-1], abs=1e-9), key
        if key[1] is None:
            assert after[key].n_unscored == 3, key


@each_method
def test_one_source_decides_nothing_however_many_items_it_has(kind: MethodClass) -> None:
    method, scores = pool(kind.name)
    world = [s.model_copy(update={"item": f"i{k:02d}", "cluster": "c"}) for k, s in enumerate(scores)]
    found = estimates(method, world)
    for metric in method.metrics:
        for bound in _bounds(metric.low, metric.high, better=metric.better):
            verdict = outcome(kind, world, found.get((metric.name, None)), bound, metric.name)

            assert verdict in {Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED}, metric.name


def _bounds(low: float, high: float, *, better: str) -> Iterable[Bound]:
    for limit in (low + 0.001 * (high - low), high - 0.001 * (high - low)):
        yield Bound(at_least=limit) if better == "higher" else Bound(at_most=limit)


@each_method
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_interval_that_a_method_gives_has_a_name_in_the_report(kind: MethodClass, language: Language) -> None:
    method, scores = pool(kind.name)
    words = Words(language, loading.load_locale(language))
    of_one_source = [score.model_copy(update={"cluster": f"c{k % 9}"}) for k, score in enumerate(scores)]

    given = {e.method for some in (scores, of_one_source) for e in estimates(method, some).values()}

    assert [name for name in sorted(given) if interval_method(name, words) == name] == []
