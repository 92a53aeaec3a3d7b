"""A round of scoring requests: cut into pieces, run on a path, put together again."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from verify.records import (
    Failed,
    FailureReason,
    LogLikelihood,
    LogLikelihoodAnswer,
    Response,
    TokenLogProbs,
    TokenLogProbsAnswer,
)
from verify.runtime.base import Answered
from verify.runtime.causal.ledger import Ledger, PieceScores
from verify.runtime.causal.seq2seq import SourceTarget, cut_pair
from verify.runtime.causal.tokens import Ids, Piece, Tokens, is_unicode, move_spaces

ScoringRequest: TypeAlias = LogLikelihood | TokenLogProbs
AnyPiece: TypeAlias = Piece | SourceTarget


class Path(Protocol):
    """A way to score pieces."""

    def run(self, pieces: Sequence[Any], ledger: Ledger, wanted: Sequence[int]) -> Iterator[int]:
        """Score the wanted pieces; yields each once it is complete, leaves out what memory is too small for."""
        ...


class Work(NamedTuple):
    """A request and the pieces that it was cut into."""

    position: int
    request: ScoringRequest
    pieces: Sequence[AnyPiece]


def cut(request: ScoringRequest, tokens: Tokens, *, seq2seq: bool) -> Sequence[AnyPiece] | Failed:
    """Cut a request into pieces, or say why it has none."""
    if isinstance(request, LogLikelihood):
        context, continuation = request.context, request.continuation
        if not is_unicode(context, continuation):
            return _NO_UNICODE
        piece = cut_pair(tokens, context, continuation) if seq2seq else tokens.pair(context, continuation)
        return piece if isinstance(piece, Failed) else [piece]
    if not is_unicode(request.text):
        return _NO_UNICODE
    if not seq2seq:
        return tokens.document(request.text)
    pair = cut_pair(tokens, "", request.text)
    return pair if isinstance(pair, Failed) else [pair]


def all_ids(pieces: Sequence[AnyPiece]) -> list[Ids]:
    """Every array of token ids of some pieces."""
    return [ids for one in pieces for ids in ((one.tokens,) if isinstance(one, Piece) else (one.source, one.target))]


_NO_UNICODE = Failed(reason=FailureReason.INVALID_TEXT, detail="the request is not valid Unicode")


def learn(requests: Sequence[ScoringRequest], tokens: Tokens, *, seq2seq: bool) -> None:
    """Tokenise all texts of a round in as few calls as possible."""
    pairs = [
        (r.context, r.continuation)
        for r in requests
        if isinstance(r, LogLikelihood) and is_unicode(r.context, r.continuation)
    ]
    texts = [r.text for r in requests if isinstance(r, TokenLogProbs) and is_unicode(r.text)]
    if seq2seq:
        tokens.learn(context.rstrip() for context, _ in pairs if context)
        tokens.learn([*(move_spaces(*pair)[1] for pair in pairs), *texts], special=False)
    else:
        tokens.learn_pairs(pairs)
        tokens.learn(texts)


def score(work: Sequence[Work], *, path: Path, alone: Path) -> Iterator[Answered]:
    """Score a round; yields each request's answer as soon as its pieces are complete.

    A piece whose numbers are not finite is run once more by itself, so that a neighbour's broken
    row can cost nothing but time.

    Args:
        work: Requests, cut.
        path: The path for all.
        alone: A path that runs every piece by itself.
    """
    yield from _Round(work).run(path, alone=alone)


class _Round:
    """Which request each piece belongs to, and which pieces are still missing."""

    def __init__(self, work: Sequence[Work]) -> None:
        self._work = work
        self._pieces: list[AnyPiece] = [piece for one in work for piece in one.pieces]
        self._owner = [index for index, one in enumerate(work) for _ in one.pieces]
        self._first = np.concatenate([[0], np.cumsum([len(one.pieces) for one in work])]).astype(int)
        self._left = [len(one.pieces) for one in work]
        self._scores: dict[int, PieceScores] = {}

    def run(self, path: Path, *, alone: Path) -> Iterator[Answered]:
        broken: list[int] = []
        yield from self._pass(path, range(len(self._pieces)), keep=lambda s: s.is_finite, rest=broken)
        if broken:
            yield from self._pass(alone, broken, keep=lambda s: True, rest=[])
        for index, left in enumerate(self._left):
            if left:
                detail = "out of memory with a batch of one"
                failed = Failed(reason=FailureReason.RESOURCE_EXCEEDED, detail=detail)
                yield Answered(self._work[index].position, failed)

    def _pass(
        self, path: Path, wanted: Sequence[int], *, keep: Callable[[PieceScores], bool], rest: list[int]
    ) -> Iterator[Answered]:
        moments = [isinstance(self._work[owner].request, TokenLogProbs) for owner in self._owner]
        ledger = Ledger([piece.n_scored for piece in self._pieces], moments=moments)
        for index in path.run(self._pieces, ledger, wanted):
            scores = ledger.scores(index)
            if not keep(scores):
                rest.append(index)
                continue
            self._scores[index] = scores
            owner = self._owner[index]
            self._left[owner] -= 1
            if not self._left[owner]:
                yield Answered(self._work[owner].position, self._response(owner))

    def _response(self, owner: int) -> Response:
        indices = range(self._first[owner], self._first[owner + 1])
        parts = [self._scores.pop(index) for index in indices]
        if not all(part.is_finite for part in parts):
            return Failed(reason=FailureReason.INVALID_LOGITS, detail="NaN or infinite logits")
        logprobs = np.minimum(np.concatenate([part.logprobs for part in parts]), 0.0)
        if isinstance(self._work[owner].request, LogLikelihood):
            return LogLikelihoodAnswer(
                logprob=float(logprobs.sum()),
                n_tokens=len(logprobs),
                is_greedy=all(bool(part.greedy.all()) for part in parts),
                truncated=any(piece.truncated for piece in self._work[owner].pieces),
            )
        return TokenLogProbsAnswer(
            logprobs=tuple(logprobs.tolist()),
            means=tuple(np.concatenate([part.means for part in parts]).tolist()),
            variances=tuple(np.concatenate([part.variances for part in parts]).tolist()),
            windows=len(parts),
        )
