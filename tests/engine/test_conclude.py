"""From scores to verdicts: what the p-value of a failed check costs, and that it is that of the interval."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from scipy.stats import binom

from tests.toys import Sums, policy, write_suite
from verify.engine import conclude
from verify.planning import PlanInputs, make_plan
from verify.records import AccessLevel, Estimand, Estimate, ItemScore, Levels, Scored, Subject, digest_of

SUBJECT = Subject(name="toy", kind="causal-lm", digest=digest_of("toy"), access=AccessLevel.TEXT, answers=("generate",))


class CountedSums(Sums):
    """Counts how often its later estimates are asked for."""

    later = 0

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        accuracy, *others = super().estimate(scores, levels=levels, estimand=estimand)
        yield accuracy
        CountedSums.later += 1
        yield from others


def test_the_p_value_is_the_binomial_tail_and_asks_for_no_estimate_after_the_deciding_one(tmp_path: Path) -> None:
    """Oracle: scipy's binomial, P(at most 36 right of 60) at a true share of 0.8; Clopper-Pearson inverts that test."""
    inputs = PlanInputs(policy=policy(), suites=[str(write_suite(tmp_path / "toy", n=60))])
    planned = make_plan(SUBJECT, inputs, methods={"sums": CountedSums}, frameworks={})
    (examination,) = planned.examinations
    scores = [
        ItemScore(
            check=examination.check.name,
            item=item.id,
            repeat=0,
            cluster=item.cluster_key,
            groups=item.groups,
            score=Scored(values={"right": float(place < 36), "wrong": float(place >= 36)}),
        )
        for place, item in enumerate(examination.items)
    ]
    CountedSums.later = 0

    (verdict,) = conclude(planned, {examination.check.name: scores}).verdicts

    assert verdict.holm_adjusted_p == pytest.approx(binom.cdf(36, 60, 0.8), rel=1e-3)
    assert CountedSums.later == 1  # to be shown, and not for the p-value
