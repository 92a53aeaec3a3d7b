"""Korean numerals: 3만 5천, 삼만오천, 1억 2천만, 스물세, 3.5만 as exact numbers."""

import re
from fractions import Fraction
from typing import Final

_SINO: Final = dict(zip("영공일이삼사오육륙칠팔구", (0, 0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9), strict=True))
_SMALL: Final = {"십": 10, "백": 100, "천": 1000}
_LARGE: Final = {"만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}
_NATIVE_TENS: Final = {"스무": 20} | {
    word: 10 * tens
    for tens, word in enumerate(["열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"], start=1)
}
_NATIVE_ONES: Final = {"한": 1, "두": 2, "세": 3, "네": 4} | {
    word: ones for ones, word in enumerate(["하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉"], start=1)
}
_NATIVE: Final = re.compile(f"({'|'.join(_NATIVE_TENS)})?({'|'.join(_NATIVE_ONES)})?")
_DECIMAL: Final = r"[0-9]+(?:\.[0-9]+)?"
_PLAIN: Final = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_PART: Final = re.compile(f"({_DECIMAL}|[영공일이삼사오육륙칠팔구])?([십백천])?")


def number(text: str) -> Fraction | None:
    """The exact value of a numeral, or None where the text is not one, the whole of it.

    Read are Arabic numerals (with ``,`` at every third digit), Sino-Korean ones (삼만 오천), mixtures
    (3만 5천, 1.5억), digits read out (일공오), and native ones below 100 (스물세, 다섯). Spaces between
    parts do not matter.

    Examples:
        >>> number("3만 5천"), number("삼만"), number("30,00")
        (Fraction(35000, 1), Fraction(30000, 1), None)
    """
    spaced = text.strip()
    if re.search(r"[0-9] +[0-9]", spaced):
        return None
    bare = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", spaced).replace(" ", "")
    if re.fullmatch(_DECIMAL, bare):
        return Fraction(bare) if _PLAIN.fullmatch(spaced) else None
    if not bare or "," in bare:
        return None
    if len(bare) > 1 and all(c in _SINO for c in bare):
        return Fraction(int("".join(str(_SINO[c]) for c in bare)))
    native = _NATIVE.fullmatch(bare)
    if native:
        return Fraction(_NATIVE_TENS.get(native.group(1), 0) + _NATIVE_ONES.get(native.group(2), 0))
    return _by_myriads(bare)


def _by_myriads(bare: str) -> Fraction | None:
    total, rest, ceiling = Fraction(0), bare, 10**20
    while rest:
        cut = next((place for place, c in enumerate(rest) if c in _LARGE), len(rest))
        unit = _LARGE[rest[cut]] if cut < len(rest) else 1
        below = _below_myriad(rest[:cut])
        if below is None or unit >= ceiling or (not rest[:cut] and unit != 10**4):
            return None
        total += below * unit
        ceiling, rest = unit, rest[cut + 1 :]
    return total


def _below_myriad(text: str) -> Fraction | None:
    """천, 백, 십 and ones; an empty text is the 1 that is left unsaid (만 원)."""
    if not text:
        return Fraction(1)
    total, end, ceiling = Fraction(0), 0, 10**4
    while end < len(text):
        part = _PART.match(text, end)
        if part is None or part.end() == end:
            return None
        digit, place = part.groups()
        unit = _SMALL.get(place, 1)
        if unit >= ceiling:
            return None
        value = Fraction(1) if digit is None else Fraction(_SINO[digit]) if digit in _SINO else Fraction(digit)
        total += value * unit
        end, ceiling = part.end(), unit
    return total
