"""Log-likelihoods from a server, by the most exact way that it was seen to have."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from verify.records import Failed, FailureReason, LogLikelihood, LogLikelihoodAnswer, Response
from verify.runtime.causal.tokens import move_spaces
from verify.runtime.endpoint import token_ids
from verify.runtime.endpoint.bodies import Call, Echoed, call_for, echoed, response_from
from verify.runtime.endpoint.client import EndpointClient, Reply
from verify.runtime.endpoint.token_ids import MOST_NEXT, Split, read_next, read_prompt, read_span, read_written

NEAR: Final = 0.25
"""Nats by which the same token may differ between two calls; batches of a server in reduced precision differ by
0.01 to 0.06 (https://github.com/vllm-project/vllm/issues/45683)."""


class Way(StrEnum):
    """How a server tells log-probabilities of a prompt, the exactest first."""

    SPAN = "input_token_logprobs by token ids (SGLang)"
    PROMPT = "prompt_logprobs by token ids (vLLM)"
    ECHO = "echo with logprobs, by token texts"


class _Scored(NamedTuple):
    position: int
    request: LogLikelihood
    split: Split


class Scorer:
    """Asks a server for log-likelihoods.

    Args:
        client: Connection to it.
        model: Name of the model there.
        way: How.
        singles: Whether all one-token continuations of a context may be asked in one call.
    """

    def __init__(self, client: EndpointClient, *, model: str, way: Way, singles: bool = False) -> None:
        self._client, self._model, self.way, self.singles = client, model, way, singles
        self._first: tuple[int, ...] | None = None

    async def score(self, requests: Sequence[LogLikelihood]) -> AsyncIterator[tuple[int, Response, Reply | None]]:
        """Score requests of one context; yields index, response and, where one was had, the reply it was read from."""
        if self.way is Way.ECHO:
            for index, request in enumerate(requests):
                reply = await self._post(call_for(request, model=self._model))
                yield index, _read(reply, partial(response_from, request)), reply
            return
        several: list[_Scored] = []
        single: list[_Scored] = []
        known: dict[str, tuple[int, ...]] = {}
        for index, request in enumerate(requests):
            split = await self._split(request, known)
            if isinstance(split, Failed):
                yield index, split, None
            elif self.singles and len(split.right) == 1:
                single.append(_Scored(index, request, split))
            else:
                several.append(_Scored(index, request, split))
        for group in _by_context(single):
            async for index, response, reply in self._next(group):
                yield index, response, reply
        for one in several:
            reply = await self._post(self._call(one.split))
            yield one.position, _read(reply, self._reader(one.split)), reply

    def _call(self, split: Split) -> Call:
        if self.way is Way.SPAN:
            return token_ids.span_call(split)
        return token_ids.prompt_call(split, model=self._model)

    def _reader(self, split: Split) -> Callable[[token_ids.Body], Response]:
        return partial(read_span if self.way is Way.SPAN else read_prompt, split=split)

    async def _next(self, group: Sequence[_Scored]) -> AsyncIterator[tuple[int, Response, Reply]]:
        """Score one-token continuations of one context in one call."""
        ids = sorted({one.split.right[0] for one in group})
        reply = await self._post(token_ids.next_call(group[0].split.left, ids, model=self._model))
        found = reply.failure if reply.body is None else read_next(reply.body, ids=ids)
        for one in group:
            if isinstance(found, token_ids.Next):
                token = one.split.right[0]
                value = min(0.0, found.logprobs[token])
                yield one.position, LogLikelihoodAnswer(logprob=value, n_tokens=1, is_greedy=token == found.best), reply
            else:
                yield one.position, found or _NO_BODY, reply

    async def _post(self, call: Call | None) -> Reply:
        return Reply(None, _NO_BODY, None, 0) if call is None else await self._client.post(call)

    async def _split(self, request: LogLikelihood, known: dict[str, tuple[int, ...]]) -> Split | Failed:
        """Cut as `Tokens.pair` cuts, with the server's own tokenizer."""
        first = await self.first()
        if isinstance(first, Failed):
            return first
        before, after = move_spaces(request.context, request.continuation)
        if before and before not in known:
            left = await self.ids(before)
            if isinstance(left, Failed):
                return left
            known[before] = left
        whole = await self.ids(before + after, special=request.context != "")
        if isinstance(whole, Failed):
            return whole
        left = known[before] if before else first
        right = whole[len(left) :] if before else whole[1:] if whole[:1] == left != () else whole
        if not left:
            detail = "the server's tokenizer begins with no token, so an empty context has no score"
            return Failed(reason=FailureReason.UNSUPPORTED, detail=detail)
        if not right:
            return Failed(reason=FailureReason.EMPTY, detail="the continuation has no token of its own")
        return Split(left, right)

    async def first(self) -> tuple[int, ...] | Failed:
        """What the tokenizer begins every text with: its BOS, or nothing."""
        if self._first is None:
            found = await self.ids("")
            if isinstance(found, Failed):
                return found
            self._first = found[:1]
        return self._first

    async def ids(self, text: str, *, special: bool = True) -> tuple[int, ...] | Failed:
        """Token ids of a text by the server's tokenizer, without a second BOS where the text begins with one."""
        reply = await self._post(token_ids.tokenize_call(text, model=self._model, special=special))
        if reply.body is None:
            return reply.failure or _NO_BODY
        found = token_ids.token_ids(reply.body)
        if found is None:
            return Failed(reason=FailureReason.UNSUPPORTED, detail="the server's /tokenize gives no token ids")
        twice = bool(self._first) and found[:2] == (self._first or ()) * 2
        return found[1:] if twice else found

    async def contradiction(self, request: LogLikelihood) -> str:
        """Let the server write a token, and score that very token: the two must agree; says how they do not.

        Rows that are shifted by one agree with everything but this.
        """
        if self.way is Way.ECHO:
            return await self._echo_contradiction(request)
        split = await self._split(request, {})
        if isinstance(split, Failed):
            return split.detail
        context = Split((*split.left, *split.right), ())
        if self.way is Way.SPAN:
            reply = await self._post(token_ids.span_call(split, steps=1))
            written = read_written(reply.body) if reply.body is not None else None
        else:
            reply = await self._post(token_ids.next_call(context.left, (), model=self._model))
            found = read_next(reply.body, ids=()) if reply.body is not None else _NO_BODY
            written = (found.best, found.logprobs[found.best]) if isinstance(found, token_ids.Next) else None
        if written is None:
            return "the server does not say how likely a token is that it writes"
        token, value = written
        behind = context._replace(right=(token,))
        scored = _read(await self._post(self._call(behind)), self._reader(behind))
        return _apart(scored, value)

    async def _echo_contradiction(self, request: LogLikelihood) -> str:
        """As above, by texts; a text whose end is cut otherwise once more is written is shortened and tried again."""
        prompt = request.context + request.continuation
        for text in (prompt, prompt[:-1], prompt[:-2]):
            told = await self._echo(text)
            if told is None or "".join(told.texts[:-1]) != text or told.logprobs[-1] is None:
                continue
            again = await self._echo(text + told.texts[-1])
            if again is None or again.texts[: len(told.texts)] != told.texts:
                continue
            value = again.logprobs[len(told.texts) - 1]
            return "" if value is not None and abs(value - told.logprobs[-1]) <= NEAR else _CONTRADICTS
        return ""  # what it writes is not listed, or always in another cut: nothing to compare

    async def _echo(self, text: str) -> Echoed | None:
        reply = await self._post(call_for(LogLikelihood(context="", continuation=text), model=self._model))
        return None if reply.body is None else echoed(reply.body)

    async def tells_singles(self, request: LogLikelihood) -> bool:
        """Whether the tokens that are asked for by id come back, with the numbers of the way itself."""
        split = await self._split(request, {})
        if self.way is not Way.PROMPT or isinstance(split, Failed):
            return False
        alone = split._replace(right=split.right[:1])
        reply = await self._post(token_ids.next_call(alone.left, (alone.right[0], alone.left[-1]), model=self._model))
        found = read_next(reply.body, ids=(alone.right[0], alone.left[-1])) if reply.body is not None else _NO_BODY
        if not isinstance(found, token_ids.Next):
            return False
        scored = _read(await self._post(self._call(alone)), self._reader(alone))
        return isinstance(scored, LogLikelihoodAnswer) and abs(scored.logprob - found.logprobs[alone.right[0]]) <= NEAR


def _by_context(scored: Sequence[_Scored]) -> Iterator[Sequence[_Scored]]:
    """Parts in which the context has the same tokens, none larger than one call may be."""
    groups: dict[tuple[int, ...], list[_Scored]] = {}
    for one in scored:
        groups.setdefault(one.split.left, []).append(one)
    for group in groups.values():
        yield from (group[start : start + MOST_NEXT] for start in range(0, len(group), MOST_NEXT))


def _read(reply: Reply, reader: Callable[[token_ids.Body], Response]) -> Response:
    return (reply.failure or _NO_BODY) if reply.body is None else reader(reply.body)


def _apart(scored: Response, value: float) -> str:
    if isinstance(scored, Failed):
        return scored.detail
    agrees = isinstance(scored, LogLikelihoodAnswer) and abs(scored.logprob - value) <= NEAR
    return "" if agrees else _CONTRADICTS


_CONTRADICTS: Final = "the server scores a token otherwise than when it writes it"
_NO_BODY: Final = Failed(reason=FailureReason.MALFORMED, detail="the server sent no answer")
