"""Answers from a function: the runtime of tests, public as `httpx.MockTransport` is."""

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from verify.records import (
    AccessLevel,
    Failed,
    FailureReason,
    Request,
    RequestKind,
    Response,
    Subject,
    digest_of,
)
from verify.runtime.base import Answered

ALL_KINDS: tuple[RequestKind, ...] = get_args(RequestKind)


class ScriptedRuntime:
    """A runtime whose answers come from a function; no process, no model.

    Args:
        answer: Response to a request. It should depend on the request alone, as a model's does.
        access: Access level that the subject declares.
        name: What the subject calls itself; the digest is made from it.
        answers: Kinds of request that it can answer; any other one is `Failed(UNSUPPORTED)`.

    Examples:
        >>> from verify.records import Generate, GenerateAnswer
        >>> runtime = ScriptedRuntime(lambda request: GenerateAnswer(text="네", finish="stop", n_tokens=1))
        >>> [answered.response.text for answered in runtime.answer([Generate(prompt="맞습니까?")])]
        ['네']
    """

    def __init__(
        self,
        answer: Callable[[Request], Response],
        *,
        access: AccessLevel = AccessLevel.WEIGHTS,
        name: str = "scripted",
        answers: Sequence[RequestKind] = ALL_KINDS,
    ) -> None:
        self._answer = answer
        self._subject = Subject(
            name=name,
            kind="recorded" if access is AccessLevel.RECORDED else "causal-lm",
            digest=digest_of({"scripted": name}),
            access=access,
            answers=tuple(answers),
            isolation="none (scripted)",
        )
        self.asked: list[Request] = []

    @property
    def subject(self) -> Subject:
        """The subject that the script plays."""
        return self._subject

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer in order; every request is kept in `asked`."""
        for position, request in enumerate(requests):
            self.asked.append(request)
            if request.kind not in self._subject.answers:
                detail = f"the script answers no {request.kind}"
                yield Answered(position, Failed(reason=FailureReason.UNSUPPORTED, detail=detail))
            else:
                yield Answered(position, self._answer(request))

    def close(self) -> None:
        """Nothing to end."""
