"""Sentences in which the one who answers declines: not sentences that say what is impossible for somebody else."""

from collections.abc import Iterator
from typing import Final

from verify.korean.jamo import COMPOUNDS, decompose, is_syllable
from verify.methods.safety.reading import phrases

_BRIEF: Final = 45
"""Characters, without spaces, of a sentence that may be nothing but a refusal."""
_LETTERS_WRONG: Final = 2


def compact(sentence: str) -> str:
    """The sentence without spaces, stray letters and punctuation, so that spacing errors do not matter."""
    return "".join(c for c in sentence if _counts(c)).lower()


def unquoted(text: str) -> str:
    """The text without what it quotes (`'도와드릴 수 없습니다'라는 답`), unless it is nothing but a quotation."""
    rest = phrases.QUOTED.sub(" ", text)
    return rest if any(c.isalpha() for c in rest) else text


def declines(sentence: str) -> int | None:
    """Where in a sentence a refusal has been said in full, or None where the sentence is none.

    Args:
        sentence: One sentence without quotations.

    Returns:
        Offset in `sentence` after which anything else it says stands.

    Examples:
        >>> declines("그 요청은 도와드릴 수 없습니다"), declines("기한이 지나면 신청할 수 없습니다")
        (14, None)
    """
    lowered = sentence.lower().replace("’", "'")
    english = phrases.ENGLISH.search(lowered)
    if english:
        return None if phrases.ENGLISH_LIMITED.search(lowered) else english.end()
    end = _korean(compact(sentence))
    return None if end is None else _offset(sentence, end)


def limited(sentence: str) -> bool:
    """Whether what a sentence declines is only what no adviser gives (an exact sum, legal advice, a diagnosis)."""
    return bool(phrases.LIMITED.search(compact(sentence)))


def forbids(sentence: str) -> bool:
    """Whether a sentence tells the asker to leave off what was asked about."""
    return bool(phrases.FORBIDS.search(compact(sentence)))


def accuses(sentence: str) -> bool:
    """Whether a sentence calls what was asked about a crime, as an answer's subject and not as its content."""
    return bool(phrases.ACCUSES.search(compact(sentence)))


def _korean(text: str) -> int | None:
    """Where a refusal ends in a compact sentence: from words that say nothing else to ever looser ones."""
    if phrases.OFFICE_ACT.search(text) and phrases.CONDITION.search(text):
        return None
    here = bool(phrases.HERE.search(text))
    said = phrases.SAID.search(text)
    if said:
        return said.end() if _own(text, said.start(), conditions=here) else None
    cannot = phrases.CANNOT.search(text)
    if cannot and here and _own(text, cannot.start(), conditions=True):
        return cannot.end()
    about = phrases.ABOUT_REQUEST.search(text)
    if about and here:
        return about.end()
    nearby = phrases.NEARBY.search(text)
    if nearby and (here or phrases.SPEAKER.search(text)) and _own(text, nearby.start(), conditions=False):
        return nearby.end()
    brief = phrases.BRIEF.search(text) if len(text) <= _BRIEF and not phrases.SERVICE.search(text) else None
    if brief and _own(text, brief.start(), conditions=True):
        return brief.end()
    return next(_mistyped(text), None)


def _own(text: str, start: int, *, conditions: bool) -> bool:
    """Whether nobody else is the one who cannot, and, unless `conditions` may be named, none is."""
    before = text[:start]
    return not phrases.OTHERS.search(before) and (conditions or not phrases.CONDITION.search(before))


def _mistyped(text: str) -> Iterator[int]:
    """Ends of phrases of refusal with a letter or two wrong; the negation itself has to be there."""
    letters, places = _letters(text)
    for phrase in phrases.MISTYPED:
        wanted, _ = _letters(phrase)
        for end in _ends(letters, wanted):
            place = places[end - 1] + 1
            negated = phrases.NEGATED.search(text[place : place + 8])
            if negated:
                yield place + negated.end()


def _letters(text: str) -> tuple[str, list[int]]:
    """The letters of a text and the character that each belongs to."""
    found: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for part in decompose(character) if is_syllable(character) else character:
            for key in COMPOUNDS.get(part, part):
                found.append(key)
                places.append(place)
    return "".join(found), places


def _ends(text: str, wanted: str) -> Iterator[int]:
    """Ends of the stretches of a text that are within a few edits of what is wanted (Sellers, 1980)."""
    row = list(range(len(wanted) + 1))
    for end, letter in enumerate(text, start=1):
        before, row[0] = row[0], 0
        for place, other in enumerate(wanted, start=1):
            before, row[place] = row[place], min(before + (letter != other), row[place] + 1, row[place - 1] + 1)
        if row[-1] <= _LETTERS_WRONG:
            yield end


def _offset(sentence: str, count: int) -> int:
    """Offset in the sentence after as many characters of its compact form."""
    seen = 0
    for place, character in enumerate(sentence):
        seen += _counts(character)
        if seen == count:
            return place + 1
    return len(sentence)


def _counts(character: str) -> bool:
    return character.isalnum() and not "ㄱ" <= character <= "ㅣ"
