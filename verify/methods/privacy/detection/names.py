"""Persons' names in Korean: a surname, given-name syllables, and what stands around them.

Kiwi has no entity recognition; its proper nouns (NNP) are candidates only, and it splits or misses
names (신성/민). So a candidate is any word that starts with a surname and leaves nothing but a title, a
particle or punctuation; evidence is then added up: proper noun, usual syllables, a label before
(성명, 담당자), a title after (주무관, 씨). Two-syllable names and foreign ones need a label or a title.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from verify.korean.people import FIRST_SYLLABLES, SECOND_SYLLABLES, SURNAMES
from verify.methods.privacy.detection.name_words import COMMON, GIVEN_FIRST, GIVEN_SECOND, LABELS, PARTICLES, TITLES


class Morpheme(NamedTuple):
    """One morpheme as Kiwi sees it."""

    form: str
    tag: str
    """Sejong tag: NNP proper noun, NNG common noun, J* particle, E* ending ..."""
    start: int
    """Offset in the text, in code points."""
    end: int
    """Not included."""


class Eojeol(NamedTuple):
    """One word between white space, with its morphemes."""

    text: str
    start: int
    """Offset in the text, in code points."""
    stem: str
    """The word without punctuation, and without its particles and endings if it is a noun."""
    morphemes: tuple[Morpheme, ...]


class Name(NamedTuple):
    """A stretch of the text that may be a person's name."""

    start: int
    end: int
    """Not included."""
    confidence: float


def _any_of(words: Sequence[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_TITLE: Final = re.compile(f"(?:{_any_of(TITLES)})(?:님|들)?")
_PARTICLE: Final = _any_of(PARTICLES)
_CLOSE: Final = r"[\s.,;:!?)\]}>」』”’\"'·…/-]*"
_OPEN: Final = re.compile(r"[\s(\[{<「『“‘\"'·\-*:/]*")
_REST: Final = re.compile(rf"(?:{_TITLE.pattern})?(?:{_PARTICLE})?(?:{_CLOSE}$|[,(·/:;)].*$)")
_NEXT_TITLE: Final = re.compile(f"(?:{_any_of(TITLES)})(?:님|들)?")
_LABEL: Final = re.compile(rf"(?:.*[^가-힣])?[가-힣]{{0,6}}(?:{_any_of(LABELS)})(?:{_PARTICLE})?{_CLOSE}$")
_JOINED_LABEL: Final = re.compile(rf"[가-힣]{{0,6}}(?:{_any_of(LABELS)})\s?[:：(]\s?")
_FIRST: Final = frozenset(FIRST_SYLLABLES + GIVEN_FIRST)
_SECOND: Final = frozenset(SECOND_SYLLABLES + GIVEN_SECOND)
_NOT_NAMES: Final = re.compile(
    r".*(?:특별|광역|시청|도청|구청|대학|학교|은행|병원|회사|공사|공단|협회|위원회|연구|센터|주식|전자|그룹|산업|건설|증권|생명|화재|물산|"
    r"공항|공원|지하|터미널|시장|마을|고등|방송|신문|일보|뉴스|체육|경기장|박물|미술|도서)|"
    r"..(?:시|도|군|구|읍|면|동|리|역|로|길|강|산|섬|도로|당|청|부|처|사|궁|문|교|천|항|현|성|족|교|댐|탑|절|호|년|월|일|원|점|실|층|법|권|론|주의|어|국)"
)
_COMMON: Final = frozenset(COMMON)
_ENOUGH_FOREIGN: Final = 0.55


def names(eojeols: Sequence[Eojeol]) -> list[Name]:
    """The stretches that may be names, with their confidence; they do not overlap.

    Args:
        eojeols: The words of one text, in order.
    """
    found = []
    for place, word in enumerate(eojeols):
        before = eojeols[max(0, place - 2) : place]
        after = eojeols[place + 1] if place + 1 < len(eojeols) else None
        name = _name(word, before, after)
        if name is not None:
            found.append(name)
    return found


def _name(word: Eojeol, before: Sequence[Eojeol], after: Eojeol | None) -> Name | None:
    joined = _JOINED_LABEL.match(word.text)
    skipped = joined.end() if joined else 0
    opening = _OPEN.match(word.text, skipped)
    start = opening.end() if opening else skipped
    labelled = bool(joined) or _labelled(before)
    best: Name | None = None
    for length in (4, 3, 2):
        text = word.text[start : start + length]
        rest = _REST.match(word.text, start + length)
        if len(text) < length or not rest or not re.fullmatch("[가-힣]+", text):
            continue
        titled = _titled(word.text[start + length :], rest, after)
        begin = word.start + start
        confidence = _evidence(text, _tag(word, begin, begin + length), labelled=labelled, titled=titled)
        if confidence and (best is None or confidence > best.confidence):
            best = Name(begin, begin + length, confidence)
    return best or _foreign(word, after)


def _labelled(before: Sequence[Eojeol]) -> bool:
    """A label in the word before, or before that if the word before is only an ending of the label."""
    if not before:
        return False
    if _LABEL.fullmatch(before[-1].text):
        return True
    return len(before) == 2 and before[-1].text in (":", "-", "：", "귀하:") and bool(_LABEL.fullmatch(before[0].text))


def _titled(remainder: str, rest: re.Match[str], after: Eojeol | None) -> bool:
    if _TITLE.match(remainder):
        return True
    ends_the_word = not rest.group().strip()
    return ends_the_word and after is not None and bool(_NEXT_TITLE.fullmatch(after.text))


def _tag(word: Eojeol, start: int, end: int) -> str:
    """The tag of the morpheme that is exactly this stretch; else whether it is split."""
    for morpheme in word.morphemes:
        if (morpheme.start, morpheme.end) == (start, end):
            return morpheme.tag
    starts = {m.start for m in word.morphemes}
    ends = {m.end for m in word.morphemes}
    return "split" if start in starts and end in ends else "none"


def _evidence(text: str, tag: str, *, labelled: bool, titled: bool) -> float:
    surname = text[:2] if text[:2] in SURNAMES and len(text) == 4 else text[:1]
    given = text[len(surname) :]
    if surname not in SURNAMES or not 1 <= len(given) <= 2 or text in _COMMON:
        return 0.0
    usual = len(given) == 2 and given[0] in _FIRST and given[1] in _SECOND
    place = _NOT_NAMES.fullmatch(text) is not None
    total = 0.05 + 0.3 * labelled + 0.3 * titled
    total += {"NNP": 0.3, "NNG": -0.3, "split": 0.1}.get(tag, 0.0)
    total += 0.2 * usual + (0.1 if SURNAMES[surname] >= 4 else 0.0)
    total -= 0.35 * place
    total -= 0.25 * (len(text) == 2)
    if tag != "NNP" and not (labelled or titled):
        total = min(total, 0.4)
    return max(0.0, min(0.95, total))


def _foreign(word: Eojeol, after: Eojeol | None) -> Name | None:
    """A proper noun of at least two syllables right before a title: 도널드 트럼프 대통령."""
    for place, morpheme in enumerate(word.morphemes):
        length = morpheme.end - morpheme.start
        if morpheme.tag != "NNP" or not 2 <= length <= 6 or morpheme.form in _COMMON:
            continue
        if not re.fullmatch("[가-힣]+", morpheme.form) or _NOT_NAMES.fullmatch(morpheme.form):
            continue
        last = place + 1 == len(word.morphemes)
        title_here = (
            not last
            and word.morphemes[place + 1].tag in ("NNB", "XSN")
            and _TITLE.match(word.morphemes[place + 1].form)
        )
        title_next = last and after is not None and len(after.text) > 1 and _NEXT_TITLE.fullmatch(after.text)
        if title_here or title_next:
            return Name(morpheme.start, morpheme.end, _ENOUGH_FOREIGN)
    return None
