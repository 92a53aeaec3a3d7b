import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.reporting import text as reporting_text
from verify.reporting.text import masked, one_line, visible, xml_text

ANYTHING = st.text(st.characters(codec="utf-8"))


@given(ANYTHING)
def test_visible_text_holds_nothing_hidden(text: str) -> None:
    shown = visible(text)

    assert all(c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"} for c in shown)


@given(ANYTHING, st.integers(1, 50))
def test_visible_text_is_bounded(text: str, limit: int) -> None:
    assert len(visible(text, limit=limit)) <= 10 * limit + 20


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100))
def test_ordinary_text_is_shown_unchanged(text: str) -> None:
    assert visible(text) == text


@given(ANYTHING)
def test_one_line_is_one_line(text: str) -> None:
    assert "\n" not in one_line(text)


@given(ANYTHING)
def test_xml_text_is_text_of_xml(text: str) -> None:
    element = ET.Element("a", b=xml_text(text))

    assert ET.fromstring(ET.tostring(element)).get("b") is not None  # noqa: S314  # made here


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("900101-1234567", "90••••••••••••"),
        ("전화 010 1234 5678입니다", "전화 01•••••••••••입니다"),
        ("hong.gildong@example.go.kr", "•••@example.go.kr"),
        ("수수료는 400원", "수수료는 400원"),
        ("⟦KR_RRN:90****-*******:1f2e3d4c⟧", "⟦KR_RRN:90****-*******:1f2e3d4c⟧"),
        ("⟦KR_RRN:900101-1234567:1f2e3d4c⟧", "⟦KR_RRN:90••••••••••••:1f2e3d4c⟧"),
    ],
)
def test_long_numbers_and_mail_names_are_covered_and_tokens_are_not(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_the_examples_of_the_docstrings_hold() -> None:
    import doctest

    found = doctest.testmod(reporting_text)
    assert (found.failed, found.attempted > 5) == (0, True)
