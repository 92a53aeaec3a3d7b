"""A subject behind an OpenAI-compatible server."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from verify.errors import WorkerError
from verify.records import (
    AccessLevel,
    Failed,
    FailureReason,
    Generate,
    LogLikelihood,
    Request,
    RequestKind,
    Response,
    Subject,
    digest_of,
)
from verify.runtime.base import Answered
from verify.runtime.causal.tokens import is_unicode
from verify.runtime.endpoint.bodies import call_for, response_from
from verify.runtime.endpoint.client import KEY_VARIABLE, EndpointClient, EndpointLimits
from verify.runtime.endpoint.probing import Abilities, plain, probe
from verify.runtime.endpoint.scoring import Scorer
from verify.runtime.pacing import Limits, capped

_ResultT = TypeVar("_ResultT")
_GIVE_UP: Final = 20
"""Unreachable requests in a row, with no answer between, after which the server counts as gone."""


class EndpointRuntime:
    """Answers over HTTP; several calls at once, on an event loop in a thread of its own.

    Failures of the connection are held back until a later answer shows that the server is there:
    only then do they belong to the requests. If it is gone, the run breaks and can be resumed.

    Args:
        url: Base address, ends in `/v1`.
        model: Name of the model there.
        limits: Concurrency, times and sizes.
        key_variable: Environment variable with the key.
        name: What the user called it.

    Raises:
        SubjectUnavailableError: The server does not answer.
        SubjectError: It answers, but not for this model.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        limits: EndpointLimits | None = None,
        key_variable: str = KEY_VARIABLE,
        name: str | None = None,
        profile: str | None = None,
    ) -> None:
        self._model, self._limits = model, limits or EndpointLimits()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="verify-endpoint", daemon=True)
        self._thread.start()
        self._closed = False
        self._seen_lock = threading.Lock()
        where = name or f"endpoint:{url}#{model}"
        try:
            self._client = self._wait(self._connect(url, key_variable))
            self._abilities = self._wait(probe(self._client, model=model, where=where))
        except BaseException:
            self.close()
            raise
        way = self._abilities.way
        self._scorer = Scorer(self._client, model=model, way=way, singles=self._abilities.singles) if way else None
        self._identity = (self._abilities.served, self._abilities.fingerprint)
        self._subject = _subject(self._abilities, url=url, model=model, name=where, profile=profile)

    @property
    def subject(self) -> Subject:
        """What was found; a change of the served model is added to its warnings."""
        return self._subject

    def close(self) -> None:
        """Close connections and end the thread; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if hasattr(self, "_client"):
            self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5.0)
        if not self._thread.is_alive():
            self._loop.close()

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Ask with bounded concurrency; answers are yielded as they arrive.

        Raises:
            WorkerError: The server is gone.
        """
        arrived: queue.SimpleQueue[Answered | None] = queue.SimpleQueue()
        task = asyncio.run_coroutine_threadsafe(self._ask_all(requests, arrived), self._loop)
        task.add_done_callback(lambda _: arrived.put(None))
        held: list[Answered] = []
        alive = False
        try:
            while (answered := arrived.get()) is not None:
                if _is_unreachable(answered.response):
                    held.append(answered)
                    self._give_up_if_gone(held, last=False)
                    continue
                alive = alive or not isinstance(answered.response, Failed)
                yield answered
                if not isinstance(answered.response, Failed):
                    yield from held
                    held.clear()
            task.result()
            self._give_up_if_gone(held, last=not alive)
            yield from held
        finally:
            task.cancel()

    def _give_up_if_gone(self, held: Sequence[Answered], *, last: bool) -> None:
        if len(held) >= _GIVE_UP or (last and held):
            response = held[-1].response
            detail = response.detail if isinstance(response, Failed) else ""
            raise WorkerError(
                f"{self._subject.name}: the server is gone ({len(held)} requests without an answer; {detail});"
                " the same command resumes the run when it is back"
            )

    async def _ask_all(self, requests: Sequence[Request], arrived: "queue.SimpleQueue[Answered | None]") -> None:
        waiting = iter(_by_context(requests))

        async def one_after_another() -> None:
            for positions in waiting:
                group = [requests[position] for position in positions]
                async for index, response in self._answers(group):
                    arrived.put(Answered(positions[index], response))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._limits.concurrency, max(1, len(requests)))):
                group.create_task(one_after_another())

    async def _answers(self, group: Sequence[Request]) -> AsyncIterator[tuple[int, Response]]:
        """Answer requests that share a context, or a single one."""
        scored = [request for request in group if isinstance(request, LogLikelihood)]
        if not scored or self._scorer is None:
            for index, request in enumerate(group):
                yield index, await self._ask(request)
            return
        fit = [index for index, request in enumerate(scored) if is_unicode(request.context, request.continuation)]
        for index in set(range(len(scored))) - set(fit):
            yield index, _NO_UNICODE
        async for index, response, reply in self._scorer.score([scored[index] for index in fit]):
            if reply is not None and reply.body is not None:
                self._notice(reply.body)
            yield fit[index], response

    async def _ask(self, request: Request) -> Response:
        if request.kind not in self._subject.answers:
            return Failed(reason=FailureReason.UNSUPPORTED, detail=f"this endpoint answers no {request.kind}")
        if isinstance(request, Generate) and request.messages and not self._abilities.chat:
            return Failed(reason=FailureReason.UNSUPPORTED, detail="this endpoint holds no conversations")
        call = call_for(request, model=self._model, raw_prompts=self._abilities.raw_prompts)
        if call is None:
            return Failed(reason=FailureReason.UNSUPPORTED, detail=f"the API has no words for {request.kind}")
        try:
            reply = await self._client.post(call)
        except UnicodeEncodeError:
            return _NO_UNICODE
        if reply.body is None:
            return reply.failure or Failed(reason=FailureReason.MALFORMED)
        self._notice(reply.body)
        return capped(response_from(request, reply.body), limit=Limits().answer_characters)

    def _notice(self, body: dict[str, Any]) -> None:
        """Compare what the server says of itself with what it said first."""
        now = (plain(body.get("model")), plain(body.get("system_fingerprint")))
        if now == self._identity or "choices" not in body:  # a server's own calls name no model
            return
        with self._seen_lock:
            warning = f"the served model changed during the run: {' / '.join(now)}, it was {' / '.join(self._identity)}"
            if warning not in self._subject.warnings:
                self._subject = self._subject.model_copy(update={"warnings": (*self._subject.warnings, warning)})

    async def _connect(self, url: str, key_variable: str) -> EndpointClient:
        return EndpointClient(url, limits=self._limits, key_variable=key_variable)

    def _wait(self, work: Coroutine[Any, Any, _ResultT]) -> _ResultT:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


_NO_UNICODE: Final = Failed(reason=FailureReason.INVALID_TEXT, detail="the request holds a lone surrogate")


def _by_context(requests: Sequence[Request]) -> list[list[int]]:
    """Positions of requests, those that score something behind the same context together."""
    groups: dict[object, list[int]] = {}
    for position, request in enumerate(requests):
        key = request.context if isinstance(request, LogLikelihood) else position
        groups.setdefault(key, []).append(position)
    return list(groups.values())


def _is_unreachable(response: Response) -> bool:
    return isinstance(response, Failed) and response.reason is FailureReason.UNREACHABLE


def _subject(abilities: Abilities, *, url: str, model: str, name: str, profile: str | None) -> Subject:
    answers: tuple[RequestKind, ...] = ("generate", "loglikelihood") if abilities.way else ("generate",)
    identity = {"url": url, "model": model, "served": abilities.served}
    warnings = ["endpoint identity is what the server says of itself; it was not verified", *abilities.notes]
    split = urlsplit(url)
    if split.scheme == "http" and split.hostname not in {"localhost", "127.0.0.1", "::1"}:
        warnings.append("the connection is not encrypted")
    singles = "; one-token continuations by logprob_token_ids" if abilities.singles else ""
    environment = {
        "server_model": abilities.served,
        "system_fingerprint": abilities.fingerprint,
        "log_probabilities": f"{abilities.way}{singles}" if abilities.way else "",
    }
    return Subject(
        name=name,
        kind="endpoint",
        digest=digest_of(identity),
        digest_covers="endpoint-identity",
        access=AccessLevel.LOGPROBS if abilities.way else AccessLevel.TEXT,
        answers=answers,
        context=abilities.context,
        isolation="the subject runs elsewhere; only text crosses",
        has_chat_template=abilities.chat,
        profile=profile,
        environment={key: value for key, value in environment.items() if value},
        warnings=tuple(warnings),
    )
