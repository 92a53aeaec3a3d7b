"""How one property is measured: pure code around the exchange with the subject.

A method is a class with a name and a version. `expand` turns a line of content into items, `examine`
turns an item into requests and their responses into a score, `estimate` turns scores into estimates.
None of them reads a file, a clock or a global; randomness is `self.seed`. Only a method that brings its own
items reads them from files (`bring`), before the first request.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import ValidationError

from verify.errors import UsageError
from verify.methods.estimating import Pick
from verify.records import (
    Answer,
    Estimand,
    Estimate,
    Item,
    ItemScore,
    Levels,
    Record,
    Request,
    RequestKind,
    Score,
)

ItemT = TypeVar("ItemT", bound=Item)
ParametersT = TypeVar("ParametersT", bound="Parameters")

Examination: TypeAlias = Generator[Sequence[Request], Sequence[Answer], Score]
"""What `examine` returns: yields requests, is sent their answers in the same order, returns a score.

A failed request never reaches the method: the engine ends the examination with `Unscored(reason)`.
A method that can go on without some of the answers sets `takes_failures` and is sent `Failed` as well.
"""


class Parameters(Record):
    """Parameters of a method; subclasses add fields. An unknown one is an error."""


class Metric(Record):
    """One number that a method estimates."""

    name: str
    better: Literal["higher", "lower"]
    """Direction belongs to the metric: a better subject never gets a worse verdict."""
    low: float
    high: float
    """Range of the value."""
    ideal: float
    """Value of a subject without defect."""
    meaning: str
    """One sentence, with the formula or its source."""
    min_clusters: int = 0
    """Independent sources under which its bounds miss too often for a verdict; 0 where the policy's number does."""
    scores: tuple[float, float] | None = None
    """Range of the scores whose mean (or largest mean) it is, where they are not shares of 0 and 1.

    What a plan's worst case is made of. A range around 0 of a metric that starts at 0 says that it is the size of
    their mean (or, by `Method.parts`, of the largest in size), limited on both sides.
    """


class Parts(NamedTuple):
    """Several means, each with its own interval, of which one number is made."""

    means: int = 1
    share: float = 1.0
    """Part of a check's sources that the poorest of the means rests on, in (0, 1]."""
    spread: bool = False
    """Whether the number is their standard deviation; else it is the largest of them."""


def parts_by(groups: Iterable[tuple[str, str]], *, sources: int, pairs: bool = False, whole: bool = False) -> Parts:
    """The means of the groups of a facet.

    Args:
        groups: Group and source of each item that has one.
        sources: Independent sources of the check.
        pairs: Whether every two groups are compared, instead of each being a mean.
        whole: Whether the mean of all groups together is one part more.
    """
    found: dict[str, set[str]] = {}
    for group, source in groups:
        found.setdefault(group, set()).add(source)
    count = len(found) * (len(found) - 1) // 2 if pairs else len(found)
    count += whole and count > 1
    return Parts(count, min(map(len, found.values())) / sources) if count else Parts()


class Method(ABC, Generic[ItemT, ParametersT]):
    """Base of all methods.

    Args:
        parameters: The check's parameters, already validated.
        seed: Seed of the run; every random choice derives from it by `seed_for`.
    """

    name: ClassVar[str]
    version: int = 1
    """Raised whenever the same answers could get another score or estimate."""
    earlier: ClassVar[frozenset[int]] = frozenset()
    """Versions of which bundles are still audited here; the method then does what it did (`as_of`)."""
    item_type: ClassVar[type[Item]]
    parameters_type: ClassVar[type[Parameters]] = Parameters
    metrics: ClassVar[tuple[Metric, ...]]
    needs: ClassVar[frozenset[RequestKind]]
    """Request kinds that the subject must be able to answer."""
    takes_failures: ClassVar[bool] = False
    needs_input: ClassVar[str | None] = None
    """Name of a further input (`canaries`) whose rows replace the check's item files."""
    brings_items: ClassVar[bool] = False
    """Whether the items come from the method itself (`bring`), so that its checks name no item files."""
    item_values: ClassVar[Mapping[str, str | Pick]] = {}
    """Metric -> key in `Scored.values`, or function, that gives what one item contributes to it.

    Only for metrics whose estimate is the mean of that number over the items that have one: two releases are
    then compared item by item. Whether an item has one must not depend on the answer.
    """
    item_sizes: ClassVar[Mapping[str, str | Pick]] = {}
    """Metric -> the same, of a metric that is the *size* |mean| of that signed number, in `Metric.scores`."""
    tied_values: ClassVar[Mapping[str, tuple[str | Pick, str | Pick]]] = {}
    """Metric -> what gives the least and the greatest number that an item contributes, as its near ties may fall.

    Only for metrics that are the mean of that number over the items, or the size of that mean.
    """
    exact_ties: ClassVar[Mapping[str, str | Pick]] = {}
    """Metric -> what says (1, else 0 or None) that an item's best answers tie exactly.

    The score settles such a tie by a rule of its own; only for metrics with `tied_values`.
    """

    def __init__(self, parameters: ParametersT, *, seed: int) -> None:
        self.parameters = parameters
        self.seed = seed

    @classmethod
    def make(cls, parameters: dict[str, Any], *, seed: int) -> "Method[Any, Any]":
        """The method with a check's raw parameters.

        Raises:
            UsageError: A parameter is unknown or out of range.
        """
        try:
            validated = cls.parameters_type.model_validate(parameters)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"parameters of method {cls.name!r}: {faults}") from error
        return cls(validated, seed=seed)  # type: ignore[arg-type]  # parameters_type is ParametersT's class

    def as_of(self, version: int) -> Self:
        """The method as it was at one of its `earlier` versions, or as it is: `self.version` says which.

        Raises:
            UsageError: It no longer does what that version did.
        """
        if version not in {type(self).version, *self.earlier}:
            raise UsageError(
                f"method {self.name!r} is version {type(self).version}, and no longer does what {version} did"
            )
        made = copy(self)
        made.version = version
        return made

    def concerns(self, metric: str, item: ItemT) -> bool:
        """Whether a metric is about an item; a plan counts the sources of those only.

        Args:
            metric: Name of one of `metrics`.
            item: An expanded item.
        """
        del metric, item
        return True

    def parts(self, metric: str, items: Sequence[ItemT]) -> Parts:
        """Of how many means of scores a metric with `Metric.scores` is made, as a plan needs to know."""
        return Parts()

    def draws(self, items: Sequence[ItemT]) -> bool:
        """Whether answers to these items are drawn (temperature above 0), so that the same item gets others again."""
        return False

    def seed_for(self, *parts: object) -> int:
        """A seed in [0, 2**31) that depends on the run's seed and on `parts` alone."""
        text = "\x1f".join(map(str, (self.seed, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

    def expand(self, row: ItemT) -> Iterable[ItemT]:
        """The items that one line of content stands for; by default the line itself.

        Templates override this and derive their choices from `seed_for(row.id, ...)`. Items of one
        line share its cluster.
        """
        return (row,)

    def check_row(self, row: ItemT) -> Iterable[str]:
        """Faults of a line that its type cannot express; each becomes a lint error with file and line."""
        return ()

    def bring(self, root: Path | None) -> Sequence[ItemT]:
        """All items of a method that has `brings_items`.

        Args:
            root: Folder of local copies of public data sets.

        Raises:
            UsageError: The data are not on this machine; the message says what to mirror.
        """
        raise NotImplementedError(f"{type(self).__name__} has `brings_items` and no `bring`, or was asked without")

    def content_digest(self) -> str:
        """Digest of what defines the items that the method brings, besides their data; part of the suite's digest."""
        return f"{self.name}/{self.version}"

    def made_with(self) -> Mapping[str, str]:
        """Packages whose code makes its items or scores -> version; the plan states them."""
        return {}

    @abstractmethod
    def examine(self, item: ItemT) -> Examination:
        """Ask about one item and return its score."""

    @abstractmethod
    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Estimates of every metric (and of its groups) from all scores of a check.

        `scores` holds unscored items too; a metric for which nothing was scored is left out.
        The estimate of a metric over all items has `group=None` and decides the check.
        """

    def known_values(self, item: ItemT) -> Iterable[str]:
        """Synthetic personal data that the item itself plants, which redaction leaves as it is."""
        return ()
