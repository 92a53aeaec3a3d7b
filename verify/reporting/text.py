"""Somebody else's text made fit to be read: nothing hidden, nothing obeyed, no longer than needed."""

import math
import re
import unicodedata

from verify.methods.privacy.detection.tokens import TOKEN
from verify.records import Bound

EXCERPT = 600
"""Characters of an exchange that a report shows."""

_COVERED = re.compile(rf"(?P<token>{TOKEN.pattern})|[\w.+-]+(?=@)|\d(?:[ .·-]?\d){{3,}}", re.ASCII)
_HIDDEN = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}
_KEPT = "\n\t"
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str, *, limit: int = EXCERPT) -> str:
    r"""At most `limit` characters of `text`, with every character that cannot be seen written out.

    Control, format (bidirectional, zero-width), private and unassigned characters become `⟨U+202E⟩`;
    line feed and tab stay. What is left out at the end is counted in characters.

    Examples:
        >>> visible("a\x1b[31m\u202eb")
        'a⟨U+001B⟩[31m⟨U+202E⟩b'
        >>> visible("가" * 9, limit=3)
        '가가가 … ⟨+6⟩'
    """
    shown = "".join(_shown(character) for character in text[:limit])
    return shown if len(text) <= limit else f"{shown} … ⟨+{len(text) - limit:,}⟩"


def one_line(text: str, *, limit: int = 120) -> str:
    """`visible`, and on one line: for names, table cells and terminals."""
    return visible(" ".join(text.split()), limit=limit)


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"


def masked(text: str) -> str:
    """Text in which long numbers and the names of mail addresses are covered, tokens of the gate kept.

    A second cover for pages that people pass on: the gate has replaced personal data already, what is
    left are the synthetic values that a test plants itself.

    Examples:
        >>> masked("010-1234-5678, a.b@example.com ⟦KR_RRN:90****-*******:1f2e3d4c⟧")
        '01•••••••••••, •••@example.com ⟦KR_RRN:90****-*******:1f2e3d4c⟧'
    """
    return _COVERED.sub(_cover, text)


def _cover(match: re.Match[str]) -> str:
    found = match.group()
    if match.group("token"):
        return found
    if found[0].isdigit():
        return found[:2] + "•" * (len(found) - 2)
    return "•••"


def xml_text(text: str) -> str:
    """Text without the characters that XML 1.0 has no place for, and without hidden ones."""
    return _NOT_XML.sub("", visible(text, limit=4000))


def number(value: float) -> str:
    """A number for a table: three decimals, or two significant digits where these would all be 0.

    What is below 1e-6 is rounding of a sum and shown as 0.

    Examples:
        >>> number(0.25), number(0.00042), number(5e-6), number(4e-18), number(12.345)
        ('0.250', '0.00042', '0.000005', '0.000', '12.3')
    """
    if 1e-6 < abs(value) < 0.0005:
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}".rstrip("0")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def probability(value: float) -> str:
    """A p-value, never smaller than what is worth telling apart.

    Examples:
        >>> probability(0.00002), probability(0.031)
        ('< 0.0001', '0.031')
    """
    return "< 0.0001" if value < 0.0001 else number(value)


def limit(bound: Bound) -> str:
    """A bound as a formula.

    Examples:
        >>> limit(Bound(at_most=0.01))
        '≤ 0.01'
    """
    return f"{'≥' if bound.at_least is not None else '≤'} {bound.value:g}"
