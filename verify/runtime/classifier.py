"""Text classifiers: Hugging Face sequence classification. Lives in the worker only."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification

from verify.errors import SubjectError
from verify.records import Classify, ClassifyAnswer, Failed, FailureReason, Request, Response
from verify.runtime.base import Answered
from verify.runtime.causal.engine import environment
from verify.runtime.causal.ledger import is_out_of_memory
from verify.runtime.causal.loading import Loaded, load
from verify.runtime.causal.plain import release
from verify.runtime.causal.tokens import context_window, is_unicode
from verify.runtime.facts import EngineFacts, TokenCount


def open_classifier(folder: Path, *, dtype: str | None = None, device: str | None = None) -> "ClassifierEngine":
    """Open a sequence classifier; fp32 unless another dtype is named, since classifiers are small.

    Raises:
        SubjectError: The folder cannot be loaded, weights are missing, or it has fewer than two labels.
    """
    return ClassifierEngine(
        load(folder, dtype=dtype or "float32", device=device, family=AutoModelForSequenceClassification)
    )


class _Line(NamedTuple):
    position: int
    ids: list[int]


class ClassifierEngine:
    """Label probabilities of a text classifier."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded, config = loaded, loaded.config
        if config.num_labels < 2:
            raise SubjectError("the classifier has fewer than two labels: it gives a number and no probabilities")
        self._labels = [str(config.id2label[i]) for i in range(config.num_labels)]
        if len(set(self._labels)) < len(self._labels):
            raise SubjectError("two labels of the classifier have the same name; correct id2label in config.json")
        self._independent = config.problem_type == "multi_label_classification"
        pad = loaded.tokenizer.pad_token_id
        self._pad: int | None = pad if pad is not None and config.pad_token_id == pad else None
        self._context = self._window()
        self._batch_tokens = 4096 if loaded.device.type == "cpu" else 65536

    def _window(self) -> int:
        """Longest text in tokens; RoBERTa's position table begins behind the padding index."""
        limit = context_window(self._loaded.config, self._loaded.tokenizer)
        return min(limit, int(min(self._loaded.tokenizer.model_max_length, limit)))

    @property
    def facts(self) -> EngineFacts:
        """What was opened."""
        return EngineFacts(
            answers=("classify",),
            architecture=self._loaded.config.model_type,
            parameters=self._loaded.parameters,
            context=self._context,
            dtype=str(self._loaded.dtype).removeprefix("torch."),
            device=self._loaded.device.type,
            path="plain",
            path_reason="a classifier reads each text once; nothing is shared",
            environment=environment(self._loaded.device),
            warnings=self._loaded.warnings,
        )

    @torch.inference_mode()
    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request once, in any order, yielding as soon as answers exist."""
        lines: list[_Line] = []
        for position, request in enumerate(requests):
            line = self._line(position, request)
            if isinstance(line, Failed):
                yield Answered(position, line)
            else:
                lines.append(line)
        lines.sort(key=lambda one: -len(one.ids))
        at = 0
        while at < len(lines):
            size = 1 if self._pad is None else max(1, self._batch_tokens // len(lines[at].ids))
            yield from self._run(lines[at : at + size])
            at += size

    def count(self, requests: Sequence[Request]) -> TokenCount:
        """Tokens of the texts that can be read; each distinct text is read whole."""
        lines = (self._line(0, request) for request in dict.fromkeys(requests))
        read = sum(len(line.ids) for line in lines if isinstance(line, _Line))
        return TokenCount(read=read, unique=read)

    def _line(self, position: int, request: Request) -> _Line | Failed:
        if not isinstance(request, Classify):
            return Failed(reason=FailureReason.UNSUPPORTED, detail=f"a classifier does not answer {request.kind}")
        if not is_unicode(request.text):
            return Failed(reason=FailureReason.INVALID_TEXT, detail="the request is not valid Unicode")
        ids = list(self._loaded.tokenizer(request.text)["input_ids"])
        if not ids:
            return Failed(reason=FailureReason.EMPTY, detail="the text has no token")
        if len(ids) > self._context:
            detail = f"the text has {len(ids)} tokens and the window {self._context}"
            return Failed(reason=FailureReason.CONTEXT_TOO_LONG, detail=detail)
        return _Line(position, ids)

    def _run(self, lines: Sequence[_Line]) -> Iterator[Answered]:
        """Run a batch; where memory is too small, its halves; broken rows once more by themselves."""
        try:
            responses = self._forward(lines)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            release()
            responses = None
        if responses is None and len(lines) == 1:
            failed = Failed(reason=FailureReason.RESOURCE_EXCEEDED, detail="out of memory with a batch of one")
            yield Answered(lines[0].position, failed)
        elif responses is None:
            self._batch_tokens = max(256, self._batch_tokens // 2)
            for half in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
                yield from self._run(half)
        else:
            for line, response in zip(lines, responses, strict=True):
                if isinstance(response, Failed) and len(lines) > 1:
                    yield from self._run([line])
                else:
                    yield Answered(line.position, response)

    def _forward(self, lines: Sequence[_Line]) -> list[Response]:
        width = max(len(line.ids) for line in lines)
        fill = 0 if self._pad is None else self._pad
        table = [line.ids + [fill] * (width - len(line.ids)) for line in lines]
        mask = [[1] * len(line.ids) + [0] * (width - len(line.ids)) for line in lines]
        device = self._loaded.device
        logits: Any = self._loaded.model(
            input_ids=torch.tensor(table, device=device), attention_mask=torch.tensor(mask, device=device)
        ).logits.double()
        p = torch.sigmoid(logits) if self._independent else torch.softmax(logits, dim=-1)
        return [self._response(row) for row in p.cpu().tolist()]

    def _response(self, row: Sequence[float]) -> Response:
        if not all(0.0 <= p <= 1.0 for p in row):
            return Failed(reason=FailureReason.INVALID_LOGITS, detail="NaN or infinite logits")
        return ClassifyAnswer(probabilities=dict(zip(self._labels, row, strict=True)))
