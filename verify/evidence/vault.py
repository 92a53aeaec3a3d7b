"""The vault: raw texts of redacted answers, encrypted for one person, in a file outside the bundle.

A run holds the public key only and can add, not read. Each record has a key of its own (X25519 with a fresh
ephemeral key, HKDF-SHA256) and is sealed with ChaCha20-Poly1305 over the text; what it belongs to - plan,
recipient, place, request, the line before it - is authenticated with it. So a record that was altered, moved,
taken from another vault, or whose predecessor is missing does not open, and says so. Who holds the public key
could write a vault anew as a whole; the bundle therefore notes the digest of the file in `conduct.json`.

One JSON line a record, synced before the redacted answer is kept: what the journal holds, the vault holds. A last
line without its end was cut off by a loss of power, was never acknowledged, and is dropped on resuming.

References:
    RFC 7748 (X25519), RFC 5869 (HKDF), RFC 8439 (ChaCha20-Poly1305).
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, ValidationError

from verify.errors import EvidenceError, UsageError
from verify.records import Digest, GenerateAnswer, Record, Request, canonical_json

_NONCE = bytes(12)
"""Every key seals one record, so that the nonce may be the same."""
MAKE = "openssl genpkey -algorithm x25519 -out vault.pem; openssl pkey -in vault.pem -pubout -out vault.pub.pem"
"""How a pair of keys is made."""


class _Header(Record):
    """First line: whose answers, for whom."""

    vault: Literal["ax-verify/vault/1"] = "ax-verify/vault/1"
    plan: Digest
    recipient: Digest
    """`sha256:` of the raw public key."""


class _Sealed(Record):
    """One line: one redacted answer."""

    request: Digest
    previous: Digest
    """Digest of the line before this one."""
    ephemeral: str
    sealed: str = Field(min_length=1)


class Opened(Record):
    """One redacted answer as the subject wrote it."""

    request: Digest
    """Content digest of the request, as in `responses.jsonl`."""
    text: str
    thinking: str = ""


class Vault:
    """A vault that a run adds to.

    Args:
        file: Made where it is missing, readable by its owner only; that of the same run is continued.
        key: Of the person who may read it.
        plan_digest: Digest of the run's plan.

    Raises:
        UsageError: The file is another run's, for another key, or no vault.
        OSError: It cannot be written.
    """

    def __init__(self, file: Path, *, key: X25519PublicKey, plan_digest: str) -> None:
        self.file = file
        self._key, self._header = key, _Header(plan=plan_digest, recipient=recipient(key))
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        self._stream: BinaryIO = os.fdopen(handle, "r+b")
        try:
            lines = _whole_lines(self._stream)
            if lines:
                self._continue(lines)
            else:
                self._last = b""
                self._append(self._header)
        except BaseException:
            self._stream.close()
            raise
        self.records = max(0, len(lines) - 1)
        """Records that lie in the file."""

    def add(self, request: Request, answer: GenerateAnswer) -> None:
        """Seal an answer as the subject gave it; it is on the disk when this returns."""
        ephemeral = X25519PrivateKey.generate()
        public = _raw(ephemeral.public_key())
        opened = Opened(request=request.content_digest(), text=answer.text, thinking=answer.thinking)
        previous = _digest(self._last)
        body = canonical_json(opened.to_json())
        bound = _bound(self._header, opened.request, previous)
        key = _derived(ephemeral.exchange(self._key), ephemeral=public, recipient=_raw(self._key))
        self._append(
            _Sealed(
                request=opened.request,
                previous=previous,
                ephemeral=_encoded(public),
                sealed=_encoded(ChaCha20Poly1305(key).encrypt(_NONCE, body, bound)),
            )
        )
        self.records += 1

    def close(self) -> None:
        """End writing; the vault may be continued."""
        self._stream.close()

    def __enter__(self) -> Self:
        """The vault itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _append(self, record: Record) -> None:
        line = canonical_json(record.to_json())
        self._stream.write(line + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._last = line

    def _continue(self, lines: list[bytes]) -> None:
        try:
            header = _Header.model_validate_json(lines[0])
        except ValidationError as error:
            raise UsageError(f"{self.file}: is no vault; give another file as --vault") from error
        if header.plan != self._header.plan:
            raise UsageError(f"{self.file}: holds the answers of another run; give another file as --vault")
        if header.recipient != self._header.recipient:
            raise UsageError(f"{self.file}: was begun with another --vault-key; give that one")
        self._last = lines[-1]


def open_vault(file: Path, *, key: X25519PrivateKey | None = None) -> Iterator[Opened | _Sealed]:
    """The records of a vault in the order of the run: opened with the key, sealed without it.

    Args:
        file: The vault.
        key: The private key of the person it was sealed for.

    Raises:
        EvidenceError: It is no vault or for another key; or a record was altered, moved, cut off or is missing
            its predecessor. What lies before the fault has been given by then.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{file}: cannot read the vault ({error.strerror})") from error
    *lines, rest = content.split(b"\n")
    try:
        header = _Header.model_validate_json(lines[0] if lines else rest)
    except ValidationError as error:
        raise EvidenceError(f"{file}: no vault: its first line says neither plan nor recipient") from error
    if key is not None and recipient(key.public_key()) != header.recipient:
        raise EvidenceError(
            f"{file}: sealed for the key {header.recipient[:19]}, the one given is "
            f"{recipient(key.public_key())[:19]}; give the private key that belongs to the run's --vault-key"
        )
    previous = lines[0] if lines else b""
    for number, line in enumerate(lines[1:], start=2):
        try:
            sealed = _Sealed.model_validate_json(line)
        except ValidationError as error:
            raise EvidenceError(f"{file}:{number}: no record of a vault; the line was altered") from error
        if sealed.previous != _digest(previous):
            raise EvidenceError(f"{file}:{number}: a record before this one is missing, was altered or moved")
        yield sealed if key is None else _opened(sealed, header, key=key, place=f"{file}:{number}")
        previous = line
    if rest:
        raise EvidenceError(
            f"{file}: the last record is cut off; it was never acknowledged, and the resumed run writes it again"
        )


def recipient(key: X25519PublicKey) -> str:
    """`sha256:` of a raw public key: whom a vault is for."""
    return _digest(_raw(key))


def load_vault_key(path: Path) -> X25519PublicKey:
    """The X25519 public key in a PEM file.

    Raises:
        EvidenceError: The file is unreadable or holds another kind of key.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"{path}: cannot read the vault's key ({error.strerror})") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: no usable PEM public key; make a pair: {MAKE}") from error
    if not isinstance(key, X25519PublicKey):
        raise EvidenceError(f"{path}: the key is not X25519; make a pair: {MAKE}")
    return key


def load_opening_key(path: Path) -> X25519PrivateKey:
    """The X25519 private key in a PEM file.

    Raises:
        EvidenceError: The file is unreadable, readable for others, or holds another kind of key.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise EvidenceError(f"{path}: other users can read this private key; run chmod 600 on it")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot read the private key ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: no usable PEM private key ({error})") from error
    if not isinstance(key, X25519PrivateKey):
        raise EvidenceError(f"{path}: the key is not X25519; give the one that belongs to the run's --vault-key")
    return key


def _opened(sealed: _Sealed, header: _Header, *, key: X25519PrivateKey, place: str) -> Opened:
    try:
        public = base64.b64decode(sealed.ephemeral, validate=True)
        secret = key.exchange(X25519PublicKey.from_public_bytes(public))
        one = _derived(secret, ephemeral=public, recipient=_raw(key.public_key()))
        body = ChaCha20Poly1305(one).decrypt(
            _NONCE, base64.b64decode(sealed.sealed, validate=True), _bound(header, sealed.request, sealed.previous)
        )
        opened = Opened.model_validate_json(body)
    except (InvalidTag, ValueError) as error:
        raise EvidenceError(
            f"{place}: the record does not open: it was altered, moved, or taken from another vault"
        ) from error
    if opened.request != sealed.request:
        raise EvidenceError(f"{place}: the record holds the answer to another request")
    return opened


def _bound(header: _Header, request: str, previous: str) -> bytes:
    """What is authenticated with a record; the digest of the line before fixes its place."""
    return canonical_json({**header.to_json(), "request": request, "previous": previous})


def _derived(secret: bytes, *, ephemeral: bytes, recipient: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=ephemeral + recipient, info=b"ax-verify/vault/1").derive(
        secret
    )


def _whole_lines(stream: BinaryIO) -> list[bytes]:
    """The lines that were written to their end; what lies behind them is cut off."""
    content = stream.read()
    whole = content.rfind(b"\n") + 1
    stream.truncate(whole)
    stream.seek(whole)
    return content[:whole].split(b"\n")[:-1]


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
