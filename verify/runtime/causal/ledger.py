"""Which tokens of a round are scored already, and with what."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from verify.runtime.causal.network import Rows
from verify.runtime.causal.rows import RowScores, Unread, score_rows


class Asked(NamedTuple):
    """What a forward is to score: targets at rows."""

    rows: NDArray[np.int64]
    """Flat positions in the (batch, length) of the forward, distinct, shape (n_rows,)."""
    row: NDArray[np.int64]
    """For each target the index of its row in `rows`, ascending, shape (n_targets,)."""
    target: NDArray[np.int64]
    """Token ids, shape (n_targets,)."""
    slot: NDArray[np.int64]
    """Where each score goes in the ledger, shape (n_targets,)."""


def asked(position: NDArray[np.int64], *, target: NDArray[np.int64], slot: NDArray[np.int64]) -> Asked:
    """Gather targets by their position: several continuations may share a row."""
    rows, row = np.unique(position, return_inverse=True)
    order = np.argsort(row, kind="stable")
    return Asked(rows, row[order], target[order], slot[order])


class PieceScores(NamedTuple):
    """Scores of one piece, each of shape (n_scored,)."""

    logprobs: NDArray[np.float64]
    greedy: NDArray[np.bool_]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def is_finite(self) -> bool:
        """Whether the network gave a distribution at every position."""
        return bool(np.isfinite(self.logprobs).all())


class Ledger:
    """Scores of all pieces of a round.

    Args:
        counts: Scored tokens of each piece, shape (n_pieces,).
        moments: Whether a piece also needs the vocabulary's mean and variance, shape (n_pieces,).
    """

    def __init__(self, counts: Sequence[int], *, moments: Sequence[bool]) -> None:
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        """Slot of each piece's first score, shape (n_pieces + 1,)."""
        total = int(self.first[-1])
        self._piece = np.repeat(np.arange(len(counts)), counts)
        self._left = np.asarray(counts, dtype=np.int64).copy()
        self._moments = np.repeat(np.asarray(moments, dtype=bool), counts)
        self._filled = np.zeros(total, dtype=bool)
        self._complete: list[int] = []
        self._unread: list[tuple[NDArray[np.int64], Unread]] = []
        self._logprobs = np.full(total, np.nan)
        self._greedy = np.zeros(total, dtype=bool)
        self._means = np.full(total if any(moments) else 0, np.nan)
        self._variances = self._means.copy()

    def slots(self, piece: int) -> NDArray[np.int64]:
        """Slots of a piece's scores."""
        return np.arange(self.first[piece], self.first[piece + 1])

    def put(self, slot: NDArray[np.int64], scores: RowScores) -> None:
        """Write scores; writing a slot twice is harmless."""
        self._logprobs[slot], self._greedy[slot] = scores.logprobs, scores.greedy
        if scores.means is not None and len(self._means):
            self._means[slot], self._variances[slot] = scores.means, scores.variances
        new = slot[~self._filled[slot]]
        self._filled[new] = True
        pieces, counts = np.unique(self._piece[new], return_counts=True)
        self._left[pieces] -= counts
        self._complete += pieces[self._left[pieces] == 0].tolist()

    def drain(self) -> list[int]:
        """Pieces that became complete since the last call."""
        complete, self._complete = self._complete, []
        return complete

    def is_complete(self, piece: int) -> bool:
        """Whether all scores of a piece are written."""
        return bool(self._left[piece] == 0)

    def wants_moments(self, slot: NDArray[np.int64]) -> bool:
        """Whether any of these slots needs mean and variance."""
        return bool(self._moments[slot].any())

    def scores(self, piece: int) -> PieceScores:
        """Scores of a complete piece."""
        part = slice(int(self.first[piece]), int(self.first[piece + 1]))
        return PieceScores(self._logprobs[part], self._greedy[part], self._means[part], self._variances[part])

    def read(self, parts: Iterable[Rows], what: Asked) -> None:
        """Score the rows of a forward, and write down what the forward before gave.

        What an accelerator still computes comes with the next call or with `settle`; also where memory runs out in
        the middle of this one, whose rows are then asked again.
        """
        unread: list[tuple[NDArray[np.int64], Unread]] = []
        for part in parts:
            low, high = np.searchsorted(what.row, [part.start, part.start + len(part.logits)])
            slot = what.slot[low:high]
            scores = score_rows(
                part.logits,
                rows=what.row[low:high] - part.start,
                targets=what.target[low:high],
                moments=self.wants_moments(slot),
            )
            if scores.is_here:
                self.put(slot, scores.read())
            else:
                unread.append((slot, scores))
        before, self._unread = self._unread, unread
        for slot, scores in before:
            self.put(slot, scores.read())

    def settle(self) -> list[int]:
        """Write down what is still on its way; pieces that became complete since the last call of `drain`."""
        before, self._unread = self._unread, []
        for slot, scores in before:
            self.put(slot, scores.read())
        return self.drain()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory is exhausted, on whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "memory" in str(error).lower() and "alloc" in str(error).lower()
