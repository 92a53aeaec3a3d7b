import subprocess
import sys

import pytest

from verify.methods.privacy.detection import detector, redact
from verify.methods.privacy.detection.names import Eojeol, Morpheme, names


def _word(text: str, start: int, *morphemes: tuple[str, str, bool]) -> Eojeol:
    out, at = [], start
    for form, tag, known in morphemes:
        out.append(Morpheme(form, tag, at, at + len(form), known))
        at += len(form)
    return Eojeol(text, start, text, tuple(out))


def test_a_label_and_an_unknown_noun_are_a_name():
    words = [
        _word("담당자는", 0, ("담당자", "NNG", True), ("는", "JX", True)),
        _word("방다은이다.", 5, ("방다은", "NNG", False), ("이", "VCP", True), ("다", "EF", True), (".", "SF", True)),
    ]

    assert [(name.start, name.end) for name in names(words) if name.confidence >= 0.5] == [(5, 8)]


def test_a_word_that_goes_on_past_the_name_is_no_name():
    words = [_word("우리나라", 0, ("우리나라", "NNG", True))]

    assert all(name.confidence < 0.5 for name in names(words))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("신청인 김서준은 민원실에서 대기 중이다.", ["김서준"]),
        ("성명: 김나은, 연락처 없음", ["김나은"]),
        ("담당자는 이나래 주무관(사회복지과)입니다.", ["이나래"]),
        ("예금주 황보민서", ["황보민서"]),
        ("조사 결과를 정리하여 이번 주에 보고한다.", []),
        ("서울시와 강원도의 지원 대상을 확대한다.", []),
        ("우리나라의 정보 공개 제도를 안내한다.", []),
    ],
)
def test_names_are_told_from_words_that_look_alike(text, expected):
    assert [hit.text for hit in detector().detect(text) if hit.type == "PERSON"] == expected


@pytest.mark.slow
def test_redaction_with_names_is_a_fixed_point():
    key = b"a key for tests only"
    text = "신청인 김서준(900101-1234567)은 이나래 주무관에게 문의하였다. 남궁선우 과장, 성명 박지민."

    once = redact(text, key=key)

    assert redact(once.text, key=key) == once
    assert [hit.type for hit in detector().detect(text)] == [hit.type for hit in once.findings]
    assert not any(name in once.text for name in ("김서준", "이나래", "남궁선우", "박지민"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["가" * 200_000, "김서준 " * 5_000, "\ud800\x00\uffff 김서준 씨", "😀 김서준 씨가 왔다"]
)
def test_odd_and_long_texts_are_read_in_time(text):
    hits = detector().detect(text)

    assert all(text[hit.start : hit.end] == hit.text for hit in hits)


def test_importing_the_package_loads_neither_presidio_nor_kiwi():
    code = (
        "import sys, verify.methods.privacy.detection as d\n"
        "assert not {'presidio_analyzer', 'kiwipiepy', 'spacy', 'torch'} & set(sys.modules)\n"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_detecting_opens_no_connection():
    # tldextract, which presidio's e-mail recogniser uses, fetches a list on first use.
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('the network was used')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from verify.methods.privacy.detection import TYPES, PiiDetector\n"
        "d = PiiDetector(types=frozenset(TYPES) - {'PERSON'})\n"
        "assert len(d.detect('hong@example.com, 192.168.10.21, 010-2345-6789')) == 3\n"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
