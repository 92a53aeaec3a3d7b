"""Blind baseline: can members be told from non-members without the subject? Then no attack proves anything.

Das et al. beat every published attack in this way on 8 of 8 post-hoc membership data sets. Three classifiers
look at words, at the length and at the date; if one of them beats chance (its interval, corrected for three
looks, lies above 0.5) the split is not random, and what the subject's scores show may be the split's doing.
"""

import itertools
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from verify.errors import NotEnoughDataError
from verify.statistics import Interval, roc_auc

BUCKETS: Final = 1 << 14
_FOLDS: Final = 5
_LOOKS: Final = 3


class BlindAuc(NamedTuple):
    """What a classifier without the subject reaches."""

    feature: str
    value: float
    interval: Interval
    """At the confidence asked for, corrected for the number of features looked at."""

    @property
    def beats_chance(self) -> bool:
        """Whether the whole interval lies above 0.5."""
        return self.interval.low > 0.5


def hashed_words(text: str) -> str:
    """The words and word pairs of a text as bucket numbers: enough to classify, not enough to read."""
    words = text.lower().split()
    grams = [*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))]
    return " ".join(sorted({f"{zlib.crc32(gram.encode('utf-8', 'surrogatepass')) % BUCKETS:x}" for gram in grams}))


def blind_aucs(
    words: Sequence[str],
    lengths: Sequence[float],
    dates: Sequence[float | None],
    *,
    members: Sequence[bool],
    seed: int,
    confidence: float,
) -> list[BlindAuc]:
    """AUC of each classifier, best first.

    Args:
        words: `hashed_words` of each document.
        lengths: Length of each document.
        dates: Day number of each document; left out unless all have one.
        members: Truth, shape (n_documents,).
        seed: Of the folds.
        confidence: Two-sided, of each interval before correction.

    Raises:
        NotEnoughDataError: Fewer than five members or non-members: the design cannot be checked.
    """
    truth = np.asarray(members, dtype=bool)
    if min(int(truth.sum()), int((~truth).sum())) < _FOLDS:
        raise NotEnoughDataError(f"a blind baseline needs at least {_FOLDS} members and non-members")
    level = 1.0 - (1.0 - confidence) / _LOOKS
    found = [_auc("words", _classified(words, truth, seed=seed), truth, confidence=level)]
    found.append(_either_way("length", np.asarray(lengths, dtype=np.float64), truth, confidence=level))
    known = [date for date in dates if date is not None]
    if len(known) == len(dates):
        found.append(_either_way("date", np.asarray(known, dtype=np.float64), truth, confidence=level))
    return sorted(found, key=lambda auc: auc.interval.low, reverse=True)


def _auc(feature: str, scores: np.ndarray, truth: np.ndarray, *, confidence: float) -> BlindAuc:
    auc = roc_auc(scores[truth].tolist(), scores[~truth].tolist(), confidence=confidence)
    return BlindAuc(feature, auc.value, auc.interval)


def _either_way(feature: str, scores: np.ndarray, truth: np.ndarray, *, confidence: float) -> BlindAuc:
    """A single number may separate with more or with less of it."""
    return max(
        (_auc(feature, sign * scores, truth, confidence=confidence) for sign in (1.0, -1.0)), key=lambda a: a.value
    )


def _classified(words: Sequence[str], truth: np.ndarray, *, seed: int) -> np.ndarray:
    """Out-of-fold decision values of a logistic regression on the hashed words."""
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    columns = [[int(word, 16) for word in document.split()] for document in words]
    # scikit-learn takes 32-bit indices only.
    starts = np.cumsum([0, *map(len, columns)], dtype=np.int32)
    flat = np.asarray([column for document in columns for column in document], dtype=np.int32)
    features = csr_array((np.ones(flat.size), flat, starts), shape=(len(words), BUCKETS))
    folds = StratifiedKFold(n_splits=_FOLDS, shuffle=True, random_state=seed)
    model = LogisticRegression(C=1.0, max_iter=200, solver="liblinear", random_state=seed)
    return np.asarray(cross_val_predict(model, features, truth, cv=folds, method="decision_function"))
