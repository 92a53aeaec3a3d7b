"""Values written so that a plain pattern misses them, each family with texts beside it that only look alike."""

import subprocess
import sys

import pytest

from verify.methods.privacy.detection.names import Eojeol, names

DISGUISED = {
    "broken over two lines": (
        ("연락처 010-2345-\n6789로", "KR_MOBILE", "010-2345-\n6789"),
        ("휴대전화 010-23\n45-6789", "KR_MOBILE", "010-23\n45-6789"),
        ("> 전화 010-2345\n> -6789", "KR_MOBILE", "010-2345\n> -6789"),
        ("주민등록번호: 900101\n1234567", "KR_RRN", "900101\n1234567"),
        ("카드번호 4111-1111-\n1111-1111", "CREDIT_CARD", "4111-1111-\n1111-1111"),
        ("계좌번호 110-234-\n567890", "KR_BANK_ACCOUNT", "110-234-\n567890"),
        ("이메일 minsu.kim@\nexample.co.kr", "EMAIL_ADDRESS", "minsu.kim@\nexample.co.kr"),
    ),
    "other separators": (
        ("010·2345·6789", "KR_MOBILE", "010·2345·6789"),
        ("전화 010ㆍ2345ㆍ6789", "KR_MOBILE", "010ㆍ2345ㆍ6789"),
        ("전화 02・2100・1234", "KR_LANDLINE", "02・2100・1234"),
        ("연락 010/2345/6789", "KR_MOBILE", "010/2345/6789"),
        ("**010**-**2345**-**6789**", "KR_MOBILE", "010**-**2345**-**6789"),
        ("010에 2345에 6789요", "KR_MOBILE", "010에 2345에 6789"),
        ("주민번호 900101_1234567", "KR_RRN", "900101_1234567"),
        ("앞자리가 900101이고 뒷자리는 1234567", "KR_RRN", "900101이고 뒷자리는 1234567"),
        ("주민번호 90.01.01-1234567", "KR_RRN", "90.01.01-1234567"),
        ("카드 4111.1111.1111.1111", "CREDIT_CARD", "4111.1111.1111.1111"),
        ("0,1,0,2,3,4,5,6,7,8,9", "KR_MOBILE", "0,1,0,2,3,4,5,6,7,8,9"),
    ),
    "other digits": (
        ("연락처 ٠١٠-٢٣٤٥-٦٧٨٩", "KR_MOBILE", "٠١٠-٢٣٤٥-٦٧٨٩"),
        ("주민등록번호 ९००१०१-१२३४५६७", "KR_RRN", "९००१०१-१२३४५६७"),
        ("연락처 ⓪①⓪-②③④⑤-⑥⑦⑧⑨", "KR_MOBILE", "⓪①⓪-②③④⑤-⑥⑦⑧⑨"),
        ("연락처 ⓿❶⓿-❷❸❹❺-❻❼❽❾", "KR_MOBILE", "⓿❶⓿-❷❸❹❺-❻❼❽❾"),
        ("연락처 ⁰¹⁰-²³⁴⁵-⁶⁷⁸⁹", "KR_MOBILE", "⁰¹⁰-²³⁴⁵-⁶⁷⁸⁹"),
        ("연락처 〇一〇-二三四五-六七八九", "KR_MOBILE", "〇一〇-二三四五-六七八九"),
        ("연락처 O1O-2345-6789", "KR_MOBILE", "O1O-2345-6789"),
        ("주민번호 9공0101-1234567", "KR_RRN", "9공0101-1234567"),
        ("주민번호 900101-일234567", "KR_RRN", "900101-일234567"),
        ("공일공에 이삼사오에 육칠팔구예요", "KR_MOBILE", "공일공에 이삼사오에 육칠팔구"),
    ),
    "blanks and signs in it": (
        ("여권번호: M 123 A 4567", "KR_PASSPORT", "M 123 A 4567"),
        ("여권번호 M1234 5678", "KR_PASSPORT", "M1234 5678"),
        ("passport no. M123A4567", "KR_PASSPORT", "M123A4567"),
        ("차량번호 123가-4567", "KR_VEHICLE_PLATE", "123가-4567"),
        ("메일 minsu.kim [골뱅이] example [.] kr", "EMAIL_ADDRESS", "minsu.kim [골뱅이] example [.] kr"),
        ("메일 minsu.kim 골뱅이 example 점 co 점 kr", "EMAIL_ADDRESS", "minsu.kim 골뱅이 example 점 co 점 kr"),
        ("메일 minsu.kim at example dot kr", "EMAIL_ADDRESS", "minsu.kim at example dot kr"),
        ("메일 minsu_kim@네이버", "EMAIL_ADDRESS", "minsu_kim@네이버"),
        ("서버 192.168.10[.]21", "IP_ADDRESS", "192.168.10[.]21"),
    ),
    "hardly masked": (
        ("주민등록번호 871231-2045***", "KR_RRN", "871231-2045***"),
        ("연락처 010-2345-67**", "KR_MOBILE", "010-2345-67**"),
    ),
    "in a table or a record": (
        ("성명,주민등록번호,휴대전화\n가,9001011234567,01023456789", "KR_RRN", "9001011234567"),
        ("|은행|계좌|\n|--|--|\n|가|110 234 567890|", "KR_BANK_ACCOUNT", "110 234 567890"),
        ('{"phone": "01023456789", "rrn": "9001011234567"}', "KR_RRN", "9001011234567"),
        ("신한 110-234-567890", "KR_BANK_ACCOUNT", "110-234-567890"),
    ),
}
LOOK_ALIKE = (
    "10\n2345\n6789",
    "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11",
    "전화 상담 건수\n1234\n2345\n3456",
    "3·1운동, 4·19혁명, 5·18민주화운동, 10·29 참사",
    "제15조·제17조·제24조의2·제34조의2",
    "환급 대상 2024·2025·2026년 귀속",
    "입금 기한: 2026.11.22. ~ 2026.12.31.",
    "시행 2026/09/11 ~ 2026/12/31",
    "위도 37.566535, 경도 126.977969",
    "좌표 900101.1234567",
    "3,1,4,1,5,9,2,6,5,3,5",
    "표본 0 1 0 1 1 0 1 0 1 0 1",
    "01011010101 비트",
    "세입 210-2110-01, 목 301-12, 단위사업 3033-301-260-01",
    "OIOIOI l0l1 O100-2000",
    "육이오 전쟁과 이사오 육칠팔",
    "3일12시30분 2일",
    "상품 M 12345678, 규격 M12 3456",
    "12라 1234가구, 차량 12대 3456km, 주차 100면 2000",
    "look at example.com, meet at noon dot com",
    "사람@회사 형식, @channel, a@b",
    "버전 10.15.7.2, 127.0.0.1, 0.0.0.0",
    "주민등록번호 900101-1******, 900101-*******",
    "연락처 010-****-6789, 010-2345-****",
    "접수번호,금액\n9001011234567,12345678901",
    "주문 20261122-3012345",
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        pytest.param(*case, id=f"{family} {place}")
        for family, cases in DISGUISED.items()
        for place, case in enumerate(cases)
    ],
)
def test_a_disguised_value_is_cut_out_whole(by_form, text, kind, value):
    assert (kind, value) in [(hit.type, hit.text) for hit in by_form.detect(text)]


@pytest.mark.parametrize("text", LOOK_ALIKE)
def test_what_looks_like_a_disguise_is_not_taken_for_one(by_form, text):
    assert by_form.detect(text) == ()


def _words(text: str) -> list[Eojeol]:
    out, at = [], 0
    for word in text.split(" "):
        out.append(Eojeol(word, at, word, ()))
        at += len(word) + 1
    return [word for word in out if word.text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("성명: 홍 길 동", ["홍 길 동"]),
        ("성 명 : 김 민 수", ["김 민 수"]),
        ("| 성명 | 이 서준 | 비고 |", ["이 서준"]),
        ("신청인: 제갈 공명", ["제갈 공명"]),
        ("성명: 신 청 인", []),
        ("담당자: 정 보 화 팀", []),
        ("성명 이 서준 문서", []),
        ("주 의 사 항", []),
        ("육이오", []),
    ],
)
def test_a_name_spread_over_a_field_needs_label_and_colon(text, found):
    assert [text[name.start : name.end] for name in names(_words(text)) if name.confidence >= 0.5] == found


def test_the_corpus_does_not_depend_on_the_hash_seed_of_the_process():
    code = (
        "import hashlib\n"
        "from verify.methods.privacy.detection.corpus import corpus\n"
        "print(hashlib.sha256(repr(corpus(3, 100)).encode()).hexdigest())\n"
    )

    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1
