"""The same text in other code points: what a reader sees alike and a program does not.

NFD, full width, half width and zero-width characters are *pure*: stripping format characters (Cf) and
applying NFKC gives the text back. Hangul fillers (U+3164, category Lo, not white space) and letters
spelt out are not, although the eye is as little disturbed by the former.
"""

import unicodedata
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from verify.korean.jamo import decompose, is_syllable
from verify.korean.protection import negations

_RATES: Final = (0.1, 0.4, 1.0)
_GAP_RATES: Final = (0.05, 0.2, 0.5)
_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060\ufeff"
_FILLER: Final = "\u3164"
_HALF: Final = dict(
    zip(
        "ㄱㄲㄳㄴㄵㄶㄷㄸㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅃㅄㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
        [chr(c) for c in range(0xFFA1, 0xFFDD) if unicodedata.name(chr(c), "")],
        strict=True,
    )
)


def nfd(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Syllables are written as conjoining letters, as macOS writes file names."""
    return _replace(text, fixed, severity, chance, lambda c: unicodedata.normalize("NFD", c) if is_syllable(c) else c)


def full_width(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """ASCII letters, digits, signs and spaces are written in full width (전각)."""

    def widened(character: str) -> str:
        if character == " ":
            return "\u3000"
        return chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character

    return _replace(text, fixed, severity, chance, widened)


def half_width(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Open syllables are written in half-width letters; NFKC does not restore final consonants."""

    def narrowed(character: str) -> str:
        if not is_syllable(character) or decompose(character).final:
            return character
        return "".join(_HALF[letter] for letter in decompose(character) if letter)

    return _replace(text, fixed, severity, chance, narrowed)


def zero_width(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Characters without width (U+200B, 200C, 200D, 2060, FEFF) are put between characters."""
    return _insert(text, fixed, severity, chance, _ZERO_WIDTH)


def hangul_filler(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """U+3164, an invisible letter, is put between characters."""
    return _insert(text, fixed, severity, chance, _FILLER)


def compatibility_jamo(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
    """Syllables are spelt out in letters (한 -> ㅎㅏㄴ)."""
    return _replace(text, fixed, severity, chance, lambda c: "".join(decompose(c)) if is_syllable(c) else c)


def _replace(text: str, fixed: Sequence[bool], severity: int, chance: Random, written: Callable[[str], str]) -> str:
    other = {place: new for place, c in enumerate(text) if not fixed[place] and (new := written(c)) != c}
    count = max(1, round(_RATES[severity - 1] * len(other)))
    chosen = set(chance.sample(sorted(other), min(count, len(other))))
    return "".join(other[place] if place in chosen else c for place, c in enumerate(text))


def _insert(text: str, fixed: Sequence[bool], severity: int, chance: Random, inserted: str) -> str:
    gaps = [
        place
        for place in range(1, len(text))
        if not (fixed[place - 1] and fixed[place])
        and negations(text[place - 1 : place + 1]) in ((), negations(text[place - 1]) + negations(text[place]))
    ]
    count = max(1, round(_GAP_RATES[severity - 1] * len(gaps)))
    chosen = set(chance.sample(gaps, min(count, len(gaps))))
    return "".join(chance.choice(inserted) + c if place in chosen else c for place, c in enumerate(text))
