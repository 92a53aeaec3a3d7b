"""Korean identifiers: synthetic values from declared spaces, and what the form of a value gives away.

Each kind is a finite space that is numbered from 0, so that a canary's rank and exposure have a known
denominator. Where the scheme allows it the space lies outside what is issued (a check digit that is
always wrong, an exchange number that no operator has): ``note`` says what keeps the values from being
somebody's. Facts are facts of form. A checksum that fails says nothing about 주민등록번호 and
외국인등록번호 issued since October 2020, whose last digits are random (주민등록법 시행규칙 개정, 2020-10-05).

Schemes: weights of the check digits as published by 행정안전부 (주민등록), 국세청 (사업자등록) and 법원행정처
(법인등록); cards ISO/IEC 7812-1 (Luhn); the rest are number formats without a public check digit.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from verify.errors import UnknownNameError, UsageError
from verify.korean.randomness import seeded

Checksum = Literal["ok", "failed", "not_applicable"]


class Facts(NamedTuple):
    """What the form of a value says."""

    well_formed: bool
    """Whether length, separators and fixed parts are those of the kind."""
    born: date | None
    """The date of birth that the value holds; None where the kind has none or the date does not exist."""
    date_valid: bool | None
    """None where the kind holds no date."""
    gender_digit: int | None
    """The seventh digit of a registration number: 1-4, 9, 0 citizens, 5-8 foreigners; odd is male."""
    checksum: Checksum
    """``not_applicable``: the kind has no public check digit, or it may have been issued without."""


_MALFORMED: Final = Facts(well_formed=False, born=None, date_valid=None, gender_digit=None, checksum="not_applicable")


@dataclass(frozen=True, slots=True)
class Identifier:
    """One kind of identifier."""

    name: str
    title: str
    """In Korean, as documents write it."""
    size: int
    """Number of values in the synthetic space."""
    note: str
    """What the space is, and what keeps its values from being somebody's."""
    at: Callable[[int], str]
    """The value of an index in [0, size); one to one."""
    facts: Callable[[str], Facts]
    """What the form of any text says, taken as a value of this kind."""


def digits_of(value: str) -> str:
    """The ASCII digits of a value, without separators."""
    return re.sub("[^0-9]", "", value)


def rrn_check_digit(first_twelve: str) -> int:
    """Check digit of a 주민등록번호 issued before October 2020: (11 - weighted sum mod 11) mod 10."""
    return (11 - _weighted(first_twelve, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10


def frn_check_digit(first_twelve: str) -> int:
    """Check digit of a 외국인등록번호 issued before October 2020: (13 - weighted sum mod 11) mod 10."""
    return (13 - _weighted(first_twelve, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10


def brn_check_digit(first_nine: str) -> int:
    """Check digit of a 사업자등록번호; the ninth digit also counts with the tens of five times itself."""
    total = _weighted(first_nine, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(first_nine[8]) * 5 // 10
    return -total % 10


def crn_check_digit(first_twelve: str) -> int:
    """Check digit of a 법인등록번호: weights 1 and 2 in turn, to the next multiple of ten."""
    return -_weighted(first_twelve, (1, 2) * 6) % 10


def luhn_check_digit(without_last: str) -> int:
    """Check digit of a payment card (ISO/IEC 7812-1, annex B)."""
    doubled = (int(c) * (2 - place % 2) for place, c in enumerate(reversed(without_last)))
    return -sum(d // 10 + d % 10 for d in doubled) % 10


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def birth_date(first_seven: str) -> date | None:
    """The date that the first seven digits of a registration number hold, or None if there is no such day."""
    century = {"9": 1800, "0": 1800, "1": 1900, "2": 1900, "5": 1900, "6": 1900}.get(first_seven[6], 2000)
    try:
        return date(century + int(first_seven[:2]), int(first_seven[2:4]), int(first_seven[4:6]))
    except ValueError:
        return None


_FIRST_BIRTH: Final = date(1950, 1, 1)
_BIRTHS: Final = (date(2000, 1, 1) - _FIRST_BIRTH).days


def _registration_at(genders: str, check: Callable[[str], int]) -> Callable[[int], str]:
    def at(index: int) -> str:
        rest, serial = divmod(index, 10**5)
        day, gender = divmod(rest, len(genders))
        twelve = f"{_FIRST_BIRTH + timedelta(days=day):%y%m%d}{genders[gender]}{serial:05d}"
        return f"{twelve[:6]}-{twelve[6:]}{(check(twelve) + 5) % 10}"

    return at


def _registration_facts(genders: str, check: Callable[[str], int]) -> Callable[[str], Facts]:
    def facts(value: str) -> Facts:
        if not re.fullmatch(rf"[0-9]{{6}}[- ]?[{genders}][0-9]{{6}}", value):
            return _MALFORMED
        digits = digits_of(value)
        born = birth_date(digits)
        ok = check(digits[:12]) == int(digits[12])
        return Facts(
            well_formed=True,
            born=born,
            date_valid=born is not None,
            gender_digit=int(digits[6]),
            checksum="ok" if ok else "failed",
        )

    return facts


def _shape_facts(pattern: str, check: Callable[[str], int] | None = None) -> Callable[[str], Facts]:
    shape = re.compile(pattern)

    def facts(value: str) -> Facts:
        if not shape.fullmatch(value):
            return _MALFORMED
        checksum: Checksum = "not_applicable"
        if check is not None:
            digits = digits_of(value)
            checksum = "ok" if check(digits[:-1]) == int(digits[-1]) else "failed"
        return Facts(well_formed=True, born=None, date_valid=None, gender_digit=None, checksum=checksum)

    return facts


class _Part(NamedTuple):
    """One part of a value: its alternatives, or its width in digits."""

    choices: tuple[str, ...] = ()
    width: int = 0


def _size(parts: tuple[_Part, ...]) -> int:
    total = 1
    for part in parts:
        total *= len(part.choices) or 10**part.width
    return total


def _joined(parts: tuple[_Part, ...], finish: Callable[[str], str] = str) -> Callable[[int], str]:
    def at(index: int) -> str:
        out: list[str] = []
        for part in reversed(parts):
            index, digit = divmod(index, len(part.choices) or 10**part.width)
            out.append(part.choices[digit] if part.choices else f"{digit:0{part.width}d}")
        return finish("".join(reversed(out)))

    return at


def _fixed(*choices: str) -> _Part:
    return _Part(choices=choices)


def _number(width: int) -> _Part:
    return _Part(width=width)


def _grouped(*widths: int) -> Callable[[str], str]:
    def finish(value: str) -> str:
        out, end = [], 0
        for width in widths:
            out.append(value[end : end + width])
            end += width
        return "-".join(out)

    return finish


def _brn(nine: str) -> str:
    return _grouped(3, 2, 5)(f"{nine}{(brn_check_digit(nine) + 5) % 10}")


def _crn(twelve: str) -> str:
    return _grouped(6, 7)(f"{twelve}{(crn_check_digit(twelve) + 5) % 10}")


def _card(fifteen: str) -> str:
    return _grouped(4, 4, 4, 4)(f"{fifteen}{luhn_check_digit(fifteen)}")


LICENCE_REGIONS: Final = tuple(str(code) for code in range(11, 29) if code != 27)
"""지역번호 of 운전면허: 11 서울 to 26 울산, 28 세종."""
AREA_CODES: Final = ("02", *(str(c).zfill(3) for c in (31, 32, 33, 41, 42, 43, 44, 51, 52, 53, 54, 55, 61, 62, 63, 64)))
"""지역번호 of telephones."""
PLATE_LETTERS: Final = tuple("가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주아바사자하허호배")
"""용도 기호 of vehicle plates (자동차등록번호판 등의 기준에 관한 고시)."""
_PLATE_PREFIXES: Final = tuple(str(n) for n in range(100, 1000))

_REGISTRATION_SIZE: Final = _BIRTHS * 2 * 10**5
_WRONG_CHECK: Final = "its check digit is always wrong, which no number issued before October 2020 has"
_PASSPORT: Final = (_fixed("M", "S", "R"), _number(3), _fixed(*"ABCDEFGHJKLMNPQRSTUVWXYZ"), _number(4))
_LICENCE: Final = (_fixed(*LICENCE_REGIONS), _fixed("-"), _number(2), _fixed("-"), _number(6), _fixed("-"), _number(2))
_BRN: Final = (_number(3), _fixed("00"), _number(4))
_CRN: Final = (_fixed("000000", "000011"), _number(6))
_MOBILE: Final = (_fixed("010-0", "010-1"), _number(3), _fixed("-"), _number(4))
_LANDLINE: Final = (_fixed(*AREA_CODES), _fixed("-0", "-1"), _number(2), _fixed("-"), _number(4))
_MAIN: Final = (_fixed("1500", "1501", "1502", "1503"), _fixed("-"), _number(4))
_CARD: Final = (_fixed("9999"), _number(11))
_HEALTH: Final = (_fixed("9"), _fixed("-"), _number(10))
_PLATE: Final = (_fixed(*_PLATE_PREFIXES), _fixed(*PLATE_LETTERS), _fixed(" "), _number(4))
_ACCOUNTS: Final = {
    "KB국민은행": (6, 2, 6), "신한은행": (3, 3, 6), "우리은행": (4, 3, 6), "하나은행": (3, 6, 5),
    "NH농협은행": (3, 4, 4, 2), "IBK기업은행": (3, 6, 2, 3), "우체국": (6, 2, 6), "새마을금고": (4, 4, 4, 1),
    "카카오뱅크": (4, 2, 7), "토스뱅크": (4, 4, 4), "케이뱅크": (3, 3, 6), "수협은행": (3, 2, 6, 1),
}  # fmt: skip
ACCOUNT_SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(_ACCOUNTS)
"""How banks group the digits of an account number; a bank may have more than one shape."""
_ACCOUNT_DIGITS: Final = 9


def _account_at(index: int) -> str:
    bank, serial = divmod(index, 10**_ACCOUNT_DIGITS)
    widths = tuple(_ACCOUNTS.values())[bank]
    return _grouped(*widths)(f"{serial:0{sum(widths)}d}")


_KINDS: Final = (
    Identifier("rrn", "주민등록번호", _REGISTRATION_SIZE, f"born 1950-1999, gender digit 1 or 2; {_WRONG_CHECK}",
               _registration_at("12", rrn_check_digit), _registration_facts("0-49", rrn_check_digit)),
    Identifier("frn", "외국인등록번호", _REGISTRATION_SIZE, f"born 1950-1999, gender digit 5 or 6; {_WRONG_CHECK}",
               _registration_at("56", frn_check_digit), _registration_facts("5-8", frn_check_digit)),
    Identifier("passport", "여권번호", _size(_PASSPORT),
               "form used since December 2021; may coincide with an issued one",
               _joined(_PASSPORT),
               _shape_facts("[MSRODG](?:[0-9]{3}[A-Z][0-9]{4}|[0-9]{8})|[A-Z]{2}[0-9]{7}")),
    Identifier("licence", "운전면허번호", _size(_LICENCE),
               "any year and serial; may coincide with an issued one",
               _joined(_LICENCE), _shape_facts("(?:1[1-9]|2[0-68])-?[0-9]{2}-?[0-9]{6}-?[0-9]{2}")),
    Identifier("brn", "사업자등록번호", _size(_BRN),
               "type code 00, which is not issued, and a check digit that is always wrong",
               _joined(_BRN, _brn), _shape_facts("[0-9]{3}-?[0-9]{2}-?[0-9]{5}", brn_check_digit)),
    Identifier("crn", "법인등록번호", _size(_CRN),
               "registry 0000, which does not exist, and a check digit that is always wrong",
               _joined(_CRN, _crn), _shape_facts("[0-9]{6}-?[0-9]{7}", crn_check_digit)),
    Identifier("mobile", "휴대전화번호", _size(_MOBILE), "exchange numbers 0xxx and 1xxx, which 010 does not assign",
               _joined(_MOBILE), _shape_facts("01[016789]-?[0-9]{3,4}-?[0-9]{4}")),
    Identifier("landline", "유선전화번호", _size(_LANDLINE),
               "exchange numbers that start with 0 or 1, which are not assigned",
               _joined(_LANDLINE), _shape_facts(r"0(?:2|[3-6][1-5]|70)[-)]?[0-9]{3,4}-?[0-9]{4}")),
    Identifier("main_number", "대표번호", _size(_MAIN), "prefixes 1500-1503, which are not assigned",
               _joined(_MAIN), _shape_facts("1[568][0-9]{2}-?[0-9]{4}")),
    Identifier("card", "카드번호", _size(_CARD), "issuer 9999, which is not assigned; Luhn digit right",
               _joined(_CARD, _card),
               _shape_facts("(?:[0-9]{4}[- ]?){3}[0-9]{4}|3[47][0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{5}", luhn_check_digit)),
    Identifier("account", "계좌번호", len(_ACCOUNTS) * 10**_ACCOUNT_DIGITS,
               "shapes of twelve banks, leading digits 0, which no branch has",
               _account_at, _shape_facts("[0-9]{2,6}(?:-[0-9]{1,7}){2,3}|[0-9]{10,14}")),
    Identifier("health", "건강보험증번호", _size(_HEALTH), "first digit 9, which is not issued",
               _joined(_HEALTH), _shape_facts("[1-9]-?[0-9]{10}")),
    Identifier("plate", "차량번호", _size(_PLATE), "any plate; may coincide with a registered one",
               _joined(_PLATE),
               _shape_facts(f"(?:[가-힣]{{2}} ?)?[0-9]{{2,3}} ?[{''.join(PLATE_LETTERS)}] ?[0-9]{{4}}")),
)  # fmt: skip
IDENTIFIERS: Final[Mapping[str, Identifier]] = MappingProxyType({kind.name: kind for kind in _KINDS})

_CHECKED: Final = {
    "rrn": rrn_check_digit,
    "frn": frn_check_digit,
    "brn": brn_check_digit,
    "crn": crn_check_digit,
    "card": luhn_check_digit,
}


def identifier(name: str) -> Identifier:
    """The kind of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in IDENTIFIERS:
        raise UnknownNameError("identifier", name, known=IDENTIFIERS)
    return IDENTIFIERS[name]


def synthesise(name: str, *, seed: int, count: int = 1) -> tuple[str, ...]:
    """Different synthetic values of a kind, drawn uniformly from its space.

    Args:
        name: A name in `IDENTIFIERS`.
        seed: Fixes the draw.
        count: 1 to the size of the space.

    Raises:
        UnknownNameError: There is no such kind.
        UsageError: The count is not in the range.
    """
    kind = identifier(name)
    if not 1 <= count <= kind.size:
        raise UsageError(f"{name}: {count} values were asked for; the space has {kind.size}")
    return tuple(kind.at(index) for index in seeded(seed, "identifier", name).sample(range(kind.size), count))


def with_right_check_digit(name: str, value: str) -> str:
    """The value with its last digit set so that the checksum holds.

    Such a value may be somebody's: it is for testing detectors, never for publishing.

    Raises:
        UnknownNameError: The kind has no public check digit.
    """
    if name not in _CHECKED:
        raise UnknownNameError("identifier with a check digit", name, known=_CHECKED)
    return value[:-1] + str(_CHECKED[name](digits_of(value)[:-1]))
