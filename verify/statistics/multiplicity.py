"""P-values of many tests at once.

"Every requirement is met" is an intersection-union test and needs none of this (Berger 1982).
"These are the things that are wrong" does: Holm where each counts, Benjamini-Hochberg to explore.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from verify.statistics import _checks


def holm(pvalues: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted so that P(any false alarm) <= alpha, whatever their dependence.

    Args:
        pvalues: In [0, 1], in any order.

    Returns:
        Adjusted values in the order given; an alarm is one at or below alpha.

    Raises:
        NotEnoughDataError: There is no p-value.
        StatisticsError: One is not in [0, 1].

    References:
        Holm (1979), https://www.jstor.org/stable/4615733
    """
    raw = _checks.fractions(pvalues, "pvalues")
    order = np.argsort(raw, kind="stable")
    steps = np.maximum.accumulate((raw.size - np.arange(raw.size)) * raw[order])
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(steps, 1.0)
    return tuple(adjusted.tolist())


def benjamini_hochberg(pvalues: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted so that the expected share of false alarms is <= alpha: to explore, not to decide.

    Args:
        pvalues: In [0, 1], in any order; independent or positively dependent.

    Returns:
        Adjusted values in the order given.

    Raises:
        NotEnoughDataError: There is no p-value.
        StatisticsError: One is not in [0, 1].

    References:
        Benjamini and Hochberg (1995), https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    raw = _checks.fractions(pvalues, "pvalues")
    return tuple(np.asarray(stats.false_discovery_control(raw, method="bh")).tolist())
