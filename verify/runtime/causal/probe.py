"""Which ways of computing give this very model's own numbers; found by trying, never by its name.

Every way is compared with the plain forward of each sequence alone, token by token, on sequences that
branch at and around the lengths at which architectures change their behaviour (windows, chunks, the
length that rotary positions were made for). A way is trusted up to the length that was tried; longer
inputs take the plain path alone until a longer trial has passed.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from verify.runtime.causal.ledger import Ledger, is_out_of_memory
from verify.runtime.causal.plain import Batching
from verify.runtime.causal.scoring import Path
from verify.runtime.causal.tokens import Ids, Piece

TOLERANCE: Final = 1e-4
"""Largest difference of a token's log-probability in fp32, in nats."""
SHORTEST: Final = 96
_LEAST: Final = 40
"""Shortest length at which a trial's sequences can be laid out."""
_TURNING: Final = re.compile(r"window|chunk|position|length|topk|block")
"""Config fields whose numbers may be lengths at which something changes; only used to choose lengths."""
_REDUCED: Final = 0.2
"""Root mean square difference, in nats, above which reduced precision explains nothing.

Random weights in the shape of an 8-billion-parameter model stay below it; a cache that is wrong does not."""
_SHORT: Final = 3
"""Index of the first of a trial's short sequences; the three before it are long."""
_POINTS: Final = 4
"""Most turning points that a trial looks at."""
_COST: Final = 9
"""Tokens that a trial runs, in units of its length."""


class Noise(NamedTuple):
    """Difference of two computations of the same log-probabilities."""

    rms: float
    most: float


class Trust(NamedTuple):
    """What was found to be right up to a length."""

    length: int
    """Longest input of the trial, in tokens."""
    batching: Batching
    shares: bool
    """Whether a shared prefix may be computed once."""
    packs: bool
    """Whether a row may hold a subtree."""
    reason: str
    """What was measured, for a person."""
    splits: bool = False
    """Whether attention to the prefix may be computed apart from that to a row's own tokens."""
    allowed: Noise = Noise(TOLERANCE, TOLERANCE)
    """Differences of a token's log-probability that counted as the same, in nats."""


class Ways(NamedTuple):
    """The paths that are on trial."""

    alone: Path
    rounded: Path
    """Each sequence alone, its numbers rounded once more at random."""
    equal: Path
    padded: Path
    expand: Path
    pack: Path
    split: Path | None
    """None where the config names an attention that cannot be split."""
    split_packed: Path
    has_split: Callable[[], bool]
    """Whether either of them has computed any attention in two parts; windows may be too short for it."""


def try_out(ways: Ways, *, length: int, config: Any, tokens: Sequence[int], exact: bool, has_cache: bool) -> Trust:
    """Try all ways on sequences of up to `length` tokens.

    Args:
        ways: The paths on trial.
        length: Length of the longest sequence.
        config: Config of the model, from which lengths of interest are read.
        tokens: Token ids to build sequences from.
        exact: Whether the model computes in fp32.
        has_cache: Whether it takes a cache at all.
    """
    if length < _LEAST:
        return Trust(length, Batching.ALONE, shares=False, packs=False, reason="the window is too short for a trial")
    if not tokens:
        reason = "the tokenizer has no ordinary token to make a trial of"
        return Trust(length, Batching.ALONE, shares=False, packs=False, reason=reason)
    trial = _Trial(ways, _sequences(length, turning=_turning_points(config, length), tokens=tokens), exact=exact)
    if trial.problem:
        return Trust(length, Batching.ALONE, shares=False, packs=False, reason=trial.problem)
    batching = trial.batching()
    why = "the architecture takes no cache, or fails with one"
    plain = Trust(length, batching, shares=False, packs=False, reason=why, allowed=trial.allowed)
    if not has_cache:
        return plain
    if not trial.is_causal:
        why = "the beginning of an input depends on what follows it (attention that is not causal)"
        return plain._replace(reason=f"prefixes are not shared: at {length} tokens {why}")
    shares, expanded = trial.holds(ways.expand)
    if not shares:
        return plain._replace(reason=f"prefixes are not shared: {expanded}")
    packs, packed = trial.holds(ways.pack)
    how = f"packed rows: {packed}" if packs else f"packed rows are not used: {packed}"
    reason = f"tried up to {length} tokens against the plain forward: shared prefixes: {expanded}; {how}"
    splits = False
    if ways.split is not None:
        splits, apart = trial.holds(ways.split_packed if packs else ways.split)
        if splits and not ways.has_split():
            splits, apart = False, "the windows are shorter than what a trial shares"
        reason += f"; split attention{'' if splits else ' is not used'}: {apart}"
    return plain._replace(shares=True, packs=packs, splits=splits, reason=reason)


class _Trial:
    """Sequences with their plain log-probabilities, and how far another computation may be from them."""

    def __init__(self, ways: Ways, pieces: list[Piece], *, exact: bool) -> None:
        self._ways, self._pieces, self.problem = ways, pieces, ""
        try:
            self._truth = _run(ways.alone, pieces)
            size = 3 * len(pieces[1].tokens) // 4
            self._openings = [Piece(piece.tokens[:size], 1) for piece in pieces[:2]]
            self._opening_truth = _run(ways.alone, self._openings)
        except Exception as error:  # noqa: BLE001  # the subject's own code
            self.problem = f"{type(error).__name__} in the architecture's own code at {len(pieces[0].tokens)} tokens"
            return
        if self._truth is None or self._opening_truth is None:
            self.problem = "no memory for a trial"
            return
        expected = [t[: size - 1] for t in self._truth[:2]]
        self._plain_noise = _difference(self._opening_truth, expected)
        self.allowed = Noise(TOLERANCE, TOLERANCE) if exact else self._envelope()
        self.is_causal = self._allows(self._plain_noise)

    def _envelope(self) -> Noise:
        """How far the plain numbers move when every product is rounded once more at random (reduced precision).

        A way of sharing may be as far from the plain numbers, with a factor for the chance of a single maximum.
        Where a model has no product that can be rounded so, it is the difference that batch and length make.
        What those differ by is not taken otherwise: a device may take one kernel for both and show none, and
        attention that is not causal would excuse itself.
        """
        truth = self._truth or []
        rounded = _run(self._ways.rounded, self._pieces)
        noise = _difference(rounded, truth) if rounded else Noise(0.0, 0.0)
        if not noise.rms:
            together = _run(self._ways.padded, self._pieces[_SHORT:])
            other = _difference(together, truth[_SHORT:]) if together else Noise(0.0, 0.0)
            noise = max(self._plain_noise, other)
        if noise.rms >= _REDUCED:
            noise = Noise(0.0, 0.0)
        return Noise(max(1.5 * noise.rms, TOLERANCE), max(2.0 * noise.most, TOLERANCE))

    def _allows(self, noise: Noise) -> bool:
        return noise.rms <= self.allowed.rms and noise.most <= self.allowed.most

    def batching(self) -> Batching:
        """What may share a batch; tried on two sequences of one length, and on the short ones of all lengths."""
        if not self.holds(self._ways.equal, self._openings, self._opening_truth)[0]:
            return Batching.ALONE
        if not self.is_causal:
            return Batching.EQUAL
        uneven, truth = self._pieces[_SHORT:], (self._truth or [])[_SHORT:]
        return Batching.PADDED if self.holds(self._ways.padded, uneven, truth)[0] else Batching.EQUAL

    def holds(
        self, path: Path, pieces: Sequence[Piece] | None = None, truth: Sequence[Any] | None = None
    ) -> tuple[bool, str]:
        """Whether a path gives the plain numbers, and the difference or the error in words."""
        pieces = self._pieces if pieces is None else pieces
        try:
            found = _run(path, pieces)
        except Exception as error:  # noqa: BLE001  # the subject's own code is given what it may not know
            if is_out_of_memory(error):
                return False, "no memory for a trial"
            return False, f"{type(error).__name__} in the architecture's own code"
        if found is None:
            return False, "no memory for a trial"
        noise = _difference(found, (self._truth or []) if truth is None else truth)
        return self._allows(noise), (
            f"differences of {noise.rms:.1e} nats a token, at most {noise.most:.1e}"
            f" ({self.allowed.rms:.1e}, {self.allowed.most:.1e} allowed)"
        )


def affordable_length(*, parameters: int, context: int, on_cpu: bool) -> int:
    """Length of the first trial: what a second or some of computing pays for, and no less than 96 tokens.

    It depends on the model's size alone and never on the clock, so that a run can be repeated.
    """
    budget, most = (4.5e11, 1024) if on_cpu else (5e14, 8192)
    return min(context, most, max(SHORTEST, int(budget / (2 * parameters * _COST))))


def is_worth_it(*, length: int, saved: int) -> bool:
    """Whether a trial at `length` costs clearly less than the tokens that sharing would save."""
    return saved > 2 * _COST * length


def _turning_points(config: Any, length: int) -> list[int]:
    """Numbers below `length` that stand in config fields named like lengths."""
    found: set[int] = set()
    stack: list[Any] = [config.to_dict()]
    while stack:
        for name, value in stack.pop().items():
            if isinstance(value, dict):
                stack.append(value)
            elif isinstance(value, int) and not isinstance(value, bool) and _TURNING.search(str(name)):
                found.add(value)
    turning = sorted(v for v in found if 16 <= v < length - 16)
    step = max(1, len(turning) // _POINTS)
    return turning[::step][:_POINTS]


def _sequences(length: int, *, turning: Sequence[int], tokens: Sequence[int]) -> list[Piece]:
    """Sequences that branch late, early, twice, and around turning points; every token is scored.

    The first three are long; the others, of uneven length, fit one padded batch.
    """
    rng = np.random.default_rng(length)
    pool = np.asarray(tokens, dtype=np.int32)

    def branch(stem: Ids, at: int, count: int) -> Ids:
        return np.concatenate([stem[:at], rng.choice(pool, size=count)])

    trunk = rng.choice(pool, size=length)
    early = length // 4
    lines = [trunk, branch(trunk, early, early), branch(trunk, length - 20, 11)]
    lines += [branch(trunk, early, 9), trunk[: early + 5]]
    lines.append(branch(lines[3], len(lines[3]) - 4, 3))
    for point in turning:
        lines += [trunk[: point - 4], branch(trunk, point - 6, 14), branch(trunk, point + 3, 6)]
    return [Piece(line, 1) for line in lines]


def _run(path: Path, pieces: Sequence[Piece]) -> list[Any] | None:
    """Log-probabilities of each piece, or None where the path cannot do it."""
    ledger = Ledger([piece.n_scored for piece in pieces], moments=[False] * len(pieces))
    complete = list(path.run(pieces, ledger, range(len(pieces))))
    if len(complete) < len(pieces):
        return None
    return [ledger.scores(index).logprobs for index in range(len(pieces))]


def _difference(a: Sequence[Any], b: Sequence[Any]) -> Noise:
    apart = np.concatenate([np.abs(x - y) for x, y in zip(a, b, strict=True)])
    if not np.isfinite(apart).all():
        return Noise(float("inf"), float("inf"))
    return Noise(float(np.sqrt((apart**2).mean())), float(apart.max()))
