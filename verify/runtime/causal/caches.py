"""Caches as values: forked for rows behind a shared prefix, joined and thinned while answers are written."""

import copy
from collections.abc import Sequence
from typing import Any, Final

import torch
from transformers.cache_utils import (
    Cache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionCacheLayerMixin,
)

_SHAREABLE: Final = (DynamicLayer, DynamicSlidingWindowLayer)
"""Cache layers whose `update` binds new tensors and never writes into old ones."""
_GROWTH: Final = 64
"""Tokens by which a growing layer is enlarged."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # transformers has no types here
    """An attention layer's cache with room to grow: one more token copies one token, not all of them."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._adopt(keys, values)

    def _adopt(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self._length = keys.shape[-2]
        self._stores = [torch.cat([t, t.new_empty(*t.shape[:2], _GROWTH, t.shape[3])], dim=-2) for t in (keys, values)]
        self._show()

    def _show(self) -> None:
        self.keys, self.values = (store[:, :, : self._length] for store in self._stores)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values behind the old ones; returns all of them."""
        del args, kwargs
        end = self._length + key_states.shape[-2]
        if end > self._stores[0].shape[-2]:
            keys, values = torch.cat([self.keys, key_states], -2), torch.cat([self.values, value_states], -2)
            self._adopt(keys, values)
        else:
            self._stores[0][:, :, self._length : end] = key_states
            self._stores[1][:, :, self._length : end] = value_states
            self._length = end
            self._show()
        return self.keys, self.values

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Keep the rows that are named."""
        index = beam_idx.to(self.device)
        self._stores = [store.index_select(0, index) for store in self._stores]
        self._show()


def join(caches: Sequence[Any], *, lengths: Sequence[int], length: int) -> Any:
    """One cache of all rows, filled up on the left to `length` tokens.

    The filling is hidden by the attention mask. Recurrent states have no length and are simply put
    together; none of them has ever seen the filling.

    Args:
        caches: Caches of one or several rows each.
        lengths: Tokens in each of them, its own filling included.
        length: Tokens of the result; where it is less than a cache's own, the left end is cut off.

    Raises:
        TypeError: A cache or one of its layers is of a class that is not known to allow this.
    """
    if not all(isinstance(cache, Cache) for cache in caches):
        raise TypeError(f"{type(caches[0]).__name__} is no cache that can be joined")
    made = copy.copy(caches[0])
    made.layers = [
        _join_layers(layers, lengths=lengths, length=length)
        for layers in zip(*(cache.layers for cache in caches), strict=True)
    ]
    return made


def _join_layers(layers: Sequence[Any], *, lengths: Sequence[int], length: int) -> Any:
    kind = type(layers[0])
    if kind in (DynamicLayer, GrowingLayer):
        keys = [_fit(layer.keys, length) for layer in layers]
        values = [_fit(layer.values, length) for layer in layers]
        return GrowingLayer(torch.cat(keys), torch.cat(values))
    if kind is DynamicSlidingWindowLayer:
        made = copy.copy(layers[0])
        kept = min(length, made.sliding_window - 1)
        made.keys = torch.cat([_fit(layer.keys, kept) for layer in layers])
        made.values = torch.cat([_fit(layer.values, kept) for layer in layers])
        made.cumulative_length = length
        return made
    if isinstance(layers[0], LinearAttentionCacheLayerMixin):
        made = copy.copy(layers[0])
        made.conv_states = _stack([layer.conv_states for layer in layers])
        made.recurrent_states = _stack([layer.recurrent_states for layer in layers])
        if isinstance(made, DynamicLayer):
            if isinstance(made, DynamicSlidingWindowLayer):
                raise TypeError(f"{kind.__name__} is not known to be joinable")
            made.keys = torch.cat([_fit(layer.keys, length) for layer in layers])
            made.values = torch.cat([_fit(layer.values, length) for layer in layers])
        return made
    raise TypeError(f"{kind.__name__} is not known to be joinable")


def can_pad(cache: Any) -> bool:
    """Whether what follows a row's last token leaves no trace once its keys and values are cut off."""
    return isinstance(cache, Cache) and all(type(layer) is DynamicLayer for layer in cache.layers)


def part(cache: Any, *, lengths: Sequence[int]) -> list[Any]:
    """Rows of a cache as caches of their own.

    Args:
        cache: A cache of several rows.
        lengths: Tokens of each row; what lies behind them is cut off, where `can_pad`.

    Raises:
        TypeError: A layer is of a class that is not known to allow this.
    """
    if not isinstance(cache, Cache):
        raise TypeError(f"{type(cache).__name__} is no cache whose rows can be parted")
    found = []
    for row, length in enumerate(lengths):
        made = copy.copy(cache)
        made.layers = [_part_layer(layer, row, length) for layer in cache.layers]
        found.append(made)
    return found


def _part_layer(layer: Any, row: int, length: int) -> Any:
    made = copy.copy(layer)
    known = False
    if isinstance(layer, DynamicLayer):
        known = True
        made.keys, made.values = (t[row : row + 1, :, :length] for t in (layer.keys, layer.values))
    if isinstance(layer, LinearAttentionCacheLayerMixin):
        known = True
        for name in ("conv_states", "recurrent_states"):
            states = getattr(layer, name)
            setattr(made, name, {key: None if s is None else s[row : row + 1] for key, s in states.items()})
    if not known:
        raise TypeError(f"{type(layer).__name__} is not known to be partable")
    return made


def _fit(states: torch.Tensor, length: int) -> torch.Tensor:
    """The last `length` tokens, filled up on the left with zeros."""
    missing = length - states.shape[-2]
    if missing <= 0:
        return states[:, :, states.shape[-2] - length :]
    return torch.nn.functional.pad(states, (0, 0, missing, 0))


def _stack(states: Sequence[dict[int, Any]]) -> dict[int, Any]:
    return {key: None if first is None else torch.cat([one[key] for one in states]) for key, first in states[0].items()}


def select(cache: Any, rows: Sequence[int]) -> None:
    """Keep only some rows of a cache."""
    cache.reorder_cache(torch.tensor(list(rows), dtype=torch.long))


def fork(cache: Any, batch: int = 1) -> Any:
    """A cache of `batch` equal rows that can be continued without changing the original.

    Attention layers are shared as views, everything else is copied.

    Raises:
        TypeError: The cache is of a class that cannot be copied row by row.
    """
    if not isinstance(cache, Cache):
        raise TypeError(f"{type(cache).__name__} is no cache that can be expanded")
    made = copy.copy(cache)
    made.layers = [_fork_layer(layer, batch) for layer in cache.layers]
    return made


def _fork_layer(layer: Any, batch: int) -> Any:
    if type(layer) in _SHAREABLE:
        made = copy.copy(layer)
        if layer.is_initialized and layer.keys.dim() == 4:
            made.keys = layer.keys.expand(batch, -1, -1, -1)
            made.values = layer.values.expand(batch, -1, -1, -1)
        return made
    made = copy.deepcopy(layer)
    if batch > 1:
        made.reorder_cache(torch.zeros(batch, dtype=torch.long))
    return made


def cache_bytes(cache: Any) -> int:
    """Bytes that a cache holds."""
    seen: dict[int, int] = {}
    _count(cache, seen, depth=0)
    return sum(seen.values())


def _count(value: Any, seen: dict[int, int], *, depth: int) -> None:
    if isinstance(value, torch.Tensor):
        seen[value.data_ptr()] = value.untyped_storage().nbytes()
    elif depth < 5:
        inner: Any = ()
        if isinstance(value, dict):
            inner = value.values()
        elif isinstance(value, list | tuple):
            inner = value
        elif hasattr(value, "__dict__"):
            inner = vars(value).values()
        for item in inner:
            _count(item, seen, depth=depth + 1)
