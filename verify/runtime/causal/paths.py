"""Which path a piece takes: shared where a trial has shown that it is right, else plain."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import torch

from verify.runtime.causal import probe
from verify.runtime.causal.caches import cache_bytes
from verify.runtime.causal.ledger import Ledger
from verify.runtime.causal.loading import Loaded
from verify.runtime.causal.network import Network
from verify.runtime.causal.packing import Masks
from verify.runtime.causal.plain import Batching, PlainPath
from verify.runtime.causal.schedule import Limits
from verify.runtime.causal.shared import SharedPath
from verify.runtime.causal.split import may_split
from verify.runtime.causal.tokens import Piece
from verify.runtime.causal.trie import grow

_TRIALS: Final = 3
_SAMPLE: Final = 16
"""Tokens from which the size of a cache is measured."""
_CPU_CACHE: Final = 2**30
"""Bytes for caches where there is no accelerator."""


def call_cost(parameters: int, *, on_cpu: bool) -> int:
    """What one more forward costs, in tokens.

    On a CPU the weights have to be fetched once more; on an accelerator launching the kernels takes about 25 ms,
    in which a small model runs thousands of tokens. A guess by size, never by the clock: a run can be repeated.
    """
    if on_cpu:
        return 32
    return int(np.clip(1e13 / (2 * parameters), 256, 8192))


class _Rounded:
    """A path whose network rounds once more at random."""

    def __init__(self, network: Network, path: PlainPath) -> None:
        self._network, self._path = network, path

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        with self._network.rounded_at_random(seed=0):
            yield from self._path.run(pieces, ledger, wanted)


class CausalPaths:
    """Scores pieces of a causal model on the fastest path that is right for them.

    Args:
        network: The subject's network.
        loaded: The subject.
        context: Context window in tokens.
    """

    def __init__(self, network: Network, loaded: Loaded, *, context: int) -> None:
        self._network, self._loaded, self._context = network, loaded, context
        on_cpu = loaded.device.type == "cpu"
        self.batch_tokens = 1024 if on_cpu else 16384
        """Most token positions of a forward, padding included."""
        text = loaded.config.get_text_config()
        self._masks = Masks(text, dtype=loaded.dtype)
        self._limits = Limits(
            row_tokens=192 if on_cpu else 512,
            batch_tokens=self.batch_tokens,
            cache_tokens=self._cache_tokens(),
            call_tokens=call_cost(loaded.parameters, on_cpu=on_cpu),
            packs=False,
        )
        self.alone = self._plain(Batching.ALONE)
        self._trials: dict[int, probe.Trust] = {}
        """Length -> what its trial found; also for copies of this, which forget the rest between rounds."""
        self.trust = self._first_trust()
        self._made: tuple[PlainPath, SharedPath | None] = self._make(self.trust)

    def _plain(self, batching: Batching) -> PlainPath:
        return PlainPath(self._network, batching=batching, batch_tokens=self.batch_tokens)

    def _shared(self, *, packs: bool, splits: bool = False, limits: Limits | None = None) -> SharedPath:
        return SharedPath(
            self._network,
            masks=self._masks,
            limits=(limits or self._limits)._replace(packs=packs, splits=splits),
            plain=self.alone,
            context=self._context,
        )

    def _make(self, trust: probe.Trust) -> tuple[PlainPath, SharedPath | None]:
        shared = self._shared(packs=trust.packs, splits=trust.splits) if trust.shares else None
        return self._plain(trust.batching), shared

    def _cache_tokens(self) -> int:
        """Tokens whose keys and values fit the budget; measured on a cache of this model."""
        if self._loaded.device.type == "cpu":
            budget = _CPU_CACHE
        else:
            # A power of two: what is free differs a little each time, and batches shall not.
            budget = 1 << int(0.3 * torch.cuda.mem_get_info(self._loaded.device)[0]).bit_length() - 1
        if not self._network.has_cache:
            return 1
        ids = torch.zeros(1, min(_SAMPLE, self._context), dtype=torch.long, device=self._loaded.device)
        try:
            with torch.inference_mode():
                _, cache = self._network.forward(ids, torch.zeros(1, dtype=torch.long), keep=True)
        except Exception:  # noqa: BLE001  # the subject's own code; the trial will find the same
            return 1
        return max(self._context, budget * ids.numel() // max(1, cache_bytes(cache)))

    def _first_trust(self) -> probe.Trust:
        """Try at an affordable length; where sharing fails there, at shorter ones."""
        length = probe.affordable_length(
            parameters=self._loaded.parameters,
            context=self._context,
            on_cpu=self._loaded.device.type == "cpu",
        )
        first = trust = self._try_out(length)
        for _ in range(_TRIALS - 1):
            length //= 2
            if trust.shares or length < 2 * probe.SHORTEST or not self._has_cache:
                break
            trust = self._try_out(length)
        return trust if trust.shares else first

    @property
    def _has_cache(self) -> bool:
        """Whether a forward with a cache has run: without one, a trial of sharing would share nothing and pass."""
        return self._limits.cache_tokens > 1

    @property
    def ordinary(self) -> list[int]:
        """Token ids that are no special tokens, from which trials are made."""
        tokenizer = self._loaded.tokenizer
        size = min(len(tokenizer), int(self._loaded.model.get_input_embeddings().weight.shape[0]))
        return [int(i) for i in np.setdiff1d(np.arange(size), tokenizer.all_special_ids)]

    def _try_out(self, length: int) -> probe.Trust:
        if length not in self._trials:
            self._trials[length] = self._trial(length)
        return self._trials[length]

    def _trial(self, length: int) -> probe.Trust:
        small = self._limits._replace(row_tokens=max(self._limits.row_tokens, 64), call_tokens=0)
        # Rows so short that even a short trial has some behind a prefix.
        short = small._replace(row_tokens=min(small.row_tokens, max(16, length // 4)))
        split, split_packed = (self._shared(packs=packs, splits=True, limits=short) for packs in (False, True))
        ways = probe.Ways(
            alone=self.alone,
            rounded=_Rounded(self._network, self.alone),
            equal=self._plain(Batching.EQUAL),
            padded=PlainPath(self._network, batching=Batching.PADDED, batch_tokens=max(4 * length, 1024)),
            expand=self._shared(packs=False, limits=small),
            pack=self._shared(packs=True, limits=small),
            split=split if may_split(self._network.model.config) else None,
            split_packed=split_packed,
            has_split=lambda: split.splits_run + split_packed.splits_run > 0,
        )
        with torch.inference_mode():
            return probe.try_out(
                ways,
                length=length,
                config=self._loaded.config,
                tokens=self.ordinary,
                exact=self._loaded.dtype == torch.float32,
                has_cache=self._has_cache,
            )

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        """Score pieces; yields each once it is complete, leaves out what memory is too small for."""
        self._extend(pieces, ledger, [i for i in wanted if len(pieces[i].tokens) - 1 > self.trust.length])
        near = [i for i in wanted if len(pieces[i].tokens) - 1 <= self.trust.length]
        far = [i for i in wanted if len(pieces[i].tokens) - 1 > self.trust.length]
        plain, shared = self._made
        yield from (shared or plain).run(pieces, ledger, near)
        yield from self.alone.run(pieces, ledger, far)

    def _extend(self, pieces: Sequence[Piece], ledger: Ledger, far: Sequence[int]) -> None:
        """Try a longer length where the round would save clearly more than the trial costs."""
        if not far or not self.trust.shares:
            return
        length = max(len(pieces[i].tokens) - 1 for i in far)
        trie = grow(pieces, ledger, far)
        if not probe.is_worth_it(length=length, saved=int(trie.length.sum()) - trie.unique):
            return
        longer = self._try_out(length)
        if longer.shares:
            self.trust = longer
            self._made = self._make(longer)
