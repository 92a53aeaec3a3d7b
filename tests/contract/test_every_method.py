"""Every method that there is: named, directed, pure."""

import pytest

from verify.methods.catalogue import MethodClass, methods

METHODS = list(methods().values())
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)


def test_there_are_two_methods_for_each_of_the_first_concerns() -> None:
    concerns = [m.__module__.split(".")[2] for m in METHODS]

    assert all(concerns.count(c) >= 2 for c in ("accuracy", "bias", "robustness", "privacy"))


@each_method
def test_a_method_says_what_it_measures_and_where_it_is_from(method: MethodClass) -> None:
    assert method.__doc__
    assert len(method.metrics) == len({m.name for m in method.metrics}) > 0
    assert method.needs


@each_method
def test_the_ideal_lies_at_the_better_end_of_the_range(method: MethodClass) -> None:
    for metric in method.metrics:
        assert metric.low < metric.high
        assert metric.low <= metric.ideal <= metric.high
        assert metric.meaning


@each_method
def test_no_scores_give_no_estimate(method: MethodClass) -> None:
    from verify.records import FailureReason, ItemScore, Levels, Unscored

    try:
        live = method.make({}, seed=0)
    except Exception as error:  # noqa: BLE001  # a method may require parameters; then there is nothing to try
        pytest.skip(f"needs parameters: {error}")
    unscored = [
        ItemScore(check="a.b", item=f"i{i}", cluster=f"c{i}", score=Unscored(reason=FailureReason.TIMEOUT))
        for i in range(10)
    ]

    assert list(live.estimate(unscored, levels=Levels(), estimand="super_population")) == []


@each_method
def test_seeds_depend_on_the_run_and_on_the_part_alone(method: MethodClass) -> None:
    one, same, other = (object.__new__(method) for _ in range(3))
    one.seed, same.seed, other.seed = 1, 1, 2

    assert one.seed_for("a", 1) == same.seed_for("a", 1)
    assert one.seed_for("a", 1) != other.seed_for("a", 1)
    assert one.seed_for("a", 1) != one.seed_for("a", 2)
    assert 0 <= one.seed_for("x") < 2**31
