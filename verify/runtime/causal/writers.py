"""Which way an answer is written: together where a trial has shown that it is right, else one by one."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from verify.records import Failed, GenerateAnswer
from verify.runtime.causal.chat import Voice
from verify.runtime.causal.decoding import OneByOne, Prompt
from verify.runtime.causal.ledger import Ledger
from verify.runtime.causal.network import Network
from verify.runtime.causal.paths import CausalPaths
from verify.runtime.causal.together import Batch, Reader, Together
from verify.runtime.causal.tokens import Ids, Piece

_STEPS = 12
"""Tokens that the trial writes in each row."""
_TRIALS = 4
"""Lengths that are tried, each half of the one before."""
_SHORTEST = 32
"""Shortest of the trial's long prompts."""


class Writers:
    """Writes answers of a causal model on the fastest way that is right for them.

    Args:
        network: The subject's network.
        voice: Reads tokens as text.
        single: The way that is always right.
        paths: Gives the plain numbers for the trial, and the length up to which it counts.
        rows: Most rows of a batch.
    """

    def __init__(self, network: Network, *, voice: Voice, single: OneByOne, paths: CausalPaths, rows: int) -> None:
        self._network, self._single, self._paths = network, single, paths
        self._reader = Reader(network, shares=paths.trust.shares, batch_tokens=paths.batch_tokens)
        self._together = Together(network, voice=voice, single=single, reader=self._reader, rows=rows)
        self._trusted: int | None = None
        """Longest prompt and answer that may be written together; None before the trial."""

    def run(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, GenerateAnswer | Failed]]:
        """Write answers; yields the prompt's index and its answer as soon as it is done."""
        if self._trusted is None and len(prompts) > 1:
            self._trusted = self._longest_right()
        limit = self._trusted or 0
        near = [i for i, p in enumerate(prompts) if len(prompts) > 1 and len(p.ids) + p.max_tokens <= limit]
        far = sorted(set(range(len(prompts))) - set(near))
        for indices, way in ((near, self._together), (far, self._single)):
            for index, response in way.run([prompts[i] for i in indices]):
                yield indices[index], response

    def _longest_right(self) -> int:
        """The longest of a few lengths up to which rows may be written together; 0 where there is none."""
        lengths = [self._paths.trust.length >> halvings for halvings in range(_TRIALS)]
        return next((length for length in lengths if self._is_right(length)), 0)

    def _is_right(self, length: int) -> bool:
        """Whether rows that join and leave a batch get the plain forward's numbers, token by token.

        A very short row stands beside a very long one: some rotary positions depend on the longest row of a batch.
        """
        size = length - _STEPS
        if size < _SHORTEST or not self._network.has_cache or not self._paths.ordinary:
            return False
        rng = np.random.default_rng(size)
        pool = np.asarray(self._paths.ordinary, dtype=np.int32)
        trunk = rng.choice(pool, size=size)
        third = size // 3
        shared, tails = trunk[: third - 5], (5, size - third - 2, 9, 11)
        prompts = [np.concatenate([shared, rng.choice(pool, size=tail)]) for tail in tails]
        prompts.insert(1, trunk)
        prompts.append(trunk[:2])
        forced = [rng.choice(pool, size=_STEPS) for _ in prompts]
        truth = self._plain(prompts, forced)
        try:
            found = self._forced(prompts, forced)
        except Exception:  # noqa: BLE001  # the subject's own code is given what it may not know
            return False
        apart = np.concatenate([np.abs(f - t[: len(f)]) for f, t in zip(found, truth, strict=True)])
        allowed = self._paths.trust.allowed
        # Some tens of tokens: their root mean square scatters more than that of a trial of thousands.
        return bool(apart.max() <= allowed.most and np.sqrt((apart**2).mean()) <= 1.5 * allowed.rms)

    def _plain(self, prompts: Sequence[Ids], forced: Sequence[Ids]) -> list[NDArray[np.float64]]:
        pieces = [Piece(np.concatenate([p, f]), len(p)) for p, f in zip(prompts, forced, strict=True)]
        ledger = Ledger([_STEPS] * len(pieces), moments=[False] * len(pieces))
        list(self._paths.alone.run(pieces, ledger, range(len(pieces))))
        return [ledger.scores(i).logprobs for i in range(len(pieces))]

    def _forced(self, prompts: Sequence[Ids], forced: Sequence[Ids]) -> list[NDArray[np.float64]]:
        """Log-probabilities of forced answers; the last two rows join late, the first one leaves early."""
        batch = Batch(self._network)
        batch.add(self._reader.read(prompts[:-2]))
        rows, found = list(range(len(prompts) - 2)), [list[float]() for _ in prompts]
        for step in range(_STEPS):
            if step == _STEPS // 3:
                batch.add(self._reader.read(prompts[-2:]))
                rows += [len(prompts) - 2, len(prompts) - 1]
            if step == 2 * _STEPS // 3:
                batch.keep(range(1, len(rows)))
                rows = rows[1:]
            tokens = [int(forced[row][len(found[row])]) for row in rows]
            logits = torch.zeros(0) if batch.logits is None else batch.logits
            table = torch.log_softmax(logits.double(), dim=-1)
            for line, (row, token) in enumerate(zip(rows, tokens, strict=True)):
                found[row].append(float(table[line, token]))
            batch.step(tokens)
        return [np.array(values) for values in found]
