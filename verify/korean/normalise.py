"""One normal form for text that may hide something, with a map back to the text as it was.

`normalise` undoes what evades patterns without changing what a reader sees: composed letters (NFC),
compatibility forms (NFKC: full width, circled digits), digits of other scripts and in black circles,
keycaps and struck-out digits, characters without width and Hangul fillers, the many dashes and spaces,
middle dots between digits, a line broken at a dash, letters spelt out (ㅎㅏㄴ), digits that are spaced
out or written in Hangul or Chinese (공일공 일이삼사 오육칠팔), letters that stand for digits (O1O).
Each character of the result knows the stretch of the original that it stands for, so what is found in
the normal form is cut out of the original.

The result is for searching, not for showing: 공 and 이 in a run of digit words become 0 and 2.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from verify.korean.jamo import COMPOUNDS, FINALS, INITIALS, VOWELS, compose

HANGUL_DIGITS: Final = dict(zip("공영령일이삼사오육륙칠팔구", "0001234566789", strict=True))
"""Digit words and their digits; 공 is how digits are read out, 영 how numbers are."""
_DIGIT_WORDS: Final = HANGUL_DIGITS | dict(zip("〇零一二三四五六七八九", "00123456789", strict=True))


class Span(NamedTuple):
    """A stretch of the original text, in code points."""

    start: int
    end: int
    """Not included."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in normal form, and where each of its characters came from."""

    text: str
    starts: "array[int]"
    """For each character, where the stretch of the original that it stands for starts."""
    ends: "array[int]"
    """For each character, where that stretch ends, not included."""

    def original(self, start: int, end: int) -> Span:
        """The stretch of the original that ``text[start:end]`` stands for.

        Characters without width that lay between the first and the last of them are inside.

        Args:
            start: 0 <= start < end.
            end: At most ``len(text)``; not included.
        """
        return Span(self.starts[start], self.ends[end - 1])


class _Piece(NamedTuple):
    """A stretch that a pass replaces; what lies between two pieces stays."""

    start: int
    end: int
    text: str


_PLAIN: Final = re.compile(r"[\t\n\r -~가-힣]*")
_FORMAT: Final = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Category Cf of Unicode 14."""
_UNSEEN: Final = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Characters without shape that are not Cf: Hangul fillers, variation selectors, the grapheme joiner."""
_CONTROL: Final = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_INVISIBLE: Final = re.compile(f"[{_FORMAT}{_UNSEEN}{_CONTROL}]+")
_BREAK: Final = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
_HALF_JAMO: Final = {
    chr(code): chr(int(unicodedata.decomposition(chr(code)).split()[1], 16))
    for code in range(0xFFA1, 0xFFDD)
    if unicodedata.decomposition(chr(code))
}
_HALF: Final = re.compile("[" + "".join(_HALF_JAMO) + "]")
# NFKC would turn a letter standing alone (ㅋㅋ, U+3131 ff.) into a conjoining one that no font shows.
_UNUSUAL: Final = re.compile("[^\t\n\r -~가-힣\u3131-\u318e]+")
_DASH: Final = re.compile(
    "[\u1806\u2010-\u2015\u2043\u2212\u2500\u2501\u2e3a\u2e3b\u301c\u3030\ufe31\ufe32\ufe58\ufe63\uff0d]"
)
_DIGIT: Final = re.compile(
    "["
    + "".join(chr(code) for code in range(0x80, 0x1F100) if unicodedata.digit(chr(code), None) is not None)
    + "\U0001fbf0-\U0001fbf9]"
)
"""Decimal digits of all scripts, superscripts, circled ones; NFKC leaves those of other scripts as they are."""
_DECORATED: Final = re.compile("(?<=[0-9])[\u0300-\u036f\u20d0-\u20f0\ufe0f]+")
_DASHED: Final = re.compile("(?<=[0-9]) {0,2}[-ㅡー一_·ㆍ・‧∙•⋅] {0,2}(?=[0-9])")
_BROKEN: Final = re.compile("(?<=[0-9])(?: {0,2}- {0,2}\r?\n[ \t>]{0,8}| {0,2}\r?\n[ \t>]{0,8}-)(?=[0-9])")
"""A number broken at its dash; a dash and a space after the break are an item of a list."""
_VOWEL: Final = f"[{VOWELS}]"
_FINAL_PAIRS: Final = {pair: letter for letter, pair in COMPOUNDS.items() if letter in FINALS}
_SPELT: Final = re.compile(
    f"([{INITIALS}])({_VOWEL})((?:{'|'.join(_FINAL_PAIRS)})(?!{_VOWEL})|[{FINALS}](?!{_VOWEL}))?"
)
_SPACED: Final = re.compile("(?<![0-9])[0-9](?:(?: {1,2}|-)[0-9](?![0-9])){5,}")
_SINGLED: Final = re.compile(
    r"(?<![0-9])(?<![0-9][,./|\n-])(?<![0-9][,./|\n-] )[0-9](?P<by>[,./|\n-]) ?[0-9]"
    r"(?:(?P=by) ?[0-9](?![0-9])){7,}(?!(?P=by) ?[0-9])"
)
"""At least nine digits, the same sign after each."""
_WORD: Final = "[" + "".join(_DIGIT_WORDS) + "]"
_READ_OUT: Final = re.compile(
    f"(?:{_WORD}|[0-9])(?:(?:[ .,\n-]{{0,3}}|(?:에|의| 다시| 대시| 하이픈) )(?:{_WORD}|[0-9])){{6,}}"
)
_SPOKEN: Final = re.compile(f"(?<![가-힣])(?:{_WORD}|[0-9])(?:[ -]?(?:{_WORD}|[0-9])){{8,15}}(?![가-힣])")
_WITHIN: Final = re.compile("-?[0-9]")
_LIKE_DIGITS: Final = {"O": "0", "o": "0", "ㅇ": "0", "I": "1", "l": "1"}
_LIKE: Final = re.compile(r"(?<![0-9A-Za-zㄱ-ㅎ])[0-9OoIlㅇ](?:[-. ]?[0-9OoIlㅇ]){8,15}(?![0-9A-Za-zㄱ-ㅎ])")
_FEWEST_DIGITS: Final = 6
_PARTICLE_NEXT: Final = re.compile("[에예고며라나지었니다란든면야므]")
_LICENCE: Final = re.compile(r"\S{2}[ -]\S{2}[ -]\S{6}[ -]\S{2}")
"""A driver's licence has twelve digits, of which the last may be 이."""
_COUNTED: Final = re.compile("[0-9][일이](?![0-9공영일이삼사오육륙칠팔구])")
_FEWEST_WORDS: Final = 3
_EMBEDDED: Final = (10, 11, 13)
"""Digits of the numbers in which fewer digit words than that are read as digits: telephones, registration."""
_ONE_OVER: Final = (12, 14)
"""One more than a mobile number (11) and a registration number (13) have: the last 이 is a particle."""
_ROUNDS: Final = 8


def _invisible(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "") for m in _INVISIBLE.finditer(text))


def _breaks(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "\n") for m in _BREAK.finditer(text))


def _half_width(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), _HALF_JAMO[m.group()]) for m in _HALF.finditer(text))


def _joins(character: str) -> bool:
    """Whether a character may compose with the one before it."""
    return (
        "\u1160" <= character <= "\u11ff"
        or "\ud7b0" <= character <= "\ud7fb"
        or unicodedata.category(character).startswith("M")
    )


def _composed(text: str) -> Iterable[_Piece]:
    """NFKC, one cluster (a character and what composes with it) at a time, so that places are kept."""
    for run in _UNUSUAL.finditer(text):
        start = run.start()
        if start and _joins(text[start]):
            start -= 1
        for place in range(run.start() + 1, run.end() + 1):
            if place < run.end() and _joins(text[place]):
                continue
            cluster = text[start:place]
            normal = unicodedata.normalize("NFKC", cluster)
            if normal != cluster:
                yield _Piece(start, place, normal)
            start = place


def _numerals(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), str(unicodedata.digit(m.group()))) for m in _DIGIT.finditer(text))


def _decorated(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "") for m in _DECORATED.finditer(text))


def _dashes(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "-") for m in _DASH.finditer(text))


def _spelt(text: str) -> Iterable[_Piece]:
    for m in _SPELT.finditer(text):
        final = m.group(3) or ""
        yield _Piece(m.start(), m.end(), compose(m.group(1), m.group(2), final=_FINAL_PAIRS.get(final, final)))


def _dashed(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "-") for m in _DASHED.finditer(text) if m.group() != "-")


def _broken(text: str) -> Iterable[_Piece]:
    return (_Piece(m.start(), m.end(), "-") for m in _BROKEN.finditer(text))


def _singled(text: str) -> Iterable[_Piece]:
    for run in _SINGLED.finditer(text):
        for sign in re.finditer("[^0-9]+", run.group()):
            yield _Piece(run.start() + sign.start(), run.start() + sign.end(), "")


def _alike(text: str) -> Iterable[_Piece]:
    """Letters that look like digits, in a run that is mostly digits and touches no other letter."""
    for run in _LIKE.finditer(text):
        if sum(c.isdigit() for c in run.group()) < _FEWEST_DIGITS:
            continue
        for place, character in enumerate(run.group(), start=run.start()):
            if character in _LIKE_DIGITS:
                yield _Piece(place, place + 1, _LIKE_DIGITS[character])


def _embedded(text: str) -> Iterable[_Piece]:
    """One or two digit words inside a number that is whole with them: 9공0101-1234567."""
    for run in _SPOKEN.finditer(text):
        digits = run.group()
        words = [place for place, character in enumerate(digits) if character in _DIGIT_WORDS]
        if not 0 < len(words) < _FEWEST_WORDS or len(digits.replace(" ", "").replace("-", "")) not in _EMBEDDED:
            continue
        if all(_WITHIN.match(digits, place + 1) or place + 1 in words for place in words):
            for place in words:
                yield _Piece(run.start() + place, run.start() + place + 1, _DIGIT_WORDS[digits[place]])


def _spaced(text: str) -> Iterable[_Piece]:
    for run in _SPACED.finditer(text):
        for space in re.finditer(" +", run.group()):
            yield _Piece(run.start() + space.start(), run.start() + space.end(), "")


def _read_out(text: str) -> Iterable[_Piece]:
    """Digit words in a run of at least seven digits; 이 and 일 at its end may be a particle or a unit."""
    for run in _READ_OUT.finditer(text):
        digits = run.group()
        after = text[run.end() : run.end() + 2]
        count = sum(c in _DIGIT_WORDS or c.isdigit() for c in digits)
        over = count in _ONE_OVER and not _LICENCE.fullmatch(digits)
        if digits[-1] == "이" and (_PARTICLE_NEXT.match(after) or digits[-2:-1].isdigit() or over):
            digits = digits[:-1]
        if _COUNTED.search(digits) or sum(c in _DIGIT_WORDS for c in digits) < _FEWEST_WORDS:
            continue
        for place, character in enumerate(digits, start=run.start()):
            if character in _DIGIT_WORDS:
                yield _Piece(place, place + 1, _DIGIT_WORDS[character])


_UNICODE: Final = (_invisible, _breaks, _half_width, _numerals, _composed, _invisible, _decorated, _dashes, _spelt)
_DIGITS: Final = (_dashed, _broken, _read_out, _embedded, _alike, _spaced, _singled)


def _rewritten(form: Normalised, pieces: Iterable[_Piece]) -> Normalised:
    out: list[str] = []
    starts, ends = array("I"), array("I")
    end = 0
    for piece in pieces:
        out += [form.text[end : piece.start], piece.text]
        starts += form.starts[end : piece.start]
        ends += form.ends[end : piece.start]
        starts.extend([form.starts[piece.start]] * len(piece.text))
        ends.extend([form.ends[piece.end - 1]] * len(piece.text))
        end = piece.end
    if not end:
        return form
    out.append(form.text[end:])
    return Normalised("".join(out), starts + form.starts[end:], ends + form.ends[end:])


def _through(form: Normalised, passes: Iterable[Callable[[str], Iterable[_Piece]]]) -> Normalised:
    for step in passes:
        form = _rewritten(form, step(form.text))
    return form


def clean(text: str) -> Normalised:
    """The text without what cannot be seen, in compatibility-composed form; digits and words as they are.

    Args:
        text: Any text, also with control characters and lone surrogates.
    """
    form = Normalised(text, array("I", range(len(text))), array("I", range(1, len(text) + 1)))
    for _ in range(_ROUNDS):
        if _PLAIN.fullmatch(form.text):
            return form
        before = form.text
        form = _through(form, _UNICODE)
        if form.text == before:
            return form
    return form


def normalise(text: str) -> Normalised:
    """The normal form for searching; see the module's top. Idempotent on its ``text``.

    Args:
        text: Any text, also with control characters and lone surrogates.

    Examples:
        >>> normalise("연락처 ０１０—일이삼사—５６７８").text
        '연락처 010-1234-5678'
    """
    form = clean(text)
    for _ in range(_ROUNDS):
        before = form.text
        form = _through(form, _DIGITS)
        if form.text == before:
            break
    return form
