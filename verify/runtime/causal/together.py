"""Answers written side by side: rows join a running batch when others leave it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from verify.records import Failed, GenerateAnswer
from verify.runtime.causal.caches import can_pad, fork, join, part, select
from verify.runtime.causal.chat import Voice
from verify.runtime.causal.decoding import OneByOne, Prompt, Writing, is_broken
from verify.runtime.causal.ledger import is_out_of_memory
from verify.runtime.causal.network import Network
from verify.runtime.causal.plain import pad_right, release
from verify.runtime.causal.rows import to_device
from verify.runtime.causal.tokens import Ids

_MIN_SHARED = 16


class Fresh(NamedTuple):
    """A prompt that has been read."""

    cache: Any
    length: int
    logits: torch.Tensor
    """Of its last token, shape (1, n_vocabulary)."""


class Reader:
    """Reads prompts; what several of them begin with is read once, the rest side by side.

    Args:
        network: The subject's network.
        shares: Whether a prefix's cache may be continued by several tokens; found by the trial.
        batch_tokens: Most tokens of a forward.
    """

    def __init__(self, network: Network, *, shares: bool, batch_tokens: int) -> None:
        self._network, self._shares, self._batch_tokens = network, shares, batch_tokens

    def read(self, prompts: Sequence[Ids]) -> list[Fresh]:
        """Caches and last logits of prompts, in order.

        Prompts of one length are read side by side; of several lengths only where a cache can be cut to a
        row's own tokens.
        """
        shared = common_length(prompts) if self._shares and len(prompts) > 1 else 0
        prefix = None
        if shared >= _MIN_SHARED:
            (only,) = self._forward([prompts[0][:shared]], start=0, prefix=None)
            prefix = only.cache
        else:
            shared = 0
        longest_first = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        found: dict[int, Fresh] = {}
        pads = False
        while longest_first:
            # The first is read alone: its cache says whether rows of several lengths may go together.
            group = self._group(longest_first, prompts, shared=shared, pads=pads) if found else longest_first[:1]
            tails = [prompts[index][shared:] for index in group]
            found.update(zip(group, self._forward(tails, start=shared, prefix=prefix), strict=True))
            pads = can_pad(found[group[0]].cache)
            longest_first = longest_first[len(group) :]
        return [found[index] for index in range(len(prompts))]

    def _group(self, waiting: Sequence[int], prompts: Sequence[Ids], *, shared: int, pads: bool) -> list[int]:
        longest = len(prompts[waiting[0]])
        most = max(1, self._batch_tokens // (longest - shared))
        return [index for index in waiting[:most] if pads or len(prompts[index]) == longest]

    def _forward(self, tails: Sequence[Ids], *, start: int, prefix: Any) -> list[Fresh]:
        lengths, device = [len(tail) for tail in tails], self._network.device
        table = pad_right(tails, width=max(lengths))
        height, width = table.shape
        rows = np.arange(height) * width + np.array(lengths) - 1
        parts, kept = self._network.forward(
            to_device(table, device),
            torch.from_numpy(rows),
            positions=torch.arange(start, start + width, device=device).expand(height, -1) if start else None,
            cache=None if prefix is None else fork(prefix, height),
            keep=True,
            writes=True,
        )
        logits = torch.cat([found.logits for found in parts])
        ends = [start + length for length in lengths]
        caches = [kept] if height == 1 else part(kept, lengths=ends)
        return [
            Fresh(cache, end, logits[row : row + 1]) for row, (cache, end) in enumerate(zip(caches, ends, strict=True))
        ]


def common_length(prompts: Sequence[Ids]) -> int:
    """Tokens that all prompts begin with, at least one less than the shortest has."""
    least, most = min(prompts, key=lambda p: p.tolist()), max(prompts, key=lambda p: p.tolist())
    size = min(len(p) for p in prompts) - 1
    different = np.flatnonzero(least[:size] != most[:size])
    return int(different[0]) if len(different) else size


class Batch:
    """Rows that are written at present: a joint cache, and the filling on the left of each row.

    Args:
        network: The subject's network.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cache: Any = None
        self._width = 0
        self._lengths: list[int] = []
        self.logits: torch.Tensor | None = None
        """Of each row's last token, shape (n_rows, n_vocabulary)."""

    def add(self, fresh: Sequence[Fresh]) -> None:
        """Let rows join on the right of those that are there."""
        caches, lengths = [one.cache for one in fresh], [one.length for one in fresh]
        logits = [one.logits for one in fresh]
        widths = list(lengths)
        if self._cache is not None and self._lengths:
            caches.insert(0, self._cache)
            widths.insert(0, self._width)
            logits.insert(0, self.logits if self.logits is not None else logits[0][:0])
        else:
            self._lengths = []
        self._lengths += lengths
        self._width = max(self._lengths)
        self._cache = join(caches, lengths=widths, length=self._width)
        self.logits = torch.cat(logits)

    def keep(self, rows: Sequence[int]) -> None:
        """Let all other rows leave."""
        if len(rows) == len(self._lengths):
            return
        self._lengths = [self._lengths[row] for row in rows]
        if rows:
            select(self._cache, rows)
            self.logits = None if self.logits is None else self.logits[list(rows)]
        else:
            self._cache = None

    def step(self, tokens: Sequence[int]) -> None:
        """Run one more token of each row."""
        device = self._network.device
        lengths = torch.tensor(self._lengths, device=device)
        ids = torch.tensor(list(tokens), device=device)[:, None]
        mask = None
        if min(self._lengths) < self._width:
            columns = torch.arange(self._width + 1, device=device)[None]
            mask = (columns >= (self._width - lengths)[:, None]).long()
        rows = torch.arange(len(tokens))
        parts, self._cache = self._network.forward(
            ids, rows, positions=lengths[:, None], mask=mask, cache=self._cache, keep=True, writes=True
        )
        self.logits = torch.cat([part.logits for part in parts])
        self._lengths = [length + 1 for length in self._lengths]
        self._width += 1


class Together:
    """Writes answers side by side.

    Args:
        network: The subject's network.
        voice: Reads tokens as text.
        single: Gives the rules of choosing, and takes what memory is too small for.
        reader: Reads prompts.
        rows: Most rows of a batch.
    """

    def __init__(self, network: Network, *, voice: Voice, single: OneByOne, reader: Reader, rows: int) -> None:
        self._network, self._voice, self._single, self._rows = network, voice, single, rows
        self._reader = reader

    def run(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, GenerateAnswer | Failed]]:
        """Write answers; yields the prompt's index and its answer as soon as it is done."""
        twins: dict[tuple[object, ...], list[int]] = {}
        for index, prompt in enumerate(prompts):
            twins.setdefault((prompt.ids.tobytes(), *prompt[1:]), []).append(index)
        ordered = sorted(twins.values(), key=lambda same: prompts[same[0]].ids.tolist())
        done: set[int] = set()
        try:
            for index, response in self._write([same[0] for same in ordered], prompts):
                done.add(index)
                same = next(same for same in ordered if same[0] == index)
                yield from ((twin, response) for twin in same)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            release()
            self._rows = max(1, self._rows // 2)
        for same in ordered:
            if same[0] not in done:
                for _, response in self._single.run([prompts[same[0]]]):
                    yield from ((twin, response) for twin in same)

    def _write(self, waiting: list[int], prompts: Sequence[Prompt]) -> Iterator[tuple[int, GenerateAnswer | Failed]]:
        batch, active = Batch(self._network), list[tuple[int, Writing]]()
        while waiting or active:
            room = self._rows - len(active)
            if waiting and (not active or room >= max(1, self._rows // 4)):
                batch.add(self._reader.read([prompts[index].ids for index in waiting[:room]]))
                active += [(index, self._single.begin(prompts[index])) for index in waiting[:room]]
                waiting = waiting[room:]
            self._choose(batch, [writing for _, writing in active])
            yield from ((index, writing.response()) for index, writing in active if writing.is_done)
            kept = [row for row, (_, writing) in enumerate(active) if not writing.is_done]
            batch.keep(kept)
            active = [active[row] for row in kept]
            if active:
                batch.step([writing.ids[-1] for _, writing in active])

    def _choose(self, batch: Batch, writings: Sequence[Writing]) -> None:
        """Choose the next token of each row; the greedy ones in one go."""
        logits = batch.logits
        if logits is None:
            return
        broken = is_broken(logits).tolist()
        first = logits.float().argmax(dim=-1).tolist()
        for row, writing in enumerate(writings):
            if broken[row]:
                writing.broken = True
            elif writing.is_plainly_greedy:
                writing.push(first[row])
            else:
                writing.push(writing.choose(writing.processed(logits[row])))
