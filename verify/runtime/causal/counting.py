"""What a round weighs in tokens before anything of it is run."""

from collections.abc import Sequence

from verify.records import Failed
from verify.runtime.causal.decoding import Prompt
from verify.runtime.causal.scoring import ScoringRequest, all_ids, cut, learn
from verify.runtime.causal.tokens import Piece, Tokens
from verify.runtime.facts import TokenCount


def count(
    scored: Sequence[ScoringRequest], prompts: Sequence[Prompt], tokens: Tokens, *, shares: bool, seq2seq: bool
) -> TokenCount:
    """Tokens that a network reads for these requests, and most that it may write.

    Args:
        scored: Requests to score; those that have no pieces weigh nothing.
        prompts: Texts to continue, each once.
        tokens: The subject's tokenizer.
        shares: Whether a beginning that scored inputs share is computed once. Prompts that are continued are read
            each by itself.
        seq2seq: Whether an encoder reads the context.
    """
    learn(scored, tokens, seq2seq=seq2seq)
    inputs: set[bytes] = set()
    read = apart = 0
    for request in dict.fromkeys(scored):
        pieces = cut(request, tokens, seq2seq=seq2seq)
        if isinstance(pieces, Failed):
            continue
        if seq2seq:
            apart += sum(len(ids) for ids in all_ids(pieces))
        own = [piece.tokens[:-1].astype(">u4").tobytes() for piece in pieces if isinstance(piece, Piece)]
        inputs.update(own)
        read += sum(map(len, own)) // _WIDTH
    unique = _nodes(sorted(inputs)) if shares else sum(map(len, inputs)) // _WIDTH
    spoken = sum(len(prompt.ids) for prompt in prompts)
    written = sum(prompt.max_tokens for prompt in prompts)
    return TokenCount(read=read + apart + spoken, unique=unique + apart + spoken, written=written)


_WIDTH = 4
"""Bytes of a token id, of which the first is the most significant: inputs sort as token sequences do."""


def _nodes(inputs: Sequence[bytes]) -> int:
    """Nodes of the trie of these inputs, which are sorted: what each does not share with the one before."""
    before, nodes = b"", 0
    for one in inputs:
        nodes += len(one) // _WIDTH - _common(before, one)
        before = one
    return nodes


def _common(one: bytes, other: bytes) -> int:
    """Tokens that two inputs begin with; bisected, because comparing slices is native and a loop is not."""
    low, high = 0, min(len(one), len(other)) // _WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        same = one[: middle * _WIDTH] == other[: middle * _WIDTH]
        low, high = (middle, high) if same else (low, middle - 1)
    return low
