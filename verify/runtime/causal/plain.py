"""Every distinct input is run as a whole. This path assumes nothing but causality, and not even that when alone."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from verify.runtime.causal.ledger import Asked, Ledger, asked, is_out_of_memory
from verify.runtime.causal.network import Network
from verify.runtime.causal.rows import to_device
from verify.runtime.causal.tokens import Ids, Piece


class Batching(IntEnum):
    """How inputs may be run together without changing each other; found by the probe."""

    ALONE = 0
    """One input at a time."""
    EQUAL = 1
    """Inputs of the same length."""
    PADDED = 2
    """Inputs of similar length, padded on the right with their own last token."""


class PlainPath:
    """Answers pieces by whole forwards.

    Args:
        network: The subject's network.
        batching: What may share a batch.
        batch_tokens: Most token positions of a forward, padding included.
    """

    def __init__(self, network: Network, *, batching: Batching, batch_tokens: int) -> None:
        self._network, self.batching, self.batch_tokens = network, batching, batch_tokens

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        """Score pieces; yields each as soon as it is complete, and leaves out what memory is too small for.

        Args:
            pieces: All pieces of the round.
            ledger: Where their scores go.
            wanted: Indices of the pieces to run.
        """
        inputs = distinct_inputs(pieces, wanted)
        for batch in self._batches(inputs):
            yield from self._run_batch(batch, pieces=pieces, ledger=ledger)
        yield from ledger.settle()

    def _batches(self, inputs: Sequence["Input"]) -> Iterator[list["Input"]]:
        """Longest first, so that a shortage of memory shows at once."""
        ordered = sorted(inputs, key=lambda one: -len(one.ids))
        if self.batching is Batching.ALONE:
            yield from ([one] for one in ordered)
        elif self.batching is Batching.EQUAL:
            for length, same in groupby(ordered, key=lambda one: len(one.ids)):
                group, size = list(same), max(1, self.batch_tokens // length)
                yield from (group[i : i + size] for i in range(0, len(group), size))
        else:
            at = 0
            while at < len(ordered):
                size = max(1, self.batch_tokens // len(ordered[at].ids))
                yield ordered[at : at + size]
                at += size

    def _run_batch(self, batch: list["Input"], *, pieces: Sequence[Piece], ledger: Ledger) -> Iterator[int]:
        """Run a batch; where memory is too small, its halves."""
        try:
            self._forward(batch, pieces=pieces, ledger=ledger)
            fits = True
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        yield from ledger.drain()
        if fits:
            return
        release()
        if len(batch) > 1:
            self.batch_tokens = max(256, self.batch_tokens // 2)
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                yield from self._run_batch(half, pieces=pieces, ledger=ledger)

    def _forward(self, batch: list["Input"], *, pieces: Sequence[Piece], ledger: Ledger) -> None:
        width = max(len(one.ids) for one in batch)
        ids = to_device(pad_right([one.ids for one in batch], width=width), self._network.device)
        what = _asked_of(batch, width=width, pieces=pieces, ledger=ledger)
        parts, _ = self._network.forward(ids, torch.from_numpy(what.rows))
        ledger.read(parts, what)


class Input(NamedTuple):
    """Tokens that are run, and the pieces that are answered from them."""

    ids: Ids
    pieces: list[int]


def distinct_inputs(pieces: Sequence[Piece], wanted: Sequence[int]) -> list[Input]:
    """Inputs without repetition: A, B, C and D after one question are one input."""
    found: dict[bytes, Input] = {}
    for index in wanted:
        ids = pieces[index].tokens[:-1]
        found.setdefault(ids.tobytes(), Input(ids, [])).pieces.append(index)
    return list(found.values())


def _asked_of(batch: Sequence[Input], *, width: int, pieces: Sequence[Piece], ledger: Ledger) -> Asked:
    positions, targets, slots = [], [], []
    for line, one in enumerate(batch):
        for index in one.pieces:
            piece = pieces[index]
            positions.append(line * width + np.arange(piece.start - 1, len(piece.tokens) - 1))
            targets.append(piece.tokens[piece.start :].astype(np.int64))
            slots.append(ledger.slots(index))
    return asked(np.concatenate(positions), target=np.concatenate(targets), slot=np.concatenate(slots))


def pad_right(lines: Sequence[Ids], *, width: int) -> NDArray[np.int64]:
    """Lines as one array of shape (n_lines, width), filled with each line's own last token.

    Its own last token, because a token whose embedding is broken must not reach a neighbour's numbers.
    """
    table = np.empty((len(lines), width), dtype=np.int64)
    for line, ids in zip(table, lines, strict=True):
        line[: len(ids)] = ids
        line[len(ids) :] = ids[-1]
    return table


def release() -> None:
    """Give memory back to the device after a shortage."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
