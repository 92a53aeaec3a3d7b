"""Scores of membership attacks from token log-probabilities; in each, higher means "member"."""

import math
import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from verify.errors import NotEnoughDataError
from verify.records import TokenLogProbsAnswer

ATTACKS: Final[Mapping[str, str]] = {
    "loss": "mean log p of a token (Yeom 2018)",
    "zlib": "log p / bits of the zlib-compressed text (Carlini 2021)",
    "min_k": "mean of the lowest k % of log p (Shi 2023)",
    "min_k_plus": "mean of the lowest k % of (log p - mean) / sd over the vocabulary (Zhang 2024)",
    "recall": "log p after a non-member prefix / log p (ReCaLL, Xie 2024)",
    "reference": "log p - log p of a reference model (Carlini 2021)",
}
_NO_SPREAD: Final = 1e-9


def attack_scores(
    answer: TokenLogProbsAnswer, *, text: str, share: float, after_prefix: float | None, reference: float | None
) -> dict[str, float]:
    """Score of each attack that the inputs allow.

    Args:
        answer: Token log-probabilities of the text.
        text: The document.
        share: k of Min-K% as a share in (0, 1].
        after_prefix: log p of the whole text after a non-member prefix, for ReCaLL.
        reference: log p of the whole text under a reference model.

    Returns:
        Attack (`ATTACKS`) -> finite score.

    Raises:
        NotEnoughDataError: The text has no scored token.
    """
    logprobs = np.asarray(answer.logprobs, dtype=np.float64)
    if not logprobs.size:
        raise NotEnoughDataError("no token was scored: membership of an empty text is not measured")
    total = float(logprobs.sum())
    lowest = max(1, math.ceil(share * logprobs.size))
    # A token whose alternatives all have probability 0 has no spread; it says nothing and stands at the mean.
    spread = np.sqrt(np.maximum(np.asarray(answer.variances, dtype=np.float64), 0.0))
    centred = logprobs - np.asarray(answer.means, dtype=np.float64)
    standardised = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > _NO_SPREAD)
    scores = {
        "loss": total / logprobs.size,
        "zlib": total / zlib_bits(text),
        "min_k": float(np.sort(logprobs)[:lowest].mean()),
        "min_k_plus": float(np.sort(standardised)[:lowest].mean()),
    }
    if after_prefix is not None and total < 0.0:
        scores["recall"] = after_prefix / total
    if reference is not None:
        scores["reference"] = total - reference
    return scores


def zlib_bits(text: str) -> int:
    """Bits of the zlib-compressed UTF-8 text: how much there is to know about it without a model."""
    return 8 * len(zlib.compress(text.encode("utf-8", "surrogatepass")))
