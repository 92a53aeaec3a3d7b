"""HTTP to a server that may be slow, overloaded, wrong or hostile."""

import asyncio
import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import httpx

from verify.records import Failed, FailureReason
from verify.runtime.endpoint.bodies import Call

KEY_VARIABLE: Final = "VERIFY_API_KEY"
_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_TOO_LONG_WORDS: Final = ("context length", "context window", "maximum context", "max_model_len", "too many tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointLimits:
    """How hard a server may be asked, and how long it may take."""

    concurrency: int = 8
    """Calls in flight at once."""
    per_minute: float | None = None
    """Calls a minute; None is no limit of ours (Retry-After is honoured in any case)."""
    timeout_s: float = 300.0
    """Seconds for one call, from the first byte sent to the last one received."""
    tries: int = 6
    """Calls for one request, the first included."""
    backoff_s: float = 0.5
    """Longest pause before the first retry; doubles each time."""
    backoff_cap_s: float = 30.0
    retry_after_cap_s: float = 300.0
    response_bytes: int = 8 * 2**20


class Reply(NamedTuple):
    """What a call came to: a body, or the failure that is left after all tries."""

    body: dict[str, Any] | None
    failure: Failed | None
    status: int | None
    tries: int


class _Attempt(NamedTuple):
    reply: Reply | None
    failure: Failed
    wait_s: float | None


class EndpointClient:
    """Calls with retries, for one event loop.

    The key is read from the environment and lives in the client's headers only: no error, log or
    record of ours ever holds it, nor anything else of what the server wrote in an error.

    Args:
        base: Address that ends in `/v1`.
        limits: Concurrency, times and sizes.
        key_variable: Name of the environment variable that holds the key; unset means no key.
        seed: Of the jitter.
    """

    def __init__(self, base: str, *, limits: EndpointLimits, key_variable: str = KEY_VARIABLE, seed: int = 0) -> None:
        key = os.environ.get(key_variable, "")
        self._limits = limits
        self._jitter = random.Random(seed)  # noqa: S311  # spreads load; no secret
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._next_start = 0.0
        self._root = base.rstrip("/").removesuffix("/v1")
        self._http = httpx.AsyncClient(
            base_url=base,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(limits.timeout_s, connect=min(15.0, limits.timeout_s), pool=None),
            limits=httpx.Limits(max_connections=limits.concurrency),
            follow_redirects=False,  # a redirect could carry the key to another host
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, path: str) -> Reply:
        """One GET with retries."""
        return await self._retried("GET", path, None)

    async def post(self, call: Call) -> Reply:
        """One POST with retries; the API's calls change nothing, so repeating them is safe."""
        return await self._retried("POST", self._root + call.path if call.below_root else call.path, call.body)

    async def _retried(self, method: str, path: str, body: Mapping[str, Any] | None) -> Reply:
        async with self._slots:
            tries = 0
            while True:
                tries += 1
                await self._keep_rate()
                attempt = await self._attempt(method, path, body)
                if attempt.reply is not None:
                    return attempt.reply._replace(tries=tries)
                if tries >= self._limits.tries:
                    return Reply(None, attempt.failure, None, tries)
                await asyncio.sleep(self._pause(tries, attempt.wait_s))

    async def _attempt(self, method: str, path: str, body: Mapping[str, Any] | None) -> _Attempt:
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                async with self._http.stream(method, path, json=body) as response:
                    raw = await self._read(response)
        except (TimeoutError, httpx.TimeoutException):
            return _again(FailureReason.TIMEOUT, f"no answer within {self._limits.timeout_s:g} s")
        except (httpx.HTTPError, httpx.StreamError) as error:
            return _again(FailureReason.UNREACHABLE, f"the connection failed ({type(error).__name__})")
        if raw is None:
            failure = Failed(reason=FailureReason.TOO_LONG, detail=f"more than {self._limits.response_bytes} bytes")
            return _settled(failure, response.status_code)
        if response.status_code in _RETRIED:
            wait = _retry_after(response.headers.get("retry-after"))
            return _again(FailureReason.UNREACHABLE, f"the server answered HTTP {response.status_code}", wait)
        if response.status_code != httpx.codes.OK:
            return _settled(_refused(response.status_code, raw), response.status_code)
        try:
            value = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError):
            return _again(FailureReason.MALFORMED, "the server's answer is no JSON")
        if not isinstance(value, dict):
            return _again(FailureReason.MALFORMED, "the server's answer is no JSON object")
        return _Attempt(Reply(value, None, response.status_code, 1), _UNUSED, None)

    async def _read(self, response: httpx.Response) -> bytes | None:
        """The body; None when it exceeds the cap, of which no more than the cap is ever held."""
        data = bytearray()
        async for part in response.aiter_bytes(1 << 16):
            data += part
            if len(data) > self._limits.response_bytes:
                return None
        return bytes(data)

    async def _keep_rate(self) -> None:
        if self._limits.per_minute is None:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + 60.0 / self._limits.per_minute
        await asyncio.sleep(start - now)

    def _pause(self, tries: int, wait_s: float | None) -> float:
        """Full jitter over an exponential ceiling, after what the server asked for."""
        ceiling = min(self._limits.backoff_cap_s, self._limits.backoff_s * 2 ** (tries - 1))
        asked = min(wait_s or 0.0, self._limits.retry_after_cap_s)
        return asked + self._jitter.uniform(0.0, ceiling)


_UNUSED: Final = Failed(reason=FailureReason.UNREACHABLE)


def _again(reason: FailureReason, detail: str, wait_s: float | None = None) -> _Attempt:
    return _Attempt(None, Failed(reason=reason, detail=detail), wait_s)


def _settled(failure: Failed, status: int) -> _Attempt:
    return _Attempt(Reply(None, failure, status, 1), failure, None)


def _refused(status: int, raw: bytes) -> Failed:
    """A refusal that a repetition would not change; the server's own words are read, never kept."""
    words = raw[:4096].decode("utf-8", "replace").lower()
    if status in {400, 413, 422} and any(word in words for word in _TOO_LONG_WORDS):
        return Failed(reason=FailureReason.CONTEXT_TOO_LONG, detail=f"HTTP {status}: beyond the context window")
    if status in {401, 403}:
        return Failed(reason=FailureReason.UNREACHABLE, detail=f"HTTP {status}: the server wants another key")
    return Failed(reason=FailureReason.UNSUPPORTED, detail=f"the server refused the request (HTTP {status})")


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
