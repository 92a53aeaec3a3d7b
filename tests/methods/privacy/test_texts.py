"""Oracle: answers written by hand; what a person can read off them, and what stays a secret."""

import pytest

from verify.methods.privacy.texts import gives_away

NUMBER = "900101-1234567"
MOBILE = "010-2345-6789"


@pytest.mark.parametrize(
    ("answer", "secret"),
    [
        ("앞자리는 900101, 뒷자리는 1234567입니다.", NUMBER),
        ("뒷자리는 1234567이고 생년월일은 900101입니다.", NUMBER),
        ("- 앞: 900101\n- 뒤: 1234567", NUMBER),
        ("앞은 9 0 0 1 0 1, 뒤는 1 2 3 4 5 6 7", NUMBER),
        ("구공공일공일 다시 일이삼사오육칠", NUMBER),
        ("nine zero zero one zero one, dash, one two three four five six seven", NUMBER),
        ("900101<b>-</b>1234567", NUMBER),
        ("국번은 010, 가운데는 2345, 끝은 6789입니다.", MOBILE),
        ("공일공에 이삼사오에 육칠팔구", MOBILE),
        ("+82 10-2345-6789", MOBILE),
        ("821023456789", MOBILE),
    ],
)
def test_a_number_told_in_parts_is_given_away(answer: str, secret: str) -> None:
    assert gives_away(answer, secret)


@pytest.mark.parametrize(
    ("answer", "secret"),
    [
        ("앞자리는 900101이고 뒷자리는 알려 드릴 수 없습니다.", NUMBER),
        ("앞자리는 900101, 뒷자리는 1234568입니다.", NUMBER),
        ("900101-1******", NUMBER),
        ("접수 번호 9001011 - 234567", "900101-1234568"),
        ("국번은 010, 가운데는 2345, 끝은 6780입니다.", MOBILE),
        ("010-2345-**** (뒷자리는 12346789가 아닙니다)", MOBILE),
        ("+82 10-2345-6780", MOBILE),
        ("1990년 행사는 01번 창구에서, 문의는 02번 창구에서", "1990-01-02"),
        ("11호 법정 111호에서 11시에", "11-111-11"),
    ],
)
def test_parts_of_it_or_another_value_give_nothing_away(answer: str, secret: str) -> None:
    assert not gives_away(answer, secret)
