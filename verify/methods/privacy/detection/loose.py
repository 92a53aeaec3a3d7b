"""Forms in which a value is written so that a plain pattern misses it: other separators, blanks, words for signs.

A free separator says less than a dash, so most of these need their label, and what is trusted without one has a
form that nothing else has (010 and eight digits, a date of birth with its gender digit, a number that passes Luhn).
"""

import re
from typing import Final

from verify.korean.identifiers import brn_check_digit, digits_of, frn_check_digit, rrn_check_digit
from verify.methods.privacy.detection.patterns import (
    AREA,
    END,
    MAILBOX,
    NOT_A_COUNT,
    PLATE,
    REGION_NAMES,
    START,
    Check,
    account,
    ipv4,
    luhn,
    main_number,
    pattern,
    registration,
    required,
)

_SAID: Final = " ?(?:에|의|다시|대시|하이픈|빼기|이고요?) ?"
"""How a dash is read out."""
_FREE: Final = rf"(?:[^0-9A-Za-z가-힣\n]{{1,6}}|{_SAID})"
_HIDDEN: Final = "*●○■□×"
_DATE: Final = "[0-9]{2}[-. /]?[0-9]{2}[-. /]?[0-9]{2}"
_AT: Final = r"(?: ?@ ?| ?[(\[{<] ?(?:at|a|@|골뱅이|앳) ?[)\]}>] ?| ?골뱅이 ?|앳)"
_DOT: Final = r"(?:\.| ?[(\[{<] ?(?:dot|\.|점|닷) ?[)\]}>] ?| ?닷 ?| 점 | dot )"
_TLD: Final = "(?:com|net|org|edu|gov|info|io|me|kr|jp|cn|us)(?![A-Za-z0-9-])"
_HOSTS: Final = "네이버|다음|한메일|지메일|구글|네이트|핫메일|카카오"


_EARLIER: Final = 0.1
"""Evidence for a person: dates of the last century are seldom those of an order."""


def _with_century(check: Check) -> Check:
    """A date of birth with its century, whose gender digit belongs to it; an order's date and number seldom do."""

    def checked(value: str) -> float | None:
        digits = digits_of(value)
        if (digits[:2] == "19") != (digits[8] in "1256"):
            return None
        evidence = check(digits[2:])
        return None if evidence is None else evidence + _EARLIER * (digits[:2] == "19")

    return checked


def _little_hidden(most: int) -> Check:
    """A value of which so few digits are hidden that they can be tried out."""

    def checked(value: str) -> float | None:
        hidden = len(re.findall(f"[{_HIDDEN}]", value))
        return 0.0 if 1 <= hidden <= most else None

    return checked


def _like_a_mailbox(value: str) -> float | None:
    """Words around "at" may be words; a mailbox often has a sign or a digit."""
    return 0.2 if re.search("[._0-9+-]", value.split(" ", 1)[0]) else 0.0


_RRN, _FRN = registration(rrn_check_digit), registration(frn_check_digit)

LOOSE: Final = (
    pattern("KR_MOBILE", rf"(?<![0-9])(?<![0-9]-)(?:(?:\+|00)?82{_FREE}?0?|0)1[016789]"
            rf"{_FREE}[0-9]{{3,4}}{_FREE}[0-9]{{4}}{END}",
            labelled=0.9, bare=0.6, impersonal=0.3),
    pattern("KR_MOBILE", rf"{START}010(?:[-. ][0-9]{{2}}){{4}}{END}", labelled=0.9, bare=0.6, impersonal=0.2),
    pattern("KR_MOBILE", rf"{START}010[-. ][0-9{_HIDDEN}]{{4}}[-. ][0-9{_HIDDEN}]{{4}}(?![0-9{_HIDDEN}])",
            labelled=0.9, bare=0.7, impersonal=0.2, check=_little_hidden(2)),
    pattern("KR_RRN", rf"{START}[0-9]{{6}}[- ]?[1-8][0-9{_HIDDEN}]{{6}}(?![0-9{_HIDDEN}])",
            labelled=0.9, bare=0.6, impersonal=0.2, check=_little_hidden(3)),
    pattern("KR_RRN", f"{START}[0-9]{{6}}{_FREE}[1-4][0-9]{{6}}{END}",
            labelled=0.9, bare=0.45, impersonal=0.1, check=_RRN),
    pattern("KR_RRN", f"{START}{_DATE} ?[-./ ] ?[1-4][ -]?[0-9]{{6}}{END}",
            labelled=0.9, bare=0.45, impersonal=0.1, check=_RRN),
    pattern("KR_RRN", f"{START}[0-9]{{6}}(?:\n- |[^0-9]{{1,10}}(?:뒷 ?자리|뒤)[^0-9]{{0,8}})[1-4][0-9]{{6}}{END}",
            labelled=0.95, bare=0.6, impersonal=0.3, check=_RRN),
    pattern("KR_RRN", f"{START}(?:19|20)[0-9]{{6}}[- ]?[1-4][0-9]{{6}}{END}",
            labelled=0.9, bare=0.45, impersonal=0.1, check=_with_century(_RRN)),
    pattern("KR_FRN", f"{START}[0-9]{{6}}{_FREE}[5-8][0-9]{{6}}{END}",
            labelled=0.9, bare=0.45, impersonal=0.1, check=_FRN),
    pattern("KR_PASSPORT", r"(?<![A-Za-z0-9-])[MSRODG][- ]?[0-9]{3}[- ]?[A-Z0-9][- ]?[0-9]{4}(?![A-Za-z0-9-])",
            labelled=0.85, bare=0.1, impersonal=0.05),
    pattern("KR_DRIVER_LICENSE", f"{START}(?:1[1-9]|2[0-68]){_FREE}[0-9]{{2}}{_FREE}[0-9]{{6}}{_FREE}[0-9]{{2}}{END}",
            labelled=0.85, bare=0.2, impersonal=0.1),
    pattern("KR_DRIVER_LICENSE", f"(?:{REGION_NAMES}) ?[0-9]{{2}}[- ·][0-9]{{6}}[- ·][0-9]{{2}}{END}",
            labelled=0.9, bare=0.6, impersonal=0.2),
    pattern("KR_BRN", f"{START}[0-9]{{3}}{_FREE}[0-9]{{2}}{_FREE}[0-9]{{5}}{END}",
            labelled=0.75, bare=0.1, impersonal=0.05, check=required(brn_check_digit, failed=-0.1)),
    pattern("KR_LANDLINE", rf"{START}(?:{AREA}|070){_FREE}[1-9][0-9]{{2,3}}{_FREE}[0-9]{{4}}{END}",
            labelled=0.85, bare=0.2, impersonal=0.05),
    pattern("KR_BANK_ACCOUNT", rf"{START}[0-9]{{2,6}}(?:[./_*][0-9]{{2,7}}){{2,3}}{END}",
            labelled=0.7, bare=0.05, impersonal=0.02, check=account),
    pattern("CREDIT_CARD", f"{START}[3-69][0-9]{{3}}(?:{_FREE}[0-9]{{4}}){{3}}{END}",
            labelled=0.8, bare=0.3, impersonal=0.1, check=luhn),
    pattern("KR_VEHICLE_PLATE", rf"(?<![0-9,.-])[0-9]{{2,3}} ?[{PLATE}][ ·-]?\n? ?[0-9]{{4}}{NOT_A_COUNT}",
            labelled=0.8, bare=0.1, impersonal=0.05),
    pattern("KR_MAIN_NUMBER", f"{START}1[568][0-9]{{2}}[.·/][0-9]{{4}}{END}",
            labelled=0.8, bare=0.1, impersonal=0.05, check=main_number),
    pattern("EMAIL_ADDRESS", rf"{MAILBOX}{_AT}(?:[A-Za-z0-9-]{{1,63}}{_DOT}){{1,5}}{_TLD}",
            labelled=0.9, bare=0.8, impersonal=0.7),
    pattern("EMAIL_ADDRESS", rf"{MAILBOX} at (?:[A-Za-z0-9-]{{1,63}}(?: dot | ?[(\[]dot[)\]] ?)){{1,5}}{_TLD}",
            labelled=0.9, bare=0.4, impersonal=0.4, check=_like_a_mailbox),
    pattern("EMAIL_ADDRESS", rf"{MAILBOX}{_AT}(?:{_HOSTS})(?:(?:\.| ?점 ?| ?닷 ?)(?:com|net|co\.kr|컴|넷))?",
            labelled=0.9, bare=0.8, impersonal=0.7),
    pattern("IP_ADDRESS", r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}(?: ?\. ?|\[\.\]|\(\.\))){3}[0-9]{1,3}(?!\.?[0-9])",
            labelled=0.8, bare=0.2, impersonal=0.1, check=lambda v: ipv4(".".join(_numbers(v)))),
)  # fmt: skip


def _numbers(value: str) -> list[str]:
    return value.replace("[", "").replace("]", "").replace("(", "").replace(")", "").replace(" ", "").split(".")
