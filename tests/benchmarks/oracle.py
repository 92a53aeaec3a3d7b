"""lm-eval's `hf` back end on the same requests."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from tests.benchmarks.measure import clock
from tests.benchmarks.toy import Toy
from verify.records import Generate, LogLikelihood, TokenLogProbs

BATCHES: Final = {"cpu": (1, 2, 4, 8), "cuda": (8, 16, 32, 64)}
"""Sizes that are tried for scoring."""
WRITING_BATCHES: Final = {"cpu": (4, 8, 16), "cuda": (32, 64, 128)}


class Part(NamedTuple):
    """The requests that lm-eval is timed on."""

    requests: list[Any]
    positions: list[int]
    """Where they stand in the whole round."""
    scale: float
    """Tokens of the whole round for one of this part."""
    rows: int
    """Scored rows of the whole round."""
    depth: float
    """Mean context of the whole round's tokens that have to be run."""


class Apart(NamedTuple):
    """How far two sides' answers are from each other."""

    largest: float
    """Largest difference of a log-probability a token; 0 for texts."""
    choices: int
    """Answers with another greedy flag or another text."""


class LmEval:
    """lm-eval on the toy.

    Args:
        toy: The model that both sides get.
    """

    def __init__(self, toy: Toy) -> None:
        self._toy = toy

    def run(self, requests: Sequence[Any], *, batch: int) -> list[Any]:
        """Answers in order: (sum, greedy), sum, or text."""
        device = str(self._toy.model.device)
        lm = HFLM(pretrained=self._toy.model, tokenizer=self._toy.tokenizer, batch_size=batch, device=device)
        first = requests[0]
        if isinstance(first, LogLikelihood):
            pairs = [(r.context, r.continuation) for r in requests]
            return list(lm.loglikelihood(_instances(pairs, "loglikelihood"), disable_tqdm=True))
        if isinstance(first, TokenLogProbs):
            texts = [(r.text,) for r in requests]
            return list(lm.loglikelihood_rolling(_instances(texts, "loglikelihood_rolling"), disable_tqdm=True))
        options = [(r.prompt, {"until": [], "max_gen_toks": r.max_tokens, "do_sample": False}) for r in requests]
        return list(lm.generate_until(_instances(options, "generate_until"), disable_tqdm=True))

    def best_batch(self, part: Part) -> int:
        """The fastest of a few batch sizes, on a sample that fills the largest."""
        kind, writes = self._toy.model.device.type, isinstance(part.requests[0], Generate)
        sizes = (WRITING_BATCHES if writes else BATCHES)[kind]
        sample = part.requests[: 16 if writes else 12] if kind == "cpu" else part.requests[: 4 * max(sizes)]
        self.run(sample[:4], batch=1)
        return min(sizes, key=lambda size: self._seconds(sample, batch=size))

    def _seconds(self, requests: Sequence[Any], *, batch: int) -> float:
        start = clock(self._toy.model.device)
        self.run(requests, batch=batch)
        return clock(self._toy.model.device) - start

    def thin(self, requests: Sequence[Any], *, every: int) -> Part:
        """Every n-th context with all its continuations."""
        inputs = [self._input(r) for r in requests]
        contexts = list(dict.fromkeys(getattr(r, "context", i) for i, r in enumerate(requests)))
        kept = set(contexts[::every])
        positions = [i for i, r in enumerate(requests) if getattr(r, "context", i) in kept]
        whole = sum(len(one) for one in dict.fromkeys(inputs))
        part = sum(len(one) for one in dict.fromkeys(inputs[i] for i in positions))
        return Part([requests[i] for i in positions], positions, whole / part, self._rows(requests), _depth(inputs))

    def _input(self, request: Any) -> tuple[int, ...]:
        """Tokens that a harness runs for a request when nothing is shared but equal inputs."""
        encode = self._toy.tokenizer.encode
        if isinstance(request, LogLikelihood):
            return tuple(encode(request.context + request.continuation)[:-1])
        return tuple(encode(request.text if isinstance(request, TokenLogProbs) else request.prompt))

    def _rows(self, requests: Sequence[Any]) -> int:
        encode = self._toy.tokenizer.encode
        rows = set()
        for r in requests:
            if isinstance(r, LogLikelihood):
                whole, left = encode(r.context + r.continuation), encode(r.context)
                rows |= {tuple(whole[:at]) for at in range(len(left), len(whole))}
            elif isinstance(r, TokenLogProbs):
                rows |= {(r.text, at) for at in range(len(encode(r.text)))}
        return len(rows)


def _depth(inputs: Sequence[tuple[int, ...]]) -> float:
    """Mean depth of the distinct nodes of the inputs' trie."""
    total = nodes = 0
    before: tuple[int, ...] = ()
    for one in sorted(set(inputs)):
        common = next(
            (i for i, (a, b) in enumerate(zip(before, one, strict=False)) if a != b), min(len(before), len(one))
        )
        total += sum(range(common, len(one)))
        nodes += len(one) - common
        before = one
    return total / max(1, nodes)


def _instances(arguments: Sequence[tuple[Any, ...]], kind: str) -> list[Instance]:
    return [Instance(request_type=kind, doc={}, arguments=one, idx=0, metadata=("t", 0, 1)) for one in arguments]


def differences(part: Part, ours: Mapping[int, Any], theirs: Sequence[Any]) -> Apart:
    """Compare the answers of both sides, token for token where there are log-probabilities."""
    largest, choices = 0.0, 0
    for position, other in zip(part.positions, theirs, strict=True):
        one = ours[position]
        if one.kind == "loglikelihood":
            largest = max(largest, abs(one.logprob - other[0]) / one.n_tokens)
            choices += one.is_greedy != other[1]
        elif one.kind == "token_logprobs":
            largest = max(largest, abs(sum(one.logprobs) - other) / len(one.logprobs))
        else:
            choices += one.text != other
    return Apart(largest, choices)
