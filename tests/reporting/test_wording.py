"""A report states evidence; it never says that a law is met or that a model is harmless."""

import re
from pathlib import Path

import pytest

from verify.content import frameworks_folder, locales_folder, templates_folder

FORBIDDEN = re.compile(
    r"\b(?:compliant|compliance|complies|conforms|safe|unbiased|certified|certifies|guaranteed?s?)\b"
    r"|준수|인증됨|인증되었|인증합니다|안전함|안전합니다|적법|합법|무결점|보증합니다",
    re.IGNORECASE,
)
FILES = [
    path
    for folder in (templates_folder(), locales_folder(), frameworks_folder())
    for path in sorted(folder.iterdir())
    if path.is_file()
]


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_word_promises_more_than_evidence(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("name", ["report.html", "report.en.html", "junit.xml", "report.sarif", "report.json"])
def test_no_rendered_report_promises_more_than_evidence(rendered: Path, name: str) -> None:
    text = (rendered / name).read_text("utf-8").replace("report-json", "")

    assert FORBIDDEN.findall(text) == []
