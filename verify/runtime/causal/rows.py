"""Logits of the scored rows become log-probabilities, in fp32, summed in float64."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray


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


def score_rows(
    logits: torch.Tensor, *, rows: NDArray[np.int64], targets: NDArray[np.int64], moments: bool
) -> RowScores:
    """Log-probability of targets at rows.

    Args:
        logits: Shape (n_rows, n_vocabulary), any floating dtype; used up.
        rows: Row of each target, shape (n_targets,).
        targets: Token ids, shape (n_targets,).
        moments: Also the mean and variance of log p under p, which Min-K%++ needs
            (Zhang et al. 2024, arXiv:2404.02936).
    """
    z = logits.float()
    where = torch.from_numpy(rows).to(z.device, non_blocking=True)
    what = torch.from_numpy(targets).to(z.device, non_blocking=True)
    top, first = z.max(dim=-1)
    # A row with +inf or NaN has no distribution; -inf is a probability of 0 and allowed for other tokens.
    z.sub_(top[:, None])
    at = z[where, what]
    mean = variance = None
    if moments:
        total, centre, spread = _moments(z)
        mean = (centre - total.log())[where].double().cpu().numpy()
        variance = spread[where].double().cpu().numpy()
    else:
        total = z.exp_().sum(-1)
    logprobs = (at.double() - total.double().log()[where]).cpu().numpy()
    greedy = (first[where] == what).cpu().numpy()
    return RowScores(logprobs, greedy, mean, variance)


def _moments(shifted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sum of weights exp(u), and mean and variance of u under them, for each row of u <= 0.

    Var = E[u^2] - E[u]^2 is safe here: u is within some tens of 0 wherever it has weight.
    """
    weight = shifted.exp()
    total = weight.sum(-1)
    weighted = weight.mul_(shifted)
    centre = weighted.sum(-1) / total
    square = weighted.mul_(shifted).sum(-1) / total
    if bool(torch.isnan(centre).any()) and bool(torch.isinf(shifted).any()):
        return _moments(shifted.clamp(min=-1e4))
    return total, centre, (square - centre.square()).clamp(min=0.0)
