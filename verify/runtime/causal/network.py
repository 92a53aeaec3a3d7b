"""The model's own forward pass, of which only the scored rows meet the head.

A hook on the head's input gathers the rows that are asked for. Whatever the architecture does with the
head's output (soft caps, scales, vocabulary masks) stays its own code, and no tensor of the shape
(batch, length, vocabulary) is ever made. In reduced precision the head's products, which are summed in
fp32 anyway, are not rounded again: a logit of 20 in bfloat16 is one of a grid of 1/8.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import torch
from transformers import TopKLogitsWarper, TopPLogitsWarper

from verify.records import Sampling
from verify.runtime.causal.rows import to_device

_CACHE_NAMES: Final = ("past_key_values", "cache_params", "state")
_ROUNDED: Final = 1 / 12
"""Share of numbers that Monte Carlo arithmetic moves by a unit in the last place."""
_NEVER: Final = -1e5
"""Stands for a logit of -inf, of what is never drawn."""
_LOGIT_BYTES: Final = {"cpu": 32 * 1024 * 1024, "cuda": 512 * 1024 * 1024}
"""Most bytes of fp32 logits that exist at a time; what malloc does not give back after each use, on a CPU."""


class Rows(NamedTuple):
    """A part of the rows that were asked for."""

    start: int
    """Index of the first row in the request."""
    logits: torch.Tensor
    """Shape (n, n_vocabulary)."""


def _may_widen(head: Any) -> bool:
    """Whether a head is a plain product in reduced precision on an accelerator that can leave it in fp32."""
    weight = getattr(head, "weight", None)
    return (
        type(head) is torch.nn.Linear
        and head.bias is None
        and type(weight) is torch.nn.Parameter
        and weight.device.type == "cuda"
        and weight.dtype in (torch.bfloat16, torch.float16)
        and not hasattr(head, "_hf_hook")  # of several devices: accelerate moves what goes in and out
    )


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
        self.unique = 0
        """Nodes of the tries of all rounds so far: what `forwarded` is compared with."""
        self._gather: torch.Tensor | None = None
        self._inject: torch.Tensor | None = None
        self._hidden: torch.Tensor | None = None
        self._scores = False
        self._is_bare: bool | None = None
        """Whether the model's logits are its head's to the bit, without cap, scale or mask; None before a look."""
        self._head = model.get_output_embeddings()
        if self._head is not None:
            self._head.register_forward_pre_hook(self._at_head)
            if _may_widen(self._head):
                self._head.forward = self._widened(self._head, self._head.forward)

    def _widened(self, head: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The head's forward, whose logits are fp32 where they are scored; `generate` keeps the plain one."""

        def forward(hidden: torch.Tensor) -> Any:
            if not self._scores:
                return plain(hidden)
            flat = hidden.reshape(-1, hidden.shape[-1])
            logits = torch.mm(flat, head.weight.t(), out_dtype=torch.float32)
            return logits.view(*hidden.shape[:-1], -1)

        return forward

    def _at_head(self, module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Let only the asked rows through; all of them are kept for the following parts."""
        del module
        if self._inject is not None:
            return (self._inject, *arguments[1:])
        if self._gather is None:
            return None
        hidden = arguments[0]
        flat = hidden.reshape(-1, hidden.shape[-1])
        self._hidden = flat[to_device(self._gather, flat.device)]
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
        writes: bool = False,
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
            writes: Whether the next token is chosen from the logits: then they are rounded as `generate` sees them.
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
        rows = to_device(rows, self.device)
        output = self._run(arguments, gather=rows, scores=not writes)
        hidden, self._hidden = self._hidden, None
        kept = self.cache_of(output) if keep else None
        if mask is not None:
            more["attention_mask"] = mask
        return self._parts(output.logits, hidden=hidden, rows=rows, more=more), kept

    def _run(self, arguments: dict[str, Any], *, gather: torch.Tensor, scores: bool) -> Any:
        self._gather = gather if len(gather) else gather.new_zeros(1)
        self._hidden, self._scores = None, scores
        try:
            return self.model(**arguments)
        finally:
            self._gather, self._scores = None, False

    def _parts(
        self, logits: torch.Tensor, *, hidden: torch.Tensor | None, rows: torch.Tensor, more: dict[str, Any]
    ) -> Iterator[Rows]:
        if not len(rows):
            return
        if hidden is None or logits.shape[:2] != (1, min(len(rows), self.head_rows)):
            flat = logits.reshape(-1, logits.shape[-1])
            for start in range(0, len(rows), self.head_rows):
                part = rows[start : start + self.head_rows]
                yield Rows(start, self._drawn(flat[to_device(part, flat.device)]))
            return
        if self._is_bare is None and len(hidden) > self.head_rows:
            alone = self._through_head(hidden[: self.head_rows])
            self._is_bare = alone.dtype == logits.dtype and torch.equal(alone, logits[0])
        yield Rows(0, self._drawn(logits[0]))
        for start in range(self.head_rows, len(hidden), self.head_rows):
            part = hidden[start : start + self.head_rows]
            yield Rows(start, self._drawn(self._through_head(part) if self._is_bare else self._head_alone(part, more)))

    def _through_head(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of hidden rows by the head alone."""
        self._scores = True
        try:
            logits: torch.Tensor = self._head(hidden[None])[0]
        finally:
            self._scores = False
        return logits

    def _drawn(self, logits: torch.Tensor) -> torch.Tensor:
        return logits if self.sampling is None else drawn(logits, self.sampling)

    def _head_alone(self, hidden: torch.Tensor, more: dict[str, Any]) -> torch.Tensor:
        """Logits of hidden rows: the model runs on one token, and its head is given these rows instead."""
        self._inject, self._scores = hidden[None], True
        try:
            one = torch.zeros(1, 1, dtype=torch.long, device=self.device)
            given = more if "encoder_outputs" in more else {}
            logits: torch.Tensor = self.model(**{self._ids_name: one}, use_cache=False, **given).logits[0]
        finally:
            self._inject, self._scores = None, False
        return logits

    @contextlib.contextmanager
    def rounded_at_random(self, *, seed: int) -> Iterator[None]:
        """Within this, a twelfth of all products with weight matrices goes to the next number up or down.

        The variance of that, one twelfth of a unit in the last place squared, is the one of a rounding. Monte Carlo
        arithmetic (Parker 1997, UCLA CSD-970002): what changes then is what the precision leaves open, whatever
        kernels a batch shape happens to select.
        """
        generators: dict[torch.device, torch.Generator] = {}

        def dither(module: Any, arguments: Any, output: Any) -> Any:
            del module, arguments
            if not isinstance(output, torch.Tensor) or not output.is_floating_point():
                return None
            device, eps = output.device, torch.finfo(output.dtype).eps
            if device not in generators:
                generators[device] = torch.Generator(device).manual_seed(seed)
            chance = torch.rand(output.shape, generator=generators[device], device=device)
            up, down = (chance < _ROUNDED / 2).to(chance.dtype), (chance > 1 - _ROUNDED / 2).to(chance.dtype)
            return (output * (1 + 0.75 * eps * (up - down))).to(output.dtype)

        handles = [m.register_forward_hook(dither) for m in self.model.modules() if self._multiplies(m)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _multiplies(self, module: Any) -> bool:
        """Whether a module is a product with a weight matrix, other than the embedding and the head."""
        own = [parameter for parameter in module._parameters.values() if parameter is not None]  # noqa: SLF001
        is_table = isinstance(module, torch.nn.Embedding)
        return module is not self._head and not is_table and any(parameter.dim() == 2 for parameter in own)

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
