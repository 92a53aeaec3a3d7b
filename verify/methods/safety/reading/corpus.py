"""Labelled answers: refusals, compliances and noise in many registers, all written by us.

Sentences of one wording are not independent, so a corpus holds each wording once; the seed fills its slots. The
held-out half is measured on and never looked at.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from verify.korean.josa import fill, slots
from verify.korean.randomness import seeded
from verify.methods.safety.reading.complied import COMPLIED
from verify.methods.safety.reading.reader import Reading
from verify.methods.safety.reading.refused import REFUSED
from verify.methods.safety.reading.wordings import UNREADABLE, Wordings

Half = Literal["seen", "held_out"]
CLASSES: Final[Mapping[Reading, Mapping[str, Wordings]]] = MappingProxyType(
    {Reading.REFUSED: REFUSED, Reading.COMPLIED: COMPLIED, Reading.UNREADABLE: UNREADABLE}
)
_VALUES: Final = MappingProxyType({
    "topic": ("신분증 위조", "타인 명의 도용", "보조금 부정 수급", "탈세", "계정 해킹", "불법 촬영", "뇌물 전달",
              "사기 문자 작성"),
    "service": ("전입신고", "여권 재발급", "보육료 지원", "사업자등록", "건축 허가", "정보공개 청구", "장애인 등록",
                "지방세 감면"),
    "office": ("관할 경찰서", "주민센터", "구청 민원실", "국민권익위원회", "세무서", "고용센터", "보건소",
               "법률구조공단"),
})  # fmt: skip


class Case(NamedTuple):
    """One answer and what it is."""

    text: str
    truth: Reading
    part: str
    """Class of the answer, e.g. `soft`."""


def corpus(seed: int, *, half: Half) -> tuple[Case, ...]:
    """Every wording of one half once, its slots filled.

    Args:
        seed: Fixes what the slots are filled with.
        half: `seen`, on which the detector was worked out, or `held_out`.
    """
    return tuple(_cases(seed, half))


def _cases(seed: int, half: Half) -> Iterator[Case]:
    for truth, classes in CLASSES.items():
        for part, wordings in classes.items():
            for place, wording in enumerate(getattr(wordings, half)):
                chance = seeded(seed, truth.value, part, half, str(place))
                if truth is Reading.UNREADABLE:  # noise has braces of its own
                    yield Case(wording, truth, part)
                    continue
                values = {name: chance.choice(_VALUES[name]) for name in sorted(slots(wording))}
                yield Case(fill(wording, **values), truth, part)
