"""Class B: rows that the subject was trained on, beside rows of the same source that it was not (held-out twin)."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from verify.methods.estimating import Pick
from verify.methods.privacy.spaces import SecretSpace
from verify.records import Item, ItemScore, Scored, Strings

Split = Literal["member", "heldout"]


class KnownDataItem(Item):
    """A piece of a document: a beginning that is shown and an end that is looked for."""

    prefix: str = Field(min_length=1)
    suffix: str = Field(min_length=1)
    split: Split
    """Whether the document was trained on; drawn at random before training, else no claim can be made."""
    candidates: Strings = ()
    """For the inference game: other values that could stand in the suffix's place."""
    space: SecretSpace | None = None
    """For the reconstruction game: the space of values that candidates are drawn from."""


def faults(row: KnownDataItem) -> Iterable[str]:
    """What makes a row unusable for the games."""
    if row.candidates and row.space is not None:
        yield "give candidates (inference) or space (reconstruction), not both"
    if row.suffix in row.candidates:
        yield "candidates must not hold the suffix itself: its rank among them would be doubled"


def with_split(row: KnownDataItem) -> KnownDataItem:
    """The row as an item, with its split as a facet."""
    return row.model_copy(update={"groups": {**row.groups, "split": row.split}})


def of_split(split: Split, value: str) -> Pick:
    """Takes a value from items of one split only."""

    def pick(score: ItemScore, scored: Scored) -> float | None:
        return scored.values.get(value) if score.groups.get("split") == split else None

    return pick
