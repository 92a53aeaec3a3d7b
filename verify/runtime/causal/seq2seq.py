"""Encoder-decoders: the encoder reads a context once, whatever follows it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch

from verify.errors import SubjectError
from verify.records import Failed, FailureReason
from verify.runtime.causal.ledger import Ledger, asked, is_out_of_memory
from verify.runtime.causal.network import Network
from verify.runtime.causal.plain import release
from verify.runtime.causal.tokens import Ids, Tokens


class SourceTarget(NamedTuple):
    """What the encoder reads and the decoder is scored on."""

    source: Ids
    target: Ids
    truncated: bool = False

    @property
    def n_scored(self) -> int:
        """Number of scored tokens."""
        return len(self.target)


def cut_pair(tokens: Tokens, context: str, continuation: str) -> SourceTarget | Failed:
    """Context and continuation by lm-eval's rule for encoder-decoders: each is tokenised for itself.

    An empty context is the BOS (else EOS) token; a long one loses its left end.
    """
    if context == "":
        source: Ids = np.asarray([] if tokens.prefix is None else [tokens.prefix], dtype=np.int32)
        target = tokens.ids(continuation, special=False)
    else:
        bare = context.rstrip()
        source = tokens.ids(bare)
        target = tokens.ids(context[len(bare) :] + continuation, special=False)
    if not len(source):
        return Failed(reason=FailureReason.UNSUPPORTED, detail="the encoder has nothing to read")
    if not len(target):
        return Failed(reason=FailureReason.EMPTY, detail="the continuation has no token of its own")
    if len(target) > tokens.context:
        return Failed(
            reason=FailureReason.CONTEXT_TOO_LONG,
            detail=f"the continuation has {len(target)} tokens and the window {tokens.context}",
        )
    return SourceTarget(source[-tokens.context :], target, truncated=len(source) > tokens.context)


def _shift_of(model: Any) -> Callable[..., torch.Tensor]:
    """The model's own way from labels to decoder inputs: one place to the right, behind its first token.

    Raises:
        SubjectError: Neither the model nor its config says what the decoder begins with.
    """
    own: Callable[..., torch.Tensor] | None = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if own is not None:
        return own
    first = getattr(model.config, "decoder_start_token_id", None)
    if not isinstance(first, int):
        raise SubjectError(
            f"{type(model).__name__} does not say what its decoder begins with; "
            "serve it and name it as endpoint:URL#MODEL"
        )
    return lambda labels: torch.nn.functional.pad(labels[:, :-1], (1, 0), value=first)


class Seq2SeqPath:
    """Answers pairs with one encoder run for each distinct source.

    Args:
        network: The subject's network.

    Raises:
        SubjectError: Nothing says what the decoder begins with.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._shift = _shift_of(network.model)

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        """Score pairs; yields each as soon as it is complete, and leaves out what memory is too small for."""
        groups: dict[bytes, list[int]] = {}
        for index in wanted:
            groups.setdefault(pieces[index].source.tobytes(), []).append(index)
        for group in groups.values():
            try:
                self._run_group(pieces, ledger, group)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                release()
            yield from ledger.drain()
        yield from ledger.settle()

    def _run_group(self, pairs: Sequence[SourceTarget], ledger: Ledger, group: Sequence[int]) -> None:
        device = self._network.device
        source = torch.from_numpy(pairs[group[0]].source.astype(np.int64))[None].to(device)
        mask = torch.ones_like(source)
        encoded = self._network.model.get_encoder()(input_ids=source, attention_mask=mask)
        self._network.forwarded += source.numel()
        ordered = sorted(group, key=lambda i: len(pairs[i].target))
        for _, same in groupby(ordered, key=lambda i: len(pairs[i].target)):
            self._decode(pairs, ledger, list(same), encoded=encoded, mask=mask)

    def _decode(
        self,
        pairs: Sequence[SourceTarget],
        ledger: Ledger,
        indices: Sequence[int],
        *,
        encoded: Any,
        mask: torch.Tensor,
    ) -> None:
        """Run targets of equal length behind one source."""
        targets = np.stack([pairs[index].target for index in indices]).astype(np.int64)
        shifted = self._shift(labels=torch.from_numpy(targets).to(self._network.device))
        what = asked(
            np.arange(targets.size),
            target=targets.reshape(-1),
            slot=np.concatenate([ledger.slots(index) for index in indices]),
        )
        hidden = encoded.last_hidden_state.expand(len(indices), -1, -1)
        parts, _ = self._network.forward(
            shifted,
            torch.from_numpy(what.rows),
            mask=mask.expand(len(indices), -1),
            encoder_outputs=type(encoded)(**{**encoded, "last_hidden_state": hidden}),
        )
        ledger.read(parts, what)
