"""p-values of failed checks and their Holm adjustment: the list of non-conformities keeps its error rate."""

from collections.abc import Mapping, Sequence
from math import exp, log

from verify.deciding.decide import EstimateAt, refuted
from verify.records import Bound, Outcome, Verdict
from verify.statistics import holm

SMALLEST_P = 1e-12


def p_value(estimate_at: EstimateAt, bound: Bound, *, alpha: float) -> float:
    """P of the hypothesis that the subject meets the bound: the smallest alpha at which it is still refuted.

    Found by inverting the very interval that decided (bisection on a log scale), so that the list of
    non-conformities can never disagree with the verdicts. Not smaller than 1e-12.

    Args:
        estimate_at: The deciding estimate at another alpha.
        bound: The bound that was broken.
        alpha: An alpha at which it is refuted.
    """

    def still_refuted(level: float) -> bool:
        estimate = estimate_at(level)
        return estimate is not None and refuted(estimate, bound)

    low, high = log(SMALLEST_P), log(alpha)
    if still_refuted(SMALLEST_P):
        return SMALLEST_P
    for _ in range(18):
        middle = (low + high) / 2
        if still_refuted(exp(middle)):
            high = middle
        else:
            low = middle
    return exp(high)


def adjust(verdicts: Sequence[Verdict], p_values: Mapping[str, float]) -> tuple[Verdict, ...]:
    """Verdicts with Holm-adjusted p on the failed ones.

    Args:
        verdicts: All verdicts of a run.
        p_values: Check -> p, for each failed check. Checks that were decided otherwise take part in the
            family with p = 1; their own p exceeds alpha, so they never change the adjustment of a failed one.
    """
    decided = [v for v in verdicts if v.verdict is not Outcome.NOT_MEASURED]
    if not decided:
        return tuple(verdicts)
    adjusted = dict(zip((v.check for v in decided), holm([p_values.get(v.check, 1.0) for v in decided]), strict=True))
    return tuple(
        v.model_copy(update={"holm_adjusted_p": min(1.0, adjusted[v.check])}) if v.check in p_values else v
        for v in verdicts
    )
