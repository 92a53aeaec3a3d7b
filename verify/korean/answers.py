"""Whether two short Korean answers say the same: exactly, by value, never by likeness.

An answer is first freed of what does not bear meaning (quotes, lead-ins such as ``정답은``, endings such
as ``입니다``, a particle after it), then read as a date, a time, an identifier-like number, a quantity with
a unit, or else words. Two answers are the same if their readings are equal; 3만원 is 30,000원 and never
30만원, 15일 is never 50일. A unit that only one side names is not held against it (질문 "며칠?": 15 = 15일).
"""

import re
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from verify.errors import UsageError
from verify.korean.normalise import clean
from verify.korean.numerals import number


class Day(NamedTuple):
    """A date; the year is None where it was not said."""

    year: int | None
    month: int
    day: int


class Clock(NamedTuple):
    """A time of day."""

    hour: int
    minute: int
    second: int


class Quantity(NamedTuple):
    """A number and its unit; the unit is empty where none was said."""

    value: Fraction
    unit: str


class Digits(NamedTuple):
    """A number whose digits are a name (telephone, registration), without its separators."""

    digits: str


class Words(NamedTuple):
    """Any other answer, without spaces and in lower case."""

    text: str


Reading = Day | Clock | Quantity | Digits | Words

_UNIT_LINES: Final = """
원 ₩ krw 원정 / 명 인 사람 / 개 / 건 / % 퍼센트 프로 / %p 퍼센트포인트 / 년 년간 개년 / 개월 달 개월간
주 주일 주간 / 일 일간 / 시간 / 분 분간 / 초 초간 / 세 살 / 회 번 차례 / 층 / 호 / 쪽 페이지 / 권 / 대
km 킬로미터 / m 미터 / cm 센티미터 / mm 밀리미터 / kg 킬로그램 / g 그램 / t 톤 / l 리터 / m2 제곱미터
km2 제곱킬로미터 / 평 / 도 °c ℃ / 점 / 위 등 / 조 / 항 / 월 / 시 / 달러 $ usd / 마리 / 가구 세대
곳 개소 군데 / 배 / 학년 / 반 / 기 / 급 / 종 가지
"""
"""Each unit: the name that stands for it, then its other spellings."""
_UNITS: Final = re.split(r"[/\n]", _UNIT_LINES.strip())
_UNIT_OF: Final = {spelling: unit.split()[0] for unit in _UNITS for spelling in unit.split()}
_QUOTES: Final = "\"'`‘’“”「」『』〈〉《》"
_LEAD: Final = re.compile(
    r"^(?:(?:최종\s*)?(?:정답|답변|답)(?:은|는)?\s*[:=\-]?\s*|(?:final\s+)?answer\s*(?:is|:)\s*)(?=\S)", re.IGNORECASE
)
_ENDING: Final = re.compile(
    r"\s*(?:(?:이)?라고\s*(?:합니다|한다|해요|할\s*수\s*있습니다)"
    r"|입니다|이었습니다|였습니다|이에요|예요|이예요|이다|임|됩니다|이죠|이지요|요)$"
)
_PARTICLE: Final = re.compile(r"(?<=[0-9가-힣a-z%)])(?:까지|부터|에서|에게|으로|은|는|이|가|을|를|의|에|로)$")
_MONTH_DAY: Final = r"(?P<m>[0-9]{1,2})월 ?(?P<d>[0-9]{1,2})일"
_DATES: Final = tuple(
    re.compile(pattern + r"(?: ?\(?[월화수목금토일](?:요일)?\)?)?")
    for pattern in (
        rf"(?P<y>[0-9]{{4}}|'?[0-9]{{2}})년 ?{_MONTH_DAY}",
        r"(?P<y>[0-9]{4})(?P<s>[-./]) ?(?P<m>[0-9]{1,2})(?P=s) ?(?P<d>[0-9]{1,2})\.?",
        r"'?(?P<y>[0-9]{2})(?P<s>[-./]) ?(?P<m>[0-9]{1,2})(?P=s) ?(?P<d>[0-9]{1,2})\.?",
        r"(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})",
        _MONTH_DAY,
    )
)
_SPOKEN_DAY: Final = re.compile(
    r"(?:(?P<y>[영일이삼사오육칠팔구십백천]+)년 ?)?"
    r"(?P<m>[일이삼사오유육칠팔구시십]{1,2})월 ?(?P<d>[일이삼사오육칠팔구십]{1,3})일"
)
_TIME: Final = re.compile(
    r"(?P<half>오전|오후|am|pm)? ?(?:(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2}))?"
    r"|(?P<h2>[0-9]{1,2}|한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|열한|열두)시"
    r"(?: ?(?P<m2>[0-9]{1,2}|[이삼사오]?십[일이삼사오육칠팔구]?)분|(?P<hb> ?반))?)"
    r" ?(?P<half2>am|pm)?"
)
_DIGITS: Final = re.compile(r"\+?[0-9]{1,6}(?:[-)] ?[0-9]{1,8}){1,4}|0[0-9]{8,10}")
_QUANTITY: Final = re.compile(
    r"(?P<sign>[-−])?(?P<before>[₩$])? ?"
    r"(?P<n>[0-9][0-9,.]*(?: ?[십백천만억조][0-9십백천만억조 ]*)?|[영공일이삼사오육륙칠팔구십백천만억조 ]+"
    r"|(?:열|스물|스무|서른|마흔|쉰|예순|일흔|여든|아흔)?(?:하나|한|둘|두|셋|세|넷|네|다섯|여섯|일곱|여덟|아홉)?)"
    r" ?(?P<unit>[가-힣a-z%℃°$]+[2]?)?"
)
_COUNT_PREFIX: Final = re.compile("^(?:총|모두|제) ?(?=[0-9일이삼사오육칠팔구십백천만])")
_ARTICLE: Final = "조"
"""The unit that must be said on both sides: 15조 is not 15."""
_PIVOT: Final = 50
"""Two-digit years below it lie in the 2000s, the others in the 1900s."""


def same_answer(given: str, accepted: Sequence[str]) -> bool:
    """Whether an answer says the same as one of the accepted ones.

    Args:
        given: What was answered: the answer alone or as a short sentence (``정답은 3만 원입니다.``).
            An answer within a longer text is cut out by `extract` first.
        accepted: At least one right answer.

    Raises:
        UsageError: ``accepted`` is empty, or one of its texts says nothing.

    Examples:
        >>> same_answer("삼만 원입니다.", ["30,000원"]), same_answer("30만원", ["3만원"])
        (True, False)
    """
    if not accepted:
        raise UsageError("same_answer needs at least one accepted answer")
    if blank := [text for text in accepted if not stripped(text)]:
        raise UsageError(f"an accepted answer says nothing: {blank[0]!r}")
    return any(_same(mine, theirs) for mine in readings(given) for text in accepted for theirs in readings(text))


def _same(mine: Reading, theirs: Reading) -> bool:
    if isinstance(mine, Quantity) and isinstance(theirs, Quantity):
        unsaid = not (mine.unit and theirs.unit) and _ARTICLE not in (mine.unit, theirs.unit)
        return mine.value == theirs.value and (mine.unit == theirs.unit or unsaid)
    return mine == theirs


def stripped(text: str) -> str:
    """The answer without quotes, lead-in, ending and closing punctuation; words are not changed."""
    bare = re.sub(r"\s+", " ", clean(text).text.replace("**", "")).strip()
    while True:
        shorter = bare.strip().strip(_QUOTES).strip(" ,;:!?。").removesuffix("..")
        if shorter.startswith("(") and shorter.endswith(")") and shorter.count("(") == 1:
            shorter = shorter[1:-1]
        if not re.search(r"[0-9]\.$", shorter):
            shorter = shorter.removesuffix(".")
        shorter = _LEAD.sub("", shorter)
        cut = _ENDING.sub("", shorter)
        shorter = cut or shorter
        if shorter == bare:
            return bare
        bare = shorter


def readings(text: str) -> tuple[Reading, ...]:
    """What an answer may be read as: with and without a particle at its end, none for an empty one.

    A text that can be read as a date, time, quantity or digits is not also read as words.
    """
    bare = stripped(text).lower()
    found = [reading for form in dict.fromkeys((bare, _PARTICLE.sub("", bare))) for reading in _values(form.strip())]
    return tuple([reading for reading in found if not isinstance(reading, Words)] or found)


def _values(text: str) -> Sequence[Reading]:
    if not text:
        return ()
    for reader in (_day, _clock, _digits):
        reading = reader(text)
        if reading is not None:
            return (reading,)
    return _quantities(text) or (Words(re.sub(r"[\s·,]", "", text)),)


def _day(text: str) -> Day | None:
    for pattern in _DATES:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            return _checked_day(parts.get("y"), int(parts["m"]), int(parts["d"]))
    if found := _SPOKEN_DAY.fullmatch(text):
        month = {"유": 6, "시": 10}.get(found["m"]) or number(found["m"])
        year, day = number(found["y"] or ""), number(found["d"])
        if month is not None and day is not None:
            return _checked_day(str(year) if year is not None else None, int(month), int(day))
    return None


def _checked_day(year: str | None, month: int, day: int) -> Day | None:
    full = None
    if year is not None:
        full = int(year.lstrip("'"))
        if len(year.lstrip("'")) == 2:
            full += 2000 if full < _PIVOT else 1900
    try:
        date(full if full is not None else 2000, month, day)
    except ValueError:
        return None
    return Day(full, month, day)


def _clock(text: str) -> Clock | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour = number(found["h"] or found["h2"] or "")
    minute = 30 if found["hb"] else number(found["m"] or found["m2"] or "0")
    half = found["half"] or found["half2"]
    if hour is None or minute is None or (found["half"] and found["half2"]) or hour > (12 if half else 24):
        return None
    shifted = int(hour) % 12 + (12 if half in ("오후", "pm") else 0) if half else int(hour)
    second = int(found["s"] or 0)
    return Clock(shifted, int(minute), second) if minute < 60 and second < 60 else None


def _digits(text: str) -> Digits | None:
    if not _DIGITS.fullmatch(text):
        return None
    digits = re.sub("[^0-9]", "", text)
    return Digits("0" + digits[2:] if text.startswith("+82") else digits)


def _quantities(text: str) -> list[Quantity]:
    found = _QUANTITY.fullmatch(_COUNT_PREFIX.sub("", text))
    if not found or not found["n"].strip():
        return []
    ordinal = text.startswith("제")
    out = []
    for cut in range(len(found["n"]), 0, -1):
        # A numeral and a unit may share a letter: 15조 is Article 15 or 15 trillion, 제15조 only the former.
        value = number(found["n"][:cut].rstrip(".").strip())
        unit = (found["n"][cut:] + (found["unit"] or "")).strip() or (found["before"] or "")
        if value is not None and (unit in _UNIT_OF or not (unit or (ordinal and "조" in found["n"]))):
            out.append(Quantity(-value if found["sign"] else value, _UNIT_OF.get(unit, "")))
    return out


_MARKED: Final = re.compile(
    r"(?:^|\n|[.!?] |\*\*)\s*(?:#+\s*|\*\*|[-*]\s+)*(?:따라서\s*|그러므로\s*)?"
    r"(?:최종\s*)?(?:정답|답변|답|결론|(?:final\s+)?answer)(?:\*\*)?"
    r"\s*(?:은|는|is|[:：=])(?:\*\*)?[ \t]*(?P<answer>[^\n]+)",
    re.IGNORECASE,
)
_LONGEST: Final = 60
"""An unmarked answer of one line up to this many characters is taken for the answer itself."""


def extract(response: str) -> str | None:
    """The answer that a longer text gives, or None where it marks none.

    Taken are what follows the last lead-in (``정답:``, ``따라서 답은``, ``Answer:``) on its line, or the whole
    of a text of one short line. What is returned always occurs in the response.

    Args:
        response: What a subject wrote.
    """
    marked = list(_MARKED.finditer(response))
    if marked:
        answer = marked[-1]["answer"].strip().strip("*").strip()
        return answer or None
    lines = [line.strip() for line in response.strip().splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 and len(lines[0]) <= _LONGEST else None
