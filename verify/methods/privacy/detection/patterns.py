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


_HOLDS: Final = 0.15
_DATED: Final = re.compile("(?:19|20)[0-9]{2}[^0-9](?:[01]?[0-9](?![0-9])|(?:19|20)[0-9]{2}(?![0-9]))")


def registration(check: Callable[[str], int]) -> Check:
    """The date of birth has to exist; a check digit that holds is evidence."""

    def checked(value: str) -> float | None:
        digits = digits_of(value)
        if birth_date(digits) is None:
            return None
        # Digits issued since October 2020 are random: a failure says nothing.
        return _HOLDS if check(digits[:12]) == int(digits[12]) else 0.0

    return checked


def bare_registration(check: Callable[[str], int]) -> Check:
    """Thirteen digits without a dash may be a barcode."""
    inner = registration(check)

    def checked(value: str) -> float | None:
        # A Korean barcode (EAN-13, 880) without a label has the digits of somebody born in 1988.
        barcode = value.startswith("880") and _ean(value[:12]) == int(value[12])
        return -0.3 if barcode else inner(value)

    return checked


def _ean(first_twelve: str) -> int:
    return -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(first_twelve)) % 10


def required(check: Callable[[str], int], *, failed: float) -> Check:
    """Every issued number has this check digit: one that fails is evidence against."""

    def checked(value: str) -> float | None:
        digits = digits_of(value)
        return _HOLDS if check(digits[:-1]) == int(digits[-1]) else failed

    return checked


def luhn(value: str) -> float | None:
    """A payment card passes Luhn; one digit repeated is none."""
    digits = digits_of(value)
    if len(set(digits)) == 1:
        return None
    return _HOLDS if luhn_check_digit(digits[:-1]) == int(digits[-1]) else -0.4


def account(value: str) -> float | None:
    """A bank account has 10 to 16 digits, and does not begin as a date or a series of years does."""
    return 0.0 if 10 <= len(digits_of(value)) <= 16 and not _DATED.match(value) else None


def _mobile(value: str) -> float | None:
    """A row of noughts and ones is binary."""
    return 0.0 if set(digits_of(value)) - {"0", "1"} else None


def main_number(value: str) -> float | None:
    """Known prefixes; two years in a row are a period."""
    first, second = int(value[:4]), int(value[-4:])
    if value[:4] not in _MAIN_PREFIXES:
        return -0.25
    return -0.3 if first < second < 2100 else 0.0


def ipv4(value: str) -> float | None:
    """Four octets without leading noughts, not of the host itself."""
    octets = [int(part) for part in value.split(".")]
    if max(octets) > 255 or octets[0] in (0, 127) or any(part != str(int(part)) for part in value.split(".")):
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
START: Final = "(?<![0-9])(?<![0-9][-.])"
END: Final = "(?![0-9])(?!-[0-9])"
_SEP: Final = "[- ]"
_REGION: Final = "1[1-9]|2[0-68]"
REGION_NAMES: Final = "서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산|세종"
_PROVINCE: Final = (
    r"(?:서울(?:특별시|시)?|(?:부산|대구|인천|광주|대전|울산)(?:광역시|시)?|세종(?:특별자치시|시)?|경기(?:도)?|"
    r"(?:강원|전북|제주)(?:특별자치도|도)?|충청[남북]도|충[남북]|전라[남북]도|전남|경상[남북]도|경[남북])"
)
_DISTRICT: Final = r"[가-힣]{1,5}[시군구]"
_GAP: Final = r"[ \n]{0,3}"
_SPACE: Final = r"[ \n]{1,3}"
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
AREA: Final = "02|03[1-3]|04[1-4]|05[1-5]|06[1-4]"
MAILBOX: Final = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}"
_DOMAIN: Final = r"(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
PLATE: Final = "".join(PLATE_LETTERS)
NOT_A_COUNT: Final = "(?![0-9])(?! ?(?:[년원명건개월층동번쪽억천%]|가구|세대|여 ?[가-힣]|곳|회))"


def pattern(
    type_: str, regex: str, *, labelled: float, bare: float, impersonal: float, check: Check = _as_is
) -> Pattern:
    """A form of a type; the three confidences are explained at the module's top."""
    return Pattern(type_, re.compile(regex, re.IGNORECASE | re.ASCII), labelled, bare, impersonal, check)


PATTERNS: Final = (
    pattern("KR_RRN", f"{START}[0-9]{{6}}{_SEP}[1-4][0-9]{{6}}{END}",
             labelled=0.95, bare=0.75, impersonal=0.3, check=registration(rrn_check_digit)),
    pattern("KR_RRN", f"{START}[0-9]{{6}}[1-4][0-9]{{6}}{END}",
             labelled=0.9, bare=0.55, impersonal=0.2, check=bare_registration(rrn_check_digit)),
    pattern("KR_RRN", f"{START}[0-9]{{6}}{_SEP}?[09][0-9]{{6}}{END}",
             labelled=0.85, bare=0.2, impersonal=0.1, check=registration(rrn_check_digit)),
    pattern("KR_FRN", f"{START}[0-9]{{6}}{_SEP}[5-8][0-9]{{6}}{END}",
             labelled=0.95, bare=0.75, impersonal=0.3, check=registration(frn_check_digit)),
    pattern("KR_FRN", f"{START}[0-9]{{6}}[5-8][0-9]{{6}}{END}",
             labelled=0.9, bare=0.55, impersonal=0.2, check=bare_registration(frn_check_digit)),
    pattern("KR_PASSPORT", r"(?<![A-Za-z0-9-])[MSRODG][0-9]{3}[A-Z][0-9]{4}(?![A-Za-z0-9-])",
             labelled=0.9, bare=0.45, impersonal=0.1),
    pattern("KR_PASSPORT", r"(?<![A-Za-z0-9-])(?:[MSRODG][0-9]{8}|[A-Z]{2}[0-9]{7})(?![A-Za-z0-9-])",
             labelled=0.85, bare=0.3, impersonal=0.1),
    pattern("KR_DRIVER_LICENSE", f"{START}(?:{_REGION}){_SEP}[0-9]{{2}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{2}}{END}",
             labelled=0.95, bare=0.75, impersonal=0.3),
    pattern("KR_DRIVER_LICENSE", f"(?:{REGION_NAMES}) ?[0-9]{{2}}-[0-9]{{6}}-[0-9]{{2}}{END}",
             labelled=0.95, bare=0.75, impersonal=0.3),
    pattern("KR_DRIVER_LICENSE", f"{START}(?:{_REGION})[0-9]{{10}}{END}", labelled=0.85, bare=0.2, impersonal=0.1),
    pattern("KR_BRN", f"{START}[0-9]{{3}}-[0-9]{{2}}-[0-9]{{5}}{END}", labelled=0.8, bare=0.6, impersonal=0.3,
             check=required(brn_check_digit, failed=-0.15)),
    pattern("KR_BRN", f"{START}[0-9]{{3}} ?[0-9]{{2}} ?[0-9]{{5}}{END}", labelled=0.75, bare=0.1, impersonal=0.05,
             check=required(brn_check_digit, failed=-0.1)),
    pattern("KR_CRN", f"{START}[0-9]{{6}}[- ]?[0-9]{{7}}{END}", labelled=0.8, bare=0.35, impersonal=0.1,
             check=required(crn_check_digit, failed=-0.1)),
    pattern("KR_MOBILE", r"(?<![0-9])(?<![0-9]-)(?:(?:\+|00)?82[- ]?(?:\(0\))?0?|0)1[016789]"
             rf"[-. )][0-9]{{3,4}}[-. ]?[0-9]{{4}}{END}",
             labelled=0.95, bare=0.85, impersonal=0.55),
    pattern("KR_MOBILE", rf"{START}(?:010[0-9]{{8}}|\+82[- ]?10[0-9]{{8}}){END}",
             labelled=0.95, bare=0.75, impersonal=0.4, check=_mobile),
    pattern("KR_MOBILE", f"{START}01[16789][0-9]{{7,8}}{END}", labelled=0.9, bare=0.4, impersonal=0.1),
    pattern("KR_LANDLINE", rf"{START}\(?(?:{AREA}|070|050[2-8]?|080)"
             rf"[-.) ]{{1,2}}[1-9][0-9]{{2,3}}[-. ][0-9]{{4}}{END}",
             labelled=0.95, bare=0.65, impersonal=0.3),
    pattern("KR_LANDLINE", f"{START}(?:{AREA}|070)[2-9][0-9]{{6,7}}{END}",
             labelled=0.8, bare=0.52, impersonal=0.05),
    pattern("KR_MAIN_NUMBER", f"{START}1[568][0-9]{{2}}-[0-9]{{4}}{END}",
             labelled=0.9, bare=0.65, impersonal=0.2, check=main_number),
    pattern("KR_MAIN_NUMBER", f"{START}1[568][0-9]{{2}} ?[0-9]{{4}}{END}",
             labelled=0.75, bare=0.2, impersonal=0.1, check=main_number),
    pattern("KR_BANK_ACCOUNT", f"{START}[0-9]{{2,6}}(?:-[0-9]{{2,7}}){{1,3}}(?:-[0-9]{{1,3}})?{END}",
             labelled=0.8, bare=0.3, impersonal=0.05,
             check=account),
    pattern("KR_BANK_ACCOUNT", f"{START}[0-9]{{2,6}}(?: [0-9]{{2,7}}){{2,3}}{END}",
             labelled=0.7, bare=0.1, impersonal=0.05,
             check=account),
    pattern("KR_BANK_ACCOUNT", f"{START}[0-9]{{10,14}}{END}", labelled=0.7, bare=0.05, impersonal=0.02),
    pattern("CREDIT_CARD", f"{START}[3-69][0-9]{{3}}[- ][0-9]{{4}}[- ][0-9]{{4}}[- ][0-9]{{4}}{END}",
             labelled=0.9, bare=0.7, impersonal=0.4, check=luhn),
    pattern("CREDIT_CARD", f"{START}(?:[3-69][0-9]{{15}}|3[47][0-9]{{2}}[- ]?[0-9]{{6}}[- ]?[0-9]{{5}}){END}",
             labelled=0.8, bare=0.3, impersonal=0.1, check=luhn),
    pattern("KR_HEALTH_INSURANCE", f"{START}[1-9][- ]?[0-9]{{10}}{END}", labelled=0.85, bare=0.1, impersonal=0.05),
    pattern("KR_VEHICLE_PLATE", f"(?<![0-9가-힣])(?:{REGION_NAMES}) ?"
             rf"[0-9]{{1,2}} ?[{PLATE}] ?[0-9]{{4}}{NOT_A_COUNT}",
             labelled=0.95, bare=0.75, impersonal=0.4),
    pattern("KR_VEHICLE_PLATE", f"(?<![0-9,.-])[0-9]{{2,3}}[{PLATE}] ?[0-9]{{4}}{NOT_A_COUNT}",
             labelled=0.95, bare=0.6, impersonal=0.2),
    pattern("KR_VEHICLE_PLATE", f"(?<![0-9,.-])[0-9]{{2,3}} [{PLATE}] ?[0-9]{{4}}{NOT_A_COUNT}",
             labelled=0.9, bare=0.4, impersonal=0.1),
    pattern("KR_ADDRESS", f"(?<![가-힣]){_PROVINCE}{_GAP}(?:{_DISTRICT}{_GAP}){{0,2}}"
             rf"(?:[가-힣]{{1,5}}[읍면]{_GAP}|[가-힣]{{1,6}}[0-9]?동{_SPACE})?{_ROAD}{_GAP}{_BUILDING}",
             labelled=0.95, bare=0.8, impersonal=0.7),
    pattern("KR_ADDRESS", f"(?<![가-힣])(?:{_DISTRICT}{_SPACE}){{1,2}}"
             rf"(?:[가-힣]{{1,5}}[읍면]{_SPACE}|[가-힣]{{1,6}}[0-9]?동{_SPACE})?{_ROAD}{_GAP}{_BUILDING}",
             labelled=0.9, bare=0.7, impersonal=0.6),
    pattern("KR_ADDRESS", f"(?<![가-힣]){_ROAD} ?{_BUILDING}", labelled=0.6, bare=0.2, impersonal=0.1),
    pattern("KR_ADDRESS", f"(?<![가-힣]){_PROVINCE}{_GAP}(?:{_DISTRICT}{_GAP}){{0,2}}{_LOT}",
             labelled=0.9, bare=0.75, impersonal=0.6),
    pattern("KR_ADDRESS", f"(?<![가-힣])(?:{_DISTRICT}{_SPACE}){{1,2}}{_LOT}", labelled=0.85, bare=0.65, impersonal=0.5,
             check=lambda v: 0.0 if re.search("[0-9]-[0-9]|번지", v) else -0.2),
    pattern("EMAIL_ADDRESS", rf"{MAILBOX}@{_DOMAIN}", labelled=0.95, bare=0.9, impersonal=0.9),
    pattern("IP_ADDRESS", r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?[0-9])",
             labelled=0.9, bare=0.65, impersonal=0.2, check=ipv4),
    pattern("IP_ADDRESS", r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])",
             labelled=0.9, bare=0.7, impersonal=0.5, check=_ipv6),
)  # fmt: skip
