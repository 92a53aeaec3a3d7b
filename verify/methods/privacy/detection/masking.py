"""Redaction: every detection is replaced by a token, and the result holds nothing more to detect."""

import hashlib
import hmac
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from verify.errors import UsageError
from verify.methods.privacy.detection.detections import Detection, canonical
from verify.methods.privacy.detection.detector import PiiDetector, detector
from verify.methods.privacy.detection.tokens import TOKEN, mask

__all__ = ["Redacted", "mask", "redact"]

SHORTEST_KEY: Final = 16
_HASH_DIGITS: Final = 8


class Redacted(NamedTuple):
    """A text without personal data, and what was in it."""

    text: str
    findings: tuple[Detection, ...]
    """One for each token of the text, with the token as its text: never a raw value."""


def redact(
    text: str, *, key: bytes, allowed: AbstractSet[str] = frozenset(), using: PiiDetector | None = None
) -> Redacted:
    """A text in which each detection is a token ``⟦TYPE:mask:hash⟧``.

    The hash is HMAC-SHA256 over the type and the canonical value, cut to 32 bits: equal values of one
    run can be seen to be equal, and nobody without the key can try values. Redacting twice is
    redacting once, and detecting in the result gives the same types, as often, as ``findings``
    (besides allowed values).

    Args:
        text: Any text.
        key: Secret of the run, at least 16 bytes, kept outside the bundle.
        allowed: Canonical forms (`canonical`) of values that may stand, such as the canaries of a test.
        using: The detector; the one of all types if None.

    Raises:
        UsageError: The key is too short.
    """
    if len(key) < SHORTEST_KEY:
        raise UsageError(f"the redaction key has {len(key)} bytes; give at least {SHORTEST_KEY}")
    finder = using if using is not None else detector()
    while True:
        detections = finder.detect(text)
        tokens = tuple(found for found in detections if TOKEN.fullmatch(found.text))
        raw = [
            found for found in detections if not TOKEN.fullmatch(found.text) and canonical(found.text) not in allowed
        ]
        if not raw:
            return Redacted(text, tokens)
        out, end = [], 0
        for found in raw:
            out += [text[end : found.start], _token(found, key)]
            end = found.end
        text = "".join(out) + text[end:]


def _token(found: Detection, key: bytes) -> str:
    message = f"{found.type}:{canonical(found.text)}".encode("utf-8", "surrogatepass")
    digest = hmac.new(key, message, hashlib.sha256).hexdigest()[:_HASH_DIGITS]
    return f"⟦{found.type}:{mask(found.type, found.text)}:{digest}⟧"
