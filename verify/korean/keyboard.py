"""The dubeolsik (두벌식, KS X 5002) keyboard: which letter lies on which key, and which keys touch."""

from typing import Final

from verify.korean.jamo import COMPOUNDS, decompose, is_syllable, keys

_ROWS: Final = (
    ("qwertyuiop", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", 0.0),
    ("asdfghjkl", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", 0.25),
    ("zxcvbnm", "ㅋㅌㅊㅍㅠㅜㅡ", 0.75),
)
"""Latin keys, Hangul letters, and by how many key widths the row is shifted to the right."""

_SHIFTED: Final = {"ㅃ": "Q", "ㅉ": "W", "ㄸ": "E", "ㄲ": "R", "ㅆ": "T", "ㅒ": "O", "ㅖ": "P"}
_KEY: Final = {
    letter: key for latin, hangul, _ in _ROWS for key, letter in zip(latin, hangul, strict=True)
} | _SHIFTED  # fmt: skip
_UNSHIFTED: Final = {"ㅃ": "ㅂ", "ㅉ": "ㅈ", "ㄸ": "ㄷ", "ㄲ": "ㄱ", "ㅆ": "ㅅ", "ㅒ": "ㅐ", "ㅖ": "ㅔ"}
_PLACE: Final = {
    letter: (shift + column, row)
    for row, (_, hangul, shift) in enumerate(_ROWS)
    for column, letter in enumerate(hangul)
}
_CONSONANTS: Final = frozenset("ㅂㅈㄷㄱㅅㅁㄴㅇㄹㅎㅋㅌㅊㅍ")
_REACH: Final = 1.3
"""Greatest distance of the centres of two keys that touch, in key widths."""


def _touching(letter: str) -> tuple[str, ...]:
    x, y = _PLACE[letter]
    return tuple(
        sorted(
            other
            for other, (u, v) in _PLACE.items()
            if other != letter
            and (other in _CONSONANTS) == (letter in _CONSONANTS)
            and (u - x) ** 2 + (v - y) ** 2 <= _REACH**2
        )
    )


NEIGHBOURS: Final = {letter: _touching(letter) for letter in _PLACE} | {
    shifted: _touching(plain) for shifted, plain in _UNSHIFTED.items()
}
"""For each single letter the letters of the same class (consonant, vowel) on keys that touch its key."""

_JOINED: Final = {pair: letter for letter, pair in COMPOUNDS.items()}


def slips(letter: str) -> tuple[str, ...]:
    """What one wrong neighbouring key makes of a letter, including compound letters (ㅘ, ㄺ).

    Only results that are themselves one letter are given, so that the syllable stays one.
    """
    typed = keys(letter)
    if len(typed) == 1:
        return NEIGHBOURS[typed]
    first, second = typed[0], typed[1]
    pairs = [n + second for n in NEIGHBOURS[first]] + [first + n for n in NEIGHBOURS[second]]
    return tuple(_JOINED[pair] for pair in pairs if pair in _JOINED)


def as_latin(text: str) -> str:
    """What a text becomes when it is typed with the keyboard in Latin mode; other characters stay.

    Examples:
        >>> as_latin("한글")
        'gksrmf'
    """
    out: list[str] = []
    for character in text:
        letters = "".join(decompose(character)) if is_syllable(character) else character
        out.extend(_KEY.get(key, key) for letter in letters for key in keys(letter))
    return "".join(out)
