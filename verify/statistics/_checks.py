"""What every statistic asks of its numbers before it calculates: nothing is coerced, nothing is guessed."""

import math
from collections.abc import Hashable, Sequence
from numbers import Integral, Real
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verify.errors import NotEnoughDataError, StatisticsError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def count(value: object, name: str) -> int:
    """Return a whole number >= 0; a bool, a float or None is refused, not converted."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise StatisticsError(f"{name} must be a whole number, not {value!r}")
    if value < 0:
        raise StatisticsError(f"{name} must not be negative: {value!r}")
    return int(value)


def successes_of(successes: object, trials: object) -> tuple[int, int]:
    """Return successes and trials of a proportion, with 0 <= successes <= trials and trials >= 1."""
    hits, total = count(successes, "successes"), count(trials, "trials")
    if hits > total:
        raise StatisticsError(f"{hits} successes cannot be more than {total} trials")
    if total == 0:
        raise NotEnoughDataError("no trials: a proportion of nothing is not measured")
    return hits, total


def number(value: object, name: str) -> float:
    """Return a finite real number."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise StatisticsError(f"{name} must be a number, not {value!r}")
    result = float(value)
    if not math.isfinite(result):
        raise StatisticsError(f"{name} must be finite: {result!r}")
    return result


def between(value: object, name: str, *, low: float, high: float) -> float:
    """Return a number strictly between low and high."""
    result = number(value, name)
    if not low < result < high:
        raise StatisticsError(f"{name} must lie between {low:g} and {high:g}, both excluded: {result!r}")
    return result


def fraction(value: object, name: str) -> float:
    """Return a number in [0, 1]."""
    result = number(value, name)
    if not 0.0 <= result <= 1.0:
        raise StatisticsError(f"{name} must lie in [0, 1]: {result!r}")
    return result


def alpha_of(confidence: object) -> float:
    """Return 1 - confidence, for a confidence in (0, 1)."""
    return 1.0 - between(confidence, "confidence", low=0.0, high=1.0)


def finite(values: ArrayLike, name: str) -> Floats:
    """Return a flat, non-empty array of finite numbers; None, text and NaN are refused."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise StatisticsError(f"{name} must be one flat sequence, not of shape {array.shape}")
    if array.size == 0:
        raise NotEnoughDataError(f"{name} is empty: nothing was measured")
    if array.dtype.kind not in "biuf":
        raise StatisticsError(f"{name} must hold numbers only; it holds {array.dtype} (is a value missing?)")
    result = array.astype(np.float64)
    if not np.isfinite(result).all():
        place = int(np.flatnonzero(~np.isfinite(result))[0])
        raise StatisticsError(f"{name}[{place}] is {result[place]!r}: leave out what was not scored, and count it")
    return result


def fractions(values: ArrayLike, name: str) -> Floats:
    """Return a flat, non-empty array of numbers in [0, 1]."""
    array = finite(values, name)
    if ((array < 0.0) | (array > 1.0)).any():
        raise StatisticsError(f"{name} must lie in [0, 1]")
    return array


def zeros_and_ones(values: ArrayLike, name: str) -> Floats:
    """Return a flat, non-empty array of 0 and 1."""
    array = finite(values, name)
    if not np.isin(array, (0.0, 1.0)).all():
        raise StatisticsError(f"{name} must hold 0 and 1 only")
    return array


class Bounds(NamedTuple):
    """The range that a score can take."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """High minus low."""
        return self.high - self.low


def bounds_of(values: Floats, *, low: float | None, high: float | None) -> Bounds | None:
    """Return the declared range of values, or None where none was declared."""
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise StatisticsError("give both low and high, or neither")
    span_of(values, low=low, high=high)
    return Bounds(float(low), float(high))


def span_of(values: Floats, *, low: float, high: float) -> float:
    """Return high - low, once it is sure that all values lie between them."""
    least, most = number(low, "low"), number(high, "high")
    if least >= most:
        raise StatisticsError(f"low {least:g} must be below high {most:g}")
    if values.min() < least or values.max() > most:
        raise StatisticsError(f"a value lies outside its declared range [{least:g}, {most:g}]")
    return most - least


class Codes(NamedTuple):
    """Clusters numbered 0 ... n_clusters - 1 in the order of first appearance."""

    of_item: Ints
    n_clusters: int

    def sums(self, values: Floats) -> Floats:
        """Sum of values of each cluster, shape (n_clusters,)."""
        return np.bincount(self.of_item, weights=values, minlength=self.n_clusters).astype(np.float64)

    @property
    def sizes(self) -> Ints:
        """Items of each cluster, shape (n_clusters,)."""
        return np.bincount(self.of_item, minlength=self.n_clusters)


def coded(clusters: Sequence[Hashable], *, n_items: int) -> Codes:
    """Number the clusters; one id for each item, None and NaN refused."""
    if len(clusters) != n_items:
        raise StatisticsError(f"{len(clusters)} cluster ids for {n_items} items: give one for each item")
    table: dict[Hashable, int] = {}
    for place, cluster in enumerate(clusters):
        if cluster is None or (isinstance(cluster, float) and math.isnan(cluster)):
            raise StatisticsError(f"clusters[{place}] is {cluster!r}: an item on its own is its own cluster")
        table.setdefault(cluster, len(table))
    return Codes(np.array([table[cluster] for cluster in clusters], dtype=np.int64), len(table))
