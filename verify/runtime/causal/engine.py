"""Requests in, responses out."""

import copy
import platform
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import transformers

from verify.records import Failed, FailureReason, Generate, LogLikelihood, Request, Sampling, TokenLogProbs
from verify.runtime.base import Answered
from verify.runtime.causal.chat import Voice
from verify.runtime.causal.counting import count
from verify.runtime.causal.decoding import Generator, OneByOne, Prompt
from verify.runtime.causal.loading import Loaded
from verify.runtime.causal.network import Network
from verify.runtime.causal.paths import CausalPaths
from verify.runtime.causal.scoring import Path, ScoringRequest, Work, all_ids, cut, learn, score
from verify.runtime.causal.seq2seq import Seq2SeqPath
from verify.runtime.causal.tokens import Ids, Tokens, context_window, is_unicode
from verify.runtime.causal.writers import Writers
from verify.runtime.facts import EngineFacts, TokenCount


class TokensRun(NamedTuple):
    """Work in tokens."""

    forwarded: int
    """Token positions that went through the network, padding and trials included."""
    unique: int
    """Nodes of the tries of all rounds that took the shared path."""


class CausalEngine:
    """Answers of a causal language model or encoder-decoder."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        model, tokenizer = loaded.model, loaded.tokenizer
        self._tokens = Tokens(tokenizer, context=context_window(loaded.config, tokenizer))
        self._voice = Voice(tokenizer)
        vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self._rows = min(vocabulary, int(model.get_input_embeddings().weight.shape[0]))
        self.network = Network(model, device=loaded.device, vocabulary=vocabulary)
        self._causal = None if loaded.is_seq2seq else CausalPaths(self.network, loaded, context=self._tokens.context)
        self._path: Path = self._causal or Seq2SeqPath(self.network)
        self._alone: Path = self._causal.alone if self._causal else self._path
        single = OneByOne(model, voice=self._voice, device=loaded.device)
        self._generator: Generator = single
        if self._causal:
            rows = 16 if loaded.device.type == "cpu" else 128
            self._generator = Writers(self.network, voice=self._voice, single=single, paths=self._causal, rows=rows)

    def tokens_run(self) -> "TokensRun":
        """What was run since the subject was opened; the two differ by padding and repetition."""
        return TokensRun(self.network.forwarded, self.network.unique)

    @property
    def facts(self) -> EngineFacts:
        """What was opened."""
        return EngineFacts(
            answers=("loglikelihood", "token_logprobs", "generate"),
            architecture=self._loaded.config.model_type,
            parameters=self._loaded.parameters,
            context=self._tokens.context,
            dtype=str(self._loaded.dtype).removeprefix("torch."),
            device=self._loaded.device.type,
            path="shared-prefix" if self._causal is None or self._causal.trust.shares else "plain",
            path_reason=self._causal.trust.reason if self._causal else "the encoder reads each context once",
            has_chat_template=self._voice.has_template,
            environment=environment(self._loaded.device),
            warnings=self._loaded.warnings,
        )

    @torch.inference_mode()
    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request once, in any order, yielding as soon as answers exist."""
        written: list[tuple[int, Generate]] = []
        scored: list[tuple[int, ScoringRequest]] = []
        for position, request in enumerate(requests):
            if isinstance(request, Generate):
                written.append((position, request))
            elif isinstance(request, LogLikelihood | TokenLogProbs):
                scored.append((position, request))
            else:
                detail = f"a language model does not answer {request.kind}"
                yield Answered(position, Failed(reason=FailureReason.UNSUPPORTED, detail=detail))
        try:
            yield from self._score(scored)
            yield from self._write(written)
        finally:
            self._tokens.forget()

    def count(self, requests: Sequence[Request]) -> TokenCount:
        """Tokens of these requests, without running any; what cannot be asked weighs nothing."""
        shares = self._causal is not None and self._causal.trust.shares
        scored = [request for request in requests if isinstance(request, LogLikelihood | TokenLogProbs)]
        prompts = [self._prompt(request) for request in dict.fromkeys(requests) if isinstance(request, Generate)]
        try:
            return count(
                scored, [prompt for prompt in prompts if isinstance(prompt, Prompt)], self._tokens, shares=shares,
                seq2seq=self._loaded.is_seq2seq,
            )  # fmt: skip
        finally:
            self._tokens.forget()

    def _score(self, scored: Sequence[tuple[int, ScoringRequest]]) -> Iterator[Answered]:
        seq2seq = self._loaded.is_seq2seq
        learn([request for _, request in scored], self._tokens, seq2seq=seq2seq)
        work: list[Work] = []
        for position, request in scored:
            pieces = cut(request, self._tokens, seq2seq=seq2seq)
            if not isinstance(pieces, Failed) and (beyond := self._beyond(*all_ids(pieces))):
                yield Answered(position, beyond)
            elif isinstance(pieces, Failed):
                yield Answered(position, pieces)
            else:
                work.append(Work(position, request, pieces))
        for sampling in {_sampling(one.request): None for one in work}:
            self.network.sampling = sampling
            try:
                same = [one for one in work if _sampling(one.request) == sampling]
                # A copy for each call: what one round makes the paths learn (a longer trusted length) must not move
                # the numbers of the next, or they would depend on which rounds this process saw before.
                yield from score(same, path=copy.copy(self._path), alone=self._alone)
            finally:
                self.network.sampling = None

    def _write(self, written: Sequence[tuple[int, Generate]]) -> Iterator[Answered]:
        prompts: list[Prompt] = []
        positions: list[int] = []
        for position, request in written:
            prompt = self._prompt(request)
            if isinstance(prompt, Failed):
                yield Answered(position, prompt)
            else:
                prompts.append(prompt)
                positions.append(position)
        for index, response in self._generator.run(prompts):
            yield Answered(positions[index], response)

    def _prompt(self, request: Generate) -> Prompt | Failed:
        """Tokens to continue; a prompt that fills the window is refused, never cut."""
        texts = [request.prompt] if request.prompt is not None else [m.content for m in request.messages]
        if not is_unicode(*texts, *request.stop):
            return Failed(reason=FailureReason.INVALID_TEXT, detail="the request is not valid Unicode")
        if request.prompt is not None:
            rendered = self._voice.prompt(request.prompt)
        else:
            spoken = self._voice.conversation(request.messages)
            if isinstance(spoken, Failed):
                return spoken
            rendered = spoken
        ids = self._tokens.start(rendered.text, special=rendered.add_special)
        room = self._tokens.context - (0 if self._loaded.is_seq2seq else len(ids))
        if room < 1 or len(ids) > self._tokens.context:
            return Failed(
                reason=FailureReason.CONTEXT_TOO_LONG,
                detail=f"the prompt has {len(ids)} tokens and the window {self._tokens.context}",
            )
        if not len(ids):
            return Failed(reason=FailureReason.UNSUPPORTED, detail="an empty prompt, and no BOS or EOS token")
        if beyond := self._beyond(ids):
            return beyond
        return Prompt(
            ids=ids,
            max_tokens=min(request.max_tokens, room),
            stop=request.stop,
            temperature=request.temperature,
            seed=request.seed,
            thinking=rendered.thinking,
        )

    def _beyond(self, *parts: Ids) -> Failed | None:
        """A failure where a token has no row in the embedding; an accelerator would stop for good over it."""
        most = max((int(ids.max()) for ids in parts if len(ids)), default=-1)
        if most < self._rows:
            return None
        detail = f"the tokenizer gives token {most}, and the model knows tokens up to {self._rows - 1}"
        return Failed(reason=FailureReason.UNSUPPORTED, detail=detail)


def _sampling(request: ScoringRequest) -> Sampling | None:
    return request.sampling if isinstance(request, LogLikelihood) else None


def environment(device: torch.device) -> dict[str, str]:
    """Versions of what computes."""
    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "processor": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }
    if device.type == "cuda":
        found["accelerator"] = torch.cuda.get_device_name(device)
        found["cuda"] = str(torch.version.cuda)
    return found
