"""Generation: what to write next, when to stop, and the path that is always right."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from verify.records import Failed, FailureReason, GenerateAnswer
from verify.runtime.causal.chat import Markers, Spoken, Voice
from verify.runtime.causal.ledger import is_out_of_memory
from verify.runtime.causal.plain import release
from verify.runtime.causal.tokens import Ids

ANSWER_LIMIT: Final = 1_000_000
"""Most bytes of an answer, in UTF-8."""


class Prompt(NamedTuple):
    """What is continued, and how."""

    ids: Ids
    max_tokens: int
    """Tokens that may be written; already cut to what the window leaves."""
    stop: tuple[str, ...]
    temperature: float
    seed: int
    thinking: Markers | None


class Ends(NamedTuple):
    """Tokens that end an answer."""

    tokens: frozenset[int]
    forced: bool
    """Whether the subject's generation config forces an end at `max_tokens`; that end is a cut."""

    @classmethod
    def of(cls, config: Any) -> Self:
        """The ends that a generation config names, one or several."""
        ends = config.eos_token_id
        listed = ends if isinstance(ends, list | tuple) else [] if ends is None else [ends]
        forced = getattr(config, "forced_eos_token_id", None) is not None
        return cls(frozenset(int(e) for e in listed), forced)


class Writing:
    """One answer while it is written.

    Args:
        prompt: What is continued.
        voice: Reads tokens as text.
        ends: Tokens that end an answer.
        processors: The subject's own logits processors (penalties), where `generate` does not apply them itself.
    """

    def __init__(self, prompt: Prompt, *, voice: Voice, ends: "Ends", processors: Any = None) -> None:
        self.prompt, self._voice, self._ends, self._processors = prompt, voice, ends, processors
        self.ids: list[int] = []
        self.finish: str | None = None
        self.broken = False
        """Whether the network gave no distribution."""
        self._random = np.random.default_rng(prompt.seed) if prompt.temperature > 0 else None
        self._text: Spoken | None = None
        self._tail = max((len(s) for s in prompt.stop), default=0) + 8

    @property
    def is_done(self) -> bool:
        """Whether nothing more is written."""
        return self.finish is not None or self.broken

    @property
    def is_plainly_greedy(self) -> bool:
        """Whether the next token is the first maximum of the bare logits."""
        return self._random is None and not self._processors

    def processed(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n_vocabulary,) after the subject's own processors."""
        if not self._processors:
            return logits
        so_far = torch.tensor([[*self.prompt.ids.tolist(), *self.ids]], device=logits.device)
        row: torch.Tensor = self._processors(so_far, logits[None].float())[0]
        return row

    def choose(self, logits: torch.Tensor) -> int:
        """The next token.

        Greedy takes the first maximum, as `model.generate` does. Sampling inverts the distribution at
        `temperature` with a uniform number of this request's own generator, so that the same request
        gets the same answer whatever its neighbours are; the subject's own top-k and top-p stay out.

        Args:
            logits: Shape (n_vocabulary,), after the subject's own logits processors.
        """
        z = logits.float()
        if self._random is None:
            return int(z.argmax())
        p = torch.softmax(z.double() / self.prompt.temperature, dim=-1).cpu().numpy()
        return int(np.searchsorted(np.cumsum(p), self._random.random() * p.sum(), side="right").clip(0, len(p) - 1))

    def push(self, token: int) -> None:
        """Take a chosen token and see whether the answer ends with it."""
        if token in self._ends.tokens:
            last = len(self.ids) + 1 >= self.prompt.max_tokens
            self.finish = "length" if last and self._ends.forced else "stop"
            return
        self.ids.append(token)
        if self.prompt.stop and self._stops():
            self.finish = "stop"
        elif len(self.ids) >= self.prompt.max_tokens:
            self.finish = "length"

    def _stops(self) -> bool:
        """Whether a stop string stands in the answer; the whole text is read only where its tail has one."""
        tail = self._voice.read(self.ids[-self._tail :], opened=None).text
        if not any(stop in tail for stop in self.prompt.stop):
            return False
        whole = self._voice.read(self.ids, opened=self.prompt.thinking)
        return any(stop in whole.text for stop in self.prompt.stop)

    def response(self) -> GenerateAnswer | Failed:
        """The answer once it is done."""
        if self.broken:
            return Failed(reason=FailureReason.INVALID_LOGITS, detail="NaN or infinite logits while writing")
        spoken = self._voice.read(self.ids, opened=self.prompt.thinking)
        cuts = [at for stop in self.prompt.stop if (at := spoken.text.find(stop)) >= 0]
        text = spoken.text[: min(cuts)] if cuts else spoken.text
        if len(text.encode("utf-8", "replace")) + len(spoken.thinking.encode("utf-8", "replace")) > ANSWER_LIMIT:
            return Failed(reason=FailureReason.TOO_LONG, detail=f"the answer exceeds {ANSWER_LIMIT} bytes")
        return GenerateAnswer(
            text=text,
            finish="length" if self.finish == "length" else "stop",
            n_tokens=len(self.ids),
            thinking=spoken.thinking,
        )


def is_broken(logits: torch.Tensor) -> torch.Tensor:
    """Which rows hold NaN or +inf, or nothing but -inf; shape (n_rows,) from (n_rows, n_vocabulary)."""
    return ~torch.isfinite(logits.float().amax(dim=-1))


class Generator(Protocol):
    """A way to write answers."""

    def run(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, GenerateAnswer | Failed]]:
        """Write answers; yields the prompt's index and its answer as soon as it is done."""
        ...


class OneByOne:
    """Each answer by transformers' own `generate`, with a batch of one: right for every architecture.

    Args:
        model: The subject's model.
        voice: Reads tokens as text.
        device: Where inputs go.
    """

    def __init__(self, model: Any, *, voice: Voice, device: torch.device) -> None:
        self._model, self._voice, self._device = model, voice, device
        self.config = greedy_config(model)
        self.ends = Ends.of(self.config)

    def run(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, GenerateAnswer | Failed]]:
        """Write answers; yields the prompt's index and its answer as soon as it is done."""
        for index, prompt in enumerate(prompts):
            yield index, self._write(prompt)

    def begin(self, prompt: Prompt) -> Writing:
        """An empty answer, with the subject's own rules for choosing."""
        config = copy.deepcopy(self.config)
        self._model._prepare_special_tokens(config, device=self._device)  # noqa: SLF001  # no public way to them
        processors = self._model._get_logits_processor(  # noqa: SLF001
            generation_config=config, input_ids_seq_length=len(prompt.ids), device=self._device
        )
        return Writing(prompt, voice=self._voice, ends=self.ends, processors=processors)

    def _write(self, prompt: Prompt) -> GenerateAnswer | Failed:
        writing = Writing(prompt, voice=self._voice, ends=self.ends)
        ids = torch.from_numpy(prompt.ids.astype(np.int64))[None].to(self._device)
        try:
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                generation_config=self.config,
                max_new_tokens=prompt.max_tokens,
                logits_processor=LogitsProcessorList([_Chooser(writing)]),
                stopping_criteria=StoppingCriteriaList([_Stopper(writing)]),
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            release()
            return Failed(reason=FailureReason.RESOURCE_EXCEEDED, detail="out of memory with a batch of one")
        return writing.response()


class _Chooser(LogitsProcessor):  # type: ignore[misc]  # transformers has no types here
    """Makes `generate` take the token that this request chooses."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        del input_ids
        self._writing.broken = bool(is_broken(scores)[0])
        token = 0 if self._writing.broken else self._writing.choose(scores[0])
        if not self._writing.broken:
            self._writing.push(token)
        forced = torch.full_like(scores, float("-inf"))
        forced[0, token] = 0.0
        return forced


class _Stopper(StoppingCriteria):  # type: ignore[misc]
    """Ends `generate` when the answer is done."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    def __call__(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        del scores, more
        return torch.full((input_ids.shape[0],), self._writing.is_done, device=input_ids.device)


def greedy_config(model: Any) -> Any:
    """The subject's generation config without search and sampling; its penalties stay in force."""
    config = copy.deepcopy(model.generation_config or GenerationConfig.from_model_config(model.config))
    config.update(
        do_sample=False,
        num_beams=1,
        num_return_sequences=1,
        temperature=None,
        top_p=None,
        top_k=None,
        min_p=None,
        typical_p=None,
        max_length=None,
        max_new_tokens=None,
        return_dict_in_generate=False,
        output_scores=False,
        output_logits=False,
    )
    return config
