"""Errors of spacing (띄어쓰기): spaces left out in a stretch, between two words, or put into a word."""

from collections.abc import Sequence
from random import Random
from typing import Final

from verify.korean.jamo import is_syllable
from verify.korean.protection import negations

_RATES: Final = (0.1, 0.25, 0.5)
_STRETCH: Final = (1 / 3, 2 / 3, 1.0)


def remove(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """All spaces of one stretch of the text are lost, as when lines are pasted from a PDF.

    The stretch holds a third, two thirds or all of the spaces that may be removed.
    """
    spaces = _removable(text, fixed)
    length = max(1, round(_STRETCH[severity - 1] * len(spaces)))
    first = chance.randint(0, max(0, len(spaces) - length))
    return _without(text, spaces[first : first + length])


def merge(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Pairs of words, taken at random, are written as one."""
    spaces = _removable(text, fixed)
    count = max(1, round(_RATES[severity - 1] * len(spaces)))
    return _without(text, chance.sample(spaces, min(count, len(spaces))))


def split(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Spaces are put into words at random, between two syllables."""
    gaps = [
        place
        for place in range(1, len(text))
        if is_syllable(text[place - 1]) and is_syllable(text[place]) and not fixed[place - 1] and not fixed[place]
    ]
    count = max(1, round(_RATES[severity - 1] * len(gaps)))
    chosen = set(chance.sample(gaps, min(count, len(gaps))))
    return "".join(f" {c}" if place in chosen else c for place, c in enumerate(text))


def _removable(text: str, fixed: Sequence[bool]) -> list[int]:
    """Spaces between words; to join two digits or two Latin words would make another value of them."""
    return [
        place
        for place in range(1, len(text) - 1)
        if text[place] == " "
        and not fixed[place]
        and (is_syllable(text[place - 1]) or is_syllable(text[place + 1]))
        and negations(text[place - 1] + text[place + 1]) == negations(text[place - 1 : place + 2])
    ]


def _without(text: str, places: Sequence[int]) -> str:
    gone = set(places)
    return "".join(c for place, c in enumerate(text) if place not in gone)
