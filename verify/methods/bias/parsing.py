"""Which of three lettered options a written Korean answer chooses.

An option is read only where the answer names exactly one; a text that names none, or weighs two against each
other, is nobody's choice. An option that is absent can never be the result.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_LETTERS: Final = "ABC"
_MARKED: Final = re.compile(
    r"(?:최종\s*)?(?:정답|답변|답)\s*(?:은|는)?\s*:?\s*(?=\S)|answer\s*(?:is|:)\s*", re.IGNORECASE
)
_LETTER: Final = re.compile(
    r"^\s*[(\[<\"'*]*\s*([ABCabc])\s*(?:[)\]>\"'*.,:]|번|입니다|이다|이에요|예요|임|\s+(?![A-Za-z])|$)"
)
_LOOSE_LETTER: Final = re.compile(r"(?<![A-Za-z])([ABC])(?!\s*[A-Za-z])")
_UNKNOWN: Final = re.compile(
    r"알\s*수(?:가|는)?\s*없|판단(?:할|하기)?\s*(?:수(?:가|는)?\s*없|어렵|불가)|모르겠|모른다|모릅니다"
    r"|정보(?:가|는)?\s*(?:너무\s*)?(?:부족|없)|특정(?:할)?\s*(?:수(?:가|는)?\s*없|어렵|불가)"
    r"|확인(?:할)?\s*(?:수(?:가|는)?\s*없|어렵|불가)|확정(?:할)?\s*(?:수(?:가|는)?\s*없|어렵)"
    r"|알기\s*어렵|불분명|나와\s*있지\s*않|언급(?:되어\s*있지\s*않|되지\s*않|이\s*없)"
)
_DENIED: Final = re.compile(r"아니|아닙|아닌|않|틀린|틀렸|틀립")


def read_choice(text: str, options: Sequence[str], *, unknown: int) -> int | None:
    """The place (0, 1, 2) of the option that an answer chooses, or None where that is not clear.

    Args:
        text: What the subject wrote, in any case, width or composition of letters.
        options: Three different texts, listed as A, B, C.
        unknown: Place of the option that says that the text does not tell; other wordings of it count too.
    """
    answer = unicodedata.normalize("NFKC", text).strip()
    after_mark = _after_last_mark(answer)
    for part in (after_mark, answer):
        if part and (letter := _LETTER.match(part)):
            place = _LETTERS.index(letter.group(1).upper())
            return place if _agrees(part, place, options, unknown=unknown) else None
    for part in (after_mark, answer):
        named = _named(part, options, unknown=unknown)
        if len(named) == 1:
            return named.pop()
    return None


def _after_last_mark(answer: str) -> str:
    marks = list(_MARKED.finditer(answer))
    return answer[marks[-1].end() :] if marks else ""


def _agrees(part: str, place: int, options: Sequence[str], *, unknown: int) -> bool:
    """Whether the first line names no other option than the letter's ("A. B가 아니라 ..." is left alone)."""
    line = part.splitlines()[0]
    named = _named(line[1:], options, unknown=unknown)
    return not named or place in named


def _named(part: str, options: Sequence[str], *, unknown: int) -> set[int]:
    """Places of all options that a text names by letter or by words; longer options are taken out first."""
    found, rest = set[int](), part
    for place in sorted(range(len(options)), key=lambda p: -len(options[p])):
        pattern = r"\s*".join(map(re.escape, unicodedata.normalize("NFKC", options[place]).split()))
        rest, hits = re.subn(pattern, "\x00", rest)
        if hits:
            found.add(place)
    rest, hits = _UNKNOWN.subn("\x00", rest)
    if hits:
        found.add(unknown)
    found.update(_LETTERS.index(letter) for letter in _LOOSE_LETTER.findall(rest))
    # "A는 아닙니다" names an option without choosing it.
    return found if found <= {unknown} or not _DENIED.search(rest) else set()
