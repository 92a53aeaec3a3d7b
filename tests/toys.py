"""A small method and suite that tests of the engine run on; nothing of it is shipped."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from verify.methods.base import Examination, Method, Metric, Parameters
from verify.methods.estimating import Estimator
from verify.records import (
    Bound,
    Estimand,
    Estimate,
    Generate,
    GenerateAnswer,
    Item,
    ItemScore,
    Levels,
    Policy,
    Request,
    Response,
    Scored,
    Text,
)

WORD = Text(ko="낱말", en="word")


class SumItem(Item):
    """Two numbers to add."""

    a: int
    b: int


class SumParameters(Parameters):
    """How the sum is asked."""

    again: bool = False
    """Ask a second time after the first answer."""


class Sums(Method[SumItem, SumParameters]):
    """Adds two numbers; a share of right answers."""

    name = "sums"
    item_type = SumItem
    parameters_type = SumParameters
    metrics = (
        Metric(name="accuracy", better="higher", low=0.0, high=1.0, ideal=1.0, meaning="share of right sums"),
        Metric(name="error_rate", better="lower", low=0.0, high=1.0, ideal=0.0, meaning="share of wrong sums"),
    )
    needs = frozenset({"generate"})

    def examine(self, item: SumItem) -> Examination:
        (first,) = yield [Generate(prompt=f"{item.a}+{item.b}=", max_tokens=8)]
        assert isinstance(first, GenerateAnswer)
        answer = first
        if self.parameters.again:
            (second,) = yield [Generate(prompt=f"{item.a}+{item.b}={first.text}. 맞습니까?", max_tokens=8)]
            assert isinstance(second, GenerateAnswer)
            answer = second
        right = answer.text.strip() == str(item.a + item.b)
        return Scored(values={"right": float(right), "wrong": float(not right)}, defect=not right)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        yield from estimator.proportion("accuracy", "right")
        yield from estimator.proportion("error_rate", "wrong")
        yield from estimator.proportion("accuracy", "right", by="size")


METHODS = {"sums": Sums}


def adds_right(request: Request) -> Response:
    """A subject that adds without fault."""
    assert isinstance(request, Generate) and request.prompt is not None
    a, b = request.prompt.split("=")[0].split("+")
    return GenerateAnswer(text=str(int(a) + int(b)), finish="stop", n_tokens=1)


def adds_wrong(request: Request) -> Response:
    """A subject that is always one off."""
    answer = adds_right(request)
    assert isinstance(answer, GenerateAnswer)
    return GenerateAnswer(text=str(int(answer.text) + 1), finish="stop", n_tokens=1)


def write_suite(folder: Path, *, n: int = 60, check: str = "", rows: Sequence[str] = (), clusters: int = 0) -> Path:
    """A suite of `n` sums in `folder`; `check` replaces the default check's YAML, `rows` the item lines."""
    (folder / "items").mkdir(parents=True, exist_ok=True)
    lines = list(rows) or [
        json.dumps(
            {
                "id": f"s{i}",
                "a": i,
                "b": 2 * i,
                "cluster": f"c{i % clusters}" if clusters else "",
                "groups": {"size": "small" if i < n // 2 else "large"},
            }
        )
        for i in range(n)
    ]
    (folder / "items" / "sums.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "CARD.md").write_text("# Sums\n", encoding="utf-8")
    (folder / "suite.yaml").write_text(
        "id: toys\nversion: 1\nconcern: accuracy\ntitle: {ko: 덧셈, en: Sums}\nsummary: {ko: 덧셈, en: Sums}\nchecks:\n"
        + (check or default_check()),
        encoding="utf-8",
    )
    return folder


def default_check(*, bound: str = "{at_least: 0.8}", metric: str = "accuracy", extra: str = "") -> str:
    """YAML of one check."""
    return (
        "  - id: sums\n    title: {ko: 덧셈, en: Sums}\n    method: sums\n    items: [items/sums.jsonl]\n"
        f"    metric: {metric}\n    bound: {bound}\n{extra}"
        "    why: {ko: 틀린 금액을 안내한다, en: Tells a wrong amount}\n"
        "    remedy: {ko: 계산기를 붙인다, en: Attach a calculator}\n"
    )


def policy(**changes: object) -> Policy:
    """A policy on suites that a test names itself."""
    fields: dict[str, object] = {"id": "toy", "title": WORD, "summary": WORD, "suites": ("toys",)}
    return Policy.model_validate({**fields, **changes})


def bound(**sides: float) -> Bound:
    """A bound by keyword."""
    return Bound(**sides)
