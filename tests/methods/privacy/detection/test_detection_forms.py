import calendar
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import UnknownNameError, UsageError
from verify.korean.identifiers import IDENTIFIERS, rrn_check_digit
from verify.methods.privacy.detection import PiiDetector, canonical


def _found(detector: PiiDetector, text: str) -> list[tuple[str, str]]:
    return [(hit.type, hit.text) for hit in detector.detect(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("본인의 주민등록번호는 900101-1234567입니다.", "KR_RRN", "900101-1234567"),
        ("주민번호 9001011234567로 조회", "KR_RRN", "9001011234567"),
        ("주민등록번호 ９００１０１–１２３４５６７", "KR_RRN", "９００１０１–１２３４５６７"),
        ("주민번호 구공공일공일 일이삼사오육칠", "KR_RRN", "구공공일공일 일이삼사오육칠"),
        ("외국인등록번호: 850315-6123456", "KR_FRN", "850315-6123456"),
        ("여권번호는 M123A4567이며", "KR_PASSPORT", "M123A4567"),
        ("여권 M12345678을 분실", "KR_PASSPORT", "M12345678"),
        ("면허증 11-12-123456-12", "KR_DRIVER_LICENSE", "11-12-123456-12"),
        ("사업자등록번호 124-81-00998", "KR_BRN", "124-81-00998"),
        ("법인등록번호 130111-0006246", "KR_CRN", "130111-0006246"),
        ("010-2345-6789로 연락", "KR_MOBILE", "010-2345-6789"),
        ("+82-10-2345-6789", "KR_MOBILE", "+82-10-2345-6789"),
        ("전화 02)2100-1234", "KR_LANDLINE", "02)2100-1234"),
        ("고객센터 1588-1234로", "KR_MAIN_NUMBER", "1588-1234"),
        ("농협은행 계좌 301-1234-5678-91로 입금", "KR_BANK_ACCOUNT", "301-1234-5678-91"),
        ("카드번호 4111-1111-1111-1111", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("건강보험증 번호 7-1234567890", "KR_HEALTH_INSURANCE", "7-1234567890"),
        ("차량 12가3456이 주차", "KR_VEHICLE_PLATE", "12가3456"),
        ("주소는 서울특별시 종로구 세종대로 209, 3층입니다", "KR_ADDRESS", "서울특별시 종로구 세종대로 209, 3층"),
        ("경기도 고양시 일산동구 장항동 123-4번지", "KR_ADDRESS", "경기도 고양시 일산동구 장항동 123-4번지"),
        ("hong.gd@example.go.kr로 보내", "EMAIL_ADDRESS", "hong.gd@example.go.kr"),
        ("hong(at)example.com", "EMAIL_ADDRESS", "hong(at)example.com"),
        ("서버 192.168.10.21에서", "IP_ADDRESS", "192.168.10.21"),
        ("서버 2001:db8:85a3::8a2e:370:7334에서", "IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334"),
    ],
)
def test_a_value_is_found_where_it_stands(by_form, text, kind, value):
    assert _found(by_form, text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "주문번호 9001011234567이 배송 중이다.",
        "바코드 8801062475001",
        "8801062475001",
        "9013321234567",
        "주민등록번호 990231-1234567",
        "2026112219300012",
        "법률 제19234호",
        "대법원 2019다123456 판결",
        "총액 1,588,123,400원",
        "버전 1.2.3.4",
        "2026. 3. 5. 14:30:00",
        "1592-1598년",
        "결과로 3명이 참여하였다.",
        "경기 부진으로 40대가 일자리를 잃었다.",
        "표시 길이가 4mm이다.",
        "속도는 1600 3200 6400 중 하나이다.",
        "101호 2026년",
        "",
        " ",
    ],
)
def test_what_only_looks_like_a_value_is_not_found(by_form, text):
    assert by_form.detect(text) == ()


@given(st.dates(), st.sampled_from("1234"), st.text("0123456789", min_size=6, max_size=6))
def test_a_failed_checksum_never_suppresses_a_resident_number(by_form, born, gender, tail):
    value = f"{born:%y%m%d}-{gender}{tail}"
    text = f"번호는 {value}입니다."

    hits = [hit for hit in by_form.detect(text) if hit.type == "KR_RRN"]

    year = (1900 if gender in "12" else 2000) + int(value[:2])
    exists = value[2:6] != "0229" or calendar.isleap(year)
    assert [hit.text for hit in hits] == ([value] if exists else [])


def test_a_checksum_that_holds_raises_the_confidence(by_form):
    stem = "900101-123456"
    right = rrn_check_digit(stem.replace("-", ""))

    holds, fails = (by_form.detect(f"{stem}{digit}")[0].confidence for digit in (right, (right + 1) % 10))

    assert holds > fails >= by_form.threshold


@given(st.integers(0, 10**9), st.sampled_from(["rrn", "frn", "mobile", "licence"]))
def test_offsets_are_those_of_the_text_as_given(by_form, index, name):
    value = IDENTIFIERS[name].at(index % IDENTIFIERS[name].size)
    text = f"👤 \u200b신청인 번호:\u00a0{value}, 확인함"

    hits = by_form.detect(text)

    assert [text[hit.start : hit.end] for hit in hits] == [hit.text for hit in hits]
    assert canonical(hits[0].text) == canonical(value)


@given(st.text())
def test_detections_are_in_order_and_apart_on_any_text(by_form, text):
    hits = by_form.detect(text)

    assert all(left.end <= right.start for left, right in pairwise(hits))
    assert all(text[hit.start : hit.end] == hit.text and by_form.threshold <= hit.confidence <= 1 for hit in hits)


def test_a_batch_gives_what_single_texts_give(by_form):
    texts = ["010-2345-6789", "", "주민번호 900101-1234567", "없음"] * 20

    assert by_form.detect_all(texts) == [by_form.detect(text) for text in texts]


@pytest.mark.parametrize(
    "unit", ["1", "-", "가", "0-", "a@", "::", "서울", "1 ", "공", "ㄱ", "\x00", "\ud800", "9.", "로1"]
)
def test_long_words_end_in_time(by_form, unit):
    # A limit for hanging, not a benchmark: a quadratic pattern would take hours on 200,000 characters.
    text = unit * (200_000 // len(unit)) + " 010-2345-6789"

    assert by_form.detect(text)[-1].text.endswith("6789")


def test_a_detector_of_nothing_or_of_unknown_types_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'KR_RRN'"):
        PiiDetector(types=frozenset({"KR_RNN"}))
    with pytest.raises(UsageError, match="at least one"):
        PiiDetector(types=frozenset())
    with pytest.raises(UsageError, match="threshold"):
        PiiDetector(types=frozenset({"KR_RRN"}), threshold=0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("010-2345-6789", "０１０ 2345–6789"),
        ("+82-10-2345-6789", "01023456789"),
        ("900101-1234567", "구공공일공일-일이삼사오육칠"),
        ("Hong@Example.com", "hong@example.com"),
        ("서울특별시 종로구", "서울특별시종로구"),
    ],
)
def test_two_ways_to_write_a_value_have_one_canonical_form(one, other):
    assert canonical(one) == canonical(other)
