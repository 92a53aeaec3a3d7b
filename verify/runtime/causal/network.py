"""The model's own forward pass, of which only the scored rows meet the head.

A hook on the head's input gathers the rows that are asked for. Whatever the architecture does with the
head's output (soft caps, scales, vocabulary masks) stays its own code, and no tensor of the shape
(batch, length, vocabulary) is ever made.
"""

import inspect
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import torch
from transformers import TopKLogitsWarper, TopPLogitsWarper

from verify.records import Sampling

_CACHE_NAMES: Final = ("past_key_values", "cache_params", "state")
_NEVER: Final = -1e5
_LOGIT_BYTES: Final = {"cpu": 32 * 1024 * 1024, "cuda": 512 * 1024 * 1024}
"""Most bytes of fp32 logits that exist at a time; what malloc does not give back after each use, on a CPU."""


class Rows(NamedTuple):
    """A part of the rows that were asked for."""

    start: int
    """Index of the first row in the request."""
    logits: torch.Tensor
    """Shape (n, n_vocabulary)."""


def drawn(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits of the distribution that tokens are drawn from.

    What is cut off keeps a finite logit far below every other, so that its probability is 0 and its logarithm
    is a number.

    Args:
        logits: Shape (n_rows, n_vocabulary).
        sampling: Temperature and what is cut off, in the order of transformers.
    """
    tempered = logits.float() / sampling.temperature
    warpers = []
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k, filter_value=_NEVER))
    if sampling.top_p < 1.0:
        warpers.append(TopPLogitsWarper(sampling.top_p, filter_value=_NEVER))
    for warper in warpers:
        tempered = warper(None, tempered)
    return tempered


class Network:
    """The subject's network as a function of token ids.

    Args:
        model: A transformers model for causal language modelling.
        device: Where inputs go.
        vocabulary: Size of the model's vocabulary.
    """

    def __init__(self, model: Any, *, device: torch.device, vocabulary: int) -> None:
        self.model, self.device = model, device
        names = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in names
        self._ids_name = "decoder_input_ids" if model.config.is_encoder_decoder else "input_ids"
        self._cache_name = next((n for n in _CACHE_NAMES if n in names), None)
        self.head_rows = max(16, _LOGIT_BYTES.get(device.type, _LOGIT_BYTES["cuda"]) // (4 * vocabulary))
        """Rows that may meet the head at a time."""
        self.sampling: Sampling | None = None
        """How tokens are drawn; logits come out as those of that distribution."""
        self.forwarded = 0
        """Token positions run through the network so far, padding included."""
        self._gather: torch.Tensor | None = None
        self._inject: torch.Tensor | None = None
        self._hidden: torch.Tensor | None = None
        head = model.get_output_embeddings()
        if head is not None:
            head.register_forward_pre_hook(self._at_head)

    def _at_head(self, module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Let only the asked rows through; all of them are kept for the following parts."""
        del module
        if self._inject is not None:
            return (self._inject, *arguments[1:])
        if self._gather is None:
            return None
        hidden = arguments[0]
        flat = hidden.reshape(-1, hidden.shape[-1])
        self._hidden = flat[self._gather.to(flat.device)]
        return (self._hidden[None, : self.head_rows], *arguments[1:])

    def forward(
        self,
        ids: torch.Tensor,
        rows: torch.Tensor,
        *,
        positions: torch.Tensor | None = None,
        mask: Any = None,
        cache: Any = None,
        keep: bool = False,
        **more: Any,
    ) -> tuple[Iterator[Rows], Any]:
        """Run token ids; yield the logits of some rows, and return the cache.

        Args:
            ids: Shape (batch, length).
            rows: Indices into the flattened (batch * length) positions, shape (n_rows,).
            positions: Shape (batch, length); given wherever a cache is.
            mask: What the model takes as `attention_mask`.
            cache: A cache to continue; it is used up.
            keep: Whether a cache shall come back.
            more: Further arguments of the model's forward.

        Returns:
            The rows in parts, each to be read before the next forward; and the cache or None.
        """
        arguments: dict[str, Any] = {self._ids_name: ids, "use_cache": keep or cache is not None, **more}
        if positions is not None and self._takes_positions:
            arguments["position_ids"] = positions
        if mask is not None:
            arguments["attention_mask"] = mask
        if cache is not None:
            arguments[str(self._cache_name)] = cache
        self.forwarded += ids.numel()
        output = self._run(arguments, gather=rows)
        hidden, self._hidden = self._hidden, None
        kept = self.cache_of(output) if keep else None
        if mask is not None:
            more["attention_mask"] = mask
        return self._parts(output.logits, hidden=hidden, rows=rows, more=more), kept

    def _run(self, arguments: dict[str, Any], *, gather: torch.Tensor) -> Any:
        self._gather = gather if len(gather) else torch.zeros(1, dtype=torch.long)
        self._hidden = None
        try:
            return self.model(**arguments)
        finally:
            self._gather = None

    def _parts(
        self, logits: torch.Tensor, *, hidden: torch.Tensor | None, rows: torch.Tensor, more: dict[str, Any]
    ) -> Iterator[Rows]:
        if not len(rows):
            return
        if hidden is None or logits.shape[:2] != (1, min(len(rows), self.head_rows)):
            flat = logits.reshape(-1, logits.shape[-1])
            for start in range(0, len(rows), self.head_rows):
                part = rows[start : start + self.head_rows]
                yield Rows(start, self._drawn(flat[part.to(flat.device)]))
            return
        yield Rows(0, self._drawn(logits[0]))
        for start in range(self.head_rows, len(hidden), self.head_rows):
            yield Rows(start, self._drawn(self._head_alone(hidden[start : start + self.head_rows], more)))

    def _drawn(self, logits: torch.Tensor) -> torch.Tensor:
        return logits if self.sampling is None else drawn(logits, self.sampling)

    def _head_alone(self, hidden: torch.Tensor, more: dict[str, Any]) -> torch.Tensor:
        """Logits of hidden rows: the model runs on one token, and its head is given these rows instead."""
        self._inject = hidden[None]
        try:
            one = torch.zeros(1, 1, dtype=torch.long, device=self.device)
            given = more if "encoder_outputs" in more else {}
            logits: torch.Tensor = self.model(**{self._ids_name: one}, use_cache=False, **given).logits[0]
        finally:
            self._inject = None
        return logits

    @property
    def has_cache(self) -> bool:
        """Whether the model's forward takes a cache at all."""
        return self._cache_name is not None

    def cache_of(self, output: Any) -> Any:
        """The cache in a model's output, under whatever name it has."""
        for name in _CACHE_NAMES:
            found = getattr(output, name, None)
            if found is not None:
                return found
        return None
