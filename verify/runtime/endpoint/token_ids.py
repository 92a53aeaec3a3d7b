"""Log-likelihoods by token ids, as vLLM and SGLang offer them. Pure: no network here.

Three shapes, each read with the token ids that were sent, so that a dropped or shifted row is a failure:

next    vLLM, `/v1/completions`: `max_tokens=1` with `logprob_token_ids`. One call scores all one-token
        continuations of a context, and its prefix comes from the cache.
        Source: https://github.com/vllm-project/vllm/pull/43463 (at most 128 ids).
prompt  vLLM, `/v1/completions`: `prompt_logprobs`, a table by token id for each token of the prompt. It skips
        reading the prefix cache (https://github.com/vllm-project/vllm/issues/13949).
span    SGLang, `/generate`: `logprob_start_len` one before the continuation keeps the cached prefix; rows are
        `[logprob, token id, text]`. Source: https://docs.sglang.ai/basic_usage/native_api.html.

All three need the server's own `/tokenize`, below its root and not below `/v1`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from verify.records import Failed, FailureReason, LogLikelihoodAnswer, Response
from verify.runtime.endpoint.bodies import ABOVE_ZERO, COMPLETIONS, NO_DISTRIBUTION, Call, is_one_distribution

Body: TypeAlias = Mapping[str, Any]

MOST_NEXT: Final = 128
"""Token ids of one call; vLLM refuses more."""
_LEAST: Final = -9999.0
"""What vLLM writes for minus infinity."""


class Split(NamedTuple):
    """Token ids of a context and of what follows it."""

    left: tuple[int, ...]
    right: tuple[int, ...]


def tokenize_call(text: str, *, model: str, special: bool) -> Call:
    """The call for the token ids of a text; `special` asks for the tokenizer's own BOS."""
    return Call("/tokenize", {"model": model, "prompt": text, "add_special_tokens": special}, below_root=True)


def token_ids(body: Body) -> tuple[int, ...] | None:
    """Token ids in the answer to `tokenize_call`; None where there are none."""
    match body:
        case {"tokens": list(ids)} if all(type(one) is int and one >= 0 for one in ids):
            return tuple(ids)
        case _:
            return None


def next_call(left: Sequence[int], ids: Sequence[int], *, model: str) -> Call:
    """The call for the log-probabilities of single tokens after `left`."""
    body = {"prompt": list(left), "max_tokens": 1, "temperature": 0.0, "seed": 0, "logprobs": 1}
    own = {"logprob_token_ids": list(ids), "return_tokens_as_token_ids": True}
    return Call(COMPLETIONS, {"model": model, **body, **own})


def prompt_call(split: Split, *, model: str) -> Call:
    """The call for the log-probabilities of a continuation of several tokens."""
    body = {"prompt": [*split.left, *split.right], "max_tokens": 1, "temperature": 0.0, "seed": 0}
    return Call(COMPLETIONS, {"model": model, **body, "prompt_logprobs": 1})


def span_call(split: Split, *, steps: int = 0) -> Call:
    """The call for the log-probabilities of a continuation at SGLang.

    Args:
        split: Context and continuation.
        steps: Tokens to write behind them.
    """
    return Call(
        "/generate",
        {
            "input_ids": [*split.left, *split.right],
            "sampling_params": {"max_new_tokens": steps, "temperature": 0.0},
            "return_logprob": True,
            "logprob_start_len": len(split.left) - 1,
            "top_logprobs_num": 1,
        },
        below_root=True,
    )


class Next(NamedTuple):
    """The most likely next token, and log-probabilities of the tokens that were asked for."""

    best: int
    logprobs: Mapping[int, float]
    """By token id, the most likely one included."""


def read_next(body: Body, *, ids: Sequence[int]) -> Next | Failed:
    """Read the answer to `next_call`: every id that was asked for must be there, and the sampled one the highest."""
    match body:
        case {"choices": [{"logprobs": {"tokens": [str(first), *_], "top_logprobs": [dict(table), *_]}}, *_]}:
            pass
        case _:
            return _failed(FailureReason.UNSUPPORTED, "the server sent no log-probabilities by token id")
    found = {int(name.removeprefix("token_id:")): value for name, value in table.items() if _is_id(name)}
    best = int(first.removeprefix("token_id:")) if _is_id(first) else -1
    if not found.keys() >= {*ids, best}:
        return _failed(FailureReason.MALFORMED, "the server left out tokens that were asked for by their ids")
    values = {token: found[token] for token in {*ids, best}}
    if not all(_is_number(value) for value in values.values()):
        return _INVALID
    if values[best] < max(values.values()) or not is_one_distribution(values.values()):
        return _failed(FailureReason.MALFORMED, NO_DISTRIBUTION)
    return Next(best, values)


def read_prompt(body: Body, *, split: Split) -> Response:
    """Read the answer to `prompt_call`: one table a token, and in each the token that was sent."""
    ids = [*split.left, *split.right]
    match body:
        case {"choices": [{"prompt_logprobs": list(rows)}, *_]}:
            pass
        case _:
            return _failed(FailureReason.UNSUPPORTED, "the server sent no prompt_logprobs")
    if len(rows) != len(ids):
        return _failed(FailureReason.MALFORMED, f"{len(rows)} rows of log-probabilities for {len(ids)} tokens")
    values: list[float] = []
    greedy = True
    for row, token in zip(rows[len(split.left) :], split.right, strict=True):
        match row.get(str(token)) if isinstance(row, dict) else None:
            case {"logprob": value, **rest}:
                pass
            case _:
                return _failed(FailureReason.MALFORMED, "a row of log-probabilities lacks the token that was sent")
        others = [other["logprob"] for other in row.values() if isinstance(other, dict) and "logprob" in other]
        if not all(_is_number(other) for other in others):
            return _INVALID
        if not is_one_distribution(others):
            return _failed(FailureReason.MALFORMED, NO_DISTRIBUTION)
        values.append(value)
        greedy = greedy and (rest["rank"] == 1 if type(rest.get("rank")) is int else value >= max(others))
    return _answer(values, greedy=greedy)


def read_span(body: Body, *, split: Split) -> Response:
    """Read the answer to `span_call`: one row a token from the one before the continuation, each with its id."""
    match body:
        case {"meta_info": {"input_token_logprobs": list(rows), "input_top_logprobs": list(tops)}}:
            pass
        case _:
            return _failed(FailureReason.UNSUPPORTED, "the server sent no input_token_logprobs")
    expected = [split.left[-1], *split.right]
    told = [row[1] if isinstance(row, list) and len(row) >= 2 else None for row in rows]
    if told != expected or len(tops) != len(rows):
        return _failed(
            FailureReason.MALFORMED, "the rows of log-probabilities are not those of the tokens that were sent"
        )
    values = [row[0] for row in rows[1:]]
    if not all(_is_number(value) for value in values):
        return _INVALID
    best = [_top(top) for top in tops[1:]]
    if None in best:
        return _failed(FailureReason.UNSUPPORTED, "the server does not say which token was the most likely")
    for value, token, top in zip(values, split.right, tops[1:], strict=True):
        if not _is_number(top[0][0]):
            return _INVALID
        if not is_one_distribution({top[0][1]: top[0][0], token: value}.values()):
            return _failed(FailureReason.MALFORMED, NO_DISTRIBUTION)
    return _answer(values, greedy=best == list(split.right))


def read_written(body: Body) -> tuple[int, float] | None:
    """First token that SGLang wrote behind `span_call(steps=1)`, and its log-probability."""
    match body:
        case {"meta_info": {"output_token_logprobs": [[value, int(token), *_], *_]}} if _is_number(value):
            return token, float(value)
        case _:
            return None


def _top(listed: object) -> int | None:
    """Token id of the first of `[[logprob, id, text], ...]`."""
    match listed:
        case [[_, int(token), *_], *_]:
            return token
        case _:
            return None


def _is_id(name: str) -> bool:
    return name.startswith("token_id:") and name.removeprefix("token_id:").isdecimal()


def _is_number(value: object) -> bool:
    """Whether a value is a log-probability of a token that can occur."""
    return isinstance(value, int | float) and not isinstance(value, bool) and _LEAST < value <= ABOVE_ZERO


def _answer(values: Sequence[float], *, greedy: bool) -> LogLikelihoodAnswer:
    return LogLikelihoodAnswer(logprob=min(0.0, math.fsum(values)), n_tokens=len(values), is_greedy=greedy)


_INVALID: Final = Failed(reason=FailureReason.INVALID_LOGITS, detail="a log-probability is missing or not finite")


def _failed(reason: FailureReason, detail: str) -> Failed:
    return Failed(reason=reason, detail=detail)
