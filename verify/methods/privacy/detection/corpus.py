"""A labelled synthetic corpus, by which the detector's own error is measured.

Three parts: *clean* values as forms have them, *obfuscated* ones (full width, other dashes, characters
without width, digits spaced out or written in Hangul, no separators, middle dots, a broken line, digits of other
scripts) and *hard negatives* that hold no
personal data. Values are drawn at random and mean nobody; half of the registration numbers have a
random last digit, as those issued since October 2020.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Literal, NamedTuple

from verify.errors import UsageError
from verify.korean.identifiers import (
    PLATE_LETTERS,
    brn_check_digit,
    crn_check_digit,
    frn_check_digit,
    luhn_check_digit,
    rrn_check_digit,
)
from verify.korean.josa import fill, slots
from verify.korean.randomness import seeded
from verify.methods.privacy.detection.corpus_templates import OBFUSCATABLE, WITH_DATA, WITHOUT_DATA

Part = Literal["clean", "obfuscated", "hard_negative"]
PARTS: Final[tuple[Part, ...]] = ("clean", "obfuscated", "hard_negative")


class Label(NamedTuple):
    """Personal data that a sentence really holds."""

    type: str
    start: int
    """Offset in the sentence, in code points."""
    end: int
    """Not included."""


class Sentence(NamedTuple):
    """One sentence and everything that is to be found in it."""

    text: str
    labels: tuple[Label, ...]
    part: Part
    template: int
    """Index of the template in its part's list; sentences of one template are not independent."""


Maker = Callable[[Random], str]


def corpus(seed: int, n: int) -> tuple[Sentence, ...]:
    """A corpus with as many sentences of each part, templates in turn.

    Args:
        seed: Fixes every value and every disguise.
        n: Sentences in each part, at least 1.

    Raises:
        UsageError: ``n`` is less than 1.
    """
    if n < 1:
        raise UsageError(f"a corpus of {n} sentences a part measures nothing; ask for at least 1")
    return tuple(_sentence(part, place, seeded(seed, part, str(place))) for part in PARTS for place in range(n))


def _sentence(part: Part, place: int, chance: Random) -> Sentence:
    templates = WITHOUT_DATA if part == "hard_negative" else WITH_DATA
    index = place % len(templates)
    template = templates[index]
    values = {
        name: _MAKERS[name.rstrip("2") if name not in _MAKERS else name](chance) for name in sorted(slots(template))
    }
    text = fill(template, **values)
    labels: list[Label] = []
    for name in sorted(values, key=lambda name: template.index("{" + name + "}")):
        kind = _TYPES.get(name.rstrip("2"))
        if kind is None:
            continue
        start = text.index(values[name], labels[-1].end if labels else 0)
        shown = values[name]
        if part == "obfuscated" and name.rstrip("2") in OBFUSCATABLE:
            shown = _disguise(shown, chance)
        text = text[:start] + shown + text[start + len(values[name]) :]
        labels.append(Label(kind, start, start + len(shown)))
    return Sentence(text, tuple(labels), part, index)


def _digits(chance: Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _registration(chance: Random, genders: str, check: Callable[[str], int]) -> str:
    year, month = chance.randint(40, 99), chance.randint(1, 12)
    gender = chance.choice(genders[:2])
    if chance.random() < 0.2:
        year, gender = chance.randint(0, 24), chance.choice(genders[2:])
    twelve = f"{year:02d}{month:02d}{chance.randint(1, 28):02d}{gender}{_digits(chance, 5)}"
    last = str(check(twelve)) if chance.random() < 0.5 else chance.choice("0123456789")
    return f"{twelve[:6]}-{twelve[6:]}{last}"


def _brn(chance: Random) -> str:
    nine = f"{chance.randint(101, 699)}{chance.randint(1, 89):02d}{_digits(chance, 4)}"
    return f"{nine[:3]}-{nine[3:5]}-{nine[5:]}{brn_check_digit(nine)}"


def _crn(chance: Random) -> str:
    twelve = f"{chance.choice(('1101', '1301', '1801', '2001'))}{chance.choice(('11', '14', '22'))}{_digits(chance, 6)}"
    return f"{twelve[:6]}-{twelve[6:]}{crn_check_digit(twelve)}"


def _card(chance: Random) -> str:
    fifteen = chance.choice(("4", "5", "9", "3")) + _digits(chance, 14)
    whole = f"{fifteen}{luhn_check_digit(fifteen)}"
    return "-".join(whole[at : at + 4] for at in range(0, 16, 4))


def _passport(chance: Random) -> str:
    letter = chance.choice("MSMMR")
    if chance.random() < 0.5:
        return letter + _digits(chance, 8)
    return f"{letter}{_digits(chance, 3)}{chance.choice('ABCDEFGHJK')}{_digits(chance, 4)}"


def _account(chance: Random) -> str:
    shape = chance.choice(((6, 2, 6), (3, 3, 6), (4, 3, 6), (3, 6, 5), (3, 4, 4, 2), (4, 2, 7), (3, 6, 2, 3)))
    return "-".join(_digits(chance, width) for width in shape)


def _landline(chance: Random) -> str:
    area = chance.choice(("02", "031", "032", "033", "042", "044", "051", "053", "062", "064"))
    return f"{area}-{chance.randint(200, 999)}{chance.choice(('', '0'))}-{_digits(chance, 4)}"


_SURNAMES: Final = (
    "김김김이이이박박최정강조윤장임한오서신권황안송전홍유고문손배백허남심노하곽성차우구민진지엄채원방공현함변염"
)
_GIVEN: Final = (
    "지훈 서연 민준 하은 도윤 지우 서준 수빈 예준 지민 시우 채원 주원 유진 현우 은서 건우 다은 우진 예은 성민 "
    "미경 정호 영숙 상철 경자 병철 순자 광수 말순 종현 혜진 태호 선영 재석 명숙 동현 은경 승기 보영 기태 나연 "
    "용수 소희 철민 아름 한결 가람 슬기 찬호"
)
_ROADS: Final = (
    "서울특별시 강남구 테헤란로|서울 종로구 세종대로|부산광역시 해운대구 센텀중앙로|대구 수성구 동대구로|"
    "인천광역시 남동구 예술로|광주광역시 서구 상무중앙로|대전 서구 둔산로|울산광역시 남구 중앙로|"
    "세종특별자치시 한누리대로|경기도 수원시 팔달구 효원로|경기 성남시 분당구 판교역로|"
    "강원특별자치도 춘천시 중앙로|충북 청주시 상당구 상당로|충청남도 홍성군 홍북읍 충남대로|"
    "전북특별자치도 전주시 완산구 효자로|전남 무안군 삼향읍 오룡길|경북 안동시 풍천면 도청대로|"
    "경상남도 창원시 의창구 중앙대로|제주특별자치도 제주시 문연로|서울특별시 마포구 월드컵북로12길"
)
_LOTS: Final = (
    "서울특별시 강남구 역삼동|부산 동래구 온천동|대구광역시 달서구 두류동|경기도 고양시 일산동구 장항동|"
    "강원특별자치도 강릉시 교동|충청북도 괴산군 칠성면 사은리|전남 담양군 금성면 원율리|"
    "경상북도 경주시 양남면 읍천리|제주특별자치도 서귀포시 성산읍 고성리|인천 강화군 길상면 온수리"
)


def _road(chance: Random) -> str:
    number = f"{chance.randint(1, 500)}" + chance.choice(("", "", f"-{chance.randint(1, 20)}"))
    home = f", {chance.randint(101, 115)}동 {chance.randint(101, 2004)}호"
    flat = chance.choice(("", "", home, f" {chance.randint(2, 9)}층"))
    return f"{chance.choice(_ROADS.split('|'))} {number}{flat}"


def _lot(chance: Random) -> str:
    number = f"{chance.randint(1, 900)}-{chance.randint(1, 60)}"
    return f"{chance.choice(_LOTS.split('|'))} {number}{chance.choice(('', '번지'))}"


def _email(chance: Random) -> str:
    name = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randint(3, 9)))
    host = chance.choice(("korea.kr", "example.go.kr", "example.com", "mail.example.kr"))
    return f"{name}{chance.choice(('', '.kim', '82', '_7'))}@{host}"


def _date(chance: Random) -> str:
    year, month, day = chance.randint(2001, 2027), chance.randint(1, 12), chance.randint(1, 28)
    return chance.choice((f"{year}. {month}. {day}.", f"{year}년 {month}월 {day}일", f"{year}-{month:02d}-{day:02d}"))


def _barcode(chance: Random) -> str:
    twelve = "880" + _digits(chance, 9)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


_MAKERS: Final[dict[str, Maker]] = {
    "rrn": lambda c: _registration(c, "1234", rrn_check_digit),
    "frn": lambda c: _registration(c, "5678", frn_check_digit),
    "passport": _passport,
    "licence": lambda c: f"{c.randint(11, 26)}-{_digits(c, 2)}-{_digits(c, 6)}-{_digits(c, 2)}",
    "brn": _brn,
    "crn": _crn,
    "mobile": lambda c: f"010-{c.randint(2000, 9999)}-{_digits(c, 4)}",
    "landline": _landline,
    "main": lambda c: f"{c.choice(('1588', '1577', '1544', '1600', '1899', '1661'))}-{_digits(c, 4)}",
    "bank": lambda c: c.choice(("국민은행", "신한은행", "농협은행", "기업은행", "우체국", "하나은행")),
    "account": _account,
    "card": _card,
    "health": lambda c: f"{c.choice('12578')}-{_digits(c, 10)}",
    "plate": lambda c: f"{c.randint(10, 999)}{c.choice(PLATE_LETTERS)}{c.choice(('', ' '))}{c.randint(1000, 9999)}",
    "road": _road,
    "lot": _lot,
    "email": _email,
    "ip": lambda c: (
        f"{c.choice((10, 172, 192, 203, 211))}.{c.randint(20, 255)}.{c.randint(0, 255)}.{c.randint(1, 254)}"
    ),
    "person": lambda c: c.choice(_SURNAMES) + c.choice(_GIVEN.split()),
    "barcode": _barcode,
    "timestamp": lambda c: f"{c.randint(2020, 2027)}{c.randint(1, 12):02d}{c.randint(1, 28):02d}{_digits(c, 6)}",
    "epoch": lambda c: f"17{_digits(c, 11)}",
    "money": lambda c: f"{c.randint(1_000_000, 99_999_999_999):,}",
    "percent": lambda c: f"{c.randint(1, 99)}.{c.randint(0, 9)}",
    "date": _date,
    "year": lambda c: str(c.randint(1998, 2026)),
    "isbn": lambda c: f"979-11-{_digits(c, 4)}-{_digits(c, 3)}-{_digits(c, 1)}",
    "decimal": lambda c: f"{c.randint(1, 999)}.{_digits(c, 3)}",
    "version": lambda c: ".".join(str(c.randint(0, 15)) for _ in range(4)),
    "years": lambda c: f"{c.randint(1400, 1600)}-{c.randint(1601, 1890)}",
} | {f"digits{width}": (lambda c, width=width: _digits(c, width)) for width in range(2, 14)}
_TYPES: Final = {
    "rrn": "KR_RRN", "frn": "KR_FRN", "passport": "KR_PASSPORT", "licence": "KR_DRIVER_LICENSE", "brn": "KR_BRN",
    "crn": "KR_CRN", "mobile": "KR_MOBILE", "landline": "KR_LANDLINE", "main": "KR_MAIN_NUMBER",
    "account": "KR_BANK_ACCOUNT", "card": "CREDIT_CARD", "health": "KR_HEALTH_INSURANCE", "plate": "KR_VEHICLE_PLATE",
    "road": "KR_ADDRESS", "lot": "KR_ADDRESS", "email": "EMAIL_ADDRESS", "ip": "IP_ADDRESS", "person": "PERSON",
}  # fmt: skip


def _full_width(value: str, _chance: Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)


def _other_dash(value: str, chance: Random) -> str:
    return value.replace("-", chance.choice(("–", "—", "−", "ㅡ", " - ")))


def _zero_width(value: str, chance: Random) -> str:
    at = chance.randrange(1, len(value))
    return value[:at] + chance.choice("\u200b\u200d\u2060\ufeff") + value[at:]


def _spaced(value: str, _chance: Random) -> str:
    return " ".join(value.replace("-", "").replace(" ", ""))


def _in_hangul(value: str, chance: Random) -> str:
    words = dict(zip("0123456789", "공일이삼사오육칠팔구", strict=True))
    return "".join(words.get(c, c) for c in value.replace("-", chance.choice(("-", " "))))


def _joined(value: str, _chance: Random) -> str:
    return value.replace("-", "")


def _middle_dot(value: str, chance: Random) -> str:
    return value.replace("-", chance.choice("·ㆍ・"))


def _broken(value: str, _chance: Random) -> str:
    return value.replace("-", "-\n", 1)


def _other_digits(value: str, chance: Random) -> str:
    digits = chance.choice(("٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "⓪①②③④⑤⑥⑦⑧⑨", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return value.translate(str.maketrans("0123456789", digits))


def _disguise(value: str, chance: Random) -> str:
    ways = [_full_width, _zero_width, _other_digits]
    if "-" in value:
        ways += [_other_dash, _spaced, _in_hangul, _joined, _middle_dot, _broken]
    return chance.choice(ways)(value, chance)
