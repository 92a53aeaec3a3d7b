"""A statement that travels: in-toto Statement v1 in a DSSE envelope, signed with Ed25519.

The statement names the subject's files, the suites and every evidence file by digest and carries the
whole results, so nothing that weakens a pass lies only in a field that a consumer may ignore. A run that
is inconclusive or incomplete is FAILED with its reason: consumers accept WARNED.

No trusted time is taken (RFC 3161 needs a service): the statement says so by having none.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from verify.errors import EvidenceError
from verify.evidence.digests import root_of
from verify.records import Outcome, Plan, Results, Subject

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:ax-verify:predicate:evaluation:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def build_statement(*, plan: Plan, subject: Subject, results: Results, files: Mapping[str, str]) -> dict[str, Any]:
    """The statement, a function of its arguments alone, so that an auditor can build it again.

    Args:
        plan: What was decided before the run.
        subject: Whose files the statement is about.
        results: Carried whole.
        files: Path -> digest of the evidence files (without statement and manifest).
    """
    named: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
    for verdict in results.verdicts:
        named[verdict.verdict].append(verdict.check)
    return {
        "_type": STATEMENT_TYPE,
        "subject": _subjects(plan, subject),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "PASSED" if results.outcome is Outcome.PASS else "FAILED",
            "outcome": results.outcome.value,
            "passedTests": named[Outcome.PASS],
            "failedTests": named[Outcome.FAIL],
            "undecidedTests": named[Outcome.INCONCLUSIVE] + named[Outcome.NOT_MEASURED],
            "decisionRule": plan.decision_rule,
            "digestCovers": subject.digest_covers,
            "trustedTime": None,
            "evidence": {"root": root_of(files), "files": dict(sorted(files.items()))},
            "results": results.to_json(),
        },
    }


def _subjects(plan: Plan, subject: Subject) -> list[dict[str, Any]]:
    named = [(subject.name, subject.digest)]
    named += [(file.name, file.sha256) for file in subject.files]
    named += [(f"suite:{suite.id}", suite.digest) for suite in plan.suites]
    return [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}} for name, digest in named]


def pre_authentication(payload_type: str, body: bytes) -> bytes:
    """The bytes that DSSE signs: type and body, each with its length before it.

    References:
        DSSE protocol 1.0.2, PAE.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def sign(payload: bytes, *, key: Ed25519PrivateKey) -> dict[str, Any]:
    """A DSSE envelope over `payload`."""
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()},
        ],
    }


def signed_payload(envelope: Mapping[str, Any]) -> bytes:
    """What an envelope says that was signed; nobody is vouched for until `verify_signature` was asked.

    Raises:
        EvidenceError: The envelope is malformed.
    """
    try:
        kind = str(envelope["payloadType"])
        payload = base64.b64decode(envelope["payload"], validate=True)
        for entry in envelope["signatures"]:
            base64.b64decode(entry["sig"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise EvidenceError(f"the signature is no DSSE envelope ({error})") from error
    if kind != PAYLOAD_TYPE:
        raise EvidenceError(f"the envelope holds {kind!r}, expected {PAYLOAD_TYPE!r}")
    return payload


def verify_signature(envelope: Mapping[str, Any], *, keys: Iterable[Ed25519PublicKey]) -> bytes:
    """The payload of an envelope that one of `keys` signed.

    The key id in the envelope is not authenticated, so every key is tried on every signature.

    Raises:
        EvidenceError: The envelope is malformed, or none of the keys signed it.
    """
    payload = signed_payload(envelope)
    signatures = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
    body = pre_authentication(PAYLOAD_TYPE, payload)
    for key in keys:
        for signature in signatures:
            try:
                key.verify(signature, body)
            except InvalidSignature:
                continue
            return payload
    raise EvidenceError("no given key made this signature; give the public key of whoever signed")


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key's SubjectPublicKeyInfo, as hexadecimal."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def load_signing_key(path: Path, *, password: bytes | None = None) -> Ed25519PrivateKey:
    """The Ed25519 private key in a PEM file (`openssl genpkey -algorithm ed25519`).

    Raises:
        EvidenceError: The file is unreadable, readable for others, or holds another kind of key.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise EvidenceError(f"{path}: other users can read this signing key; run chmod 600 on it")
        key = serialization.load_pem_private_key(path.read_bytes(), password=password)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot read the signing key ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: no usable PEM private key ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{path}: the key is not Ed25519; make one: openssl genpkey -algorithm ed25519")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The Ed25519 public key in a PEM file.

    Raises:
        EvidenceError: The file is unreadable or holds another kind of key.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"{path}: cannot read the public key ({error.strerror})") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: no usable PEM public key ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"{path}: the key is not Ed25519")
    return key


def read_envelope(path: Path) -> dict[str, Any]:
    """The envelope in a file.

    Raises:
        EvidenceError: The file is missing or no JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"{path}: cannot read the signature ({error.strerror})") from error
    except ValueError as error:
        raise EvidenceError(f"{path}: the signature is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise EvidenceError(f"{path}: the signature is no JSON object")
    return value
