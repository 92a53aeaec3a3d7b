import itertools
import math

import numpy as np
import pytest

from tests.methods.accuracy.driving import (
    chance,
    choosing,
    estimates_of,
    examined,
    likely,
    options_in,
    scored,
)
from verify.methods.accuracy.choices import ChoiceItem
from verify.methods.robustness.option_order import OptionOrder, spread_over
from verify.records import FailureReason, Unscored

WORDS = ("세무과", "도로과", "보건소", "청소과")
ROWS = [
    ChoiceItem(id=f"i{i}", question=f"{WORDS[i % 4]} 담당자 ({i})", choices=WORDS, answer=i % 4) for i in range(200)
]
METHOD = OptionOrder.make({"style": "compact"}, seed=1)


def knows(context: str) -> str:
    return context.split(" ", maxsplit=1)[0]


def test_a_subject_that_reads_the_options_is_consistent_and_even() -> None:
    found = estimates_of(METHOD, ROWS, choosing(knows))

    for metric in ("consistency", "accuracy_all_orders", "accuracy"):
        assert found[metric, None].value == 1.0
    assert found["recall_spread", None].value == 0.0
    assert found["recall_spread", None].bounds[1] < 0.05


def test_a_subject_that_takes_the_first_option_is_seen() -> None:
    """Oracle: right once in four orders, recall 1, 0, 0, 0 by place, RStd = sqrt(3)/4 = 0.4330."""
    found = estimates_of(METHOD, ROWS, choosing(lambda context: options_in(context)[0]))

    assert found["consistency", None].value == found["accuracy_all_orders", None].value == 0.0
    assert found["accuracy", None].value == 0.25
    assert found["recall", "place=A"].value == 1.0
    assert found["recall", "place=B"].value == 0.0
    assert found["recall_spread", None].value == pytest.approx(math.sqrt(3) / 4)
    assert found["recall_spread", None].bounds[0] > 0.4


def test_a_partial_liking_for_one_place_is_measured() -> None:
    """Oracle: 40 % of all answers go to place A whatever it holds: recall 1, 0.6, 0.6, 0.6; RStd 0.1732."""

    def leans(context: str) -> str:
        return options_in(context)[0] if chance(context) < 0.4 else knows(context)

    spread = estimates_of(METHOD, ROWS, choosing(leans))["recall_spread", None]

    assert spread.bounds[0] < 0.1732 < spread.bounds[1]
    assert spread.bounds[0] > 0.05


@pytest.mark.parametrize(("orders", "worst"), [(3, 0.85), (5, 0.81)])
def test_the_worst_of_several_orders_falls_from_noise_alone_as_tabled(orders, worst):
    """Oracle: trust facts, 3.3: answers that flip in 2 % take .90 to .90 * .98^k; hence no bound on the worst order.

    The mean over the orders keeps what the subject can do, less the 2 %. An item has at most six options.
    """
    words = tuple(f"{k}과" for k in range(orders))
    rows = [
        ChoiceItem(id=f"n{i}", question=f"{words[i % orders]} ({i})", choices=words, answer=i % orders)
        for i in range(1200)
    ]

    def slips(context: str) -> str:
        right = knows(context)
        wrong = next(option for option in options_in(context) if option != right)
        known = chance("knows", context.split("\n", maxsplit=1)[0]) < 0.9
        return right if known and chance("slips", context) >= 0.02 else wrong

    found = estimates_of(METHOD, rows, choosing(slips))

    assert found["accuracy_all_orders", None].value == pytest.approx(worst, abs=3 * math.sqrt(0.2 / 1200))
    assert found["accuracy_all_orders", None].value < found["accuracy", None].value - 0.01
    assert found["accuracy", None].value == pytest.approx(0.9 * 0.98, abs=3 * math.sqrt(0.1 / 1200))


def test_letters_are_mapped_back_to_the_options() -> None:
    method = OptionOrder.make({"style": "full", "letters": True}, seed=1)

    def by_letter(context: str) -> str:
        word = context.split("물음: ")[1].split(" ", maxsplit=1)[0]
        return next(line[0] for line in context.split("\n") if line.endswith(". " + word))

    values = scored(examined(method, ROWS[5], choosing(by_letter))).values

    assert values["consistency"] == values["accuracy_all_orders"] == 1.0


def test_always_letter_a_is_inconsistent() -> None:
    method = OptionOrder.make({"letters": True}, seed=1)

    score = scored(examined(method, ROWS[5], choosing(lambda _: "A")))

    assert score.values["consistency"] == 0.0
    assert score.values["accuracy"] == 0.25
    assert score.defect


def test_a_tie_in_every_order_is_no_measurement() -> None:
    """Nothing was chosen anywhere: neither consistency nor a liking for a place can be seen."""
    score = examined(METHOD, ROWS[0], lambda _: likely(-1.0))

    assert isinstance(score, Unscored)
    assert score.reason is FailureReason.UNPARSABLE


def test_cyclic_orders_show_each_option_once_at_each_place() -> None:
    orders = METHOD.orders(4)

    assert orders[0] == (0, 1, 2, 3)
    for place in range(4):
        assert sorted(order[place] for order in orders) == [0, 1, 2, 3]


def test_all_orders_are_all_and_only_for_few_options() -> None:
    method = OptionOrder.make({"orders": "all"}, seed=1)
    five = ROWS[0].model_copy(update={"choices": (*WORDS, "공원과")})

    assert sorted(method.orders(4)) == sorted(itertools.permutations(range(4)))
    assert any("at most 4" in fault for fault in method.check_row(five))
    assert not list(METHOD.check_row(five))


def test_the_spread_over_boxes_encloses_every_point_in_them() -> None:
    """Oracle: a grid over random boxes; the ends are reached within the grid's step."""
    source = np.random.default_rng(7)
    for _ in range(30):
        boxes = [tuple(sorted(source.uniform(0, 1, 2))) for _ in range(3)]
        grid = [np.linspace(low, high, 15) for low, high in boxes]
        spreads = [float(np.std(point)) for point in itertools.product(*grid)]

        low, high = spread_over(boxes)

        assert low <= min(spreads) + 1e-9
        assert low >= min(spreads) - 0.08
        assert high == pytest.approx(max(spreads), abs=1e-9)
