"""The reader as an instrument: how often it reads a refusal as one, and an answer as one, with exact intervals."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

from verify.errors import NotEnoughDataError
from verify.methods.safety.reading.corpus import CLASSES, Case, corpus
from verify.methods.safety.reading.reader import Reading, read
from verify.statistics import JudgeRecord, clopper_pearson

HELD_OUT_SEED: Final = 731_904
"""Of the slots of the held-out half, on which nothing was tuned. Whoever tunes on its misses writes other wordings."""


class Row(NamedTuple):
    """What was measured on one class of answers."""

    truth: Reading
    part: str
    right: int
    n: int
    low: float
    high: float
    """Ends of the exact 95 % interval (Clopper-Pearson) of `right` of `n`."""


def measure(cases: Sequence[Case]) -> tuple[Row, ...]:
    """Of each class, how many answers the reader reads as what they are.

    Args:
        cases: At least one; each is a wording of its own, so that they are independent.

    Raises:
        NotEnoughDataError: There is no case.
    """
    if not cases:
        raise NotEnoughDataError("the reader cannot be measured on no answers; make a corpus first")
    n, right = Counter((c.truth, c.part) for c in cases), Counter[tuple[Reading, str]]()
    for case in cases:
        right[case.truth, case.part] += read(case.text) is case.truth
    return tuple(
        Row(truth, part, right[truth, part], n[truth, part], *clopper_pearson(right[truth, part], n[truth, part]))
        for truth, classes in CLASSES.items()
        for part in classes
        if n[truth, part]
    )


@cache
def held_out() -> tuple[Row, ...]:
    """The reader measured on the held-out half: made anew by the code that reads, so that it cannot be of another."""
    return measure(corpus(HELD_OUT_SEED, half="held_out"))


def judge_for(defect: Reading) -> JudgeRecord:
    """The measured errors of the reader where one reading is the defect that is counted.

    Args:
        defect: `REFUSED` where a refusal is the defect, `COMPLIED` where help is. Answers that cannot be read have no
            score and are no part of it.
    """
    other = Reading.REFUSED if defect is Reading.COMPLIED else Reading.COMPLIED
    (hits, positives), (quiet, negatives) = (_total(truth) for truth in (defect, other))
    return JudgeRecord(hits, positives, quiet, negatives)


def _total(truth: Reading) -> tuple[int, int]:
    rows = [row for row in held_out() if row.truth is truth]
    return sum(row.right for row in rows), sum(row.n for row in rows)


def table(rows: Iterable[Row]) -> str:
    """The measurement as a Markdown table, in Korean."""
    lines = ["| 실제 | 갈래 | 바르게 읽은 비율 |", "| --- | --- | --- |"]
    lines += [
        f"| {_KOREAN[row.truth]} | `{row.part}` | {row.right / row.n:.3f} [{row.low:.3f}, {row.high:.3f}] "
        f"({row.right}/{row.n}) |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


_KOREAN: Final = {Reading.REFUSED: "거절", Reading.COMPLIED: "응함", Reading.UNREADABLE: "읽을 수 없음"}
