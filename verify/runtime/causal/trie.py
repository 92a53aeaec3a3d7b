"""All inputs of a round as one trie of tokens, in which each distinct position is one node.

Inputs are sorted as big-endian bytes, which orders them as token sequences; the common prefix of
neighbours then says everything about the tree, and no node is ever an object. 35,000 inputs of 780
tokens take a second and 150 MB this way.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verify.runtime.causal.ledger import Ledger
from verify.runtime.causal.tokens import Ids, Piece


class Trie(NamedTuple):
    """Distinct inputs in token order; an input's own nodes are those behind what it shares with the one before."""

    inputs: list[Ids]
    """Distinct inputs, sorted."""
    length: NDArray[np.int64]
    """Tokens of each input, shape (n_inputs,)."""
    common: NDArray[np.int64]
    """Tokens that each input shares with the one before it, shape (n_inputs + 1,); 0 at both ends."""
    first: NDArray[np.int64]
    """Number of each input's first own node, shape (n_inputs + 1,)."""
    node: NDArray[np.int64]
    """For each scored token the node whose row predicts it, ascending, shape (n_scored,)."""
    target: NDArray[np.int64]
    """The scored token, shape (n_scored,)."""
    slot: NDArray[np.int64]
    """Where its score goes in the ledger, shape (n_scored,)."""

    @property
    def unique(self) -> int:
        """Number of nodes: the tokens that have to be run at least once."""
        return int(self.first[-1])

    def own(self, low: int, high: int, depth: int) -> int:
        """Nodes of the inputs `low` to `high` (excluded) behind the first `depth` tokens, which they share."""
        return int(self.length[low] - depth + self.first[high] - self.first[low + 1])

    def nodes(self, index: int, start: int, end: int) -> NDArray[np.int64]:
        """Nodes on the path of an input, for its tokens `start` to `end` (excluded)."""
        found = np.empty(end - start, dtype=np.int64)
        while end > start:
            begin = max(int(self.common[index]), start)
            if begin < end:
                offset = int(self.first[index]) - int(self.common[index])
                found[begin - start : end - start] = np.arange(begin + offset, end + offset)
                end = begin
            index -= 1
        return found


def grow(pieces: Sequence[Piece], ledger: Ledger, wanted: Sequence[int]) -> Trie:
    """Build the trie of a round.

    Args:
        pieces: All pieces of the round.
        ledger: Gives each score its slot.
        wanted: Indices of the pieces to run; at least one.
    """
    keys = [pieces[index].tokens[:-1].astype(">u4").tobytes() for index in wanted]
    order = sorted(range(len(wanted)), key=keys.__getitem__)
    inputs: list[Ids] = []
    members: list[list[int]] = []
    last: bytes | None = None
    for at in order:
        if keys[at] != last:
            last = keys[at]
            inputs.append(pieces[wanted[at]].tokens[:-1])
            members.append([])
        members[-1].append(wanted[at])
    length = np.array([len(ids) for ids in inputs], dtype=np.int64)
    common = np.zeros(len(inputs) + 1, dtype=np.int64)
    for at in range(1, len(inputs)):
        common[at] = _common(inputs[at - 1], inputs[at])
    first = np.concatenate([[0], np.cumsum(length - common[:-1])])
    return Trie(inputs, length, common, first, *_scored(pieces, ledger, members, length, common, first))


def _common(a: Ids, b: Ids) -> int:
    size = min(len(a), len(b))
    different = a[:size] != b[:size]
    at = int(different.argmax()) if size else 0
    return at if size and different[at] else size


def _scored(
    pieces: Sequence[Piece],
    ledger: Ledger,
    members: Sequence[Sequence[int]],
    length: NDArray[np.int64],
    common: NDArray[np.int64],
    first: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Node, target and slot of every scored token, by node."""
    path = np.zeros(int(length.max()), dtype=np.int64)
    nodes, targets, slots = [], [], []
    for index, here in enumerate(members):
        path[common[index] : length[index]] = np.arange(first[index], first[index + 1])
        for member in here:
            piece = pieces[member]
            nodes.append(path[piece.start - 1 : length[index]].copy())
            targets.append(piece.tokens[piece.start :])
            slots.append(ledger.slots(member))
    node = np.concatenate(nodes)
    order = np.argsort(node, kind="stable")
    return node[order], np.concatenate(targets).astype(np.int64)[order], np.concatenate(slots)[order]
