"""Logits of the scored rows become log-probabilities, in fp32, summed in float64.

On an accelerator they are on their way to the processor when `score_rows` returns; whoever waits for
them lets the next forward be started first, so that the device never waits for the processor.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

_CACHED: Final = 2**18
"""Numbers of a block that stays in a processor's second-level cache while several passes go over it."""
_NEVER: Final = -1e4
"""Stands for a logit of -inf where it is multiplied by its weight of 0."""


class RowScores(NamedTuple):
    """Log-probabilities of targets, and what the vocabulary says at their rows."""

    logprobs: NDArray[np.float64]
    """log p of each target in nats, shape (n_targets,); not finite where the row's logits are not."""
    greedy: NDArray[np.bool_]
    """Whether the target is the row's first maximum, shape (n_targets,)."""
    means: NDArray[np.float64] | None
    """E_p[log p] at each target's row, shape (n_targets,), where asked for."""
    variances: NDArray[np.float64] | None
    """Var_p[log p] at each target's row, shape (n_targets,), where asked for."""


class Unread:
    """Scores that may still be on their way from the device.

    Args:
        numbers: Log-probabilities, greedy flags and, where asked for, means and variances of the targets, in
            float64, shape (2 or 4, n_targets).
    """

    def __init__(self, numbers: torch.Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        if numbers.device.type == "cuda":
            pinned = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
            numbers = pinned.copy_(numbers, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has no types here
            self._event.record()
        self._numbers = numbers

    @property
    def is_here(self) -> bool:
        """Whether reading would not wait for a device."""
        return self._event is None

    def read(self) -> RowScores:
        """Wait for the scores."""
        if self._event is not None:
            self._event.synchronize()
        found = self._numbers.cpu().numpy()
        logprobs, greedy = found[0], found[1] > 0
        return RowScores(logprobs, greedy, *((found[2], found[3]) if len(found) > 2 else (None, None)))


def score_rows(logits: torch.Tensor, *, rows: NDArray[np.int64], targets: NDArray[np.int64], moments: bool) -> Unread:
    """Log-probability of targets at rows.

    Args:
        logits: Shape (n_rows, n_vocabulary), any floating dtype; used up.
        rows: Row of each target, shape (n_targets,).
        targets: Token ids, shape (n_targets,).
        moments: Also the mean and variance of log p under p, which Min-K%++ needs
            (Zhang et al. 2024, arXiv:2404.02936).
    """
    z = logits.float()
    where, what = to_device(rows, z.device), to_device(targets, z.device)
    at = z[where, what]
    size = max(1, _CACHED // z.shape[-1]) if z.device.type == "cpu" else len(z)
    found = [_stats(block, moments=moments) for block in torch.split(z, size)] if len(z) else []
    top, first, total, mean, variance = (torch.cat(column) for column in zip(*found, strict=True))
    columns = [at.double() - top.double()[where] - total.double().log()[where], (first[where] == what).double()]
    if moments:
        columns += [(mean - total.log())[where].double(), variance[where].double()]
    return Unread(torch.stack(columns))


def to_device(numbers: NDArray[Any] | torch.Tensor, device: torch.device) -> torch.Tensor:
    """An array on the device; an accelerator fetches it while the processor goes on."""
    tensor = numbers if isinstance(numbers, torch.Tensor) else torch.from_numpy(numbers)
    if tensor.device == device:
        return tensor
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class _Stats(NamedTuple):
    """Of each row, shape (n_rows,); with u = logit - top."""

    top: torch.Tensor
    first: torch.Tensor
    total: torch.Tensor
    """Sum of exp(u)."""
    mean: torch.Tensor
    """Of u under p, where asked for."""
    variance: torch.Tensor


def _stats(z: torch.Tensor, *, moments: bool) -> _Stats:
    """Pass over a block of rows that stays in the processor's cache; `z` is used up.

    A row with +inf or NaN has no distribution and gets NaN; -inf is a probability of 0.
    """
    top, first = z.max(dim=-1)
    shifted = z.sub_(top[:, None])
    if not moments:
        return _Stats(top, first, shifted.exp_().sum(-1), top, top)
    if z.device.type != "cpu":
        shifted.clamp_(min=_NEVER)  # always: to look whether it is needed would wait for the device
    weight = shifted.exp()
    total = weight.sum(-1)
    weighted = weight.mul_(shifted)
    mean = weighted.sum(-1) / total
    square = weighted.mul_(shifted).sum(-1) / total
    if z.device.type == "cpu" and bool(torch.isnan(mean).any()) and bool(torch.isinf(shifted).any()):
        weight = shifted.clamp_(min=_NEVER).exp()
        mean = (weight * shifted).sum(-1) / total
        square = (weight * shifted.square()).sum(-1) / total
    # E[u^2] - E[u]^2 is safe: u is within some tens of 0 wherever it has weight.
    return _Stats(top, first, total, mean, (square - mean.square()).clamp(min=0.0))
