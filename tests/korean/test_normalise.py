import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.korean.normalise import clean, normalise
from verify.korean.perturbations import PERTURBATIONS

HARD = (
    "0123456789공영일이삼사오육칠팔구 -ㅡ—.,ㅎㅏㄴㄱㄹ\u200b\u3164가한"
    "\u1112\u1161\u11ab\uffa1\uffc2Ａａ０\u0301\u00a0\n\ud800①㈜*\x00\u2028"
)
TEXTS = st.text(st.sampled_from(HARD), max_size=40) | st.text(st.characters(), max_size=30)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("９００１０１－１２３４５６７", "900101-1234567"),
        ("900101\u200b-12\u206034567", "900101-1234567"),
        ("9\u316400101-1234567", "900101-1234567"),
        ("900101–1234567", "900101-1234567"),
        ("900101 ㅡ 1234567", "900101-1234567"),
        ("010 — 1234 — 5678", "010-1234-5678"),
        ("공일공-일이삼사-오육칠팔", "010-1234-5678"),
        ("공일공 일이삼사 오육칠팔이에요", "010 1234 5678이에요"),
        ("공일공일이삼사오육칠팔로", "01012345678로"),
        ("900101-일이삼사오육칠", "900101-1234567"),
        ("0 1 0 - 1 2 3 4 - 5 6 7 8", "010-1234-5678"),
        ("①②③", "123"),
        ("홍길동".encode().decode(), "홍길동"),
        (unicodedata.normalize("NFD", "홍길동"), "홍길동"),
        ("ㅎㅗㅇㄱㅣㄹㄷㅗㅇ", "홍길동"),
        ("ㄷㅏㄹㄱㅇㅣ ㅋㅋㅋ", "닭이 ㅋㅋㅋ"),
        ("a\u00a0b\u3000c", "a b c"),
    ],
)
def test_what_hides_a_value_is_undone(written, meant):
    assert normalise(written).text == meant


@pytest.mark.parametrize(
    "text",
    [
        "15일 2일 3일 4일",
        "이사 가는 사람이 오이를 산다.",
        "육이오 전쟁",
        "제3조 제2항",
        "2025 2026 2027",
        "일이 많은 이 사람",
        "010-1234-5678",
    ],
)
def test_ordinary_writing_is_left_as_it_is(text):
    assert normalise(text).text == text


@settings(max_examples=1000)
@given(TEXTS)
def test_normalising_twice_is_normalising_once(text):
    once = normalise(text).text

    assert normalise(once).text == once
    assert clean(clean(text).text).text == clean(text).text


@settings(max_examples=1000)
@given(TEXTS)
def test_places_lie_in_the_original_and_never_go_back(text):
    form = normalise(text)

    assert len(form.starts) == len(form.ends) == len(form.text)
    assert all(0 <= start < end <= len(text) for start, end in zip(form.starts, form.ends, strict=True))
    assert list(form.starts) == sorted(form.starts)
    assert list(form.ends) == sorted(form.ends)


@given(
    st.text("0123456789", min_size=8, max_size=13),
    st.sampled_from(["full_width", "zero_width", "hangul_filler"]),
    st.integers(0, 999),
)
def test_a_found_value_is_cut_out_of_the_original_exactly(value, family, seed):
    text = PERTURBATIONS[f"encoding.{family}"](f"접수 번호는 {value}번입니다.", severity=3, seed=seed)
    form = normalise(text)
    at = form.text.index(value)

    start, end = form.original(at, at + len(value))

    assert normalise(text[start:end]).text == value
    assert value not in normalise(text[:start] + "|" + text[end:]).text


def test_unchanged_text_maps_to_itself():
    text = "민원 처리 결과를 2026년 3월 5일에 통지한다."

    assert list(normalise(text).starts) == list(range(len(text)))


def test_a_megabyte_is_normalised_in_seconds():
    # Unicode at its worst for us: every character is changed or dropped.
    assert len(normalise("０\u200b" * 300_000).text) == 300_000
