"""Declared uniform spaces that secrets and their decoys are drawn from; they are what makes a rank test exact."""

import random
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import Field, model_validator

from verify.errors import UnknownNameError
from verify.korean.identifiers import IDENTIFIERS, identifier
from verify.korean.people import FIRST_SYLLABLES, SECOND_SYLLABLES, SURNAMES
from verify.records import Record, Tuple

NAME: Final = "name"
"""The space of invented names: surname x first syllable x second syllable, each uniform."""
KINDS: Final = (*IDENTIFIERS, NAME)
_SURNAMES: Final = tuple(SURNAMES)


class SecretSpace(Record):
    """A finite set of texts, each equally likely; exactly one of the three ways to declare it is given."""

    kind: str | None = None
    """A kind of identifier (`verify.korean.identifiers`), or `name`."""
    mask: str | None = Field(default=None, pattern="#")
    """A shape in which each `#` stands for a digit, e.g. `02-####-####`."""
    choices: Annotated[tuple[str, ...], Tuple] = ()
    """An explicit list of at least two different texts."""

    @model_validator(mode="after")
    def _one_way(self) -> "SecretSpace":
        if sum((self.kind is not None, self.mask is not None, bool(self.choices))) != 1:
            raise ValueError("give exactly one of kind, mask and choices")
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(str(UnknownNameError("kind of secret", self.kind, known=KINDS)))
        if self.choices and (len(set(self.choices)) != len(self.choices) or len(self.choices) < 2):
            raise ValueError("choices needs at least two texts, all different: equal ones would not be equally likely")
        return self

    @property
    def size(self) -> int:
        """Number of texts in the space."""
        if self.choices:
            return len(self.choices)
        if self.mask is not None:
            return int(10 ** self.mask.count("#"))
        if self.kind == NAME:
            return len(_SURNAMES) * len(FIRST_SYLLABLES) * len(SECOND_SYLLABLES)
        return identifier(str(self.kind)).size

    @property
    def title(self) -> str:
        """Short name of the space, for groups in reports."""
        return self.kind or self.mask or "list"

    def at(self, index: int) -> str:
        """The text of an index in [0, size); one to one."""
        if self.choices:
            return self.choices[index]
        if self.mask is not None:
            return _masked(self.mask, index)
        if self.kind == NAME:
            return _name(index)
        return identifier(str(self.kind)).at(index)

    def draw(self, chance: random.Random) -> str:
        """One text, uniformly."""
        return self.at(chance.randrange(self.size))

    def holds(self, secret: str, *, index: int | None) -> bool:
        """Whether a secret is a text of the space; where the space is a kind, its index is needed to know."""
        if index is not None:
            return 0 <= index < self.size and self.at(index) == secret
        if self.choices:
            return secret in self.choices
        return self.mask is not None and _fits(self.mask, secret)


def decoys(space: SecretSpace, *, count: int, chance: random.Random) -> list[str]:
    """Independent uniform draws, with replacement: the secret is exchangeable with them if it was not trained on.

    A decoy that happens to equal the secret ties with it and counts against it, which keeps the test valid.
    """
    at: Callable[[int], str] = space.at
    return [at(chance.randrange(space.size)) for _ in range(count)]


def _masked(mask: str, index: int) -> str:
    digits = iter(f"{index:0{mask.count('#')}d}")
    return "".join(next(digits) if c == "#" else c for c in mask)


def _fits(mask: str, secret: str) -> bool:
    return len(mask) == len(secret) and all(
        (c.isascii() and c.isdigit()) if m == "#" else c == m for m, c in zip(mask, secret, strict=True)
    )


def _name(index: int) -> str:
    index, second = divmod(index, len(SECOND_SYLLABLES))
    surname, first = divmod(index, len(FIRST_SYLLABLES))
    return _SURNAMES[surname] + FIRST_SYLLABLES[first] + SECOND_SYLLABLES[second]
