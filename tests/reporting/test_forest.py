from hypothesis import given
from hypothesis import strategies as st

from verify.records import Bound, Estimate
from verify.reporting.forest import LIMIT_AT, REACH, row_of

ENDS = st.lists(st.floats(-5, 50), min_size=5, max_size=5).map(sorted)


def estimate(ends: list[float]) -> Estimate:
    return Estimate(
        check="a.b",
        metric="m",
        value=ends[2],
        interval=(ends[0], ends[4]),
        confidence=0.95,
        method="x",
        n=9,
        n_clusters=9,
        n_unscored=0,
        bounds=(ends[1], ends[3]),
        alpha=0.05,
        estimand="super_population",
    )


@given(ENDS, st.floats(-5, 50))
def test_right_of_the_line_is_where_the_limit_is_met_whichever_way_it_points(ends: list[float], limit: float) -> None:
    for bound in (Bound(at_least=limit), Bound(at_most=limit)):
        row = row_of(estimate(ends), bound)
        held = ends[1] >= limit if bound.at_least is not None else ends[3] <= limit

        assert row.interval[0] <= row.bounds[0] <= row.value <= row.bounds[1] <= row.interval[1]
        assert (row.bounds[0] >= LIMIT_AT) or not held
        assert row.interval[0] >= LIMIT_AT - REACH
        assert row.interval[1] <= LIMIT_AT + REACH


def test_an_interval_of_a_lower_is_better_metric_is_mirrored() -> None:
    row = row_of(estimate([0.0, 0.1, 0.2, 0.3, 0.4]), Bound(at_most=0.4))

    assert row.interval == (LIMIT_AT, LIMIT_AT + REACH)


def test_all_at_the_limit_is_drawn_at_the_limit() -> None:
    assert row_of(estimate([0.5] * 5), Bound(at_least=0.5)).value == LIMIT_AT
