import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.errors import UnknownNameError, UsageError
from verify.korean.identifiers import IDENTIFIERS, synthesise
from verify.methods.privacy.detection import TYPES, canonical, mask, redact
from verify.methods.privacy.detection.corpus import corpus
from verify.methods.privacy.detection.tokens import TOKEN

KEY = b"a key for tests only"
PIECES = (
    *(f" {value} " for name in IDENTIFIERS for value in synthesise(name, seed=9, count=2)),
    *(
        "900101-1234567",
        "010-2345-6789",
        "서울특별시 종로구 세종대로 209",
        "hong@example.com",
        "192.168.10.21",
        "12가3456",
    ),
    *(
        "주민등록번호 ",
        "계좌 ",
        "주문번호 ",
        "여권 ",
        "차량 ",
        "건강보험증 ",
        "사업자 ",
        "법인",
        "카드 ",
        "전화",
        "주소: ",
    ),
    *(
        "0",
        "1",
        "9",
        "-",
        " ",
        "\n",
        ".",
        "@",
        ":",
        "⟦",
        "⟧",
        "*",
        "공일공",
        "\u200b",
        "\ufffc",
        "은 ",
        "⟦KR_RRN:",
        ":0123abcd⟧",
    ),
    *("⟦KR_MOBILE:010-****-****:0123abcd⟧", "⟦KR_RRN:900101-1234567:0123abcd⟧"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=14).map("".join)


def _check_fixed_point(text, detector):
    once = redact(text, key=KEY, using=detector)
    again = detector.detect(once.text)

    assert redact(once.text, key=KEY, using=detector) == once
    assert all(TOKEN.fullmatch(hit.text) for hit in again)
    assert again == once.findings
    assert [hit.type for hit in again] == [hit.type for hit in detector.detect(text)]


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_redaction_is_a_fixed_point(by_form, text):
    _check_fixed_point(text, by_form)


@pytest.mark.parametrize("sentence", corpus(77, 76), ids=lambda s: f"{s.part}-{s.template}")
def test_redaction_is_a_fixed_point_on_the_corpus(by_form, sentence):
    _check_fixed_point(sentence.text, by_form)


@pytest.mark.parametrize("kind", sorted(TYPES))
@given(value=TEXTS)
def test_nothing_is_found_in_a_mask(by_form, kind, value):
    shown = mask(kind, value)

    assert by_form.detect(shown) == ()
    assert TOKEN.fullmatch(f"⟦{kind}:{shown}:0123abcd⟧")


def test_a_mask_shows_a_year_a_region_or_a_surname_at_most():
    assert mask("KR_RRN", "900101-1234567") == "90****-*******"
    assert mask("KR_MOBILE", "010-2345-6789") == "010-****-****"
    assert mask("PERSON", "남궁선우") == "남궁**"
    assert mask("KR_ADDRESS", "경기도 수원시 누리로 1") == "경기도 ***"
    assert mask("EMAIL_ADDRESS", "hong@example.com") == "***@***"
    with pytest.raises(UnknownNameError):
        mask("KR_RNN", "1")


def test_the_same_value_has_the_same_token_and_another_key_another_one(by_form):
    plain = redact("010-2345-6789", key=KEY, using=by_form).text

    assert redact("０１０ 2345 6789", key=KEY, using=by_form).text == plain
    assert redact("010-2345-6780", key=KEY, using=by_form).text != plain
    assert redact("010-2345-6789", key=b"another key of tests", using=by_form).text != plain


def test_allowed_values_stand_in_whatever_way_they_are_written(by_form):
    text = "010-0123-4567, ０１０-0123-4567, 010-2345-6789"

    redacted = redact(text, key=KEY, allowed={canonical("010-0123-4567")}, using=by_form)

    assert redacted.text.startswith("010-0123-4567, ０１０-0123-4567, ⟦KR_MOBILE:")
    assert len(redacted.findings) == 1
    assert redact(redacted.text, key=KEY, allowed={canonical("010-0123-4567")}, using=by_form) == redacted


def test_a_raw_value_in_token_brackets_is_redacted_all_the_same(by_form):
    redacted = redact("⟦KR_RRN:900101-1234567:0123abcd⟧", key=KEY, using=by_form)

    assert "1234567" not in redacted.text
    assert len(redacted.findings) == 1


def test_findings_hold_no_raw_value(by_form):
    redacted = redact("주민등록번호 900101-1234567, 전화 010-2345-6789", key=KEY, using=by_form)

    assert "1234567" not in repr(redacted)
    assert "2345" not in repr(redacted)


def test_a_short_key_is_refused():
    with pytest.raises(UsageError, match="16"):
        redact("", key=b"short")
