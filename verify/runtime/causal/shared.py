"""The path that runs every node of a round's trie about once."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from verify.runtime.causal.caches import fork
from verify.runtime.causal.ledger import Asked, Ledger, is_out_of_memory
from verify.runtime.causal.network import Network
from verify.runtime.causal.packing import Masks, Packed, pack, window_kept
from verify.runtime.causal.plain import PlainPath, release
from verify.runtime.causal.rows import to_device
from verify.runtime.causal.schedule import Batch, Enter, Leave, Limits, Row, schedule
from verify.runtime.causal.split import rows_behind, splitting
from verify.runtime.causal.trie import Trie, grow


class SharedPath:
    """Answers pieces from a trie, with the caches of shared prefixes.

    Args:
        network: The subject's network.
        masks: Masks of packed rows; used where `limits.packs`.
        limits: Sizes of steps.
        plain: Takes what memory is too small for.
        context: Context window in tokens.
    """

    def __init__(self, network: Network, *, masks: Masks, limits: Limits, plain: PlainPath, context: int) -> None:
        self._network, self._masks, self.limits = network, masks, limits
        self._plain, self._context = plain, context
        self.splits_run = 0
        """Batches so far whose attention was computed in two parts."""

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        """Score pieces; yields each as soon as it is complete, and leaves out what memory is too small for."""
        if not wanted:
            return
        trie = grow(pieces, ledger, wanted)
        self._network.unique += trie.unique
        run = _Run(trie, ledger, self._network, self._masks, limits=self.limits, last=self._context - 1)
        yield from run.steps()
        self.splits_run += run.splits_run
        yield from ledger.settle()
        missing = [index for index in wanted if not ledger.is_complete(index)]
        yield from self._plain.run(pieces, ledger, missing)


class _Prefix(NamedTuple):
    cache: Any
    depth: int


class _Run:
    """The prefixes that are entered at present, and the nodes that are scored already."""

    def __init__(
        self, trie: Trie, ledger: Ledger, network: Network, masks: Masks, *, limits: Limits, last: int
    ) -> None:
        self._trie, self._ledger, self._network, self._masks = trie, ledger, network, masks
        self._limits, self._last = limits, last
        self._done = np.zeros(trie.unique, dtype=bool)
        self._prefixes = [_Prefix(None, 0)]
        self.splits_run = 0
        self._lost = 0
        """Levels of prefixes that memory was too small for; nothing behind them is run here."""

    def steps(self) -> Iterator[int]:
        for step in schedule(self._trie, self._limits):
            if isinstance(step, Leave):
                if self._lost:
                    self._lost -= 1
                else:
                    self._prefixes.pop()
            elif self._lost:
                self._lost += isinstance(step, Enter)
            elif isinstance(step, Enter):
                yield from self._enter(step)
            else:
                yield from self._batch(step)

    def _enter(self, step: Enter) -> Iterator[int]:
        above = self._prefixes[-1]
        ids = self._trie.inputs[step.line][step.start : step.end].astype(np.int64)[None]
        nodes = self._trie.nodes(step.line, step.start, step.end)
        positions = np.arange(step.start, step.end)[None]
        try:
            cache = None if above.cache is None else fork(above.cache)
            kept = self._forward(ids, nodes, positions=positions, cache=cache, keep=True)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            release()
            self._lost = 1
            return
        self._prefixes.append(_Prefix(kept, step.end))
        yield from self._ledger.drain()

    def _batch(self, step: Batch) -> Iterator[int]:
        """Run rows; where memory is too small, their halves, and a single row not at all."""
        try:
            self._rows(step.rows)
            fits = True
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        yield from self._ledger.drain()
        if fits:
            return
        release()
        middle = len(step.rows) // 2
        if middle:
            yield from self._batch(Batch(step.rows[:middle]))
            yield from self._batch(Batch(step.rows[middle:]))

    def _rows(self, rows: Sequence[Row]) -> None:
        cache, depth = self._prefixes[-1]
        packed = pack(self._trie, rows, last_position=self._last)
        if cache is not None and self._limits.splits and self._sees_all(depth + rows[0].size):
            self._behind(packed, cache)
            return
        mask = None
        if self._limits.packs:
            kept = window_kept(cache)
            mask = self._masks.make(packed, depth=depth, window_kept=kept, device=self._network.device)
        self._forward(
            packed.ids,
            packed.nodes.reshape(-1),
            positions=packed.positions if depth or mask is not None else None,
            cache=None if cache is None else fork(cache, len(rows)),
            mask=mask,
        )

    def _sees_all(self, length: int) -> bool:
        """Whether the last of `length` tokens still looks back on the first one."""
        reach = self._masks.reach
        return reach is None or length <= reach

    def _behind(self, packed: Packed, cache: Any) -> None:
        """Run rows whose attention to the prefix is computed apart."""
        self.splits_run += 1
        own, prefix = rows_behind(cache)
        mask = self._masks.make(packed, depth=0, window_kept=None, device=self._network.device)
        with splitting(self._network.model, prefix):
            self._forward(
                packed.ids, packed.nodes.reshape(-1), positions=packed.positions, cache=own, mask=mask, keep=False
            )

    def _forward(
        self,
        ids: NDArray[np.int64],
        nodes: NDArray[np.int64],
        *,
        positions: NDArray[np.int64] | None,
        cache: Any = None,
        mask: Any = None,
        keep: bool = False,
    ) -> Any:
        what, scored = self._asked(nodes)
        device = self._network.device
        parts, kept = self._network.forward(
            to_device(ids, device),
            torch.from_numpy(what.rows),
            positions=None if positions is None else to_device(positions, device),
            mask=mask,
            cache=cache,
            keep=keep,
        )
        self._ledger.read(parts, what)
        self._done[scored] = True
        return kept

    def _asked(self, nodes: NDArray[np.int64]) -> tuple[Asked, NDArray[np.int64]]:
        """What a forward over these nodes scores: nodes that have targets and are not scored yet."""
        low = np.searchsorted(self._trie.node, nodes, "left")
        high = np.searchsorted(self._trie.node, nodes, "right")
        places = np.flatnonzero((nodes >= 0) & (high > low))
        places = places[~self._done[nodes[places]]]
        _, first = np.unique(nodes[places], return_index=True)
        places = places[np.sort(first)]
        counts = high[places] - low[places]
        row = np.repeat(np.arange(len(places)), counts)
        within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        at = low[places][row] + within
        return Asked(places, row, self._trie.target[at], self._trie.slot[at]), nodes[places]
