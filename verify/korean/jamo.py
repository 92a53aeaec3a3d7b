"""Hangul syllables and the letters (jamo) that they are built of.

The 11,172 modern syllables lie in U+AC00..U+D7A3 in the order of the formula
``0xAC00 + (initial * 21 + vowel) * 28 + final`` (The Unicode Standard, section 3.12). Letters are
given as compatibility jamo (U+3131..U+3163), which are the ones that keyboards and texts show.
"""

from typing import Final, NamedTuple

from verify.errors import UsageError

INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS: Final = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
"""Final consonants without the empty one; the index in a syllable is one more than the place here."""

COMPOUNDS: Final = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
"""Letters that take two keys on the dubeolsik keyboard, and those keys' letters."""

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_PER_INITIAL: Final = 588
_PER_VOWEL: Final = 28


class Syllable(NamedTuple):
    """The letters of one syllable, as compatibility jamo."""

    initial: str
    vowel: str
    final: str
    """Empty where the syllable is open."""


def is_syllable(character: str) -> bool:
    """Whether this is one precomposed modern syllable (U+AC00..U+D7A3)."""
    return len(character) == 1 and _FIRST <= ord(character) <= _LAST


def decompose(character: str) -> Syllable:
    """The letters of a syllable.

    Raises:
        UsageError: ``character`` is not one precomposed syllable.

    Examples:
        >>> decompose("값")
        Syllable(initial='ㄱ', vowel='ㅏ', final='ㅄ')
    """
    if not is_syllable(character):
        raise UsageError(f"{character!r} is not one Hangul syllable (U+AC00..U+D7A3); normalise to NFC first")
    index = ord(character) - _FIRST
    final = index % _PER_VOWEL
    return Syllable(
        INITIALS[index // _PER_INITIAL],
        VOWELS[index % _PER_INITIAL // _PER_VOWEL],
        FINALS[final - 1] if final else "",
    )


def compose(initial: str, vowel: str, *, final: str = "") -> str:
    """The syllable of these letters.

    Raises:
        UsageError: A letter cannot stand in that place (ㄸ, ㅃ and ㅉ are never final).
    """
    if not can_compose(initial, vowel, final=final):
        raise UsageError(f"{initial!r}, {vowel!r}, {final!r} do not make a Hangul syllable")
    last = FINALS.index(final) + 1 if final else 0
    index = INITIALS.index(initial) * _PER_INITIAL + VOWELS.index(vowel) * _PER_VOWEL + last
    return chr(_FIRST + index)


def can_compose(initial: str, vowel: str, *, final: str = "") -> bool:
    """Whether `compose` accepts these letters."""
    return (
        len(initial) == len(vowel) == 1
        and initial in INITIALS
        and vowel in VOWELS
        and (not final or (len(final) == 1 and final in FINALS))
    )


def has_final(character: str) -> bool:
    """Whether a syllable ends in a consonant (받침).

    Raises:
        UsageError: ``character`` is not one precomposed syllable.
    """
    return decompose(character).final != ""


def initials(text: str) -> str:
    """The text with each syllable reduced to its initial consonant (초성); the rest is unchanged.

    Examples:
        >>> initials("개인정보 3건")
        'ㄱㅇㅈㅂ 3ㄱ'
    """
    return "".join(decompose(c).initial if is_syllable(c) else c for c in text)


def keys(letter: str) -> str:
    """The letters that are typed for one letter on the dubeolsik keyboard: one, or two for a compound."""
    return COMPOUNDS.get(letter, letter)
