"""The recognisers that presidio's analyser runs. Import only where presidio is wanted: it loads it."""

from typing import Any

from presidio_analyzer import LocalRecognizer, RecognizerResult

from verify.methods.privacy.detection.candidates import candidates
from verify.methods.privacy.detection.detections import TYPES
from verify.methods.privacy.detection.kiwi_engine import LANGUAGE, EojeolArtifacts
from verify.methods.privacy.detection.names import names

PERSON = "PERSON"


class _Recognizer(LocalRecognizer):  # type: ignore[misc]  # presidio is untyped for us
    def __init__(self, entities: list[str], *, name: str) -> None:
        super().__init__(supported_entities=entities, supported_language=LANGUAGE, name=name)

    def load(self) -> None:
        """Nothing needs to be loaded."""

    def _result(self, entity: str, start: int, end: int, *, score: float) -> RecognizerResult:
        return RecognizerResult(
            entity_type=entity,
            start=start,
            end=end,
            score=score,
            recognition_metadata={
                RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
            },
        )


class FormRecognizer(_Recognizer):
    """Everything that has a form: numbers, addresses, e-mail, IP. Expects text in normal form."""

    def __init__(self) -> None:
        super().__init__([name for name in TYPES if name != PERSON], name="KoreanFormRecognizer")

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """The values of the asked types, with the confidence that their labels leave them."""
        wanted = frozenset(entities) & frozenset(self.supported_entities)
        return [
            self._result(found.type, found.start, found.end, score=found.confidence)
            for found in candidates(text, types=wanted)
        ]


class PersonRecognizer(_Recognizer):
    """Names of persons; needs the artifacts of `KiwiEngine`."""

    def __init__(self) -> None:
        super().__init__([PERSON], name="KoreanPersonRecognizer")

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """The names, with their confidence."""
        if PERSON not in entities or not isinstance(nlp_artifacts, EojeolArtifacts):
            return []
        return [
            self._result(PERSON, name.start, name.end, score=name.confidence) for name in names(nlp_artifacts.eojeols)
        ]
