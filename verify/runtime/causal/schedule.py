"""The trie becomes steps: compute a prefix, run batches of rows behind it, leave it again.

Pure: nothing here needs a network, so that the number of tokens that a round will cost is known, and
tested, before anything is run.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from verify.runtime.causal.trie import Trie

_MIN_SHARED: Final = 4
"""Shortest part that may become a prefix of its own."""
_LEVELS: Final = 32
"""Most prefixes that stand inside each other."""
_CHOICES: Final = 64
"""Batch sizes that are weighed against each other at a time."""


class Limits(NamedTuple):
    """How large steps may become, and what they cost."""

    row_tokens: int
    """Most tokens of a packed row; above, its shared part becomes a prefix."""
    batch_tokens: int
    """Most tokens of a batch, padding included."""
    cache_tokens: int
    """Most tokens whose keys and values exist at a time: prefixes inside each other, or rows of a batch."""
    call_tokens: int
    """What one more forward costs, in tokens; weighed against padding and repetition."""
    packs: bool
    """Whether a row may hold a whole subtree; else each input is a row."""
    splits: bool = False
    """Whether attention to the prefix is computed apart, without a copy of its keys and values for each row."""


class Row(NamedTuple):
    """Inputs `low` to `high` (excluded), behind the first `depth` tokens."""

    low: int
    high: int
    depth: int
    size: int
    """Tokens of the row."""


class Enter(NamedTuple):
    """Run tokens `start` to `end` (excluded) of an input behind the present prefix, and keep their cache."""

    line: int
    """Which input."""
    start: int
    end: int


class Leave(NamedTuple):
    """Drop the innermost prefix."""


class Batch(NamedTuple):
    """Run rows behind the present prefix, padded to the longest, which is the first."""

    rows: list[Row]


Step: TypeAlias = Enter | Leave | Batch


def schedule(trie: Trie, limits: Limits) -> Iterator[Step]:
    """Steps that run every node of the trie, nearly each of them once."""
    return _Walk(trie, limits).walk(0, len(trie.inputs), depth=0, live=0, level=0)


def forwarded(steps: Iterable[Step]) -> int:
    """Token positions that steps run through the network, padding included."""
    total = 0
    for step in steps:
        if isinstance(step, Enter):
            total += step.end - step.start
        elif isinstance(step, Batch):
            total += len(step.rows) * step.rows[0].size
    return total


class _Walk:
    """Depth first, so that only the caches of one path live."""

    def __init__(self, trie: Trie, limits: Limits) -> None:
        self._trie, self._limits = trie, limits

    def walk(self, low: int, high: int, *, depth: int, live: int, level: int) -> Iterator[Step]:
        """Steps for inputs `low` to `high`, whose first `depth` tokens are in the cache."""
        rows: list[Row] = []
        deeper: list[tuple[int, int, int]] = []
        stack = [(low, high)]
        while stack:
            low, high = stack.pop()
            size = self._trie.own(low, high, depth)
            if high - low == 1 or (self._limits.packs and size <= self._limits.row_tokens):
                if size and not self._is_covered(low, high):
                    rows.append(Row(low, high, depth, size))
                continue
            shared = int(min(self._trie.common[low + 1 : high].min(), self._trie.length[low]))
            if self._pays(high - low, shared - depth) and self._fits(live + shared, level):
                deeper.append((low, high, shared))
                continue
            cuts = [low, *(low + 1 + np.flatnonzero(self._trie.common[low + 1 : high] <= shared)).tolist(), high]
            stack += reversed(self._merged(list(pairwise(cuts)), depth))
        yield from self._batches(rows)
        for start, end, shared in deeper:
            yield Enter(start, depth, shared)
            yield from self.walk(start, end, depth=shared, live=live + shared, level=level + 1)
            yield Leave()

    def _is_covered(self, low: int, high: int) -> bool:
        """Whether the input is the beginning of the next one, in whose row it is scored."""
        return high - low == 1 and int(self._trie.common[high]) == int(self._trie.length[low])

    def _pays(self, count: int, gain: int) -> bool:
        """Whether running a shared part once saves more than the two forwards that it costs."""
        return gain >= _MIN_SHARED and (count - 1) * gain > 2 * self._limits.call_tokens

    def _fits(self, live: int, level: int) -> bool:
        return live <= self._limits.cache_tokens and level < _LEVELS

    def _merged(self, parts: list[tuple[int, int]], depth: int) -> list[tuple[int, int]]:
        """Neighbouring parts together in a row while they are much smaller than one.

        Each row behind a prefix has its own copy of the prefix's keys and values.
        """
        if not self._limits.packs or not depth:
            return parts
        merged = [parts[0]]
        for low, high in parts[1:]:
            begin = merged[-1][0]
            if self._trie.own(begin, high, depth) <= self._limits.row_tokens // 2:
                merged[-1] = (begin, high)
            else:
                merged.append((low, high))
        return merged

    def _batches(self, rows: list[Row]) -> Iterator[Batch]:
        """Rows of similar size together: the cut that costs least in padding and forwards.

        Dynamic programming over the sorted sizes, backwards; a batch is a run of neighbours.
        """
        rows.sort(key=lambda row: -row.size)
        n, call = len(rows), self._limits.call_tokens
        best, until = np.zeros(n + 1), np.zeros(n + 1, dtype=np.int64)
        for at in range(n - 1, -1, -1):
            counts = self._counts(rows[at], n - at)
            costs = call + counts * rows[at].size + best[at + counts]
            choice = int(costs.argmin())
            best[at], until[at] = costs[choice], at + counts[choice]
        at = 0
        while at < n:
            yield Batch(rows[at : until[at]])
            at = int(until[at])

    def _counts(self, row: Row, left: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Sizes that a batch beginning with this row may have: the largest ones, and small ones."""
        by_tokens = self._limits.batch_tokens // row.size
        by_cache = self._limits.cache_tokens // (row.size if self._limits.splits else row.depth + row.size)
        most = min(left, max(1, min(by_tokens, by_cache)))
        largest = np.arange(max(1, most - _CHOICES + 1), most + 1)
        return np.concatenate([np.arange(1, min(_CHOICES // 4, int(largest[0]))), largest])
