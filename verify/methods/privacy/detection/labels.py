"""Words that say what a number is: the label before a value decides what the value may be.

The nearest label wins, so that a form with many fields (``주문번호 ..., 주민등록번호 ...``) is read field by
field. Labels of things that are not personal (orders, parcels, barcodes, statutes) speak against.
"""

import re
from typing import Final

IMPERSONAL: Final = "IMPERSONAL"
"""The label says that the value names a thing."""

_PHONE: Final = (
    r"연\s?락\s?처|전화|휴대\s?폰|핸드폰|모바일|(?<![A-Za-z])(?:tel|hp|fax|phone|mobile)(?![A-Za-z])|팩스|문자|"
    r"대표\s?번호|고객\s?센터|콜\s?센터|상담|문의|통화"
)
_BANK: Final = (
    r"계\s?좌|통장|입금|송금|이체|예금|은행|농협|신협|수협|새마을금고|우체국|카카오\s?뱅크|토스\s?뱅크|케이\s?뱅크|"
    r"환급|자동\s?납부|(?<![가-힣])(?:국민|신한|우리|하나|기업|산업|부산|광주|전북|경남|제주|씨티|SC제일)[ :]{0,2}$"
)
_THING: Final = (
    r"(?:주문|송장|운송장|배송|택배|상품|품목|제품|물품|자재|재고|모델|일련|승인|거래|영수증|접수|문서|관리|고유|등기|사건|"
    r"허가|특허|출원|공고|예약|발주|입찰|계약|조달|식별|도서|전표|결제|세금계산서|과제|정산|증서|민원|회차|생산|이력)"
    r"\s?(?:번\s?호|코드|순번)|바코드|시리얼|ISBN|ISSN|타임\s?스탬프|timestamp|로트|물류|단말기|판결|사건|선고|특허|"
    r"통계\s?코드|금액|합계|총액|예산|버전|version|제품|품번|규격|좌표|측정값|해시"
)
_LABELS: Final = (
    (("KR_FRN",), r"외\s?국\s?인\s?(?:등\s?록\s?)?번\s?호|거소\s?신고|외국인\s?등록"),
    (("KR_CRN",), r"법\s?인\s?(?:등\s?록\s?)?번\s?호|법인\s?등록|법인[은는의]?[ (:]{0,3}$"),
    (("KR_BRN",), r"사\s?업\s?자\s?(?:등\s?록\s?)?(?:번\s?호)?"),
    (("KR_RRN",), r"주\s?민\s?(?:등\s?록\s?)?번\s?호|주민\s?등록|주민\s?번|(?<![A-Za-z])(?:rrn|jumin)"),
    (("KR_PASSPORT",), r"여\s?권|passport"),
    (("KR_DRIVER_LICENSE",), r"(?:운\s?전\s?)?면\s?허"),
    (("KR_HEALTH_INSURANCE",), r"건\s?강\s?보\s?험|보험\s?증|(?<!허)증\s?번호|피보험자"),
    (("CREDIT_CARD",), r"카\s?드|(?<![A-Za-z])card(?![A-Za-z])"),
    (("KR_BANK_ACCOUNT",), _BANK),
    (("KR_MOBILE", "KR_LANDLINE", "KR_MAIN_NUMBER"), _PHONE),
    (("KR_VEHICLE_PLATE",), r"차량|번호판|자동차|차\s?번호|주차|승용차|화물차"),
    (("KR_ADDRESS",), r"주\s?소|거주|소재지|사는\s?곳|배송지|자택|본적|등록\s?기준지"),
    (("IP_ADDRESS",), r"(?<![A-Za-z])IP(?![A-Za-z])|아이피|접속|서버|방화벽|호스트"),
    ((IMPERSONAL,), _THING),
)
_LABEL: Final = re.compile(
    "|".join(f"(?P<L{place}>{pattern})" for place, (_, pattern) in enumerate(_LABELS)), re.IGNORECASE
)
_BEFORE: Final = 40
_AFTER: Final = 14
_SENTENCE_END: Final = re.compile(r"(?<!no)(?<!tel)(?<!hp)(?<!h\.p)[.!?。]\s|\n\s*\n", re.IGNORECASE)
_LONGEST_ROW: Final = 500
_TABLE: Final = 4_000
"""Characters above a row in which the head of its table is looked for."""
_NONE: Final[tuple[str, ...]] = ()


def label(text: str, start: int, end: int) -> tuple[str, ...]:
    """What the nearest label says that ``text[start:end]`` is.

    In a table (columns divided by ``|``, tab or comma) the head of the column says it. Else looked at are
    the 40 characters before it, within its sentence, and if no label is there the 14 after it, up to the
    next digit.

    Args:
        text: A text in normal form.
        start: Where the value starts.
        end: Where it ends, not included.

    Returns:
        Types of `TYPES`, `IMPERSONAL`, or nothing.
    """
    if head := _column_head(text, start):
        return _LABELS[int((head.lastgroup or "L0")[1:])][0]
    before = text[max(0, start - _BEFORE) : start]
    for stop in _SENTENCE_END.finditer(before):
        cut = stop.end()
        before = " " * cut + before[cut:]
    labels = list(_LABEL.finditer(before))
    last = labels[-1] if labels else None
    if last is None:
        last = _LABEL.search(re.split("[0-9\n]", text[end : end + _AFTER], maxsplit=1)[0])
    return _NONE if last is None else _LABELS[int((last.lastgroup or "L0")[1:])][0]


def _column_head(text: str, start: int) -> re.Match[str] | None:
    """The label in the first line of the table that a place stands in, in the same column."""
    begin = text.rfind("\n", 0, start) + 1
    if not begin:
        return None
    line = text[begin : text.find("\n", start) if "\n" in text[start:] else len(text)]
    for sign in "|\t,":
        columns = line.count(sign)
        if columns and len(line) <= _LONGEST_ROW:
            head = _head(text[:begin], sign, columns)
            cells = head.split(sign)
            place = text.count(sign, begin, start)
            if place < len(cells) and (found := _LABEL.search(cells[place])):
                return found
    return None


def _head(above: str, sign: str, columns: int) -> str:
    """The uppermost of the lines right above that have as many columns."""
    head = ""
    for row in reversed(above[-_TABLE:].split("\n")[:-1]):
        if row.count(sign) != columns:
            break
        head = row
    return head
