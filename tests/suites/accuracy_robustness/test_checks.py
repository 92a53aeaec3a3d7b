"""The checks as they are shipped, on subjects whose competence is known: who passes, who fails."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.methods.accuracy.driving import Subject, chance, examined, likely
from verify.deciding.decide import confirmed, refuted
from verify.loading import load_suite
from verify.methods.accuracy.abstention import Abstention
from verify.methods.accuracy.choices import LETTERS, ChoiceItem
from verify.methods.accuracy.multiple_choice import MultipleChoice
from verify.methods.accuracy.short_answer import ShortAnswer, ShortAnswerItem
from verify.methods.base import Method
from verify.methods.robustness.option_order import OptionOrder
from verify.methods.robustness.perturbed_choice import PerturbedChoice
from verify.planning import build_items
from verify.planning.items import check_files, read_rows
from verify.records import (
    Check,
    Estimate,
    GenerateAnswer,
    Item,
    ItemScore,
    Levels,
    LogLikelihood,
    Request,
    Response,
    Scored,
)

METHODS = {m.name: m for m in (MultipleChoice, ShortAnswer, Abstention, PerturbedChoice, OptionOrder)}
SUITES = ("accuracy", "robustness")
CHECKS = {f"{s}.{c.id}": c for s in SUITES for c in load_suite(s).suite.checks}
GATE = 120

Made = Callable[[Item], Subject]
"""A subject that was made for one item, whose right answer it knows."""


@cache
def planned(name: str, limit: int | None) -> tuple[Method[Any, Any], tuple[Item, ...]]:
    check: Check = CHECKS[name]
    method = METHODS[check.method].make(check.parameters, seed=11)
    rows = read_rows(check_files(check, load_suite(name.split(".", maxsplit=1)[0]).folder))
    return method, build_items(rows, method, limit=limit, seed=11, name=name).asked


def decided(name: str, made: Made, *, limit: int | None = None, alpha: float = 0.05) -> Estimate:
    """The estimate that the check's verdict rests on."""
    method, items = planned(name, limit)
    scores = [
        ItemScore(check=name, item=i.id, cluster=i.cluster_key, groups=i.groups, score=examined(method, i, made(i)))
        for i in items
    ]
    levels = Levels(confidence=1 - alpha, alpha=alpha)
    found = method.estimate(scores, levels=levels, estimand="super_population")
    return next(e for e in found if e.metric == CHECKS[name].metric and e.group is None)


def taking(pick: Callable[[ChoiceItem, str, list[str]], str], *, surely: float = 9.0) -> Made:
    """A subject that takes the option which `pick(item, context, options as shown)` names."""

    def made(item: Item) -> Subject:
        def answer(request: Request) -> Response:
            if not isinstance(request, LogLikelihood):
                assert isinstance(item, ShortAnswerItem)
                text = item.answers[0] if item.answers else "글에 없음"
                return GenerateAnswer(text=text, finish="stop", n_tokens=4)
            assert isinstance(item, ChoiceItem)
            listed = request.context.rsplit("보기:", 1)[1]
            shown = sorted(item.choices, key=lambda c: listed.find(f" {c}"))
            letters = request.continuation.strip() in LETTERS
            option = pick(item, request.context, shown)
            said = LETTERS[shown.index(option)] if letters else option
            return likely(-0.1 if request.continuation == f" {said}" else -surely)

        return answer

    return made


perfect = taking(lambda item, _, __: item.choices[item.answer])
first = taking(lambda _, __, shown: shown[0])
half = taking(lambda i, _, __: i.choices[i.answer if chance(i.id) < 0.5 else (i.answer + 1) % 4], surely=12.0)
brittle = taking(lambda i, context, _: i.choices[i.answer if i.passage in context else (i.answer + 1) % 4])


def blurts(_: Item) -> Subject:
    return lambda _: GenerateAnswer(text="12,345원", finish="stop", n_tokens=4)


def silent(_: Item) -> Subject:
    return lambda _: GenerateAnswer(text="글에 없음", finish="stop", n_tokens=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(("limit", "alpha"), [(None, 0.05), (GATE, 0.05), (None, 0.01)], ids=["all", "gate", "strict"])
def test_a_subject_without_fault_passes_every_check(name: str, limit: int | None, alpha: float) -> None:
    """Else the bound could not be met with the items that there are."""
    estimate = decided(name, perfect, limit=limit, alpha=alpha)

    assert confirmed(estimate, CHECKS[name].bound), estimate
    assert not estimate.display_only
    assert estimate.n_clusters >= 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("accuracy.passages", first),
        ("accuracy.passages", half),
        ("accuracy.routing", first),
        ("accuracy.routing", half),
        ("accuracy.passages-calibration", half),
        ("accuracy.short-answers", blurts),
        ("accuracy.invention", blurts),
        ("accuracy.false-abstention", silent),
        ("robustness.typing", brittle),
        ("robustness.typing-worst", brittle),
        ("robustness.encoding", brittle),
        ("robustness.passages-disturbed", brittle),
        ("robustness.option-order", first),
        ("robustness.position-bias", first),
    ],
)
def test_a_subject_with_the_defect_fails_its_check_even_at_the_gate(name: str, made: Made) -> None:
    estimate = decided(name, made, limit=GATE)

    assert refuted(estimate, CHECKS[name].bound), estimate


def test_every_check_has_a_subject_that_fails_it() -> None:
    marks = test_a_subject_with_the_defect_fails_its_check_even_at_the_gate.pytestmark  # type: ignore[attr-defined]
    tried = {name for mark in marks if mark.name == "parametrize" for name, _ in mark.args[1]}

    assert tried == set(CHECKS)


@pytest.mark.parametrize(
    "name", ["accuracy.passages", "accuracy.invention", "robustness.encoding", "robustness.option-order"]
)
def test_what_items_contribute_averages_to_the_estimate(name: str) -> None:
    """`verify compare` pairs these numbers item by item; they must be those that the metric is made of."""
    method, items = planned(name, 24)
    scores = [
        ItemScore(check=name, item=i.id, cluster=i.cluster_key, groups=i.groups, score=examined(method, i, half(i)))
        for i in items
    ]
    found = {
        e.metric: e.value
        for e in method.estimate(scores, levels=Levels(), estimand="super_population")
        if e.group is None
    }

    for metric, key in method.item_values.items():
        pick = key if callable(key) else lambda _, scored, key=key: scored.values.get(key)
        given = [v for s in scores if isinstance(s.score, Scored) and (v := pick(s, s.score)) is not None]
        assert found[metric] == pytest.approx(sum(given) / len(given)), metric
