import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.reporting.full_run import make_evidence
from verify.evidence import Bundle, read_bundle, write_bundle
from verify.records import Bound
from verify.reporting import Words, build_page, summary


def shown(bundle: Bundle, locales: Mapping[str, Mapping[str, Any]], language: Any, *, color: bool = False) -> str:
    page = build_page(bundle, words=Words(language, locales[language]), frameworks=())
    stream = io.StringIO()
    console = Console(file=stream, width=140, force_terminal=color, color_system="standard" if color else None)
    console.print(summary(page))
    return stream.getvalue()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_nothing_that_the_subject_wrote_reaches_the_terminal_as_a_command(
    hostile: Bundle, locales: Mapping[str, Mapping[str, Any]], language: str
) -> None:
    text = shown(hostile, locales, language)

    assert [c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) <= 0x9F or c in "\u202e\u2066"] == []


def test_links_are_not_made_of_somebody_elses_text(hostile: Bundle, locales: Mapping[str, Mapping[str, Any]]) -> None:
    assert "\x1b]8" not in shown(hostile, locales, "ko", color=True)


def test_markup_is_not_read_from_names(hostile: Bundle, locales: Mapping[str, Mapping[str, Any]]) -> None:
    assert "<script>alert(1)</script>" in shown(hostile, locales, "ko")


def test_every_check_has_a_row_and_every_failure_its_remedy(
    bundle: Bundle, locales: Mapping[str, Mapping[str, Any]]
) -> None:
    text = shown(bundle, locales, "en")

    assert all(check.name in text for check in bundle.plan.checks)
    assert "0.250 [0.208, 0.295]" in text
    assert "Tune the model to say that it cannot tell" in text


def test_a_verdict_that_its_printed_interval_seems_to_contradict_is_explained(
    tmp_path: Path, locales: Mapping[str, Mapping[str, Any]]
) -> None:
    """accuracy.passages passes at 0.865 by its lower bound 0.871, though its two-sided interval begins at 0.862."""
    evidence = make_evidence()
    bound = Bound(at_least=0.865)
    verdicts = tuple(
        v.model_copy(update={"bound": bound} if v.check == "accuracy.passages" else {})
        for v in evidence.results.verdicts
    )
    write_bundle(tmp_path, replace(evidence, results=evidence.results.model_copy(update={"verdicts": verdicts})))

    text = " ".join(shown(read_bundle(tmp_path), locales, "ko").split())

    assert "※ accuracy.passages: 단측 95% 하한(0.871)이 기준(≥ 0.865)을 충족합니다." in text
    assert text.count("※") == 1


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_summary_breaks_no_identifier_within_a_word_at_80_columns(
    bundle: Bundle, locales: Mapping[str, Mapping[str, Any]], language: Any
) -> None:
    page = build_page(bundle, words=Words(language, locales[language]), frameworks=())
    long = "accuracy.passages-calibration-of-notices-and-forms"
    views = tuple(replace(v, planned=v.planned.model_copy(update={"name": long})) for v in page.checks[:1])
    console = Console(width=80)
    with console.capture() as capture:
        console.print(summary(replace(page, suites=(replace(page.suites[0], checks=views),))))
    rows = capture.get().splitlines()
    start = next(k for k, row in enumerate(rows) if row.startswith("accuracy."))
    pieces = []
    while "".join(pieces) != long and start < len(rows):
        pieces.append(rows[start].split("  ")[0].strip())
        start += 1

    assert "".join(pieces) == long
    assert all(piece[-1] in ".-" for piece in pieces[:-1])
    assert all(len(row) <= 80 for row in rows)
