"""Limit of blank, dose of detection, linearity: the numbers of a calibration record.

Oracles: CLSI EP17-A2's rank rule worked by hand, Clopper-Pearson at k = n in closed form (alpha ** (1 / n)),
numpy's least-squares line.
"""

import numpy as np
import pytest

from verify.calibration.performance import Blank, detections, limit_of_blank, line_through, performances
from verify.records import Detection, Outcome, Performance, Reading

SEEN, MISSED = Outcome.FAIL, Outcome.PASS


def cells(rates: dict[float, tuple[int, int]]) -> list[Detection]:
    outcomes = {
        ("suite.check", "family", dose): {f"d{dose}-{k}": SEEN if k < seen else MISSED for k in range(n)}
        for dose, (seen, n) in rates.items()
    }
    return list(detections(outcomes))


def performance(rates: dict[float, tuple[int, int]], **changes: object) -> Performance:
    fields: dict[str, object] = {"blanks": {}, "readings": [], "metrics": {"suite.check": "metric"}, **changes}
    (made,) = performances(cells(rates), **fields)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(
    ("blanks", "worse", "limit"),
    [
        pytest.param([0.2, 0.0, 0.1], 1, 0.2, id="the greatest of few where less is better"),
        pytest.param([0.98, 1.0, 0.99], -1, 0.98, id="the smallest of few where more is better"),
        pytest.param([k / 100 for k in range(1, 61)], 1, 0.575, id="rank 57.5 of 60"),
        pytest.param([k / 100 for k in range(1, 61)], -1, 0.035, id="rank 57.5 of 60 from the other end"),
        pytest.param([k / 100 for k in range(1, 21)], 1, 0.195, id="rank 19.5 of 20"),
    ],
)
def test_the_limit_of_blank_is_what_95_percent_of_the_blanks_stay_within(
    blanks: list[float], worse: int, limit: float
) -> None:
    assert limit_of_blank([Blank(value, worse) for value in blanks]) == pytest.approx(limit)


def test_few_blanks_are_named_as_few() -> None:
    few = performance({0.0: (0, 3)}, blanks={("suite.check", "family"): [Blank(0.1, 1)] * 3})
    many = performance({0.0: (0, 20)}, blanks={("suite.check", "family"): [Blank(0.1, 1)] * 20})

    assert (few.blanks, few.blank_rule) == (3, "worst-of-few")
    assert (many.blanks, many.blank_rule) == (20, "percentile")


@pytest.mark.parametrize(
    ("rates", "dose", "lower"),
    [
        pytest.param({0.0: (0, 3), 2.0: (0, 3), 4.0: (3, 3), 16.0: (3, 3)}, 4.0, 0.05 ** (1 / 3), id="three of three"),
        pytest.param({1.0: (59, 59)}, 1.0, 0.05 ** (1 / 59), id="59 of 59 show 95 percent"),
        pytest.param({2.0: (3, 3), 4.0: (2, 3), 16.0: (3, 3)}, 16.0, 0.05 ** (1 / 3), id="a gap above voids a dose"),
        pytest.param({-1.0: (3, 3), 1.0: (3, 3), 0.5: (3, 3), -0.5: (2, 3)}, 1.0, 0.05 ** (1 / 6), id="signs together"),
        pytest.param({2.0: (1, 3), 4.0: (2, 3)}, None, None, id="never"),
        pytest.param({0.0: (0, 3)}, None, None, id="clean twins alone"),
    ],
)
def test_the_dose_of_detection_is_the_smallest_from_which_on_all_are_seen(
    rates: dict[float, tuple[int, int]], dose: float | None, lower: float | None
) -> None:
    made = performance(rates)

    assert made.detection_dose == dose
    assert made.detection_at_least == (None if lower is None else pytest.approx(lower))


def test_three_seeds_cannot_show_95_percent_and_59_can() -> None:
    three, many = performance({1.0: (3, 3)}), performance({1.0: (59, 59)})

    assert three.detection_at_least is not None and three.detection_at_least < 0.4
    assert many.detection_at_least is not None and many.detection_at_least > 0.95


def test_false_alarms_are_the_clean_twins_that_failed() -> None:
    made = performance({0.0: (1, 4), 1.0: (4, 4)})

    assert (made.false_alarms, made.false_alarm_interval) == (1, pytest.approx((0.00631, 0.80588), abs=1e-4))
    assert performance({1.0: (4, 4)}).false_alarm_interval is None


def test_the_line_is_the_least_squares_line() -> None:
    x = np.array([0.0, 0.0, 0.25, 0.5, 1.0, -1.0])
    y = np.array([0.02, -0.01, 0.31, 0.45, 0.93, -0.9])
    slope, intercept = np.polyfit(x, y, 1)

    line = line_through("q", list(zip(x.tolist(), y.tolist(), strict=True)))

    assert line is not None
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept))
    assert line.r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert line.largest == pytest.approx(0.1)


@pytest.mark.parametrize("pairs", [[], [(0.0, 0.0)], [(0.0, 0.1), (1.0, 0.9), (1.0, 1.0)]])
def test_two_assigned_values_make_no_line(pairs: list[tuple[float, float]]) -> None:
    assert line_through("q", pairs) is None


def test_an_instrument_that_always_says_the_same_explains_nothing() -> None:
    line = line_through("q", [(0.0, 0.5), (0.5, 0.5), (1.0, 0.5)])

    assert line is not None
    assert (line.slope, line.r2, line.largest) == (0.0, None, 0.5)


def test_linearity_takes_the_readings_of_its_own_check_and_family() -> None:
    readings = [
        Reading(standard=f"s{k}", defect=defect, quantity=quantity, assigned=k / 2, measured=measured)
        for quantity, defect, offset in (
            ("suite.check/metric", "family", 0.0),
            ("suite.check/metric", "other", 0.3),
            ("suite.check2/metric", "family", 0.3),
        )
        for k, measured in enumerate((offset, offset + 0.5, offset + 1.0))
    ]

    (line,) = performance({0.0: (0, 1)}, readings=readings).linearity

    assert (line.n, line.slope, line.intercept) == (3, 1.0, pytest.approx(0.0))


def test_a_dose_within_the_limit_is_nothing_to_detect() -> None:
    """Four of five questions right meet a limit of .7: that no such standard failed is no miss."""
    failed, passed = Outcome.FAIL, Outcome.PASS
    outcomes = {
        ("s.c", "wrong", 0.0): {"clean": passed},
        ("s.c", "wrong", 0.2): {"a": passed, "b": passed},
        ("s.c", "wrong", 0.4): {"c": failed, "d": failed},
    }
    cells = list(detections(outcomes, {("s.c", "a"), ("s.c", "b"), ("s.c", "clean")}))
    (found,) = performances(cells, {}, [], {"s.c": "accuracy"})

    assert [(cell.dose, cell.within, cell.conforms) for cell in cells] == [
        (0.0, 0, False),
        (0.2, 2, True),
        (0.4, 0, False),
    ]
    assert (found.detection_dose, found.detected, found.n) == (0.4, 2, 2)
