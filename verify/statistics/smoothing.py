"""Certified robustness by randomised smoothing: within which distance the smoothed answer cannot change."""

from scipy import stats

from verify.statistics import _checks
from verify.statistics.intervals import clopper_pearson_bound


def certified_radius(hits: int, samples: int, *, sigma: float, confidence: float = 0.999) -> float:
    """Radius in which a classifier, smoothed with normal noise, keeps its answer: sigma * Phi^-1(lower bound of p).

    The answer must have been chosen on other samples than those that are counted here. It holds up to
    floating-point assumptions: inputs have to be quantised before noise is added.

    Args:
        hits: Noisy samples that got the smoothed answer.
        samples: Noisy samples, drawn after the answer was chosen.
        sigma: Standard deviation of the noise, > 0.
        confidence: One-sided, in (0, 1).

    Returns:
        The radius in the unit of sigma; 0 where the bound shows no majority: the classifier abstains.

    Raises:
        NotEnoughDataError: ``samples`` is 0.
        StatisticsError: An argument is out of range.

    Examples:
        >>> f"{certified_radius(990, 1000, sigma=0.25):.4f}"
        '0.4945'

    References:
        Cohen, Rosenfeld and Kolter (2019), https://arxiv.org/abs/1902.02918
    """
    noise = _checks.between(sigma, "sigma", low=0.0, high=float("inf"))
    low = clopper_pearson_bound(hits, samples, side="lower", confidence=confidence)
    return max(0.0, noise * float(stats.norm.ppf(low)))
