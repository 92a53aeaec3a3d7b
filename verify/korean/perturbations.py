"""Disturbances of Korean text that a reader sees through: the catalogue of typing, spacing, encoding.

Each entry of `PERTURBATIONS` is called as ``entry(text, severity=2, seed=7)``.

What never changes, because labels depend on it:

- protected substrings (an argument): they are kept whole, wherever they occur;
- digits and Latin letters: pure encodings may write them in another width or put characters without
  width between them; nothing else touches them;
- negation (안, 못, 않, 없, 아니): those syllables, their order, and the spaces beside them stay, and
  none is made. Only pure encodings may write them in other code points.

A text comes back unchanged only where nothing in it may be changed; else at least one place is changed
at every severity, so that a disturbed item is never the plain one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from verify.errors import UnknownNameError, UsageError
from verify.korean import encodings, spacing, typos
from verify.korean.protection import frozen, held
from verify.korean.randomness import seeded

SEVERITIES: Final = (1, 2, 3)
"""1: a careless writer; 2: a hurried one; 3: hard to read."""

TYPO_RATES: Final = (0.05, 0.12, 0.25)
"""Share of the places at which a typing error is possible that get one, by severity."""

WORD_RATES: Final = (0.1, 0.3, 0.6)
"""Share of the words that are typed in the wrong keyboard mode, by severity."""

Changer = Callable[[str, Sequence[bool], int, Random], str]
"""(text, frozen places, severity, source of chance) -> the disturbed text."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One family of disturbances."""

    name: str
    """``group.family``, e.g. ``typo.adjacent_key``."""
    title: str
    """For reports, in Korean."""
    change: Changer
    pure_encoding: bool = False
    """Whether the text is the same once format characters (Cf) are stripped and NFKC is applied."""

    def __call__(self, text: str, *, severity: int, seed: int, protected: Sequence[str] = ()) -> str:
        """The disturbed text.

        Args:
            text: Any text.
            severity: 1, 2 or 3.
            seed: Fixes the places; the same arguments give the same text on every platform.
            protected: Substrings that are kept wherever they occur.

        Raises:
            UsageError: The severity is none of 1, 2, 3, or a protected substring is empty.
        """
        if severity not in SEVERITIES:
            raise UsageError(f"{self.name}: no severity {severity!r}; there are 1, 2 and 3")
        fixed = held(text, protected=protected) if self.pure_encoding else frozen(text, protected=protected)
        return self.change(text, fixed, severity, seeded(seed, self.name, str(severity), text))


def _typing(edit: typos.Edit, rates: Sequence[float] = TYPO_RATES) -> Changer:
    def change(text: str, fixed: Sequence[bool], severity: int, chance: Random) -> str:
        return typos.mistype(text, edit, rate=rates[severity - 1], fixed=fixed, chance=chance)

    return change


_ENTRIES: Final = (
    Perturbation("typo.adjacent_key", "이웃 글쇠 오타", _typing(typos.adjacent_key)),
    Perturbation("typo.drop", "받침 누락", _typing(typos.drop)),
    Perturbation("typo.duplicate", "자모 중복 입력", _typing(typos.duplicate)),
    Perturbation("typo.swap", "자모 순서 바뀜", _typing(typos.swap)),
    Perturbation("typo.keyboard_mode", "한/영 전환 오류", _typing(typos.keyboard_mode, WORD_RATES)),
    Perturbation("spacing.remove", "띄어쓰기 없음", spacing.remove),
    Perturbation("spacing.merge", "붙여쓰기 오류", spacing.merge),
    Perturbation("spacing.split", "띄어쓰기 과다", spacing.split),
    Perturbation("encoding.nfd", "조합형 자모(NFD)", encodings.nfd, pure_encoding=True),
    Perturbation("encoding.full_width", "전각 문자", encodings.full_width, pure_encoding=True),
    Perturbation("encoding.half_width", "반각 자모", encodings.half_width, pure_encoding=True),
    Perturbation("encoding.zero_width", "폭 없는 문자 삽입", encodings.zero_width, pure_encoding=True),
    Perturbation("encoding.hangul_filler", "한글 채움 문자 삽입", encodings.hangul_filler),
    Perturbation("encoding.compatibility_jamo", "자모 풀어쓰기", encodings.compatibility_jamo),
)

PERTURBATIONS: Final[Mapping[str, Perturbation]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def perturbation(name: str) -> Perturbation:
    """The entry of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in PERTURBATIONS:
        raise UnknownNameError("perturbation", name, known=PERTURBATIONS)
    return PERTURBATIONS[name]
