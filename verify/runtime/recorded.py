"""Answers that exist already: a ministry can be verified without its model or its network being touched.

A file of recorded answers is JSONL. A line is either ours, `{"request": REQUEST or its digest,
"answer": RESPONSE or the text of an answer}`, or one of an OpenAI batch output, `{"custom_id": DIGEST,
"response": {"status_code": 200, "body": {...}}, "error": null}`. Source of the latter:
https://platform.openai.com/docs/guides/batch.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from verify.errors import ContentError
from verify.records import (
    AccessLevel,
    Failed,
    FailureReason,
    FileDigest,
    GenerateAnswer,
    Request,
    RequestKind,
    Response,
    Subject,
)
from verify.runtime.base import Answered
from verify.runtime.endpoint.bodies import call_for, response_from
from verify.runtime.pacing import Limits, capped

_MAX_LINE: Final = 64 * 2**20
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_FORMS: Final = {
    b"\x1f\x8b": "it is compressed; unpack it first (gunzip)",
    b"PK": "it is a ZIP archive; unpack it first",
    b"\xff\xfe": "it begins like UTF-16; save it as UTF-8",
    b"\xfe\xff": "it begins like UTF-16; save it as UTF-8",
}
"""First bytes of what comes instead of JSONL from a Windows machine or a batch service's download."""
_HEX: Final = re.compile(r"(sha256:)?([0-9a-f]{64})")
_REQUESTS: Final[TypeAdapter[Request]] = TypeAdapter(Request)
_RESPONSES: Final[TypeAdapter[Response]] = TypeAdapter(Response)
_KINDS: Final[Mapping[str, tuple[RequestKind, ...]]] = {
    "loglikelihood": ("loglikelihood",),
    "token_logprobs": ("token_logprobs",),
    "generate": ("generate",),
    "classify": ("classify", "predict"),
    "failed": (),
}


class Exported(NamedTuple):
    """What an export wrote."""

    written: int
    """Distinct requests in the file."""
    not_expressible: int
    """Distinct requests that the API has no words for (documents' log-probabilities, rows, classes)."""


class Imported(NamedTuple):
    """What an import found."""

    answers: dict[str, Response]
    """Digest of a request -> response."""
    missing: tuple[str, ...]
    """Digests of requests that have no answer in the file."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One recorded answer; a body is read only together with its request."""

    number: int
    response: Response | None
    body: object
    is_error: bool = False
    """Whether the batch says that the request was not answered; the same request may be answered elsewhere."""


def export_requests(requests: Iterable[Request], file: Path, *, model: str) -> Exported:
    """Write requests as an OpenAI batch input; `custom_id` is the request's SHA-256.

    Args:
        requests: What a run asks; repetitions are written once.
        file: The JSONL file to write.
        model: Name of the model in every body.
    """
    seen: set[str] = set()
    written = 0
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for request in requests:
            digest = _key(request)
            if digest in seen:
                continue
            seen.add(digest)
            call = call_for(request, model=model)
            if call is None:
                continue
            line = {"custom_id": digest, "method": "POST", "url": f"/v1{call.path}", "body": call.body}
            stream.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
            written += 1
    return Exported(written, len(seen) - written)


def import_answers(file: Path, *, requests: Iterable[Request]) -> Imported:
    """Take answers back, in any order.

    Args:
        file: OpenAI batch output, or lines of our own form.
        requests: What was exported.

    Raises:
        ContentError: A line is unreadable, answers a request that was not asked, or contradicts another.
    """
    asked = {_key(request): request for request in requests}
    lines = _read(file)
    for digest, line in lines.items():
        if digest not in asked:
            problem = f"custom_id {digest} belongs to no request of this run; take the answers of this very export"
            raise ContentError(file, problem, line=line.number)
    answers = {f"sha256:{d}": _response(asked[d], line) for d, line in lines.items()}
    return Imported(answers, tuple(f"sha256:{digest}" for digest in asked if digest not in lines))


class RecordedAnswers:
    """Answers of several files by request: the rounds of an exchange, and what was asked again after an error.

    Args:
        files: JSONL as described above.

    Raises:
        ContentError: A line is unreadable, or two files hold different answers to one request.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._lines: dict[str, _Line] = {}
        self._places: dict[str, tuple[Path, int]] = {}
        for file in files:
            for digest, line in _read(file).items():
                before = self._lines.get(digest)
                if before is not None and _contradict(before, line):
                    where, number = self._places[digest]
                    problem = f"another answer to the request of {where}:{number}"
                    raise ContentError(file, problem, line=line.number)
                if before is None or before.is_error:
                    self._lines[digest], self._places[digest] = line, (file, line.number)

    @property
    def places(self) -> Mapping[str, tuple[Path, int]]:
        """Digest of a request, in hexadecimal -> file and line of its answer."""
        return self._places

    def has(self, digest: str) -> bool:
        """Whether a request, named by its digest in hexadecimal, was answered and not only failed to be delivered."""
        line = self._lines.get(digest)
        return line is not None and not line.is_error

    def of(self, request: Request) -> Response | None:
        """The answer to a request; None where there is none, or only an error of the batch."""
        return _response(request, self._lines[_key(request)]) if self.has(_key(request)) else None

    def write(self, file: Path) -> int:
        """Write all answers as one file, errors of a batch left out; returns how many there are."""
        wanted = sorted((place, number) for digest, (place, number) in self._places.items() if self.has(digest))
        with file.open("wb") as out:
            for source in dict.fromkeys(place for place, _ in wanted):
                numbers = {number for place, number in wanted if place == source}
                with source.open("rb") as stream:
                    for number, raw in enumerate(stream, start=1):
                        if number in numbers:
                            out.write(raw.removeprefix(_BOM).strip() + b"\n")
        return len(wanted)


class RecordedRuntime:
    """Answers from a file.

    Args:
        file: JSONL as described above.
        name: What the user called it.

    Raises:
        ContentError: A line is unreadable.
    """

    def __init__(self, file: Path, *, name: str | None = None) -> None:
        self._lines = _read(file)
        with file.open("rb") as stream:
            digest = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
        self._subject = Subject(
            name=name or f"recorded:{file.name}",
            kind="recorded",
            digest=digest,
            digest_covers="recorded-answers",
            files=(FileDigest(name=file.name, size=size, sha256=digest),),
            access=AccessLevel.RECORDED,
            answers=_kinds(self._lines.values()),
            isolation="nothing of the subject runs here",
            warnings=("answers were recorded elsewhere; under which conditions was not verified",),
        )

    @property
    def subject(self) -> Subject:
        """The file as a subject."""
        return self._subject

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Look every request up by its digest."""
        for position, request in enumerate(requests):
            line = self._lines.get(_key(request))
            if line is None:
                detail = "the file holds no answer to this request"
                yield Answered(position, Failed(reason=FailureReason.NOT_RECORDED, detail=detail))
            else:
                yield Answered(position, _response(request, line))

    def close(self) -> None:
        """Nothing to end."""


def _key(request: Request) -> str:
    """SHA-256 in hexadecimal: batch services allow 64 characters for an id."""
    return request.content_digest().removeprefix("sha256:")


def _read(file: Path) -> dict[str, _Line]:
    lines: dict[str, _Line] = {}
    try:
        with file.open("rb") as stream:
            number = 0
            while raw := stream.readline(_MAX_LINE + 1):
                number += 1
                if len(raw) > _MAX_LINE:
                    raise ContentError(file, f"a line of more than {_MAX_LINE} bytes", line=number)
                if number == 1:
                    raw = _without_bom(file, raw)
                if raw.strip():
                    digest, line = _line(file, number, raw)
                    before = lines.get(digest)
                    if before is not None and _contradict(before, line):
                        raise ContentError(file, f"another answer to the request of line {before.number}", line=number)
                    if before is None or before.is_error:
                        lines[digest] = line
    except OSError as error:
        raise ContentError(file, f"cannot be read: {error.strerror}") from None
    if not lines:
        raise ContentError(file, "it holds no answers; one JSON object a line was expected")
    return lines


def _without_bom(file: Path, raw: bytes) -> bytes:
    """The first line without a byte order mark.

    Raises:
        ContentError: The file begins like something else than JSONL in UTF-8.
    """
    for beginning, problem in _OTHER_FORMS.items():
        if raw.startswith(beginning):
            raise ContentError(file, problem, line=1)
    return raw.removeprefix(_BOM)


def _contradict(one: _Line, other: _Line) -> bool:
    """Whether two lines answer the same request differently; an error beside an answer is none."""
    differ = (one.response, one.body) != (other.response, other.body)
    return differ and not one.is_error and not other.is_error


def _line(file: Path, number: int, raw: bytes) -> tuple[str, _Line]:
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ContentError(file, f"this is no JSON ({error})", line=number) from None
    match value:
        case {"custom_id": str(identity), **rest} if _HEX.fullmatch(identity) and {"response", "error"} & rest.keys():
            return identity.removeprefix("sha256:"), _from_batch(number, rest.get("response"))
        case {"request": str(identity), "answer": answer} if _HEX.fullmatch(identity):
            return identity.removeprefix("sha256:"), _from_own(file, number, answer)
        case {"request": dict(described), "answer": answer}:
            try:
                request = _REQUESTS.validate_json(json.dumps(described))
            except ValidationError as error:
                problem = f"this is no request: {error.errors()[0]['msg']}"
                raise ContentError(file, problem, line=number, field="request") from None
            return _key(request), _from_own(file, number, answer)
        case _:
            problem = "expected request and answer, or custom_id (a SHA-256) and response as in an OpenAI batch output"
            raise ContentError(file, problem, line=number)


def _from_batch(number: int, response: object) -> _Line:
    match response:
        case {"status_code": 200, "body": dict(body)}:
            return _Line(number, None, body)
        case {"status_code": int(status)}:
            failed = Failed(reason=FailureReason.UNREACHABLE, detail=f"the batch records HTTP {status}")
            return _Line(number, failed, None, is_error=True)
        case _:
            failed = Failed(reason=FailureReason.UNREACHABLE, detail="the batch records an error instead of an answer")
            return _Line(number, failed, None, is_error=True)


def _from_own(file: Path, number: int, answer: object) -> _Line:
    if isinstance(answer, str):
        return _Line(number, _text_answer(answer), None)
    try:
        return _Line(number, _RESPONSES.validate_json(json.dumps(answer)), None)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            failed = Failed(reason=FailureReason.INVALID_TEXT, detail="the answer holds a lone surrogate")
            return _Line(number, failed, None)
        raise ContentError(file, f"this is no answer: {first['msg']}", line=number, field="answer") from None


def _text_answer(text: str) -> Response:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return Failed(reason=FailureReason.INVALID_TEXT, detail="the answer holds a lone surrogate")
    if not text.strip():
        return Failed(reason=FailureReason.EMPTY, detail="the answer has no content")
    return GenerateAnswer(text=text, finish="stop", n_tokens=0)


def _response(request: Request, line: _Line) -> Response:
    """A recorded answer as the response to its request."""
    response = response_from(request, line.body) if line.response is None else line.response
    response = capped(response, limit=Limits().answer_characters)
    if isinstance(response, Failed) or request.kind in _KINDS[response.kind]:
        return response
    detail = f"an answer of kind {response.kind} was recorded for {request.kind}"
    return Failed(reason=FailureReason.MALFORMED, detail=detail)


def _kinds(lines: Iterable[_Line]) -> tuple[RequestKind, ...]:
    """Kinds of request that the answers can belong to."""
    kinds: set[RequestKind] = set()
    for line in lines:
        if line.response is not None:
            kinds.update(_KINDS[line.response.kind])
        else:
            kinds.add("generate")
            match line.body:
                case {"choices": [{"logprobs": dict()}, *_]}:
                    kinds.add("loglikelihood")
                case _:
                    pass
    return tuple(sorted(kinds))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
