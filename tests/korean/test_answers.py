from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import UsageError
from verify.korean.answers import extract, same_answer
from verify.korean.numerals import number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30,000", 30000), ("3만", 30000), ("삼만", 30000), ("3만 5천", 35000), ("삼만오천이백", 35200), ("만", 10000),
        ("1억 2천만", 120_000_000), ("십이억", 1_200_000_000), ("1.5억", 150_000_000), ("백이십", 120), ("일공오", 105),
        ("스물세", 23), ("열", 10), ("영", 0), ("이천이십육", 2026), ("천", 1000), ("2조 3천억", 2_300_000_000_000),
    ],
)  # fmt: skip
def test_numerals_are_read_exactly(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["", "30,00", "만억", "억", "삼십백", "가", "3 5", "일만만", "1,0000", "3..5", "열하나둘"]
)
def test_what_is_no_numeral_is_none(text):
    assert number(text) is None


def _sino(value: int) -> str:
    """Oracle: spells a number out as schools teach it, the other way round from the reader."""
    out = ""
    for power, unit in ((10**8, "억"), (10**4, "만"), (1, "")):
        part, value = divmod(value, power)
        if not part:
            continue
        for place, small in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
            digit, part = divmod(part, place)
            if digit:
                out += ("" if digit == 1 and small else "일이삼사오육칠팔구"[digit - 1]) + small
        out += unit
    return out or "영"


@given(st.integers(0, 10**12 - 1))
def test_spelt_numbers_are_read_back(value):
    spelt = _sino(value)
    # 일만 is written 만 at the front of a number, both are right; a lone 일 is the digit.
    assert number(spelt) == value
    assert number(f"{value:,}") == Fraction(value)


SAME = [
    ("삼만 원", "30,000원"), ("3만원", "30000원"), ("3만 5천원", "35,000원"), ("1.5억 원", "1억 5천만원"),
    ("₩30,000", "3만 원"),
    ("정답은 3만원입니다.", "30000"), ("2026년 3월 5일", "2026-03-05"), ("26.3.5.", "2026. 3. 5."),
    ("2026/3/5", "20260305"),
    ("이천이십육년 삼월 오일", "2026-03-05"), ("2026. 3. 5.(목)", "2026년 3월 5일입니다"), ("유월 육일", "6월 6일"),
    ("시월 삼일", "10월 3일"), ("오후 2시 30분", "14:30"), ("14시 30분입니다.", "오후 두시 반"), ("세 명", "3명"),
    ("스무 살이에요", "20세"),
    ("010-1234-5678", "01012345678"), ("+82-10-1234-5678", "010-1234-5678"), ("02)120-1234", "02-120-1234"),
    ("'서울특별시'", "서울특별시"), ("서울특별시입니다.", "서울 특별시"), ("**주민센터**", "주민센터"),
    ("행정안전부가", "행정안전부"),
    ("50퍼센트", "50%"), ("제15조", "15조"), ("3개월", "세 달"), ("15일까지", "15일"), ("3.0", "3"),
    ("Ｓｅｏｕｌ", "seoul"),
    ("「민원 처리에 관한 법률」", "민원처리에 관한 법률"), ("(나)", "나"), ("15", "15일"),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "accepted"), SAME)
def test_ways_to_say_the_same_are_the_same(given_, accepted):
    assert same_answer(given_, [accepted])
    assert same_answer(accepted, [given_])


DIFFERENT = [
    ("3만원", "30만원"), ("15일", "50일"), ("15일", "15개월"), ("15일", "15명"), ("3월 5일", "3월 15일"),
    ("오전 2시", "오후 2시"),
    ("010-1234-5678", "010-1234-5679"), ("30,00", "3000"), ("서울", "서울역"), ("2026-03-05", "2025-03-05"),
    ("3월 5일", "2026년 3월 5일"), ("1억", "1조"), ("약 3만원", "3만원"), ("-5도", "5도"), ("가구", "9가구"),
    ("제3조", "3항"),
    ("3만원 또는 4만원", "3만원"), ("2026-13-05", "2026-03-05"), ("15조", "15"), ("", "3"),
    ("행정안전부", "행정자치부"),
    ("26.3.5.", "1926.3.5."), ("삼천", "삼천리"), ("0.5%", "5%"), ("1.5", "15"), ("3000000", "3,000,00"),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "accepted"), DIFFERENT)
def test_what_looks_alike_is_not_the_same(given_, accepted):
    assert not same_answer(given_, [accepted])


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["원", "명", "일", "%", ""]))
def test_quantities_are_the_same_only_if_equal(mine, theirs, unit):
    assert same_answer(f"{mine:,}{unit}", [f"{theirs}{unit}"]) == (mine == theirs)


@given(st.text(max_size=30))
def test_every_answer_that_says_something_equals_itself(text):
    answer = f"가{text}나"

    assert same_answer(answer, [answer])
    assert not same_answer(answer, ["서울특별시"])


def test_nothing_to_accept_is_refused():
    with pytest.raises(UsageError, match="at least one"):
        same_answer("3", [])
    with pytest.raises(UsageError, match="says nothing"):
        same_answer("3", ["3", " . "])


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("생각해 보면 3+4=7이다.\n따라서 정답은 7입니다.", "7입니다."),
        ("**정답:** ② 서울", "② 서울"),
        ("최종 답변: 3만 원", "3만 원"),
        ("정답: 2\n다시 보니 틀렸다.\n정답: 3", "3"),
        ("Answer: B", "B"),
        ("서울", "서울"),
        ("길게 말하면 이렇다.\n저렇다.", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_answer_is_cut_out_of_a_longer_text(response, answer):
    assert extract(response) == answer


@given(st.text(st.sampled_from("정답은: 서울부산\n*.a①")))
def test_what_is_extracted_occurs_in_the_response(response):
    found = extract(response)

    assert found is None or found in response
