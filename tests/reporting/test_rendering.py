import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.full_run import FRAMEWORK, make_bundle
from verify.errors import EvidenceError, UnknownNameError, UsageError
from verify.evidence import Bundle, check_integrity, read_bundle
from verify.reporting import render
from verify.reporting.words import flatten

Locales = Mapping[str, Mapping[str, Any]]


def test_the_leading_language_is_report_html(bundle: Bundle, locales: Locales, tmp_path: Path) -> None:
    files = render(bundle, out=tmp_path, frameworks=(), locales=locales, formats=["html"], languages=["en", "ko"])

    assert [file.name for file in files] == ["report.html", "report.ko.html"]
    assert '<html lang="en">' in files[0].read_text("utf-8")


def test_one_language_is_one_file(bundle: Bundle, locales: Locales, tmp_path: Path) -> None:
    (file,) = render(bundle, out=tmp_path, frameworks=(), locales=locales, formats=["html"], languages=["ko"])

    assert file.name == "report.html"
    assert "report.en.html" not in file.read_text("utf-8")


def test_rendering_again_gives_the_same_bytes(bundle: Bundle, locales: Locales, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"frameworks": [FRAMEWORK], "locales": locales}
    formats = ("html", "json", "junit", "sarif")
    one = render(bundle, out=tmp_path / "a", formats=formats, **arguments)
    two = render(bundle, out=tmp_path / "b", formats=formats, **arguments)

    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def test_a_report_in_its_bundle_keeps_the_seal_and_is_tied_to_it(tmp_path: Path, locales: Locales) -> None:
    bundle = make_bundle(tmp_path)
    for _ in range(2):
        render(bundle, out=tmp_path / "report", frameworks=[FRAMEWORK], locales=locales)

    assert check_integrity(tmp_path).report_checked
    manifest = json.loads((tmp_path / "report" / "manifest.json").read_bytes())
    assert manifest["bundle"] == read_bundle(tmp_path).manifest.root


def test_the_report_of_another_bundle_is_not_taken_for_its_own(tmp_path: Path, locales: Locales) -> None:
    mine = make_bundle(tmp_path / "mine")
    other = make_bundle(tmp_path / "other", hostile=("x",))
    render(other, out=other.folder / "report", frameworks=(), locales=locales)
    shutil.copytree(other.folder / "report", mine.folder / "report")

    with pytest.raises(EvidenceError, match="shows another bundle"):
        check_integrity(mine.folder)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param({"formats": ["docx"]}, UnknownNameError, "no report format 'docx'", id="format"),
        pytest.param({"languages": ["jp"]}, UnknownNameError, "no report language 'jp'", id="language"),
        pytest.param({"formats": []}, UsageError, "no report format given", id="no format"),
        pytest.param({"languages": []}, UsageError, "no report language given", id="no language"),
    ],
)
def test_a_wrong_argument_lists_the_right_ones(
    bundle: Bundle, locales: Locales, tmp_path: Path, arguments: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        render(bundle, out=tmp_path / "r", frameworks=(), locales=locales, **arguments)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_bundle_of_an_earlier_version_still_renders(locales: Locales, tmp_path: Path, language: str) -> None:
    """The golden has no repeatability, no suitability, no machine and no summary of its suite."""
    golden = read_bundle(Path(__file__).parents[1] / "golden" / "bundle-v1")

    (file,) = render(golden, out=tmp_path, frameworks=(), locales=locales, formats=["html"], languages=[language])

    text = file.read_text("utf-8")
    assert flatten(locales[language])["statement.unsummarised"] in text
    assert flatten(locales[language])["front.untried"] in text
