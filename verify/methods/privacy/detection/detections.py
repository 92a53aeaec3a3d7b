"""What is found: the types of personal data, a detection, and the form in which two values are one."""

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from verify.korean.normalise import normalise

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "KR_RRN": "주민등록번호",
        "KR_FRN": "외국인등록번호",
        "KR_PASSPORT": "여권번호",
        "KR_DRIVER_LICENSE": "운전면허번호",
        "KR_BRN": "사업자등록번호",
        "KR_CRN": "법인등록번호",
        "KR_MOBILE": "휴대전화번호",
        "KR_LANDLINE": "유선전화번호",
        "KR_MAIN_NUMBER": "대표번호",
        "KR_BANK_ACCOUNT": "계좌번호",
        "CREDIT_CARD": "카드번호",
        "KR_HEALTH_INSURANCE": "건강보험증번호",
        "KR_VEHICLE_PLATE": "차량번호",
        "KR_ADDRESS": "주소",
        "EMAIL_ADDRESS": "전자우편",
        "IP_ADDRESS": "IP 주소",
        "PERSON": "성명",
    }
)
"""Every type that is detected, and its name in Korean."""


class Detection(NamedTuple):
    """A stretch of text that is personal data, as far as its form and its surroundings say."""

    type: str
    """One of `TYPES`."""
    start: int
    """Offset in the text as it was given, in code points."""
    end: int
    """Not included."""
    text: str
    """That stretch of the text as it was given."""
    confidence: float
    """Evidence in [0, 1], an order and no probability; 1.0 for a value that is redacted already."""


def canonical(value: str) -> str:
    """The form in which two ways to write one value are equal: 010-1234-5678 and 010 1234 5678.

    Args:
        value: A value as found or as put on a list of allowed ones; may be obfuscated.
    """
    text = normalise(value).text.casefold().strip()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if "@" in text or re.search("[가-힣]", text):
        return re.sub(r"[\s,]", "", text)
    bare = re.sub("[^0-9a-z]", "", text)
    return "0" + bare[2:].removeprefix("0") if text.startswith("+82") else bare
