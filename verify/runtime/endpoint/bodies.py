"""Requests as bodies of the OpenAI API, and its bodies as responses. Pure: no network here.

What came back is verified, never assumed: a server may answer 200 and drop what was asked for
(`transformers serve` drops `logprobs` and `echo`). Servers: OpenAI's API reference; vLLM and SGLang
for `echo` with `logprobs` on `/v1/completions`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from verify.records import (
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Request,
    Response,
)
from verify.runtime.causal.chat import FAMILIES

CHAT: Final = "/chat/completions"
COMPLETIONS: Final = "/completions"
_MAX_STOPS: Final = 4
"""More stop strings are refused by OpenAI's API; all of them are applied to the answer here in any case."""
MAX_CHARACTERS: Final = 500_000
ABOVE_ZERO: Final = 1e-3
"""Rounding that a log-probability of a certain token may show."""
NO_DISTRIBUTION: Final = "the server's log-probabilities are none of one distribution"


class Call(NamedTuple):
    """One call of the API."""

    path: str
    """Below the base address, which ends in `/v1`."""
    body: dict[str, Any]
    below_root: bool = False
    """Whether the path lies beside `/v1` instead: a server's own extension."""


def call_for(request: Request, *, model: str, raw_prompts: bool = True) -> Call | None:
    """The call that asks a request; None for a kind that the API has no words for.

    Args:
        request: What to ask.
        model: Name of the model at the server.
        raw_prompts: Whether the server continues raw text; if not, a prompt goes as one user message.
    """
    if isinstance(request, LogLikelihood) and request.sampling is not None:
        return None  # it would take the whole distribution at every token
    if isinstance(request, LogLikelihood):
        text = request.context + request.continuation
        body = {"prompt": text, "max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0.0, "seed": 0}
        return Call(COMPLETIONS, {"model": model, **body})
    if not isinstance(request, Generate):
        return None
    shared: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if request.stop:
        shared["stop"] = list(request.stop[:_MAX_STOPS])
    if request.prompt is not None and raw_prompts:
        return Call(COMPLETIONS, {**shared, "prompt": request.prompt})
    if request.prompt is not None:
        return Call(CHAT, {**shared, "messages": [{"role": "user", "content": request.prompt}]})
    return Call(CHAT, {**shared, "messages": [message.to_json() for message in request.messages]})


def response_from(request: Request, body: object) -> Response:
    """Read a server's body as the response to a request; whatever it is, a response comes out."""
    match body:
        case {"choices": [dict(choice), *_], **rest}:
            usage = rest.get("usage")
        case _:
            return _failed(FailureReason.MALFORMED, "the body holds no choices")
    if isinstance(request, LogLikelihood):
        return _loglikelihood(request, choice)
    if isinstance(request, Generate):
        return _generated(request, choice, usage)
    return _failed(FailureReason.UNSUPPORTED, f"the API has no words for {request.kind}")


def _generated(request: Generate, choice: Mapping[str, Any], usage: object) -> Response:
    message = choice.get("message")
    source = message if isinstance(message, dict) else choice
    text = source.get("content") if isinstance(message, dict) else source.get("text")
    thinking = source.get("reasoning_content") or source.get("reasoning") or ""
    if not isinstance(text, str | None) or not isinstance(thinking, str):
        return _failed(FailureReason.MALFORMED, "the answer's text is no text")
    text = text or ""
    if len(text) + len(thinking) > MAX_CHARACTERS:
        return _failed(FailureReason.TOO_LONG, f"{len(text)} characters; the limit is {MAX_CHARACTERS}")
    if not _is_unicode(text + thinking):
        return _failed(FailureReason.INVALID_TEXT, "the answer holds a lone surrogate")
    if not thinking:
        text, thinking = _without_thinking(text)
    return _finished(request, text=text, thinking=thinking, finish=choice.get("finish_reason"), usage=usage)


def _without_thinking(text: str) -> tuple[str, str]:
    """Answer and thinking of a server that parts them not itself; thinking that has not ended leaves no answer.

    The prompt may have opened the thinking, so that only its end is in the text.
    """
    for markers in FAMILIES:
        opened = text.lstrip().startswith(markers.open)
        before, close, after = text.partition(markers.close)
        if close:
            return after.lstrip("\n"), before.lstrip().removeprefix(markers.open).strip()
        if opened:
            return "", text.lstrip().removeprefix(markers.open).strip()
    return text, ""


def _finished(request: Generate, *, text: str, thinking: str, finish: object, usage: object) -> Response:
    cut = _cut(text, request.stop)
    if finish == "content_filter":
        return _failed(FailureReason.EMPTY, "the server's content filter withheld the answer")
    if finish not in {"stop", "length", "eos_token", "stop_sequence"}:
        return _failed(FailureReason.MALFORMED, "the server does not say why the answer ended")
    length = finish == "length" and len(cut) == len(text)
    if not cut.strip() and not length:
        return _failed(FailureReason.EMPTY, "the answer has no content")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    n_tokens = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else 0
    return GenerateAnswer(text=cut, finish="length" if length else "stop", n_tokens=n_tokens, thinking=thinking)


def _cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop string."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


class Echoed(NamedTuple):
    """Log-probabilities as `/v1/completions` lists them."""

    texts: list[str]
    logprobs: list[float | None]
    best: Sequence[Mapping[str, float] | None]


def _loglikelihood(request: LogLikelihood, choice: Mapping[str, Any]) -> Response:
    """Sum over the tokens of the continuation.

    A token that reaches over the boundary belongs to the continuation, and so do spaces at the end
    of the context: lm-eval's rule for `local-completions`, told by token texts instead of a tokenizer.
    """
    tokens = _tokens(choice.get("logprobs"))
    if tokens is None:
        return _failed(FailureReason.UNSUPPORTED, "the server sent no usable log-probabilities")
    prompt = request.context + request.continuation
    starts = _starts(tokens.texts, prompt)
    if starts is None:
        return _failed(FailureReason.MALFORMED, "the log-probabilities do not cover the prompt")
    boundary, total = len(request.context.rstrip()), len(prompt)
    ends = [*starts[1:], total]
    scored = [i for i, (start, end) in enumerate(zip(starts, ends, strict=False)) if end > boundary and start < total]
    values = [tokens.logprobs[i] for i in scored]
    if scored and scored[0] == 0 and values[0] is None:
        return _failed(FailureReason.UNSUPPORTED, "the server scores no first token, so an empty context has no score")
    known = [value for value in values if value is not None and math.isfinite(value) and value <= ABOVE_ZERO]
    if len(known) < len(values) or not known:
        return _failed(FailureReason.INVALID_LOGITS, "a log-probability is missing or not finite")
    best = [tokens.best[i] for i in scored]
    if any(not table for table in best):
        return _failed(FailureReason.UNSUPPORTED, "the server does not say which token was the most likely")
    rows = zip(known, (tokens.texts[i] for i in scored), best, strict=True)
    if not all(is_one_distribution({**(table or {}), text: value}.values()) for value, text, table in rows):
        return _failed(FailureReason.MALFORMED, NO_DISTRIBUTION)
    greedy = all(value >= max(table.values()) for value, table in zip(known, best, strict=True) if table)
    return LogLikelihoodAnswer(logprob=min(0.0, math.fsum(known)), n_tokens=len(known), is_greedy=greedy)


def is_one_distribution(logprobs: Iterable[float]) -> bool:
    """Whether log-probabilities of different tokens at one place can belong together: at most 1 in all."""
    return math.fsum(math.exp(min(value, 1.0)) for value in logprobs) <= 1.0 + ABOVE_ZERO


def echoed(body: Mapping[str, Any]) -> Echoed | None:
    """The log-probabilities of a body, if it lists any in the right shape."""
    match body:
        case {"choices": [{"logprobs": listed}, *_]}:
            return _tokens(listed)
        case _:
            return None


def _tokens(listed: object) -> Echoed | None:
    match listed:
        case {"tokens": list(texts), "token_logprobs": list(logprobs), **rest}:
            best = rest.get("top_logprobs")
        case _:
            return None
    best = best if isinstance(best, list) else [None] * len(texts)
    shapes_ok = len(texts) == len(logprobs) == len(best) and all(isinstance(text, str) for text in texts)
    numbers_ok = all(value is None or (type(value) in {int, float}) for value in logprobs)
    tables = [table if isinstance(table, dict) and table and _are_numbers(table) else None for table in best]
    return Echoed(texts, logprobs, tables) if shapes_ok and numbers_ok else None


def _are_numbers(table: Mapping[str, object]) -> bool:
    return all(type(value) in {int, float} for value in table.values())


def _starts(texts: Sequence[str], prompt: str) -> list[int] | None:
    """Where each token begins in the prompt; a begin-of-sequence token stands before it, at 0."""
    for skipped in (0, 1):
        if "".join(texts[skipped:]).startswith(prompt):
            starts, place = [0] * skipped, 0
            for text in texts[skipped:]:
                starts.append(place)
                place += len(text)
            return starts
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _failed(reason: FailureReason, detail: str) -> Failed:
    return Failed(reason=reason, detail=detail)
