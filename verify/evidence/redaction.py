"""Personal data leave an answer before anything is kept, and no file of a bundle holds them.

A value may stand where it was in the question already, or where the test itself planted it (synthetic).
All else becomes a token `⟦TYPE:mask:hash⟧`; the hash is keyed with a secret of the run, so that low-entropy
values (10^8 telephone numbers) cannot be tried out by whoever holds the bundle.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from verify.errors import EvidenceError
from verify.evidence.vault import Vault
from verify.methods.privacy.detection import PiiDetector, canonical, detector, redact
from verify.records import GenerateAnswer, Request, Response, canonical_json

KEY = "redaction.key"
KEY_BYTES = 32
IDENTIFIERS = frozenset(
    {"KR_RRN", "KR_FRN", "KR_PASSPORT", "KR_DRIVER_LICENSE", "KR_MOBILE", "CREDIT_CARD", "EMAIL_ADDRESS"}
)
"""Types whose form alone tells them apart from the numbers of a bundle."""


_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Hit(NamedTuple):
    """Personal data in a file."""

    file: Path
    line: int
    type: str


def gate(
    workings: Path, *, known: Iterable[str], vault: Vault | None = None
) -> Callable[[Request, Response], Response]:
    """What every answer passes before it is kept or scored.

    Args:
        workings: `.run/` of the bundle; the run's key lies there, readable by its owner only. It is made
            once and used again when the run is resumed, so that equal values keep equal tokens.
        known: Synthetic values that the items plant.
        vault: Takes the answers that are redacted as they were; none are kept where it is None.

    Raises:
        EvidenceError: The key cannot be read or made, or was damaged.
    """
    key = run_key(workings)
    planted = frozenset(map(canonical, known))

    def pass_on(request: Request, response: Response) -> Response:
        if not isinstance(response, GenerateAnswer):
            return response
        clean = {
            name: _clean(text, request=request, planted=planted, key=key)
            for name, text in (("text", response.text), ("thinking", response.thinking))
        }
        if vault is not None and clean != {"text": response.text, "thinking": response.thinking}:
            vault.add(request, response)
        return response.model_copy(update=clean)

    return pass_on


def _clean(text: str, *, request: Request, planted: AbstractSet[str], key: bytes) -> str:
    if not text or redact(text, key=key, allowed=planted).text == text:
        return text
    asked = _question(request)
    given = {canonical(found.text) for found in detector().detect(asked)}
    given |= {canonical(found.text) for found in detector().detect(text) if found.text in asked}
    return redact(text, key=key, allowed=planted | given).text


def _question(request: Request) -> str:
    if request.kind != "generate":
        return canonical_json(request.to_json()).decode("utf-8", "replace")
    return request.prompt if request.prompt is not None else "\n".join(m.content for m in request.messages)


def run_key(workings: Path) -> bytes:
    """The secret of a run, made on first use.

    Raises:
        EvidenceError: It cannot be read or made, or is not the key that was written.
    """
    path = workings / KEY
    try:
        workings.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path}: cannot keep the run's redaction key ({error.strerror})") from error
    if len(key) != KEY_BYTES:
        raise EvidenceError(f"{path}: damaged; answers kept so far cannot be matched, start with another --out")
    return key


def _make_key(path: Path) -> None:
    """Write the key whole or not at all, for its owner only."""
    partial = path.with_name(f"{KEY}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(secrets.token_bytes(KEY_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def scan_files(
    folder: Path, *, types: frozenset[str] = IDENTIFIERS, allowed: AbstractSet[str] = frozenset()
) -> Iterator[Hit]:
    """Personal data in the files of a folder; tokens, digests and `.run/` are left out.

    Args:
        folder: A bundle, a report, or any folder of UTF-8 text.
        types: What to look for; by default what its form alone tells apart.
        allowed: Values that may stand, such as planted ones.
    """
    fine = frozenset(map(canonical, allowed))
    finder = PiiDetector(types=types)
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or ".run" in path.relative_to(folder).parts:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        lines = _DIGEST.sub("-", text).split("\n")  # among 64 hexadecimal digits every number occurs by chance
        for number, found in enumerate(finder.detect_all(lines), start=1):
            for hit in found:
                if not hit.text.startswith("⟦") and canonical(hit.text) not in fine:
                    yield Hit(path, number, hit.type)
