"""Attention in two parts: to the shared prefix once for all rows behind it, and to each row's own tokens.

The parts are put together by their log-sum-exp (Milakov & Gimelshein 2018, arXiv:1805.02867; Juravsky et al. 2024,
"Hydragen", arXiv:2402.05099). Nothing of the prefix is copied, and it needs no mask. Only attention that
transformers dispatches by name, without caps, sinks or biases, can be computed so; whether a model's is, the
trial shows: an attention that ignores this one gives other numbers, one that asks for more raises.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

_NAME: Final = "ax_verify_split"
_ATTENTION: Final = (DynamicLayer, DynamicSlidingWindowLayer)
_PREFIX: list["Prefix"] = []
"""The prefix of the forward that runs; attention code is handed nothing but its module."""
_UNKNOWN: Final = ("softcap", "s_aux", "position_bias", "cache")
"""What some architectures ask of attention and this one does not do."""


class Prefix(NamedTuple):
    """Keys and values of each layer, each of shape (1, n_kv_heads, n_tokens, head_size)."""

    layers: list[tuple[torch.Tensor, torch.Tensor]]


def may_split(config: Any) -> bool:
    """Whether a model's config names the attention whose numbers this one gives."""
    return getattr(config.get_text_config(), "_attn_implementation", None) == "sdpa"


def rows_behind(cache: Any) -> tuple[Any, Prefix]:
    """A cache for rows that hold only their own tokens, and the prefix that they lie behind.

    Raises:
        TypeError: A layer of the cache is not of plain attention.
    """
    if not isinstance(cache, Cache) or any(type(layer) not in _ATTENTION for layer in cache.layers):
        raise TypeError(f"{type(cache).__name__} has layers whose attention cannot be split")
    made = copy.copy(cache)
    made.layers = [_own(layer) for layer in cache.layers]
    return made, Prefix([(layer.keys, layer.values) for layer in cache.layers])


def _own(layer: Any) -> Any:
    """A layer that hands back what it is given, and knows how long the prefix is."""
    made = copy.copy(layer)
    made.update = lambda keys, values, *args, **more: (keys, values)
    return made


@contextlib.contextmanager
def splitting(model: Any, prefix: Prefix) -> Iterator[None]:
    """Within this, the model's attention looks at `prefix` besides each row's own tokens."""
    configs = {id(c): c for c in (model.config, model.config.get_text_config())}.values()
    before = [(config, config._attn_implementation_internal) for config in configs]  # noqa: SLF001
    _PREFIX.append(prefix)
    try:
        for config in configs:
            config._attn_implementation_internal = _NAME  # noqa: SLF001  # the setter also walks sub-configs
        yield
    finally:
        _PREFIX.pop()
        for config, name in before:
            config._attn_implementation_internal = name  # noqa: SLF001


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of rows behind the present prefix, as transformers calls it.

    Args:
        module: The layer's attention module; its `layer_idx` says which keys of the prefix are meant.
        query: Shape (n_rows, n_heads, n_tokens, head_size).
        key: Of the rows' own tokens, shape (n_rows, n_kv_heads, n_tokens, head_size).
        value: As `key`.
        attention_mask: Additive, over the rows' own tokens, shape (n_rows, 1, n_tokens, n_tokens); None is causal.
        scaling: Of the products; by default one over the root of the head's size.
        is_causal: False is refused: these are rows of a causal model.
        more: What an architecture asks for besides; what is not known here is refused.
    """
    if is_causal is False or any(more.get(name) is not None for name in _UNKNOWN):
        raise NotImplementedError("this attention asks for more than can be split")
    keys, values = _PREFIX[-1].layers[module.layer_idx]
    n, heads, size, width = query.shape
    groups = heads // key.shape[1]
    # All queries of a key's group, of all rows, stand in one line before the prefix.
    line = query.view(n, key.shape[1], groups, size, width).transpose(0, 1).reshape(1, key.shape[1], -1, width)
    far, far_sum = _flash(line, keys, values, mask=None, is_causal=False, scale=scaling)
    far = far.view(key.shape[1], n, groups, size, -1).transpose(0, 1)
    far_sum = far_sum.view(key.shape[1], n, groups, size).transpose(0, 1)
    if groups > 1:
        key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    near, near_sum = _flash(query, key, value, mask=attention_mask, is_causal=attention_mask is None, scale=scaling)
    share = torch.sigmoid(far_sum.reshape(n, heads, size) - near_sum)[..., None].to(near.dtype)
    merged = torch.lerp(near, far.reshape(n, heads, size, -1), share)
    return merged.transpose(1, 2), None


def _flash(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    mask: torch.Tensor | None,
    is_causal: bool,
    scale: float | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention and the logarithm of its sum of exponentials, shape (n_rows, n_heads, n_tokens)."""
    if query.device.type == "cpu":
        out, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(  # noqa: SLF001
            query, key, value, 0.0, is_causal, attn_mask=mask, scale=scale
        )
    elif mask is None and query.dtype in (torch.bfloat16, torch.float16):
        out, total, *_ = torch.ops.aten._scaled_dot_product_flash_attention(  # noqa: SLF001
            query, key, value, 0.0, is_causal, return_debug_mask=False, scale=scale
        )
    else:
        bias = None if mask is None else mask.expand(-1, query.shape[1], -1, -1)
        out, total, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(  # noqa: SLF001
            query, key, value, bias, compute_log_sumexp=True, dropout_p=0.0, is_causal=is_causal, scale=scale
        )
    return out, total[..., : query.shape[2]]


AttentionInterface.register(_NAME, _attend)
