"""Typing errors on the dubeolsik keyboard, letter by letter, and the keyboard left in the wrong mode.

An *edit* lists what could go wrong at each place; `mistype` lets a share of it happen. No edit touches
a frozen place (see `verify.korean.protection`), and none makes or unmakes a negation.
"""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from verify.errors import UsageError
from verify.korean.jamo import FINALS, INITIALS, can_compose, compose, decompose, is_syllable
from verify.korean.keyboard import as_latin, slips
from verify.korean.protection import negations


class Change(NamedTuple):
    """What would stand in the place of some characters."""

    length: int
    """Characters that are replaced, counted from the place that the change is listed under."""
    text: str


Edit = Callable[[str, Sequence[bool], Random], dict[int, Change]]
"""(text, frozen places, source of chance) -> the change that is possible at each place."""


def mistype(text: str, edit: Edit, *, rate: float, fixed: Sequence[bool], chance: Random) -> str:
    """The text with a share of the possible changes made, and at least one if any is possible.

    Two changes never touch, so each leaves the text one letter from what was meant at that place.

    Args:
        text: Any text.
        edit: `adjacent_key`, `drop`, `duplicate`, `swap` or `keyboard_mode`.
        rate: Share of the places at which a change is possible, in (0, 1].
        fixed: The places to leave alone, one value a character.
        chance: Decides the places.

    Raises:
        UsageError: The rate lies outside (0, 1].
    """
    if not 0.0 < rate <= 1.0:
        raise UsageError(f"rate {rate!r} is not in (0, 1]")
    possible = edit(text, fixed, chance)
    wanted = max(1, round(rate * len(possible)))
    made: dict[int, Change] = {}
    touched: set[int] = set()
    for place in chance.sample(sorted(possible), len(possible)):
        change = possible[place]
        covered = range(place, place + change.length)
        around = range(place - 1, place + change.length + 1)
        if touched.isdisjoint(around) and _keeps_negation(text, place, change):
            made[place] = change
            touched.update(covered)
        if len(made) == wanted:
            break
    return _applied(text, made)


def _keeps_negation(text: str, place: int, change: Change) -> bool:
    before, after = text[max(0, place - 1) : place], text[place + change.length : place + change.length + 1]
    replaced = text[place : place + change.length]
    return negations(before + replaced + after) == negations(before + change.text + after)


def _applied(text: str, changes: dict[int, Change]) -> str:
    out, end = [], 0
    for place in sorted(changes):
        out += [text[end:place], changes[place].text]
        end = place + changes[place].length
    return "".join(out) + text[end:]


def _free_syllables(text: str, fixed: Sequence[bool]) -> list[int]:
    return [place for place, character in enumerate(text) if not fixed[place] and is_syllable(character)]


def adjacent_key(text: str, fixed: Sequence[bool], chance: Random) -> dict[int, Change]:
    """One letter of a syllable is replaced by that of a touching key; the result is a syllable."""
    found = {}
    for place in _free_syllables(text, fixed):
        initial, vowel, final = decompose(text[place])
        options = [(new, vowel, final) for new in slips(initial)]
        options += [(initial, new, final) for new in slips(vowel)]
        options += [(initial, vowel, new) for new in slips(final)] if final else []
        valid = [compose(i, v, final=f) for i, v, f in options if can_compose(i, v, final=f)]
        if valid:
            found[place] = Change(1, chance.choice(valid))
    return found


def drop(text: str, fixed: Sequence[bool], _chance: Random) -> dict[int, Change]:
    """The final consonant of a closed syllable is not typed: 한 -> 하."""
    letters = {place: decompose(text[place]) for place in _free_syllables(text, fixed)}
    return {place: Change(1, compose(s.initial, s.vowel)) for place, s in letters.items() if s.final}


def duplicate(text: str, fixed: Sequence[bool], _chance: Random) -> dict[int, Change]:
    """The last key of a syllable is struck twice, which leaves a letter standing alone: 한 -> 한ㄴ."""
    letters = {place: decompose(text[place]) for place in _free_syllables(text, fixed)}
    return {place: Change(1, text[place] + (s.final or s.vowel)) for place, s in letters.items()}


def swap(text: str, fixed: Sequence[bool], _chance: Random) -> dict[int, Change]:
    """The final of a syllable and the initial of the next one change places: 한글 -> 학늘."""
    found = {}
    free = set(_free_syllables(text, fixed))
    for place in sorted(free):
        if place + 1 not in free:
            continue
        first, second = decompose(text[place]), decompose(text[place + 1])
        if first.final and first.final != second.initial and first.final in INITIALS and second.initial in FINALS:
            left = compose(first.initial, first.vowel, final=second.initial)
            found[place] = Change(2, left + compose(first.final, second.vowel, final=second.final))
    return found


def keyboard_mode(text: str, fixed: Sequence[bool], _chance: Random) -> dict[int, Change]:
    """A whole word of Hangul is typed with the keyboard in Latin mode: 한글 -> gksrmf."""
    return {
        match.start(): Change(len(match.group()), as_latin(match.group()))
        for match in re.finditer(r"(?<![A-Za-z0-9])[가-힣]+(?![A-Za-z0-9])", text)
        if not any(fixed[match.start() : match.end()])
    }
