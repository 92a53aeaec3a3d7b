"""What a server can do, found out by asking and by looking at what came back."""

import math
from dataclasses import dataclass, field
from typing import Any, Final

from verify.errors import SubjectError, SubjectUnavailableError
from verify.records import Failed, FailureReason, Generate, GenerateAnswer, LogLikelihood, LogLikelihoodAnswer, Message
from verify.runtime.endpoint.bodies import Call, call_for, response_from
from verify.runtime.endpoint.client import EndpointClient, Reply
from verify.runtime.endpoint.scoring import Scorer, Way

_SCORED: Final = (
    LogLikelihood(context="대한민국의 수도는", continuation=" 서울이다."),
    LogLikelihood(context="대한민국의 수도는", continuation=" 똫뷁휋쀍."),
)
"""Two continuations that no language model finds equally likely."""
_RAW: Final = Generate(prompt="1 2 3 4 5", max_tokens=4)
_CHAT: Final = Generate(messages=(Message(role="user", content="안녕하세요?"),), max_tokens=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What was seen to work."""

    chat: bool
    raw_prompts: bool
    way: Way | None
    """How the server tells log-probabilities; None where it tells none that can be believed."""
    singles: bool
    """Whether one call scores all one-token continuations of a context."""
    served: str
    """What the server calls the model; empty if it does not say."""
    fingerprint: str
    context: int | None
    notes: tuple[str, ...] = field(default=())


async def probe(client: EndpointClient, *, model: str, where: str) -> Abilities:
    """Find out what the server answers.

    Args:
        client: Connection to it.
        model: Name of the model there.
        where: The endpoint as the user wrote it, for messages.

    Raises:
        SubjectUnavailableError: It does not answer at all.
        SubjectError: It answers, but neither chat nor completions of this model.
    """
    replies = {
        "chat": await client.post(_call(_CHAT, model)),
        "raw": await client.post(_call(_RAW, model)),
    }
    chat, raw = _writes(_CHAT, replies["chat"]), _writes(_RAW, replies["raw"])
    if not chat and not raw:
        raise _nothing(list(replies.values()), where=where, model=model)
    scorer, note = await _scorer(client, model=model) if raw else (None, "the server has no /v1/completions")
    listed = await client.get("/models")
    body = next(reply.body for reply in replies.values() if reply.body is not None)
    notes = [] if scorer else [f"no log-probabilities: {note}"]
    if _is_unlisted(listed.body, model):
        notes.append("the server's list of models does not name this one; it may answer with another")
    if not raw:
        notes.append("raw prompts are sent as one user message, because the server continues no raw text")
    if not chat:
        notes.append("conversations cannot be asked: the server has no /v1/chat/completions for this model")
    return Abilities(
        chat=chat,
        raw_prompts=raw,
        way=scorer.way if scorer else None,
        singles=scorer.singles if scorer else False,
        served=plain(body.get("model")),
        fingerprint=plain(body.get("system_fingerprint")),
        context=_context(listed.body, model),
        notes=tuple(notes),
    )


def plain(value: Any) -> str:
    """A server's own name for something, short and printable, or nothing."""
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable())[:200]


def _call(request: Generate, model: str) -> Call:
    call = call_for(request, model=model)
    if call is None:
        raise SubjectError("the probe has no call")
    return call


def _writes(request: Generate, reply: Reply) -> bool:
    """Whether text came back; an empty answer of the right shape counts, a body without text does not."""
    if reply.body is None:
        return False
    response = response_from(request, reply.body)
    return isinstance(response, GenerateAnswer) or response.reason is FailureReason.EMPTY  # type: ignore[union-attr]  # else Failed


async def _scorer(client: EndpointClient, *, model: str) -> tuple[Scorer | None, str]:
    """The exactest way whose numbers hold, or why none does."""
    note = ""
    for way in Way:
        scorer = Scorer(client, model=model, way=way)
        if way is not Way.ECHO and isinstance(await scorer.first(), Failed):
            continue
        note = await _doubt(scorer)
        if not note:
            singles = await scorer.tells_singles(_SCORED[0])
            return Scorer(client, model=model, way=way, singles=singles), ""
    return None, note


async def _doubt(scorer: Scorer) -> str:
    """Why a way's numbers cannot be believed; empty where they can."""
    means = []
    async for _, answer, _ in scorer.score(_SCORED):
        if isinstance(answer, Failed):
            return answer.detail
        if isinstance(answer, LogLikelihoodAnswer):
            means.append(answer.logprob / answer.n_tokens)
    if len(means) < len(_SCORED) or math.isclose(*means, rel_tol=1e-9):
        return "the server gives different texts the same log-probability a token"
    doubts = [await scorer.contradiction(request) for request in _SCORED]
    return next((doubt for doubt in doubts if doubt), "")


def _is_unlisted(body: dict[str, Any] | None, model: str) -> bool:
    """Whether the server lists its models, and this one is not among them."""
    entries = body.get("data") if body else None
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return bool(names) and model not in names


def _context(body: dict[str, Any] | None, model: str) -> int | None:
    """Context window, where the server's list of models says it (vLLM: `max_model_len`)."""
    entries = body.get("data") if body else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("id") == model:
            length = entry.get("max_model_len")
            return length if isinstance(length, int) and length > 0 else None
    return None


def _nothing(replies: list[Reply], *, where: str, model: str) -> SubjectError:
    details = sorted({reply.failure.detail if reply.failure else "an answer without text" for reply in replies})
    if all(reply.status is None for reply in replies):
        return SubjectUnavailableError(
            f"{where}: the server does not answer ({'; '.join(details)}); check the address and that it is running"
        )
    if any(reply.status in {401, 403} for reply in replies):
        return SubjectError(f"{where}: {'; '.join(details)}; put the key into the environment variable VERIFY_API_KEY")
    return SubjectError(
        f"{where}: it offers neither chat nor completions of {model!r} ({'; '.join(details)});"
        " check the model's name and that the address ends in /v1"
    )
