r"""The forms of Korean identifiers as patterns, what is checked beyond the form, and how far each is trusted.

Three confidences belong to a pattern: with its own label before it (``주민등록번호: ...``), bare, and
under the label of a thing (``주문번호 ...``). A label of another kind of personal data costs a little. A
checksum that holds raises the confidence; one that fails lowers it only where every issued number has
one (사업자등록번호, 법인등록번호, cards), never for 주민등록번호 and 외국인등록번호.

Boundaries are ASCII digits, never ``\\b``: a particle follows a number without a space (...5678로).
Every repetition is bounded, so that matching takes linear time on any text.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from verify.korean.identifiers import (
    PLATE_LETTERS,
    birth_date,
    brn_check_digit,
    crn_check_digit,
    digits_of,
    frn_check_digit,
    luhn_check_digit,
    rrn_check_digit,
)
from verify.methods.privacy.detection.labels import IMPERSONAL, label

Check = Callable[[str], float | None]
"""Value -> what is added to the confidence (may be negative), or None where it cannot be one."""


def _as_is(_value: str) -> float | None:
    return 0.0


class Pattern(NamedTuple):
    """One form of one type."""

    type: str
    regex: re.Pattern[str]
    labelled: float
    bare: float
    impersonal: float
    check: Check = _as_is


class Candidate(NamedTuple):
    """A stretch of a text in normal form that matches a pattern."""

    type: str
    start: int
    end: int
    confidence: float


_OTHER_LABEL: Final = 0.1
_MOST: Final = 0.99
_HOLDS: Final = 0.15


def _registration(check: Callable[[str], int]) -> Check:
    def checked(value: str) -> float | None:
        digits = digits_of(value)
        if birth_date(digits) is None:
            return None
        # Digits issued since October 2020 are random: a failure says nothing.
        return _HOLDS if check(digits[:12]) == int(digits[12]) else 0.0

    return checked


def _bare_registration(check: Callable[[str], int]) -> Check:
    inner = _registration(check)

    def checked(value: str) -> float | None:
        # A Korean barcode (EAN-13, 880) without a label has the digits of somebody born in 1988.
        barcode = value.startswith("880") and _ean(value[:12]) == int(value[12])
        return -0.3 if barcode else inner(value)

    return checked


def _ean(first_twelve: str) -> int:
    return -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(first_twelve)) % 10


def _required(check: Callable[[str], int], *, failed: float) -> Check:
    def checked(value: str) -> float | None:
        digits = digits_of(value)
        return _HOLDS if check(digits[:-1]) == int(digits[-1]) else failed

    return checked


def _luhn(value: str) -> float | None:
    digits = digits_of(value)
    if len(set(digits)) == 1:
        return None
    return _HOLDS if luhn_check_digit(digits[:-1]) == int(digits[-1]) else -0.4


def _main_number(value: str) -> float | None:
    first, second = int(value[:4]), int(value[-4:])
    if value[:4] not in _MAIN_PREFIXES:
        return -0.25
    # 1577-1600 may be years.
    return -0.3 if first < second < 2100 else 0.0


def _ipv4(value: str) -> float | None:
    octets = [int(part) for part in value.split(".")]
    if max(octets) > 255 or any(part != str(int(part)) for part in value.split(".")):
        return None
    # 1.2.3.4 and 10.2.1.3 are numbers of sections and versions more often than hosts.
    return -0.3 if max(octets) < 20 else 0.0


def _ipv6(value: str) -> float | None:
    try:
        parsed = ipaddress.ip_address(value)
    except ValueError:
        return None
    return 0.0 if parsed.version == 6 and len(re.findall("[0-9A-Fa-f]+", value)) >= 3 else None


_MAIN_PREFIXES: Final = frozenset(
    {
        *("1522", "1533", "1544", "1551", "1555", "1566", "1577", "1588", "1599", "1600", "1644", "1660"),
        *("1661", "1666", "1668", "1670", "1688", "1800", "1811", "1833", "1855", "1866", "1877", "1899"),
    }
)
_START: Final = "(?<![0-9])(?<![0-9][-.])"
_END: Final = "(?![0-9])(?!-[0-9])"
_SEP: Final = "[- ]"
_REGION: Final = "1[1-9]|2[0-68]"
_REGION_NAMES: Final = "서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산|세종"
_PROVINCE: Final = (
    r"(?:서울(?:특별시|시)?|(?:부산|대구|인천|광주|대전|울산)(?:광역시|시)?|세종(?:특별자치시|시)?|경기(?:도)?|"
    r"(?:강원|전북|제주)(?:특별자치도|도)?|충청[남북]도|충[남북]|전라[남북]도|전남|경상[남북]도|경[남북])"
)
_DISTRICT: Final = r"[가-힣]{1,5}[시군구]"
_BUILDING: Final = (
    r"(?:지하 ?)?[0-9]{1,4}(?:-[0-9]{1,4})?(?![0-9])"
    r"(?:,? ?[0-9가-힣]{1,4}동(?= ?[0-9]))?(?:,? ?(?:지하 ?)?[0-9]{1,2}층)?(?:,? ?[0-9]{1,4}호)?"
    r"(?: ?\([가-힣0-9,. ]{2,30}\))?"
)
_ROAD: Final = r"[가-힣][가-힣0-9·]{0,11}(?:(?<!으)로|길)(?: ?[0-9]{1,4}(?:번|번안)?길)?"
_LOT: Final = (
    r"(?:[가-힣]{1,5}[읍면] ?)?[가-힣]{1,6}[0-9]?[동리가](?: ?산)? ?[0-9]{1,4}(?:-[0-9]{1,4})?(?:번지)?"
    r"(?![0-9년월일원명건개])"
    r"(?:,? ?[0-9]{1,4}동(?= ?[0-9]))?(?:,? ?[0-9]{1,4}호)?"
)
_AREA: Final = "02|03[1-3]|04[1-4]|05[1-5]|06[1-4]"
_MAILBOX: Final = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}"
_DOMAIN: Final = r"(?:[A-Za-z0-9-]{1,63}(?:\.| ?\(dot\) ?| ?\[dot\] ?|닷)){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
_PLATE: Final = "".join(PLATE_LETTERS)
_NOT_A_COUNT: Final = "(?![0-9])(?! ?[년원명건개월층동번쪽])"


def _pattern(
    type_: str, regex: str, *, labelled: float, bare: float, impersonal: float, check: Check = _as_is
) -> Pattern:
    return Pattern(type_, re.compile(regex, re.IGNORECASE | re.ASCII), labelled, bare, impersonal, check)


PATTERNS: Final = (
    _pattern("KR_RRN", f"{_START}[0-9]{{6}}{_SEP}[1-4][0-9]{{6}}{_END}",
             labelled=0.95, bare=0.75, impersonal=0.3, check=_registration(rrn_check_digit)),
    _pattern("KR_RRN", f"{_START}[0-9]{{6}}[1-4][0-9]{{6}}{_END}",
             labelled=0.9, bare=0.55, impersonal=0.2, check=_bare_registration(rrn_check_digit)),
    _pattern("KR_RRN", f"{_START}[0-9]{{6}}{_SEP}?[09][0-9]{{6}}{_END}",
             labelled=0.85, bare=0.2, impersonal=0.1, check=_registration(rrn_check_digit)),
    _pattern("KR_FRN", f"{_START}[0-9]{{6}}{_SEP}[5-8][0-9]{{6}}{_END}",
             labelled=0.95, bare=0.75, impersonal=0.3, check=_registration(frn_check_digit)),
    _pattern("KR_FRN", f"{_START}[0-9]{{6}}[5-8][0-9]{{6}}{_END}",
             labelled=0.9, bare=0.55, impersonal=0.2, check=_bare_registration(frn_check_digit)),
    _pattern("KR_PASSPORT", r"(?<![A-Za-z0-9-])[MSRODG][0-9]{3}[A-Z][0-9]{4}(?![A-Za-z0-9-])",
             labelled=0.9, bare=0.45, impersonal=0.1),
    _pattern("KR_PASSPORT", r"(?<![A-Za-z0-9-])(?:[MSRODG][0-9]{8}|[A-Z]{2}[0-9]{7})(?![A-Za-z0-9-])",
             labelled=0.85, bare=0.3, impersonal=0.1),
    _pattern("KR_DRIVER_LICENSE", f"{_START}(?:{_REGION}){_SEP}[0-9]{{2}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{2}}{_END}",
             labelled=0.95, bare=0.75, impersonal=0.3),
    _pattern("KR_DRIVER_LICENSE", f"(?:{_REGION_NAMES}) ?[0-9]{{2}}-[0-9]{{6}}-[0-9]{{2}}{_END}",
             labelled=0.95, bare=0.75, impersonal=0.3),
    _pattern("KR_DRIVER_LICENSE", f"{_START}(?:{_REGION})[0-9]{{10}}{_END}", labelled=0.85, bare=0.2, impersonal=0.1),
    _pattern("KR_BRN", f"{_START}[0-9]{{3}}-[0-9]{{2}}-[0-9]{{5}}{_END}", labelled=0.8, bare=0.6, impersonal=0.3,
             check=_required(brn_check_digit, failed=-0.15)),
    _pattern("KR_BRN", f"{_START}[0-9]{{3}} ?[0-9]{{2}} ?[0-9]{{5}}{_END}", labelled=0.75, bare=0.1, impersonal=0.05,
             check=_required(brn_check_digit, failed=-0.1)),
    _pattern("KR_CRN", f"{_START}[0-9]{{6}}[- ]?[0-9]{{7}}{_END}", labelled=0.8, bare=0.35, impersonal=0.1,
             check=_required(crn_check_digit, failed=-0.1)),
    _pattern("KR_MOBILE", r"(?<![0-9])(?<![0-9]-)(?:\+?82[- ]?(?:\(0\))?0?|0)1[016789]"
             rf"[-. )][0-9]{{3,4}}[-. ]?[0-9]{{4}}{_END}",
             labelled=0.95, bare=0.85, impersonal=0.55),
    _pattern("KR_MOBILE", rf"{_START}(?:010[0-9]{{8}}|\+82[- ]?10[0-9]{{8}}){_END}",
             labelled=0.95, bare=0.75, impersonal=0.4),
    _pattern("KR_MOBILE", f"{_START}01[16789][0-9]{{7,8}}{_END}", labelled=0.9, bare=0.4, impersonal=0.1),
    _pattern("KR_LANDLINE", rf"{_START}\(?(?:{_AREA}|070|050[2-8]?|080)"
             rf"[-.) ]{{1,2}}[1-9][0-9]{{2,3}}[-. ][0-9]{{4}}{_END}",
             labelled=0.95, bare=0.65, impersonal=0.3),
    _pattern("KR_LANDLINE", f"{_START}(?:{_AREA}|070)[2-9][0-9]{{6,7}}{_END}",
             labelled=0.8, bare=0.52, impersonal=0.05),
    _pattern("KR_MAIN_NUMBER", f"{_START}1[568][0-9]{{2}}-[0-9]{{4}}{_END}",
             labelled=0.9, bare=0.65, impersonal=0.2, check=_main_number),
    _pattern("KR_MAIN_NUMBER", f"{_START}1[568][0-9]{{2}} ?[0-9]{{4}}{_END}",
             labelled=0.75, bare=0.2, impersonal=0.1, check=_main_number),
    _pattern("KR_BANK_ACCOUNT", f"{_START}[0-9]{{2,6}}(?:-[0-9]{{2,7}}){{1,3}}(?:-[0-9]{{1,3}})?{_END}",
             labelled=0.8, bare=0.3, impersonal=0.05,
             check=lambda v: 0.0 if 10 <= len(digits_of(v)) <= 16 else None),
    _pattern("KR_BANK_ACCOUNT", f"{_START}[0-9]{{2,6}}(?: [0-9]{{2,7}}){{2,3}}{_END}",
             labelled=0.7, bare=0.1, impersonal=0.05,
             check=lambda v: 0.0 if 10 <= len(digits_of(v)) <= 16 else None),
    _pattern("KR_BANK_ACCOUNT", f"{_START}[0-9]{{10,14}}{_END}", labelled=0.7, bare=0.05, impersonal=0.02),
    _pattern("CREDIT_CARD", f"{_START}[3-69][0-9]{{3}}[- ][0-9]{{4}}[- ][0-9]{{4}}[- ][0-9]{{4}}{_END}",
             labelled=0.9, bare=0.7, impersonal=0.4, check=_luhn),
    _pattern("CREDIT_CARD", f"{_START}(?:[3-69][0-9]{{15}}|3[47][0-9]{{2}}[- ]?[0-9]{{6}}[- ]?[0-9]{{5}}){_END}",
             labelled=0.8, bare=0.3, impersonal=0.1, check=_luhn),
    _pattern("KR_HEALTH_INSURANCE", f"{_START}[1-9][- ]?[0-9]{{10}}{_END}", labelled=0.85, bare=0.1, impersonal=0.05),
    _pattern("KR_VEHICLE_PLATE", f"(?<![0-9가-힣])(?:{_REGION_NAMES}) ?"
             rf"[0-9]{{1,2}} ?[{_PLATE}] ?[0-9]{{4}}{_NOT_A_COUNT}",
             labelled=0.95, bare=0.75, impersonal=0.4),
    _pattern("KR_VEHICLE_PLATE", f"(?<![0-9,.-])[0-9]{{2,3}}[{_PLATE}] ?[0-9]{{4}}{_NOT_A_COUNT}",
             labelled=0.95, bare=0.6, impersonal=0.2),
    _pattern("KR_VEHICLE_PLATE", f"(?<![0-9,.-])[0-9]{{2,3}} [{_PLATE}] ?[0-9]{{4}}{_NOT_A_COUNT}",
             labelled=0.9, bare=0.4, impersonal=0.1),
    _pattern("KR_ADDRESS", f"(?<![가-힣]){_PROVINCE} ?(?:{_DISTRICT} ?){{0,2}}"
             rf"(?:[가-힣]{{1,5}}[읍면] ?)?{_ROAD} ?{_BUILDING}",
             labelled=0.95, bare=0.8, impersonal=0.7),
    _pattern("KR_ADDRESS", f"(?<![가-힣])(?:{_DISTRICT} ){{1,2}}(?:[가-힣]{{1,5}}[읍면] )?{_ROAD} ?{_BUILDING}",
             labelled=0.9, bare=0.7, impersonal=0.6),
    _pattern("KR_ADDRESS", f"(?<![가-힣]){_ROAD} ?{_BUILDING}", labelled=0.6, bare=0.2, impersonal=0.1),
    _pattern("KR_ADDRESS", f"(?<![가-힣]){_PROVINCE} ?(?:{_DISTRICT} ?){{0,2}}{_LOT}",
             labelled=0.9, bare=0.75, impersonal=0.6),
    _pattern("KR_ADDRESS", f"(?<![가-힣])(?:{_DISTRICT} ){{1,2}}{_LOT}", labelled=0.85, bare=0.65, impersonal=0.5,
             check=lambda v: 0.0 if re.search("[0-9]-[0-9]|번지", v) else -0.2),
    _pattern("EMAIL_ADDRESS", rf"{_MAILBOX}(?:@| ?(?:\(at\)|\[at\]|골뱅이) ?){_DOMAIN}",
             labelled=0.95, bare=0.9, impersonal=0.9),
    _pattern("IP_ADDRESS", r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?[0-9])",
             labelled=0.9, bare=0.65, impersonal=0.2, check=_ipv4),
    _pattern("IP_ADDRESS", r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])",
             labelled=0.9, bare=0.7, impersonal=0.5, check=_ipv6),
)  # fmt: skip
_HAS_VALUE: Final = re.compile(r"[0-9@]|\(at\)|\[at\]|골뱅이|::", re.IGNORECASE)


def candidates(text: str, *, types: frozenset[str]) -> list[Candidate]:
    """Every match of every pattern of the types, with its confidence; they may overlap.

    Args:
        text: A text in normal form (`verify.korean.normalise`).
        types: Which types to look for.
    """
    if not _HAS_VALUE.search(text):
        return []
    found = []
    for pattern in PATTERNS:
        if pattern.type not in types:
            continue
        for match in pattern.regex.finditer(text):
            confidence = _confidence(pattern, text, match)
            if confidence > 0:
                found.append(Candidate(pattern.type, match.start(), match.end(), confidence))
    return found


def _confidence(pattern: Pattern, text: str, match: re.Match[str]) -> float:
    evidence = pattern.check(match.group())
    if evidence is None:
        return 0.0
    labels = label(text, match.start(), match.end())
    if pattern.type in labels:
        base = pattern.labelled
        # A label outweighs what only made the bare number doubtful.
        evidence = max(evidence, -0.25)
    elif IMPERSONAL in labels:
        base = pattern.impersonal
    else:
        base = pattern.bare - (_OTHER_LABEL if labels else 0.0)
    return min(_MOST, max(0.0, base + evidence))
