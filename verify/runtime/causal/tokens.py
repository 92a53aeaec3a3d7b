"""Strings become token ids and scored pieces, cut as lm-eval 0.4.13 cuts them.

Parity with the field's standard is worth more here than a cleverer rule: the same document must get
the same number. Where lm-eval stops with an assertion (a continuation without tokens, one that is
longer than the window), a reason is returned instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from verify.records import Failed, FailureReason

Ids: TypeAlias = NDArray[np.int32]
"""Token ids, shape (n_tokens,)."""

_SAMPLE: Final = 8
"""Texts on which the bare tokenizer is compared with the full one."""
_UNLIMITED: Final = 10**12
"""Tokenizers without a limit of their own say 10^30."""
_DEFAULT_CONTEXT: Final = 2048
"""What lm-eval assumes where neither config nor tokenizer names a window."""


class Piece(NamedTuple):
    """Tokens of which a tail is scored."""

    tokens: Ids
    start: int
    """First scored position, at least 1; everything left of a position is its condition."""
    truncated: bool = False
    """Whether tokens were cut on the left to fit the window."""

    @property
    def n_scored(self) -> int:
        """Number of scored tokens."""
        return len(self.tokens) - self.start


def context_window(config: Any, tokenizer: Any) -> int:
    """Context window in tokens, by the rule of lm-eval's `resolve_max_length`.

    One name is added to its list: `max_seq_len` of MPT, beyond which that architecture breaks off.
    """
    inner = getattr(config, "text_config", None) or config
    for name in ("n_positions", "max_position_embeddings", "n_ctx", "max_seq_len"):
        value = getattr(inner, name, None)
        if value is not None:
            return int(value)
    limit = getattr(tokenizer, "model_max_length", None)
    return int(limit) if limit is not None and limit < _UNLIMITED else _DEFAULT_CONTEXT


class Tokens:
    """Tokenises every distinct string of a round once, in batches.

    Args:
        tokenizer: The subject's tokenizer.
        context: Context window in tokens.
    """

    def __init__(self, tokenizer: Any, *, context: int) -> None:
        self.tokenizer, self.context = tokenizer, context
        bos = tokenizer.bos_token_id
        self.prefix: int | None = bos if bos is not None else tokenizer.eos_token_id
        """Token that an empty context means: BOS, else EOS (lm-eval's `prefix_token_id`)."""
        self._prefix_text = tokenizer.decode(self.prefix) if self.prefix is not None else None
        self._known: dict[tuple[str, bool], Ids] = {}

    def learn(self, texts: Iterable[str], *, special: bool = True) -> None:
        """Tokenise those of `texts` that are not known yet, in one batch for each setting."""
        wanted: dict[bool, dict[str, None]] = {True: {}, False: {}}
        for text in texts:
            if (text, special) not in self._known:
                wanted[special and not self._has_prefix(text)][text] = None
        for add, found in wanted.items():
            if found:
                for text, ids in zip(found, self._encode(list(found), special=add), strict=True):
                    self._known[text, special] = np.asarray(ids, dtype=np.int32)

    def _encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """Ids of texts; by the bare tokenizer where a sample shows that it gives the same ids.

        The bare one computes no offsets, which takes a third of the time of few-shot prompts.
        """
        sample = list(texts[:_SAMPLE])
        encoded = self.tokenizer(sample, add_special_tokens=special, return_attention_mask=False)
        ids: list[list[int]] = list(encoded["input_ids"])
        if len(texts) == len(sample):
            return ids
        bare = getattr(self.tokenizer, "backend_tokenizer", None)
        if bare is not None:
            quick = [one.ids for one in bare.encode_batch_fast(list(texts), add_special_tokens=special)]
            if quick[: len(sample)] == ids:
                return quick
        rest = self.tokenizer(list(texts[_SAMPLE:]), add_special_tokens=special, return_attention_mask=False)
        return [*ids, *rest["input_ids"]]

    def ids(self, text: str, *, special: bool = True) -> Ids:
        """Token ids of a text, without a second BOS where the text itself begins with one."""
        if (text, special) not in self._known:
            self.learn([text], special=special)
        return self._known[text, special]

    def forget(self) -> None:
        """Drop what was kept for the round."""
        self._known.clear()

    def _has_prefix(self, text: str) -> bool:
        return bool(self._prefix_text) and text.startswith(str(self._prefix_text))

    def learn_pairs(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Tokenise all that `pair` will need for these contexts and continuations."""
        whole: list[str] = []
        bare: list[str] = []
        for context, continuation in pairs:
            if context == "":
                bare.append(continuation)
            else:
                left, right = move_spaces(context, continuation)
                whole += [left, left + right] if left else [left + right]
        self.learn(whole)
        self.learn(bare, special=False)

    def pair(self, context: str, continuation: str) -> Piece | Failed:
        """Cut a context and its continuation into a piece whose scored tail is the continuation.

        Both are tokenised together and split behind the context's own number of tokens; spaces at the
        context's end belong to the continuation; an empty context is the BOS (else EOS) token.
        """
        if context == "":
            ids = self.ids(continuation, special=False)
            if self.prefix is not None and len(ids) and int(ids[0]) == self.prefix:
                left, right = ids[:1], ids[1:]
            else:
                left, right = self._prefix_ids(), ids
        else:
            before, after = move_spaces(context, continuation)
            whole = self.ids(before + after)
            left = self.ids(before) if before else self._prefix_ids()
            if before:
                right = whole[len(left) :]
            else:
                right = whole[1:] if len(left) and len(whole) and whole[0] == left[0] else whole
        if not len(left):
            return Failed(
                reason=FailureReason.UNSUPPORTED,
                detail="an empty context needs a BOS or EOS token and the tokenizer has neither",
            )
        if not len(right):
            return Failed(reason=FailureReason.EMPTY, detail="the continuation has no token of its own")
        return self._windowed(left, right)

    def _windowed(self, left: Ids, right: Ids) -> Piece | Failed:
        """Cut on the left so that the input, all but the last token, fits the window."""
        if len(right) > self.context:
            return Failed(
                reason=FailureReason.CONTEXT_TOO_LONG,
                detail=f"the continuation has {len(right)} tokens and the window {self.context}",
            )
        tokens = np.concatenate([left, right])
        kept = tokens[-(self.context + 1) :]
        return Piece(kept, len(kept) - len(right), truncated=len(kept) < len(tokens))

    def start(self, text: str, *, special: bool) -> Ids:
        """Token ids of a prompt that is to be continued; an empty one is the BOS (else EOS) token."""
        ids = self.ids(text, special=special)
        return ids if len(ids) else self._prefix_ids()

    def _prefix_ids(self) -> Ids:
        return np.asarray([] if self.prefix is None else [self.prefix], dtype=np.int32)

    def document(self, text: str) -> list[Piece] | Failed:
        """Cut a document into windows in which each of its tokens is scored once.

        The windows are lm-eval's (`get_rolling_token_windows` with one token of context, Gao et al.): the first
        begins with BOS (else EOS), later ones with the token before; the last one is filled up on the left.
        A BOS that the tokenizer itself puts in front is the condition, not a scored token.
        """
        ids = self.ids(text)
        if self.prefix is not None and len(ids) and int(ids[0]) == self.prefix:
            ids = ids[1:]
        if not len(ids):
            return Failed(reason=FailureReason.EMPTY, detail="the text has no token")
        whole = np.concatenate([self._prefix_ids(), ids])
        if len(whole) < 2:
            return Failed(reason=FailureReason.EMPTY, detail="one token, and nothing to condition it on")
        return list(_windows(whole, size=self.context))


def _windows(whole: Ids, *, size: int) -> Iterator[Piece]:
    done = 1
    while done < len(whole):
        end = min(done + size, len(whole))
        begin = max(0, end - size - 1)
        yield Piece(whole[begin:end], done - begin)
        done = end


def move_spaces(context: str, continuation: str) -> tuple[str, str]:
    """White space at the context's end, moved to the continuation (lm-eval's `_encode_pair`)."""
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation


def is_unicode(*texts: str) -> bool:
    """Whether texts can be encoded; a lone surrogate cannot, and no tokenizer takes it."""
    try:
        for text in texts:
            text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def total_tokens(pieces: Sequence[Piece]) -> int:
    """Tokens that a network reads for these pieces when nothing is shared."""
    return sum(len(p.tokens) - 1 for p in pieces)
