"""Particles (조사) that agree with the word before them, and sentence templates that use them.

A template has two kinds of slots::

    fill("{이름}{은/는} {기관}{으로/로} 이동했다.", 이름="김서준", 기관="서울")
    -> "김서준은 서울로 이동했다."

- ``{name}`` is replaced by the value of that name; names that have no value, and values that no
  slot uses, are refused.
- ``{은/는}`` is a particle slot: the form that agrees with whatever stands before it *in the filled
  text*, so it also works after fixed words. Either order is accepted (``{는/은}``).
- ``{{`` and ``}}`` stand for braces.

How a word ends is decided from its last sounded character: a syllable by its final consonant; a
number as it is read in Sino-Korean (10 십, 1,000 천, 0 영); an upper-case abbreviation by the name of
its last letter (KTX 엑스); other Latin words by the usual transcription of their ending, which is a
rule of thumb (web 웹, Google 구글, file 파일). A part in brackets is skipped, as 한글 맞춤법 has it: 서울(수도)은.
"""

import re
from enum import Enum
from typing import Final

from verify.errors import UnknownNameError, UsageError
from verify.korean.jamo import decompose, is_syllable


class Ending(Enum):
    """How a word ends, as far as particles care."""

    VOWEL = "vowel"
    RIEUL = "rieul"
    """In ㄹ: as a consonant, except that 로 follows it and not 으로."""
    CONSONANT = "consonant"


_PAIR_LINES: Final = """
은/는 이/가 을/를 과/와 으로/로 아/야 이나/나 이라/라 이란/란 이랑/랑 이며/며 이고/고 이든/든
이든지/든지 이여/여 이라고/라고 이라는/라는 이라도/라도 이야/야 이에요/예요 이었다/였다 이었/였
이니/니 이지만/지만 이므로/므로 이면/면 으로서/로서 으로써/로써 으로부터/로부터 으로는/로는
으로도/로도 으로의/로의 으로만/로만
"""
PARTICLES: Final[dict[str, tuple[str, str]]] = {
    spelling: (closed, opened)
    for closed, opened in re.findall(r"(\S+)/(\S+)", _PAIR_LINES)
    for spelling in (f"{closed}/{opened}", f"{opened}/{closed}")
}
"""Both spellings of each pair, e.g. ``"은/는"``, to (form after a consonant, form after a vowel)."""

_DIGITS: Final = dict(
    zip(
        "0123456789",
        (Ending.CONSONANT, Ending.RIEUL, Ending.VOWEL, Ending.CONSONANT, Ending.VOWEL,
         Ending.VOWEL, Ending.CONSONANT, Ending.RIEUL, Ending.RIEUL, Ending.VOWEL),
        strict=True,
    )
)  # fmt: skip
_LETTERS_CLOSED: Final = {
    "L": Ending.RIEUL, "R": Ending.RIEUL, "M": Ending.CONSONANT, "N": Ending.CONSONANT,
}  # fmt: skip
_SIGNS: Final = {"%": Ending.VOWEL, "℃": Ending.VOWEL, "㎡": Ending.VOWEL, "㎞": Ending.VOWEL, "㎏": Ending.CONSONANT}
_UNITS: Final = {"kg": Ending.CONSONANT, "g": Ending.CONSONANT}
_NUMBER: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?$")
_LATIN: Final = re.compile(r"[A-Za-z]+$")
_BRACKETED: Final = re.compile(r"(?<=\S)\s*(?:\([^()]*\)|\[[^\[\]]*\])$")
_SILENT: Final = " \t\n'\"‘’“”「」『』〈〉《》<>()[]·.,:;!?~-*_`"
_SLOT: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME: Final = re.compile(r"[^\W\d]\w*")


def ending(text: str) -> Ending:
    """How the last sounded character of a text ends.

    Raises:
        UsageError: Nothing in the text is sounded (empty, only punctuation, or a script that has no
            reading here).
    """
    bare = text
    while shorter := _BRACKETED.sub("", bare):
        if shorter == bare:
            break
        bare = shorter
    bare = bare.rstrip(_SILENT)
    if not bare:
        raise UsageError(f"no particle can follow {text!r}: nothing in it is read aloud")
    last = bare[-1]
    if is_syllable(last):
        final = decompose(last).final
        return Ending.VOWEL if not final else Ending.RIEUL if final == "ㄹ" else Ending.CONSONANT
    if last in _SIGNS:
        return _SIGNS[last]
    if number := _NUMBER.search(bare):
        return _number_ending(number.group())
    if latin := _LATIN.search(bare):
        return _latin_ending(latin.group(), counted=bare[: latin.start()].rstrip()[-1:].isdigit())
    raise UsageError(f"no particle can follow {text!r}: the reading of its last character {last!r} is not known")


def _number_ending(number: str) -> Ending:
    digits = number.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    # Numbers that end in 조 (10^12) are the only round ones below 10^16 that end in a vowel.
    if "." not in digits and not digits.startswith("0") and 12 <= zeros < 16:
        return Ending.VOWEL
    return _DIGITS[digits[-1]]


def _latin_ending(word: str, *, counted: bool) -> Ending:
    if counted and word in _UNITS:
        return _UNITS[word]
    if word.isupper():
        return _LETTERS_CLOSED.get(word[-1], Ending.VOWEL)
    lower = word.lower()
    if re.search(r"(?:l|le|[aeiou]r?l)$", lower):
        return Ending.RIEUL
    if re.search(r"(?:m|n|ng|[aeiou](?:me|ne)|[aeiou](?:b|c|ck|k|p|t))$", lower):
        return Ending.CONSONANT
    return Ending.VOWEL


def josa(word: str, pair: str) -> str:
    """The form of a particle that follows a word.

    Args:
        word: What stands before the particle.
        pair: A pair such as ``"은/는"``, in either order.

    Raises:
        UnknownNameError: The pair is not in `PARTICLES`.
        UsageError: See `ending`.

    Examples:
        >>> josa("서울", "으로/로"), josa("LG", "이/가"), josa("3", "을/를")
        ('로', '가', '을')
    """
    if pair not in PARTICLES:
        raise UnknownNameError("particle pair", pair, known=PARTICLES)
    closed, open_ = PARTICLES[pair]
    kind = ending(word)
    if kind is Ending.RIEUL and closed.startswith("으로"):
        return open_
    return open_ if kind is Ending.VOWEL else closed


def attach(word: str, pair: str) -> str:
    """The word followed by the form of the particle that agrees with it; see `josa`."""
    return word + josa(word, pair)


def slots(template: str) -> frozenset[str]:
    """The names that a template needs values for; particle slots are not among them.

    Raises:
        UsageError: A brace is unmatched, or a slot is neither a name nor a particle pair.
    """
    return frozenset(
        match.group(1) for match in _SLOT.finditer(template) if _checked(match, template) and _is_name(match)
    )


def fill(template: str, /, **values: str) -> str:
    """A template with its slots filled and its particles in agreement; the notation is at the top.

    Args:
        template: Text with ``{name}`` and ``{은/는}`` slots.
        values: A text for each name.

    Raises:
        UsageError: A name has no value, a value is used by no slot, a brace is unmatched, a slot is
            neither a name nor a particle pair, or a particle follows nothing that is read aloud.
    """
    needed = slots(template)
    if missing := sorted(needed - values.keys()):
        raise UsageError(f"template {template!r}: no value for {', '.join(missing)}")
    if unused := sorted(values.keys() - needed):
        raise UsageError(f"template {template!r}: no slot uses {', '.join(unused)}")
    out, end = "", 0
    for match in _SLOT.finditer(template):
        out += template[end : match.start()]
        end = match.end()
        if _is_name(match):
            out += values[match.group(1)]
        elif match.group(1) is None:
            out += match.group()[0]
        else:
            out += josa(out, match.group(1))
    return out + template[end:]


def _is_name(match: re.Match[str]) -> bool:
    return match.group(1) is not None and _NAME.fullmatch(match.group(1)) is not None


def _checked(match: re.Match[str], template: str) -> bool:
    inside = match.group(1)
    if inside is None and len(match.group()) == 1:
        raise UsageError(f"template {template!r}: unmatched {match.group()!r} at {match.start()}; write it twice")
    if inside is not None and not _NAME.fullmatch(inside) and inside not in PARTICLES:
        raise UsageError(
            f"template {template!r}: {{{inside}}} at {match.start()} is neither a name nor a particle pair "
            f"such as {{은/는}}"
        )
    return True
