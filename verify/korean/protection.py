"""Which places of a text no disturbance may touch, because the label of the item depends on them."""

import re
from collections.abc import Sequence
from typing import Final

from verify.errors import UsageError
from verify.korean.jamo import is_syllable

_NEGATION: Final = re.compile("아니|[안못않없]")
_UNIT: Final = re.compile(r"(?<=[0-9])(?:[십백천만억조]*[가-힣])")


def negations(text: str) -> tuple[str, ...]:
    """The negation syllables of a text (안, 못, 않, 없, 아니), in order; typing errors keep this tuple."""
    return tuple(_NEGATION.findall(text))


def held(text: str, *, protected: Sequence[str] = ()) -> list[bool]:
    """For each character, whether it lies in a protected substring.

    Raises:
        UsageError: A protected substring is empty.
    """
    fixed = [False] * len(text)
    for part in protected:
        if not part:
            raise UsageError("a protected substring is empty; leave it out")
        start = text.find(part)
        while start >= 0:
            fixed[start : start + len(part)] = [True] * len(part)
            start = text.find(part, start + 1)
    return fixed


def frozen(text: str, *, protected: Sequence[str] = ()) -> list[bool]:
    """For each character, whether typing and spacing errors leave it alone.

    Left alone are protected substrings, negation with the spaces beside it (안 된다 and 안된다 may differ),
    the unit after a number (5일, 3만 원), and everything that is neither a Hangul syllable nor a space.

    Raises:
        UsageError: A protected substring is empty.
    """
    fixed = held(text, protected=protected)
    for place, character in enumerate(text):
        if character != " " and not is_syllable(character):
            fixed[place] = True
    for match in _UNIT.finditer(text):
        fixed[match.start() : match.end()] = [True] * len(match.group())
    for match in _NEGATION.finditer(text):
        fixed[match.start() : match.end()] = [True] * len(match.group())
        for beside in (match.start() - 1, match.end()):
            if 0 <= beside < len(text) and text[beside] == " ":
                fixed[beside] = True
    return fixed
