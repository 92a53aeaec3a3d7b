"""Persons' names in Korean: a surname, given-name syllables, and what stands around them.

Kiwi has no entity recognition; its proper nouns (NNP) are candidates only, and it splits or misses
names (신성/민). So a candidate is any word that starts with a surname and leaves nothing but a title, a
particle or punctuation; evidence is then added up: proper noun, usual syllables, a label before
(성명, 담당자), a title after (주무관, 씨). Two-syllable names and foreign ones need a label or a title; a
name that is spread over a form's field (성명: 홍 길 동) needs a label and a colon.
"""

import bisect
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from verify.korean.people import FIRST_SYLLABLES, SECOND_SYLLABLES, SURNAMES
from verify.methods.privacy.detection.name_words import (
    COMMON,
    COUNTRIES,
    GIVEN_FIRST,
    GIVEN_SECOND,
    LABELS,
    PARTICLES,
    TITLES,
)


class Morpheme(NamedTuple):
    """One morpheme as Kiwi sees it."""

    form: str
    tag: str
    """Sejong tag: NNP proper noun, NNG common noun, J* particle, E* ending ..."""
    start: int
    """Offset in the text, in code points."""
    end: int
    """Not included."""
    known: bool
    """Whether it is in Kiwi's dictionary; most names are not, and are then tagged NNP or NNG by guess."""


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
_PART: Final = re.compile(r"[0-9A-Za-z가-힣]+")
_REST: Final = re.compile(f"(?:{_TITLE.pattern})?(?:{_PARTICLE})?")
_NEXT_TITLE: Final = re.compile(f"(?:{_TITLE.pattern}|군|양)(?:{_PARTICLE})?")
_LABEL: Final = re.compile(f"[가-힣]{{0,6}}(?:{_any_of(LABELS)})(?:은|는|인)?|name", re.IGNORECASE)
_READ_OUT: Final = frozenset("공영일이삼사오육륙칠팔구")
_FIRST: Final = frozenset(FIRST_SYLLABLES + GIVEN_FIRST)
_SECOND: Final = frozenset(SECOND_SYLLABLES + GIVEN_SECOND)
_NOT_NAMES: Final = re.compile(
    r".*(?:특별|광역|시청|도청|구청|대학|학교|은행|병원|회사|공사|공단|협회|위원회|연구|센터|주식|전자|그룹|산업|건설|증권|생명|화재|물산|"
    r"공항|공원|지하|터미널|시장|마을|고등|방송|신문|일보|뉴스|체육|경기장|박물|미술|도서)|"
    r"..(?:시|군|구|읍|면|역|로|섬|당|청|부|처|궁|항|족|댐|당|대|탑|절|년|월|점|실|층|법|권|론|어)"
)
_COMMON: Final = frozenset(COMMON)
_NOT_FOREIGN_NAMES: Final = frozenset(COMMON + COUNTRIES)
_TOWN_ENDS: Final = "동리도천"
_ENOUGH_FOREIGN: Final = 0.55
_SPREAD: Final = 0.65


def names(eojeols: Sequence[Eojeol]) -> list[Name]:
    """The stretches that may be names, with their confidence; they do not overlap.

    Args:
        eojeols: The words of one text, in order.
    """
    parts = [part for word in eojeols for part in _parts(word)]
    signs = [word.start + m.start() for word in eojeols for m in re.finditer("[:|=]", word.text)]
    found: list[Name] = []
    for place, part in enumerate(parts):
        spread = _spread(parts, place, signs)
        if spread is not None:
            found.append(spread)
            continue
        if found and part.start < found[-1].end:
            continue
        before = parts[place - 1] if place else None
        after = parts[place + 1] if place + 1 < len(parts) else None
        name = _name(part, before, after)
        if name is not None:
            found.append(name)
    return found


def _parts(word: Eojeol) -> list[Eojeol]:
    """What lies between signs: 대위(송중기)와 is three parts."""
    out = []
    for match in _PART.finditer(word.text):
        start, end = word.start + match.start(), word.start + match.end()
        inside = tuple(m for m in word.morphemes if start <= m.start < end)
        out.append(Eojeol(match.group(), start, match.group(), inside))
    return out


def _spread(parts: Sequence[Eojeol], place: int, signs: Sequence[int]) -> Name | None:
    """A name in a field of a form whose syllables stand apart, or whose surname does: 홍 길 동, 제갈 공명."""
    if not place or parts[place].text not in SURNAMES or not _field(parts, place, signs):
        return None
    given = [part.text for part in parts[place + 1 : place + 4]]
    single = [len(text) == 1 for text in given]
    if single[:2] == [True, True] and single[2:] != [True]:
        end = _end(parts[place + 2])
    elif given and re.fullmatch(f"[가-힣]{{2}}(?:{_PARTICLE})?", given[0]):
        end = parts[place + 1].start + 2
    else:
        return None
    text = "".join(given)[:2]
    whole = parts[place].text + text
    usual = len(parts[place].text) == 2 or (text[0] in _FIRST and text[1] in _SECOND)
    if not usual or whole in _COMMON or whole in LABELS or whole in TITLES:
        return None
    return Name(parts[place].start, end, _SPREAD)


def _field(parts: Sequence[Eojeol], place: int, signs: Sequence[int]) -> bool:
    """Whether a label and a colon, or the border of a cell, stand right before a part."""
    before = parts[place - 1]
    label = before.text if len(before.text) > 1 or place < 2 else parts[place - 2].text + before.text
    if not _LABEL.fullmatch(label):
        return False
    after = bisect.bisect_left(signs, _end(before))
    return after < len(signs) and signs[after] < parts[place].start


def _end(part: Eojeol) -> int:
    return part.start + len(part.text)


def _name(word: Eojeol, before: Eojeol | None, after: Eojeol | None) -> Name | None:
    labelled = before is not None and _LABEL.fullmatch(before.text) is not None
    title_next = after is not None and _NEXT_TITLE.fullmatch(after.text) is not None
    best: Name | None = None
    for length in (4, 3, 2):
        text, rest = word.text[:length], word.text[length:]
        if not re.fullmatch(f"[가-힣]{{{length}}}", text) or not _REST.fullmatch(rest):
            continue
        titled = _TITLE.match(rest) is not None or (not rest and title_next)
        tag = _tag(word, word.start, word.start + length)
        confidence = _evidence(text, tag, labelled=labelled, titled=titled)
        if confidence and (best is None or confidence > best.confidence):
            best = Name(word.start, word.start + length, confidence)
    return best or _foreign(word, title_next=title_next)


def _tag(word: Eojeol, start: int, end: int) -> str:
    """The tag of the morpheme that is exactly this stretch; else how it is split."""
    inside = [m for m in word.morphemes if m.start < end and m.end > start]
    if not inside:
        return "other"
    first, last = inside[0], inside[-1]
    if first.start < start or last.end > end:
        # Kiwi takes an unknown name and its particle for one word; a known word goes on past the name.
        return "NNP" if len(inside) == 1 and not first.known and first.start == start else "part"
    if len(inside) == 1:
        return "NNP" if first.tag == "NNG" and not first.known else first.tag
    if any(not m.tag.startswith(("N", "MAG", "IC", "MM", "XR")) or m.tag in ("NNB", "NR") for m in inside):
        return "other"
    return "name_split" if first.tag == "NNP" or not first.known else "split"


def _evidence(text: str, tag: str, *, labelled: bool, titled: bool) -> float:
    surname = text[:2] if text[:2] in SURNAMES and len(text) == 4 else text[:1]
    given = text[len(surname) :]
    if surname not in SURNAMES or not 1 <= len(given) <= 2 or text in _COMMON or _READ_OUT.issuperset(text):
        return 0.0
    usual = len(given) == 2 and given[0] in _FIRST and given[1] in _SECOND
    place = _NOT_NAMES.fullmatch(text) is not None
    town = len(text) == 3 and text[2] in _TOWN_ENDS
    total = 0.05 + 0.3 * labelled + 0.3 * titled
    total += {
        "NNP": 0.3,
        "name_split": 0.25,
        "split": 0.1,
        "NNG": -0.3,
        "part": -0.3,
        "other": 0.0 if usual else -0.1,
    }.get(tag, 0.0)
    total += 0.2 * usual + (0.1 if SURNAMES[surname] >= 4 else 0.0)
    total -= 0.35 * (place or (town and not labelled and not titled))
    total -= 0.25 * (len(text) == 2)
    if tag not in ("NNP", "name_split") and not (labelled or titled):
        total = min(total, 0.4)
    return max(0.0, min(0.95, total))


def _foreign(word: Eojeol, *, title_next: bool) -> Name | None:
    """A proper noun of at least two syllables right before a title: 도널드 트럼프 대통령."""
    for place, morpheme in enumerate(word.morphemes):
        if morpheme.tag != "NNP" or morpheme.form in _NOT_FOREIGN_NAMES:
            continue
        if not re.fullmatch("[가-힣]{2,6}", morpheme.form) or _NOT_NAMES.fullmatch(morpheme.form):
            continue
        follower = word.morphemes[place + 1] if place + 1 < len(word.morphemes) else None
        if follower is None:
            titled = title_next
        else:
            titled = follower.tag in ("NNB", "XSN") and _TITLE.match(follower.form) is not None
        if titled:
            return Name(morpheme.start, morpheme.end, _ENOUGH_FOREIGN)
    return None
