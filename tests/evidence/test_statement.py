"""Oracles: the DSSE specification's own vector; OpenSSL-made keys; in-toto Statement v1's required fields."""

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.evidence.small_run import make_evidence
from tests.evidence.test_audit import reseal
from verify.errors import EvidenceError
from verify.evidence import (
    Evidence,
    build_statement,
    check_integrity,
    layout,
    load_public_key,
    load_signing_key,
    sign,
    verify_signature,
    write_bundle,
)
from verify.evidence.statement import pre_authentication
from verify.records import Outcome


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def test_pre_authentication_is_the_specifications_own() -> None:
    encoded = pre_authentication("http://example.com/HelloWorld", b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_a_pass_is_passed(outcome: Outcome) -> None:
    evidence = make_evidence(outcome=outcome)

    statement = build_statement(plan=evidence.plan, subject=evidence.subject, results=evidence.results, files={})

    expected = "PASSED" if outcome is Outcome.PASS else "FAILED"
    assert statement["predicate"]["result"] == expected
    assert "WARNED" not in json.dumps(statement)
    assert statement["predicate"]["results"]["outcome"] == outcome.value


def test_statement_names_weights_and_suites_by_digest(evidence: Evidence) -> None:
    statement = build_statement(plan=evidence.plan, subject=evidence.subject, results=evidence.results, files={})

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [entry["name"] for entry in statement["subject"]] == [
        "작은 모델",
        "model.safetensors",
        "suite:privacy",
    ]
    assert all(len(entry["digest"]["sha256"]) == 64 for entry in statement["subject"])


def test_a_signature_verifies_and_any_change_breaks_it(key: Ed25519PrivateKey) -> None:
    envelope = sign(b'{"a": 1}', key=key)
    other = Ed25519PrivateKey.generate().public_key()

    assert verify_signature(envelope, keys=[other, key.public_key()]) == b'{"a": 1}'
    with pytest.raises(EvidenceError, match="no given key"):
        verify_signature(envelope, keys=[other])
    changed = {**envelope, "payload": base64.b64encode(b'{"a": 2}').decode()}
    with pytest.raises(EvidenceError, match="no given key"):
        verify_signature(changed, keys=[key.public_key()])


def test_the_key_id_is_not_trusted(key: Ed25519PrivateKey) -> None:
    envelope = sign(b"x", key=key)
    envelope["signatures"][0]["keyid"] = "somebody else"

    assert verify_signature(envelope, keys=[key.public_key()]) == b"x"


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({}, id="empty"),
        pytest.param({"payloadType": "x", "payload": "!", "signatures": []}, id="no base64"),
        pytest.param({"payloadType": "x", "payload": "eA==", "signatures": [3]}, id="signature is a number"),
        pytest.param({"payloadType": "text/plain", "payload": "eA==", "signatures": []}, id="other type"),
    ],
)
def test_a_malformed_envelope_is_an_evidence_error(envelope: dict[str, object], key: Ed25519PrivateKey) -> None:
    with pytest.raises(EvidenceError):
        verify_signature(envelope, keys=[key.public_key()])


def test_a_signed_bundle_is_checked_against_the_given_key(
    tmp_path: Path, evidence: Evidence, key: Ed25519PrivateKey
) -> None:
    write_bundle(tmp_path, evidence, key=key)

    assert check_integrity(tmp_path, keys=[key.public_key()]).signature_checked
    assert not check_integrity(tmp_path).signature_checked
    with pytest.raises(EvidenceError, match="no given key"):
        check_integrity(tmp_path, keys=[Ed25519PrivateKey.generate().public_key()])


def test_whoever_seals_again_without_the_key_is_caught(
    tmp_path: Path, evidence: Evidence, key: Ed25519PrivateKey
) -> None:
    write_bundle(tmp_path, evidence, key=key)
    envelope = (tmp_path / "statement.dsse.json").read_bytes()
    write_bundle(tmp_path, replace(evidence, scores=evidence.scores[:1]))  # type: ignore[index]

    with pytest.raises(EvidenceError, match="is not signed"):
        check_integrity(tmp_path, keys=[key.public_key()])
    (tmp_path / "statement.dsse.json").write_bytes(envelope)
    with pytest.raises(EvidenceError, match="not in the manifest"):
        check_integrity(tmp_path, keys=[key.public_key()])


def test_an_envelope_about_another_statement_is_seen_without_a_key(
    tmp_path: Path, evidence: Evidence, key: Ed25519PrivateKey
) -> None:
    write_bundle(tmp_path, evidence, key=key)
    (tmp_path / "statement.dsse.json").write_text(layout.to_text(sign(b"another", key=key)))
    reseal(tmp_path)

    with pytest.raises(EvidenceError, match="about another statement"):
        check_integrity(tmp_path)


def test_keys_made_by_openssl_load_and_sign(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    private.chmod(0o600)

    envelope = sign(b"x", key=load_signing_key(private))

    assert verify_signature(envelope, keys=[load_public_key(public)]) == b"x"


def test_a_signing_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    private = tmp_path / "key.pem"
    private.write_text("x")
    private.chmod(0o644)

    with pytest.raises(EvidenceError, match="chmod 600"):
        load_signing_key(private)


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_useless_key_file_is_an_evidence_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.pem"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(EvidenceError, match=r"key\.pem"):
        load_signing_key(path)
    with pytest.raises(EvidenceError, match=r"key\.pem"):
        load_public_key(path)
