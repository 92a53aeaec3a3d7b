"""What a browser would make of the report, by lxml's HTML parser and by the standard library's."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tests.reporting.full_run import HOSTILE, make_evidence
from verify.evidence import read_bundle, write_bundle
from verify.reporting import render
from verify.reporting.text import visible

PAGES = ("report.html", "report.en.html")
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "footer", "section", "article"),
    *("h1", "h2", "h3", "h4", "h5", "p", "a", "ul", "ol", "li", "dl", "dt", "dd", "div", "span", "strong", "pre", "br"),
    *("details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "line", "circle"),
}


class Tags(HTMLParser):
    """Tags and attributes as the standard library sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture(params=PAGES)
def text(request: pytest.FixtureRequest, rendered: Path) -> str:
    return (rendered / request.param).read_text("utf-8")


def test_only_tags_of_our_own_occur(text: str) -> None:
    seen = set(Tags(text).tags)
    parsed = {str(element.tag) for element in html.fromstring(text.encode()).iter() if isinstance(element.tag, str)}

    assert seen <= ALLOWED
    assert parsed <= ALLOWED


def test_nothing_runs_loads_or_leads_away(text: str) -> None:
    page = Tags(text)

    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "base"} & set(page.tags)
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert {name for name, _ in page.attributes} & {"src", "srcset", "style", "srcdoc", "action"} == set()
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")


def test_a_planted_heading_stays_text(text: str) -> None:
    tree = html.fromstring(text.encode())

    assert len(tree.findall(".//h1")) == 1
    assert Tags(text).tags.count("style") == 1


def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    shown = html.fromstring(text.encode()).text_content()

    missing = [each for each in HOSTILE if visible(" ".join(each.split()), limit=40).partition(" …")[0] not in shown]
    assert missing == []


def test_no_hidden_character_is_left(text: str) -> None:
    hidden = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn"} and c not in "\n\t"}

    assert hidden == set()


def test_no_line_of_10_000_characters_comes_through(text: str) -> None:
    assert "가" * 1000 not in text


def test_the_policy_allows_the_one_style_and_nothing_else(text: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)

    assert policy is not None
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    unescaped = policy[1].replace("&#39;", "'").replace("&#43;", "+")
    assert unescaped == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_page_asks_nothing_of_a_network(text: str) -> None:
    page = Tags(text)

    assert [value for name, value in page.attributes if "://" in value and name != "aria-label"] == []
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_ids_are_unique_and_every_link_has_its_target(text: str) -> None:
    attributes = Tags(text).attributes
    ids = [value for name, value in attributes if name == "id"]

    assert len(ids) == len(set(ids))
    assert {value[1:] for name, value in attributes if name == "href"} <= set(ids)


def test_landmarks_headers_and_graphics_are_named(text: str) -> None:
    tree = html.fromstring(text.encode())

    assert [len(tree.findall(f".//{tag}")) for tag in ("header", "main", "nav", "footer")] == [1, 1, 1, 1]
    assert [th for th in tree.iter("th") if th.get("scope") is None] == []
    assert [svg for svg in tree.iter("svg") if not svg.get("aria-label") or svg.get("role") != "img"] == []
    assert all(section.get("aria-labelledby") or section.get("aria-label") for section in tree.iter("section"))


def test_each_page_says_its_language(rendered: Path) -> None:
    languages = [html.fromstring((rendered / page).read_bytes()).get("lang") for page in PAGES]

    assert languages == ["ko", "en"]


@pytest.mark.parametrize(
    "shown",
    [
        "기준 미달",
        "0.250 [0.208, 0.295]",
        "240 / 120 / 3",
        "시간 초과 2",
        "이 점검에 필요한 접근 수준을 시험 대상이 제공하지 않습니다.",
        "T1: 읽고 쓸 파일",
        "파일은 Landlock으로 제한(ABI 7)",
        "2026-11-23 09:00:00 KST",
        "시행 예정(2027-02-28부터)",
        "국제공인시험기관(KOLAS) 인정 범위의 성적서가 아닙니다",
        "20 / 20",
        "암호문을 알아야만",
        "구간은 문항이 대표하는 더 넓은 문제 전체에 관한 것입니다",
    ],
)
def test_the_korean_page_holds_what_a_reader_needs(rendered: Path, shown: str) -> None:
    assert shown in html.fromstring((rendered / "report.html").read_bytes()).text_content()


def test_every_check_has_a_row_in_the_summary_and_a_section_of_its_own(rendered: Path) -> None:
    tree = html.fromstring((rendered / "report.html").read_bytes())
    rows = tree.xpath("//table[@class='glance']//tbody/tr[not(@class)]")

    assert len(rows) == 7
    assert len(tree.xpath("//article[starts-with(@id, 'check-')]")) == 7
    assert len(tree.xpath("//table[@class='glance']//svg")) == 6  # one check was not measured


@pytest.mark.parametrize(("p", "told"), [(0.084, True), (0.05, False), (0.001, False)])
def test_a_failure_that_could_be_chance_among_all_checks_is_said_to_be(
    tmp_path: Path, locales: Mapping[str, Mapping[str, Any]], p: float, told: bool
) -> None:
    evidence = make_evidence()
    verdicts = tuple(
        v.model_copy(update={"holm_adjusted_p": p} if v.holm_adjusted_p is not None else {})
        for v in evidence.results.verdicts
    )
    write_bundle(tmp_path, replace(evidence, results=evidence.results.model_copy(update={"verdicts": verdicts})))
    (file,) = render(
        read_bundle(tmp_path), out=tmp_path / "r", frameworks=(), locales=locales, formats=["html"], languages=["ko"]
    )

    assert ("우연히 나올 수 있는 정도입니다" in file.read_text("utf-8")) is told
