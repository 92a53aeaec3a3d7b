"""Rows of a batch as arrays: tokens, positions, nodes, and who may attend to whom."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from verify.runtime.causal.rows import to_device
from verify.runtime.causal.schedule import Row
from verify.runtime.causal.trie import Trie

Mask: TypeAlias = torch.Tensor | dict[str, torch.Tensor] | None


class Packed(NamedTuple):
    """A batch of rows; padding repeats a row's last token."""

    ids: NDArray[np.int64]
    """Shape (n_rows, width)."""
    positions: NDArray[np.int64]
    """Depth of each token in the trie, shape (n_rows, width)."""
    nodes: NDArray[np.int64]
    """Node of each token, -1 for padding, shape (n_rows, width)."""
    visible: NDArray[np.bool_] | None
    """Which of the row's own tokens each token sees, shape (n_rows, width, width); None if all rows are paths."""


def pack(trie: Trie, rows: Sequence[Row], *, last_position: int) -> Packed:
    """Lay rows out side by side.

    Args:
        trie: The round's trie.
        rows: The longest first.
        last_position: Highest position that the network knows; padding never goes beyond it.
    """
    height, width = len(rows), rows[0].size
    ids = np.empty((height, width), dtype=np.int64)
    positions = np.empty((height, width), dtype=np.int64)
    nodes = np.full((height, width), -1, dtype=np.int64)
    branched = any(row.high - row.low > 1 for row in rows)
    visible = np.zeros((height, width, width), dtype=bool) if branched else None
    for line, row in enumerate(rows):
        at, path = 0, np.zeros(int(trie.length[row.low : row.high].max()), dtype=np.int64)
        for index in range(row.low, row.high):
            start = row.depth if index == row.low else int(trie.common[index])
            end = int(trie.length[index])
            part = slice(at, at + end - start)
            ids[line, part] = trie.inputs[index][start:]
            positions[line, part] = np.arange(start, end)
            own = index > row.low
            nodes[line, part] = (
                np.arange(trie.first[index], trie.first[index + 1]) if own else trie.nodes(index, start, end)
            )
            path[start:end] = np.arange(part.start, part.stop)
            if visible is not None:
                visible[line, part, part] = np.tri(end - start, dtype=bool)
                visible[line, part, path[row.depth : start]] = True
            at = part.stop
        ids[line, at:] = ids[line, at - 1]
        positions[line, at:] = np.minimum(positions[line, at - 1] + 1 + np.arange(width - at), last_position)
        if visible is not None:
            visible[line, np.arange(at, width), np.arange(at, width)] = True
    return Packed(ids, positions, nodes, visible)


class Masks:
    """Attention masks of packed rows, for every kind of attention layer that a config names.

    Args:
        config: The text config of the model.
        dtype: Of the additive mask; a boolean one is silently wrong in some attention code.
    """

    def __init__(self, config: Any, *, dtype: torch.dtype) -> None:
        kinds = sorted(set(getattr(config, "layer_types", None) or ()))
        self._window: int | None = getattr(config, "sliding_window", None)
        self._chunk: int | None = getattr(config, "attention_chunk_size", None)
        self._kinds = kinds if len(kinds) > 1 else []
        self._only = kinds[0] if kinds else ("sliding_attention" if self._window else "full_attention")
        self._dtype = dtype

    @property
    def reach(self) -> int | None:
        """Tokens that the nearest-sighted layer looks back on; None where all look back to the beginning."""
        kinds = self._kinds or [self._only]
        ends = {"sliding_attention": self._window, "chunked_attention": self._chunk}
        found = [end for kind in kinds if (end := ends.get(kind)) is not None]
        return min(found, default=None)

    def make(self, packed: Packed, *, depth: int, window_kept: int | None, device: torch.device) -> Mask:
        """The mask in the form that the model takes: one, or one for each kind of layer.

        Args:
            packed: The rows.
            depth: Tokens of the prefix.
            window_kept: Prefix tokens that windowed layers still hold; None where none is windowed.
            device: Where the mask goes.
        """
        if packed.visible is None:
            return None
        own = to_device(packed.visible, device)
        height, width, _ = own.shape
        allowed = torch.cat([torch.ones(height, width, depth, dtype=torch.bool, device=device), own], dim=-1)
        query = to_device(packed.positions, device)
        key = torch.cat([torch.arange(depth, device=device).expand(height, -1), query], dim=-1)
        made = {
            kind: self._additive(self._one(kind, allowed, query, key, window_kept=window_kept, depth=depth))
            for kind in (self._kinds or [self._only])
        }
        return made if self._kinds else made[self._only]

    def _one(
        self,
        kind: str,
        allowed: torch.Tensor,
        query: torch.Tensor,
        key: torch.Tensor,
        *,
        window_kept: int | None,
        depth: int,
    ) -> torch.Tensor:
        if kind == "sliding_attention" and self._window is not None:
            near = query[:, :, None] - key[:, None, :] < self._window
        elif kind == "chunked_attention" and self._chunk is not None:
            near = query[:, :, None] // self._chunk == key[:, None, :] // self._chunk
        else:
            return allowed
        return (allowed & near)[..., 0 if window_kept is None else depth - window_kept :]

    def _additive(self, allowed: torch.Tensor) -> torch.Tensor:
        # Rows of a mask begin at multiples of 16 bytes, without which an accelerator's attention refuses it.
        *shape, width = allowed.shape
        table = torch.zeros(*shape, -(-width // 8) * 8, dtype=self._dtype, device=allowed.device)
        return table[..., :width].masked_fill_(~allowed, torch.finfo(self._dtype).min)[:, None]


def window_kept(cache: Any) -> int | None:
    """Prefix tokens that the windowed layers of a cache hold; None where it has no such layer."""
    kept = [layer.keys.shape[-2] for layer in getattr(cache, "layers", ()) if getattr(layer, "is_sliding", False)]
    return min(kept) if kept else None
