"""The detector as an instrument: recall and precision for each type, with exact intervals."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from verify.errors import NotEnoughDataError
from verify.methods.privacy.detection.corpus import Sentence
from verify.methods.privacy.detection.detections import TYPES, Detection
from verify.methods.privacy.detection.detector import PiiDetector
from verify.statistics.intervals import clopper_pearson

_OVERLAP: Final = 0.5


class Share(NamedTuple):
    """A proportion with its exact 95 % interval (Clopper-Pearson)."""

    hits: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The hits as a fraction of the trials, in [0, 1]."""
        return self.hits / self.trials


class Row(NamedTuple):
    """What was measured for one type; None where there was nothing to measure it on."""

    type: str
    recall_clean: Share | None
    recall_obfuscated: Share | None
    precision: Share | None
    """Over all parts, hard negatives included."""


def share(hits: int, trials: int) -> Share | None:
    """The proportion with its interval, or None without trials."""
    if not trials:
        return None
    interval = clopper_pearson(hits, trials)
    return Share(hits, trials, interval.low, interval.high)


def overlaps(start: int, end: int, *, other: tuple[int, int]) -> bool:
    """Whether two stretches share at least half of the longer one."""
    shared = min(end, other[1]) - max(start, other[0])
    return shared >= _OVERLAP * max(end - start, other[1] - other[0])


def measure(using: PiiDetector, sentences: Sequence[Sentence]) -> tuple[Row, ...]:
    """Recall and precision of a detector on a labelled corpus.

    A label is found if a detection of its type shares half of the longer of both; a detection is
    right under the same condition. Sentences of one template are not independent, so the intervals
    hold for these templates, not for all texts.

    Args:
        using: The detector.
        sentences: At least one.

    Raises:
        NotEnoughDataError: There is no sentence.
    """
    if not sentences:
        raise NotEnoughDataError("the detector cannot be measured on no sentences; make a corpus first")
    labelled: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    claimed: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for sentence, detections in zip(sentences, using.detect_all([s.text for s in sentences]), strict=True):
        for label in sentence.labels:
            labelled[label.type, sentence.part] += 1
            found[label.type, sentence.part] += _found(label.type, label.start, label.end, detections)
        for hit in detections:
            claimed[hit.type] += 1
            right[hit.type] += any(
                hit.type == label.type and overlaps(hit.start, hit.end, other=(label.start, label.end))
                for label in sentence.labels
            )
    return tuple(
        Row(
            name,
            share(found[name, "clean"], labelled[name, "clean"]),
            share(found[name, "obfuscated"], labelled[name, "obfuscated"]),
            share(right[name], claimed[name]),
        )
        for name in TYPES
        if name in using.types
    )


def _found(type_: str, start: int, end: int, detections: Iterable[Detection]) -> bool:
    return any(hit.type == type_ and overlaps(hit.start, hit.end, other=(start, end)) for hit in detections)


def table(rows: Iterable[Row]) -> str:
    """The measurement as a Markdown table, in Korean."""
    lines = [
        "| 유형 | 재현율(평문) | 재현율(변형) | 정밀도 |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {TYPES[row.type]} (`{row.type}`) | {_cell(row.recall_clean)} | {_cell(row.recall_obfuscated)} |"
        f" {_cell(row.precision)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell(measured: Share | None) -> str:
    if measured is None:
        return "미측정"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}] ({measured.hits}/{measured.trials})"
