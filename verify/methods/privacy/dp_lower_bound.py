"""Class A: a lower bound of the privacy loss epsilon from one training run with coin-flipped canaries."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from pydantic import Field

from verify.methods.base import Metric
from verify.methods.estimating import Estimator, Measured
from verify.methods.privacy.canaries import CanaryItem, with_groups
from verify.methods.privacy.canary_exposure import CanaryExposure, CanaryExposureParameters
from verify.methods.privacy.units import one_a_cluster
from verify.records import Estimand, Estimate, ItemScore, Levels, Scored
from verify.statistics import Interval, steinke_epsilon_lower_bound

HIGHEST: Final = 64.0
"""End of the range; the true epsilon has no upper bound from an audit."""


class DpLowerBoundParameters(CanaryExposureParameters):
    """How boldly the auditor guesses."""

    share: float = Field(default=0.2, gt=0.0, le=1.0)
    """Share of canaries on which "included" is guessed, the best-ranked ones; declared before the run."""
    delta: float = Field(default=1e-5, ge=0.0, lt=1.0)
    """Of the (epsilon, delta) that is tested."""


class DpLowerBound(CanaryExposure):
    """Each canary was included by a fair coin; the auditor guesses which, and right guesses refute small epsilon.

    The estimate is one-sided: it refutes a claimed epsilon and never confirms one.

    References:
        Steinke, Nasr and Jagielski (2023), https://arxiv.org/abs/2305.08846.
    """

    name = "dp-lower-bound"
    parameters_type = DpLowerBoundParameters
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            name="epsilon_lower_bound",
            better="lower",
            low=0.0,
            high=HIGHEST,
            ideal=0.0,
            meaning="Largest epsilon that the auditor's guesses refute (Steinke 2023); the true one is at least this.",
        ),
    )

    def expand(self, row: CanaryItem) -> Iterable[CanaryItem]:
        """Rows whose inclusion a coin decided; with fixed tiers the bound would not hold."""
        return (with_groups(row),) if row.coin else ()

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """The bound at both error rates; of canaries that share a cluster, and so perhaps a coin, one counts."""
        units = one_a_cluster(scores)
        scored = [(score.item, score.score.values) for score in units if isinstance(score.score, Scored)]
        if not scored:
            return
        parameters = DpLowerBoundParameters.model_validate(self.parameters.to_json())
        ordered = sorted(scored, key=lambda one: (one[1]["rank"], -one[1]["logprob"], one[0]))
        guesses = max(1, int(parameters.share * len(ordered)))
        right = sum(values["dose"] > 0 for _, values in ordered[:guesses])

        def at_least(error: float) -> float:
            bound = steinke_epsilon_lower_bound(
                len(ordered), guesses, right, delta=parameters.delta, confidence=1.0 - error
            )
            return min(bound, HIGHEST)

        shown, decided = at_least((1.0 - levels.confidence) / 2), at_least(levels.alpha)
        measured = Measured(
            max(shown, decided),
            Interval(shown, HIGHEST),
            Interval(decided, HIGHEST),
            "steinke-one-run",
            len(ordered),
            len(ordered),
        )
        yield Estimator(scores, levels=levels, estimand=estimand).given("epsilon_lower_bound", measured)
