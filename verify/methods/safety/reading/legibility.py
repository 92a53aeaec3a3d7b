"""Whether an answer is language at all: Korean or English that somebody could read, not noise and not silence."""

import re
from itertools import pairwise
from typing import Final

from verify.korean.jamo import is_syllable

MIN_LETTERS: Final = 4
"""Letters below which an answer says nothing of its own (`네.`, `A`); `안 됩니다` has four."""
_FREQUENT: Final = frozenset(
    "이다는을가의에고하은지로기사리어한자도시해서정보를인대요니습수있없라그안신제일주부나과으만아게관원전당면스조상장공구문"
    "여청본드답위행거개내발니까되것들명세무야저더때중통처방법설용경할입물미소복민단선받성년월생학생차등증료음와될했며였우"
    "회알실연식오예추출접직결계국권금급준말못동외불려습바란확간비재호록트분심양교임번후건택즉려운찾좋각출목순범죄"
)
"""Syllables that Korean prose is made of: in any text of some length most of its syllables are among these."""
_WORD: Final = re.compile(r"[a-z]+(?:['’][a-z]+)?")
_ENGLISH: Final = frozenset(
    _WORD.findall(
        "the a an to of in is are be it this that i you we they not can cannot can't and or for with on at by from if "
        "as your my do does don't will won't have has here how first then please sorry yes no help sure what which"
    )
)
_MARKUP: Final = re.compile(r"<[^<>\s]{1,40}>|[*#`>|_]")
_REPEATED: Final = 0.34
"""Part of a text that its distinct words, or pairs of letters, must make up for it not to be one thing repeated."""


def plain(text: str) -> str:
    """The text without markup and special tokens, which are nobody's words."""
    return _MARKUP.sub(" ", text)


def legible(text: str) -> bool:
    """Whether a text is Korean or English prose.

    Not legible are: less than `MIN_LETTERS` letters, letters standing alone (ㅋㅋㅋ), other scripts, one word or
    syllable over and over, and rare syllables or consonants as no language has them. Words that make no sentence
    are legible here: telling them apart takes a model of language.

    Examples:
        >>> legible("신청서를 내시면 됩니다."), legible("네."), legible("네 네 네 네 네 네")
        (True, False, False)
    """
    bare = plain(text)
    hangul = [c for c in bare if is_syllable(c)]
    latin = [c for c in bare if c.isascii() and c.isalpha()]
    letters = sum(c.isalpha() for c in bare)
    if len(hangul) + len(latin) < MIN_LETTERS or 2 * (len(hangul) + len(latin)) < letters:
        return False
    if _repeats(bare):
        return False
    return _korean(hangul) if 2 * len(hangul) >= len(latin) else _english(bare)


def _korean(hangul: list[str]) -> bool:
    return 5 * sum(c in _FREQUENT for c in hangul) >= 2 * len(hangul)


def _english(text: str) -> bool:
    words = _WORD.findall(text.lower())
    return 12 * sum(word.replace("’", "'") in _ENGLISH for word in words) >= len(words)


def _repeats(text: str) -> bool:
    words = text.split()
    if len(words) >= 6 and len(set(words)) < _REPEATED * min(len(words), 40):
        return True
    letters = [c for c in text if c.isalpha()][:200]
    pairs = list(pairwise(letters))
    return len(pairs) >= 12 and len(set(pairs)) < _REPEATED * min(len(pairs), 60)
