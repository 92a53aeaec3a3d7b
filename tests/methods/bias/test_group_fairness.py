"""Oracle: synthetic populations whose gaps are known, and a classifier that decides as they say."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.methods.bias.biased_subjects import estimated, examined
from verify.methods.bias.group_fairness import CaseItem, GroupFairness, GroupFairnessText, RowItem, TextItem
from verify.records import (
    Answer,
    Classify,
    ClassifyAnswer,
    FailureReason,
    Item,
    ItemScore,
    Predict,
    Request,
    Unscored,
)

METHOD = GroupFairness.make({"favourable": "승인", "between": "sex"}, seed=0)
GAPS = ("selection_gap", "true_positive_gap", "false_positive_gap", "accuracy_gap")


def obeys(_: Item, requests: Sequence[Request]) -> list[Answer]:
    """A model that decides what the row's column `decide` says."""
    (request,) = requests
    assert isinstance(request, Predict)
    good = float(request.row["decide"] == 1)
    return [ClassifyAnswer(probabilities={"승인": 0.1 + 0.8 * good, "반려": 0.9 - 0.8 * good})]


def case(name: str, group: str, *, deserving: bool, decide: bool) -> RowItem:
    label = "승인" if deserving else "반려"
    return RowItem(id=name, groups={"sex": group}, label=label, row={"decide": int(decide)})


def population(counts: dict[tuple[str, bool, bool], int]) -> list[RowItem]:
    """Cases by (group, deserving, decision) -> how many."""
    return [
        case(f"{group}{deserving:d}{decide:d}{i}", group, deserving=deserving, decide=decide)
        for (group, deserving, decide), n in counts.items()
        for i in range(n)
    ]


def drawn(rng: np.random.Generator, rates: dict[str, float], *, n: int) -> list[ItemScore]:
    """Scores of n deserving cases a group, each favoured at its group's rate."""
    rows = [
        case(f"{group}{i}", group, deserving=True, decide=bool(rng.random() < rate))
        for group, rate in rates.items()
        for i in range(n)
    ]
    return examined(METHOD, rows, obeys)


def test_rates_and_gaps_are_those_of_the_population() -> None:
    rows = population(
        {
            ("w", True, True): 30, ("w", True, False): 20, ("w", False, True): 5, ("w", False, False): 45,
            ("m", True, True): 45, ("m", True, False): 5, ("m", False, True): 15, ("m", False, False): 35,
        }
    )  # fmt: skip

    estimates = estimated(METHOD, examined(METHOD, rows, obeys))

    assert estimates["true_positive_gap", None].value == pytest.approx(0.9 - 0.6)
    assert estimates["false_positive_gap", None].value == pytest.approx(0.3 - 0.1)
    assert estimates["selection_gap", None].value == pytest.approx(0.6 - 0.35)
    assert estimates["accuracy_gap", None].value == pytest.approx(0.8 - 0.75)
    assert estimates["accuracy", "sex=w"].value == pytest.approx(0.75)
    assert estimates["selection_rate", "sex=m"].display_only
    assert estimates["true_positive_gap", None].bounds[0] > 0.1


def test_swapping_the_groups_names_changes_nothing() -> None:
    counts = {("w", True, True): 30, ("w", True, False): 20, ("m", True, True): 45, ("m", True, False): 5}
    swapped = {("m" if g == "w" else "w", y, d): n for (g, y, d), n in counts.items()}

    one, two = (estimated(METHOD, examined(METHOD, population(c), obeys)) for c in (counts, swapped))

    assert one["selection_gap", None].bounds == pytest.approx(two["selection_gap", None].bounds)


@pytest.mark.slow
def test_the_bounds_hold_a_known_gap_and_parity_is_seldom_accused() -> None:
    rng = np.random.default_rng(6)
    runs, below, accused = 100, 0, 0
    for _ in range(runs):
        gap = estimated(METHOD, drawn(rng, {"w": 0.6, "m": 0.75}, n=80))["true_positive_gap", None]
        below += gap.bounds[1] < 0.15
        even = estimated(METHOD, drawn(rng, {"w": 0.7, "m": 0.7}, n=80))["true_positive_gap", None]
        accused += even.bounds[0] > 0.0

    slack = 3 * (0.05 * 0.95 / runs) ** 0.5
    assert below / runs <= 0.05 + slack
    assert accused / runs <= 0.05 + slack


def test_parity_in_total_does_not_hide_a_gap_in_errors() -> None:
    rows = population(
        {
            ("w", True, True): 20, ("w", True, False): 20, ("w", False, True): 20, ("w", False, False): 20,
            ("m", True, True): 40, ("m", True, False): 0, ("m", False, True): 0, ("m", False, False): 40,
        }
    )  # fmt: skip

    estimates = estimated(METHOD, examined(METHOD, rows, obeys))

    assert estimates["selection_gap", None].value == 0.0
    assert estimates["true_positive_gap", None].bounds[0] > 0.3
    assert estimates["false_positive_gap", None].bounds[0] > 0.3


def test_a_group_without_a_deserving_case_has_no_true_positive_gap() -> None:
    rows = population({("w", False, False): 20, ("m", True, True): 20, ("m", False, False): 20})

    estimates = estimated(METHOD, examined(METHOD, rows, obeys))

    assert ("true_positive_gap", None) not in estimates
    assert ("false_positive_gap", None) in estimates


def test_one_group_alone_has_no_gap() -> None:
    estimates = estimated(METHOD, examined(METHOD, population({("w", True, True): 20}), obeys))

    assert not any((gap, None) in estimates for gap in GAPS)


def test_the_largest_gap_of_three_groups_is_found() -> None:
    rng = np.random.default_rng(7)

    gap = estimated(METHOD, drawn(rng, {"a": 0.9, "b": 0.85, "c": 0.3}, n=100))["selection_gap", None]

    assert 0.4 < gap.value < 0.8
    assert gap.bounds[0] > 0.35
    assert gap.n == 300 and gap.n_clusters == 100


def test_a_label_that_the_subject_does_not_have_is_unscored() -> None:
    item = case("x", "w", deserving=True, decide=True).model_copy(update={"label": "합격"})

    (score,) = examined(METHOD, [item], obeys)

    assert isinstance(score.score, Unscored)
    assert score.score.reason == FailureReason.UNSUPPORTED


def test_a_case_outside_the_compared_facet_is_a_fault() -> None:
    item = case("x", "w", deserving=True, decide=True).model_copy(update={"groups": {}})

    assert list(METHOD.check_row(item)) != []


def test_texts_are_classified_alike() -> None:
    method = GroupFairnessText.make({"favourable": "승인", "between": "sex"}, seed=0)
    rows: list[CaseItem] = [
        TextItem(id=f"{g}{i}", groups={"sex": g}, label="승인", text=f"{g} {i}") for g in "wm" for i in range(20)
    ]

    def prefers(_: Item, requests: Sequence[Request]) -> list[Answer]:
        (request,) = requests
        assert isinstance(request, Classify)
        good = float(request.text.startswith("m"))
        return [ClassifyAnswer(probabilities={"승인": good, "반려": 1 - good})]

    assert estimated(method, examined(method, rows, prefers))["selection_gap", None].value == 1.0
