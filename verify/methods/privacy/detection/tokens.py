"""Redaction tokens: ``⟦KR_RRN:90****-*******:1f0c22ab⟧`` - the type, a mask and a keyed hash.

The mask belongs to a closed set for each type, and what does not have exactly that form is no token:
a subject that wraps a real number in the brackets does not smuggle it past the detector.
"""

import re
from typing import Final

from verify.errors import UnknownNameError
from verify.korean.identifiers import AREA_CODES, LICENCE_REGIONS, digits_of
from verify.korean.normalise import normalise
from verify.korean.people import PROVINCES, SURNAMES
from verify.methods.privacy.detection.detections import TYPES

_YEARS: Final = "[0-9]{2}"
_FIXED: Final = {
    "KR_PASSPORT": "*********",
    "KR_BRN": "***-**-*****",
    "KR_CRN": "******-*******",
    "KR_MAIN_NUMBER": "****-****",
    "KR_BANK_ACCOUNT": "***-***-******",
    "CREDIT_CARD": "****-****-****-****",
    "KR_HEALTH_INSURANCE": "*-**********",
    "KR_VEHICLE_PLATE": "***-****",
    "EMAIL_ADDRESS": "***@***",
    "IP_ADDRESS": "*.*.*.*",
}
_FORMS: Final = {name: re.escape(text) for name, text in _FIXED.items()} | {
    "KR_RRN": rf"(?:{_YEARS}|\*\*)\*{{4}}-\*{{7}}",
    "KR_FRN": rf"(?:{_YEARS}|\*\*)\*{{4}}-\*{{7}}",
    "KR_DRIVER_LICENSE": rf"(?:{'|'.join(LICENCE_REGIONS)}|\*\*)-\*\*-\*{{6}}-\*\*",
    "KR_MOBILE": r"010-\*{4}-\*{4}",
    "KR_LANDLINE": rf"(?:{'|'.join(AREA_CODES)}|\*\*\*)-\*{{4}}-\*{{4}}",
    "KR_ADDRESS": rf"(?:(?:{'|'.join(PROVINCES)}) )?\*\*\*",
    "PERSON": rf"(?:{'|'.join(SURNAMES)}|\*)\*\*",
}
TOKEN: Final = re.compile(
    "⟦(?:" + "|".join(f"(?P<{name}>{name}):{form}" for name, form in _FORMS.items()) + "):[0-9a-f]{8}⟧"
)
"""A redaction token; its one named group is its type."""


def token_type(match: re.Match[str]) -> str:
    """The type of a match of `TOKEN`."""
    return str(match.lastgroup)


def mask(type_: str, text: str) -> str:
    """What may be shown of a value: its kind, at most a year, a region, a province or a surname.

    No detector finds anything in a mask, and its form depends on nothing else of the value, not even
    its length.

    Args:
        type_: One of `TYPES`.
        text: The value as found.

    Raises:
        UnknownNameError: There is no such type.

    Examples:
        >>> mask("KR_RRN", "900101-1234567"), mask("PERSON", "김서준")
        ('90****-*******', '김**')
    """
    if type_ not in TYPES:
        raise UnknownNameError("type of personal data", type_, known=TYPES)
    if type_ in _FIXED:
        return _FIXED[type_]
    value = normalise(text).text
    digits = digits_of(value)
    if type_ in ("KR_RRN", "KR_FRN"):
        return f"{digits[:2] if len(digits) >= 2 else '**'}****-*******"
    if type_ == "KR_DRIVER_LICENSE":
        return f"{digits[:2] if digits[:2] in LICENCE_REGIONS else '**'}-**-******-**"
    if type_ == "KR_MOBILE":
        return "010-****-****"
    if type_ == "KR_LANDLINE":
        area = next((code for code in AREA_CODES if digits.startswith(code)), "***")
        return f"{area}-****-****"
    if type_ == "KR_ADDRESS":
        province = next((name for name in PROVINCES if value.replace(" ", "").startswith(name)), "")
        return f"{province} ***".lstrip()
    surname = next((name for name in (value[:2], value[:1]) if name in SURNAMES), "*")
    return f"{surname}**"
