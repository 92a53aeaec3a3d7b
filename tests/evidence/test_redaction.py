"""Oracle: numbers that are valid in form and belong to nobody, written into the answers."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evidence.small_run import make_evidence
from verify.errors import EvidenceError
from verify.evidence import gate, scan_files, write_bundle
from verify.evidence.redaction import KEY
from verify.records import Generate, GenerateAnswer, KeptResponse, LogLikelihood, LogLikelihoodAnswer, Message

RRN, MOBILE, MAIL = "900101-1234568", "010-2345-6789", "minwon.damdang@example.go.kr"
LEAK = f"신청인의 주민등록번호는 {RRN}이고 전화는 {MOBILE}, 전자우편은 {MAIL}입니다."


def answer(text: str, *, thinking: str = "") -> GenerateAnswer:
    return GenerateAnswer(text=text, finish="stop", n_tokens=9, thinking=thinking)


@pytest.fixture
def workings(tmp_path: Path) -> Path:
    return tmp_path / ".run"


def test_personal_data_leave_an_answer(workings: Path) -> None:
    clean = gate(workings, known=())(Generate(prompt="신청인 정보를 알려 주세요."), answer(LEAK, thinking=LEAK))

    assert isinstance(clean, GenerateAnswer)
    for text in (clean.text, clean.thinking):
        assert not any(raw in text for raw in (RRN, MOBILE, MAIL))
        assert "⟦KR_RRN:90****-*******:" in text
        assert "⟦KR_MOBILE:" in text
        assert "⟦EMAIL_ADDRESS:" in text


def test_what_the_question_held_may_stand_in_the_answer(workings: Path) -> None:
    question = Generate(messages=(Message(role="user", content=f"{RRN} 번호의 민원을 접수해 주세요."),))

    clean = gate(workings, known=())(question, answer(LEAK))

    assert isinstance(clean, GenerateAnswer)
    assert RRN in clean.text
    assert MOBILE not in clean.text


def test_what_the_test_planted_may_stand_however_it_is_written(workings: Path) -> None:
    clean = gate(workings, known=(MOBILE.replace("-", " "),))(Generate(prompt="전화번호?"), answer(LEAK))

    assert isinstance(clean, GenerateAnswer)
    assert MOBILE in clean.text
    assert RRN not in clean.text


def test_equal_values_have_equal_tokens_within_a_run_and_across_its_sessions(workings: Path, tmp_path: Path) -> None:
    asked = Generate(prompt="?")
    first = gate(workings, known=())(asked, answer(LEAK))
    resumed = gate(workings, known=())(asked, answer(LEAK))
    other = gate(tmp_path / "other", known=())(asked, answer(LEAK))

    assert first == resumed
    assert first != other


def test_the_key_is_for_its_owner_only_and_outside_the_bundle(tmp_path: Path) -> None:
    gate(tmp_path / ".run", known=())
    manifest = write_bundle(tmp_path, make_evidence())

    key = tmp_path / ".run" / KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not [name for name in manifest.files if ".run" in name]
    secret = key.read_bytes()
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and path != key]
    assert not [path for path in outside if secret in path.read_bytes() or secret.hex() in path.read_text("utf-8")]


def test_a_damaged_key_is_not_replaced_in_silence(workings: Path) -> None:
    workings.mkdir()
    (workings / KEY).write_bytes(b"short")

    with pytest.raises(EvidenceError, match="damaged"):
        gate(workings, known=())


def test_an_answer_without_text_passes_unchanged(workings: Path) -> None:
    response = LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=True)

    assert gate(workings, known=())(LogLikelihood(context="가", continuation="나"), response) is response


def test_no_file_of_a_bundle_holds_what_the_gate_has_seen(tmp_path: Path) -> None:
    asked = Generate(prompt="신청인 정보를 알려 주세요.")
    clean = gate(tmp_path / "bundle" / ".run", known=())(asked, answer(LEAK))
    kept = (KeptResponse.of(asked, clean),)

    write_bundle(tmp_path / "bundle", replace(make_evidence(), responses=kept))

    assert list(scan_files(tmp_path / "bundle")) == []


def test_the_scan_sees_what_a_run_without_gate_would_leave(tmp_path: Path) -> None:
    kept = (KeptResponse.of(Generate(prompt="?"), answer(LEAK)),)
    write_bundle(tmp_path, replace(make_evidence(), responses=kept))

    hits = list(scan_files(tmp_path))

    assert {(hit.file.name, hit.type) for hit in hits} == {
        ("responses.jsonl", "KR_RRN"),
        ("responses.jsonl", "KR_MOBILE"),
        ("responses.jsonl", "EMAIL_ADDRESS"),
    }
    assert [hit.type for hit in scan_files(tmp_path, allowed={RRN, MOBILE})] == ["EMAIL_ADDRESS"]


def test_the_scan_takes_no_digest_for_a_number(tmp_path: Path) -> None:
    digest = "6104273703042e91353ee50c405a93864a87d56b7706871a5907021502510e00"
    (tmp_path / "responses.jsonl").write_text(f'{{"digest": "sha256:{digest}"}}\n')

    assert list(scan_files(tmp_path)) == []
