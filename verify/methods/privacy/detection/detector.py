"""Personal data in a text: normal form, presidio's analyser, and the places in the text as it was.

What is redacted already (`tokens`) is found as what it stands for. A detection changes what stands
beside the others, so a text is looked at again with everything found so far blanked out, until
nothing more is found. That makes redaction a fixed point by construction: the redacted text with
its tokens blanked out is the very text in which nothing was found.
"""

import bisect
import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from verify.errors import UnknownNameError, UsageError
from verify.korean.normalise import Normalised, normalise
from verify.methods.privacy.detection.detections import TYPES, Detection
from verify.methods.privacy.detection.lightly import without_engines
from verify.methods.privacy.detection.tokens import TOKEN, token_type

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, RecognizerResult

    from verify.methods.privacy.detection.kiwi_engine import EojeolEngine

DEFAULT_THRESHOLD: Final = 0.5
_LONGEST_PIECE: Final = 4_000
_BATCH: Final = 64
_BLANK: Final = "\ufffc"
"""Stands for what was found: no pattern contains it, no normal form changes it."""


class _Found(NamedTuple):
    type: str
    start: int
    end: int
    confidence: float


class PiiDetector:
    """Finds personal data in Korean text.

    Args:
        types: Types of `TYPES` to look for; all if None. Without ``PERSON`` Kiwi is not loaded.
        threshold: Least confidence that is reported, in (0, 1].

    Raises:
        UnknownNameError: A type is not in `TYPES`.
        UsageError: No type is asked for, or the threshold lies outside (0, 1].
    """

    def __init__(self, *, types: frozenset[str] | None = None, threshold: float = DEFAULT_THRESHOLD) -> None:
        wanted = frozenset(TYPES) if types is None else types
        for unknown in sorted(wanted - TYPES.keys()):
            raise UnknownNameError("type of personal data", unknown, known=TYPES)
        if not wanted:
            raise UsageError("a detector needs at least one type of personal data")
        if not 0.0 < threshold <= 1.0:
            raise UsageError(f"detector threshold {threshold!r} is not in (0, 1]")
        self.types = wanted
        self.threshold = threshold
        self._entities = sorted(wanted)
        self._analyzer, self._engine = _analyzer(with_names="PERSON" in wanted)

    def detect(self, text: str) -> tuple[Detection, ...]:
        """What a text holds, in order and without overlap; offsets are those of the text as given.

        Args:
            text: Any text: of any length, with control characters or lone surrogates, empty.
        """
        return self.detect_all([text])[0]

    def detect_all(self, texts: Sequence[str]) -> list[tuple[Detection, ...]]:
        """`detect` for each text; morphemes are analysed in batches on all cores."""
        found = [self._tokens(text) for text in texts]
        open_ = [place for place, text in enumerate(texts) if text]
        while open_:
            views = [_View(texts[place], found[place]) for place in open_]
            results = self._look([view.form.text for view in views])
            still = []
            for place, view, hits in zip(open_, views, results, strict=True):
                if hits:
                    found[place] = sorted(found[place] + [view.original(hit) for hit in hits], key=lambda f: f.start)
                    still.append(place)
            open_ = still
        return [tuple(_detection(text, hit) for hit in hits) for text, hits in zip(texts, found, strict=True)]

    def _tokens(self, text: str) -> list[_Found]:
        hits = [_Found(token_type(match), match.start(), match.end(), 1.0) for match in TOKEN.finditer(text)]
        return [hit for hit in hits if hit.type in self.types]

    def _look(self, texts: Sequence[str]) -> list[list[_Found]]:
        """One look at texts in normal form, in pieces that the analyser takes."""
        pieces = [(place, piece) for place, text in enumerate(texts) for piece in _pieces(text)]
        out: list[list[_Found]] = [[] for _ in texts]
        for first in range(0, len(pieces), _BATCH):
            batch = pieces[first : first + _BATCH]
            cuts = [texts[place][piece.start : piece.end] for place, piece in batch]
            for (place, piece), (cut, artifacts) in zip(batch, self._engine.process_batch(cuts, "ko"), strict=True):
                results = self._analyzer.analyze(
                    cut, "ko", entities=self._entities, score_threshold=self.threshold, nlp_artifacts=artifacts
                )
                out[place] += [
                    _Found(hit.type, hit.start + piece.start, hit.end + piece.start, hit.confidence)
                    for hit in _without_overlap(results)
                ]
        return out


@functools.cache
def detector() -> PiiDetector:
    """The detector of all types at the default threshold, loaded once a process."""
    return PiiDetector()


@functools.cache
def _analyzer(*, with_names: bool) -> tuple["AnalyzerEngine", "EojeolEngine"]:
    with without_engines():
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

        from verify.methods.privacy.detection.kiwi_engine import EojeolEngine, KiwiEngine
        from verify.methods.privacy.detection.recognizers import FormRecognizer, PersonRecognizer

    engine = KiwiEngine() if with_names else EojeolEngine()
    engine.load()
    # No recogniser of presidio's own is registered: its e-mail recogniser asks the network for suffixes.
    recognizers = [FormRecognizer(), *([PersonRecognizer()] if with_names else [])]
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=["ko"])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["ko"]), engine


class _View:
    """A text with what was found blanked out, in normal form, and the way back."""

    def __init__(self, text: str, found: Sequence[_Found]) -> None:
        out: list[str] = []
        self._since: list[int] = [0]
        self._removed: list[int] = [0]
        end = removed = 0
        for hit in found:
            out += [text[end : hit.start], _BLANK]
            end = hit.end
            removed += hit.end - hit.start - len(_BLANK)
            self._since.append(hit.end - removed)
            self._removed.append(removed)
        out.append(text[end:])
        self.form: Normalised = normalise("".join(out))

    def original(self, hit: _Found) -> _Found:
        start, end = self.form.original(hit.start, hit.end)
        return hit._replace(start=self._place(start), end=self._place(end - 1) + 1)

    def _place(self, place: int) -> int:
        return place + self._removed[bisect.bisect_right(self._since, place) - 1]


class _Piece(NamedTuple):
    start: int
    end: int


def _pieces(text: str) -> Iterable[_Piece]:
    """Stretches of bounded length; cut at the end of a line, else at a space, else where the bound is."""
    start = 0
    while len(text) - start > _LONGEST_PIECE:
        limit = start + _LONGEST_PIECE
        cut = max(text.rfind("\n", start, limit), 0) or max(text.rfind(" ", start, limit), 0)
        end = cut + 1 if cut > start else limit
        yield _Piece(start, end)
        start = end
    if start < len(text):
        yield _Piece(start, len(text))


def _without_overlap(results: Iterable["RecognizerResult"]) -> list[_Found]:
    """The most confident of overlapping results, of equal ones the longest; in order of place."""
    ranked = sorted(results, key=lambda r: (-r.score, r.start - r.end, r.start, r.entity_type))
    kept: list[_Found] = []
    taken: set[int] = set()
    for result in ranked:
        span = range(result.start, result.end)
        if taken.isdisjoint(span):
            taken.update(span)
            kept.append(_Found(result.entity_type, result.start, result.end, result.score))
    return sorted(kept, key=lambda hit: hit.start)


def _detection(text: str, hit: _Found) -> Detection:
    return Detection(hit.type, hit.start, hit.end, text[hit.start : hit.end], hit.confidence)
