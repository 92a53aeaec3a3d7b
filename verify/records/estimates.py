"""A number with its interval, and everything that makes it readable."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from verify.records.base import Record, Tuple

Ends = Annotated[tuple[float, float], Tuple]

Estimand: TypeAlias = Literal["finite_list", "super_population", "random_subset", "items_x_generations"]
"""What an interval is about: this list itself, the population that the items stand for, a list of which
a random part was asked, or items times generations (facts: estimands E1 to E4)."""


class Levels(Record):
    """The error rates that estimates are made at; they come from the policy."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Two-sided coverage of the interval that is shown."""
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """One-sided error of each verdict."""


class Estimate(Record):
    """A metric of a check, in one group or over all items."""

    check: str
    metric: str
    group: str | None = None
    """`facet=value`, or null for all items."""
    value: float
    interval: Ends
    """Two-sided interval at `confidence`; always holds `value`, never of width 0."""
    confidence: float = Field(gt=0.0, lt=1.0)
    method: str
    """Name of the interval's method, e.g. `clopper-pearson`."""
    n: int = Field(ge=1)
    """Items that the value is made of."""
    n_clusters: int = Field(ge=1)
    n_unscored: int = Field(ge=0)
    bounds: Ends
    """One-sided lower and upper bound at level 1 - alpha each; the verdict compares these."""
    alpha: float = Field(gt=0.0, lt=0.5)
    estimand: Estimand
    stopped_after: int | None = Field(default=None, ge=1)
    """Items that were asked, where the check might end before its last item: the value is then no unbiased score,
    and the interval holds under any stopping. Null where all items were asked in any case."""
    display_only: bool = False
    """True where the number may be shown but no verdict may rest on it."""
