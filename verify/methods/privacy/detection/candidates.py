"""What matches a form in a text, and how far its surroundings let it be trusted."""

import re
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from verify.methods.privacy.detection.labels import IMPERSONAL, label
from verify.methods.privacy.detection.loose import LOOSE
from verify.methods.privacy.detection.patterns import PATTERNS, Pattern


class Candidate(NamedTuple):
    """A stretch of a text in normal form that matches a pattern."""

    type: str
    start: int
    end: int
    confidence: float


_OTHER_LABEL: Final = 0.1
_MOST: Final = 0.99
_WRAPPED: Final = 0.25
"""Cost of a line break inside a value; none where the break stands at an @."""
_ALL: Final = PATTERNS + LOOSE
_HAS_VALUE: Final = re.compile(r"[0-9@]|골뱅이|앳|::|[(\[{<] ?at?[ )\]}>]| at ", re.IGNORECASE)
_BREAK: Final = re.compile(
    r"(?<=[0-9])[ \t]{0,2}\r?\n[ \t>]{0,4}(?=[0-9])|(?<=@)\r?\n(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])\r?\n(?=@)"
)


def candidates(text: str, *, types: frozenset[str]) -> list[Candidate]:
    """Every match of every pattern of the types, with its confidence; they may overlap.

    A value that is broken over two lines is looked for in the text without such line breaks.

    Args:
        text: A text in normal form (`verify.korean.normalise`).
        types: Which types to look for.
    """
    if not _HAS_VALUE.search(text):
        return []
    return [*_matches(text, types), *_over_lines(text, types)]


def _matches(text: str, types: frozenset[str]) -> Iterator[Candidate]:
    for pattern in _ALL:
        if pattern.type not in types:
            continue
        for match in pattern.regex.finditer(text):
            confidence = _confidence(pattern, text, match)
            if confidence > 0:
                yield Candidate(pattern.type, match.start(), match.end(), confidence)


def _over_lines(text: str, types: frozenset[str]) -> Iterator[Candidate]:
    breaks = list(_BREAK.finditer(text))
    if not breaks:
        return
    out: list[str] = []
    places, joints = array("I"), set()
    end = 0
    for gap in breaks:
        out.append(text[end : gap.start()])
        places.extend(range(end, gap.start()))
        joints.add(len(places))
        end = gap.end()
    out.append(text[end:])
    places.extend(range(end, len(text)))
    joined = "".join(out)
    for found in _matches(joined, types):
        inside = [joint for joint in range(found.start + 1, found.end) if joint in joints]
        if inside:
            at = any("@" in joined[joint - 1 : joint + 1] for joint in inside)
            confidence = found.confidence - (0.0 if at else _WRAPPED)
            yield Candidate(found.type, places[found.start], places[found.end - 1] + 1, confidence)


def _confidence(pattern: Pattern, text: str, match: re.Match[str]) -> float:
    evidence = pattern.check(match.group())
    if evidence is None:
        return 0.0
    labels = label(text, match.start(), match.end())
    if pattern.type in labels:
        base = pattern.labelled
        # A label outweighs what only made the bare number doubtful.
        evidence = max(evidence, -0.25)
    elif IMPERSONAL in labels:
        base = pattern.impersonal
    else:
        base = pattern.bare - (_OTHER_LABEL if labels else 0.0)
    return min(_MOST, max(0.0, base + evidence))
