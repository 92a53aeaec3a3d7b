"""Kiwi as the language engine of presidio: one token an eojeol, its lemma without the particle.

Presidio's context words are compared with lemmas. Kiwi splits 건강보험증 into three morphemes, none of
which is the word that one looks for, so the eojeol is the token. Import this module only where
presidio is wanted: it loads it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import kiwipiepy
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from verify.methods.privacy.detection.names import Eojeol, Morpheme

LANGUAGE: Final = "ko"
LONGEST_WORD: Final = 64
"""Longer words are not analysed: Kiwi took 14 s for one of 200,000 characters."""

_NAMELESS: Final = 64
_WORD: Final = re.compile(r"\S+")
_UNREADABLE: Final = re.compile(rf"\S{{{LONGEST_WORD + 1},}}|[\ud800-\udfff\x00]")
_NOUN: Final = ("N", "XPN", "XSN", "XR", "SL", "SN", "SH", "MM")
_SIGN: Final = ("SF", "SP", "SS", "SE", "SO", "SW", "SB")


class EojeolArtifacts(NlpArtifacts):  # type: ignore[misc]  # presidio is untyped for us
    """What presidio's recognisers are given, with the morphemes of each word."""

    def __init__(self, eojeols: Sequence[Eojeol], *, engine: NlpEngine, language: str) -> None:
        super().__init__(
            entities=[],
            tokens=[word.text for word in eojeols],
            tokens_indices=[word.start for word in eojeols],
            lemmas=[word.stem for word in eojeols],
            nlp_engine=engine,
            language=language,
            scores=[],
        )
        self.eojeols = tuple(eojeols)


class EojeolEngine(NlpEngine):  # type: ignore[misc]  # presidio is untyped for us
    """Words between white space, without morphemes: enough for everything but names."""

    engine_name = "eojeol"
    is_available = True

    def load(self) -> None:
        """Nothing needs to be loaded."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def get_supported_languages(self) -> list[str]:
        """Korean only."""
        return [LANGUAGE]

    def get_supported_entities(self) -> list[str]:
        """None: entities come from recognisers."""
        return []

    def is_stopword(self, word: str, language: str) -> bool:
        """No word is left out of the context."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Whether a word has no letter and no digit."""
        return bool(word) and not any(character.isalnum() for character in word)

    def process_text(self, text: str, language: str) -> EojeolArtifacts:
        """The words of a text."""
        return EojeolArtifacts(self.eojeols([text])[0], engine=self, language=language)

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,
        batch_size: int = 1,
        n_process: int = 1,
        **_kwargs: Any,
    ) -> Iterator[tuple[str, EojeolArtifacts]]:
        """The words of each text, in order."""
        kept = list(texts)
        for text, words in zip(kept, self.eojeols(kept), strict=True):
            yield text, EojeolArtifacts(words, engine=self, language=language)

    def eojeols(self, texts: Sequence[str]) -> list[tuple[Eojeol, ...]]:
        """The words of each text."""
        return [tuple(Eojeol(m.group(), m.start(), m.group(), ()) for m in _WORD.finditer(text)) for text in texts]


class KiwiEngine(EojeolEngine):
    """Words with their morphemes; a batch is analysed on all workers at once."""

    engine_name = "kiwi"

    def __init__(self) -> None:
        self._kiwi: Any = None
        self._unknown: frozenset[int] = frozenset()

    def load(self) -> None:
        """Load the model: about 2 s and 500 MB."""
        self._kiwi = kiwipiepy.Kiwi()
        # The first entries of the dictionary are the nameless ones that unknown words are counted under.
        self._unknown = frozenset(at for at in range(_NAMELESS) if not self._kiwi.morpheme(at).form)

    def is_loaded(self) -> bool:
        """Whether `load` was called."""
        return self._kiwi is not None

    def eojeols(self, texts: Sequence[str]) -> list[tuple[Eojeol, ...]]:
        """The words of each text; words that Kiwi cannot read have no morphemes."""
        if not self.is_loaded():
            self.load()
        # Spaces of the same length keep every offset.
        readable = [_UNREADABLE.sub(lambda m: " " * len(m.group()), text) for text in texts]
        return [
            _words(text, [Morpheme(t.form, t.tag, t.start, t.start + t.len, t.id not in self._unknown) for t in tokens])
            for text, tokens in zip(texts, self._kiwi.tokenize(readable), strict=True)
        ]


def _words(text: str, morphemes: Sequence[Morpheme]) -> tuple[Eojeol, ...]:
    out, at = [], 0
    for match in _WORD.finditer(text):
        while at < len(morphemes) and morphemes[at].start < match.start():
            at += 1
        first = at
        while at < len(morphemes) and morphemes[at].start < match.end():
            at += 1
        inside = tuple(morphemes[first:at])
        out.append(Eojeol(match.group(), match.start(), _stem(text, match, inside), inside))
    return tuple(out)


def _stem(text: str, match: re.Match[str], morphemes: Sequence[Morpheme]) -> str:
    """The word without punctuation, and without what follows its last noun, if it starts with one."""
    words = [m for m in morphemes if m.tag not in _SIGN]
    if not words or not words[0].tag.startswith(_NOUN):
        return match.group()
    last = words[0]
    for morpheme in words:
        if not morpheme.tag.startswith(_NOUN):
            break
        last = morpheme
    return text[words[0].start : last.end]
