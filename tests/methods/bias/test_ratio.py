"""Oracle: simulation with known truth; ends where the delta method would leave the range."""

import numpy as np
import pytest

from verify.errors import NotEnoughDataError
from verify.methods.bias.question_estimates import Named, s_dis


@pytest.mark.slow
def test_the_interval_of_s_dis_covers_a_known_ratio() -> None:
    rng = np.random.default_rng(5)
    runs, covered, true = 300, 0, (0.5 - 0.2) / (0.5 + 0.2)
    for _ in range(runs):
        answers = rng.choice(3, p=[0.5, 0.2, 0.3], size=160)
        named = [Named(float(a == 0), float(a == 1)) for a in answers]
        found = s_dis(named, [f"c{i // 4}" for i in range(160)], confidence=0.95)
        covered += found.interval.low <= true <= found.interval.high

    assert covered / runs >= 0.95 - 3 * (0.95 * 0.05 / runs) ** 0.5


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_at_an_end_the_interval_stays_in_range_and_has_width(value: float) -> None:
    named = [Named(float(value > 0), float(value < 0))] * 40

    found = s_dis(named, [f"c{i // 4}" for i in range(40)], confidence=0.95)

    assert found.value == value
    assert -1.0 <= found.interval.low < found.interval.high <= 1.0


def test_nobody_named_is_not_measured() -> None:
    with pytest.raises(NotEnoughDataError):
        s_dis([Named(0.0, 0.0)] * 4, list("aabb"), confidence=0.95)
