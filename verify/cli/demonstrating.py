"""`verify demo`: the embedded default of `make run`: the instrument is tried on what is known, then used."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from verify import loading, pipeline
from verify.calibration import (
    as_assigned,
    calibrate,
    made_with,
    open_standard,
    standard_folder,
)
from verify.cli.console import open_console
from verify.cli.options import Language, LanguageOption
from verify.cli.rendering import print_summary, render_report
from verify.cli.watching import Terminal
from verify.planning import PlanInputs
from verify.records import CalibrationRecord, Outcome, ReferenceStandard
from verify.reporting import Words
from verify.reporting.instrument import notes
from verify.runtime.opening import SubjectOptions, open_subject

SHOWN = "memorised-heavy-1"
"""The standard on which all suites are run in full view."""
TRIED = (
    "memorised-heavy-1",
    "memorised-clean-1",
    "stereotype-planted-1",
    "stereotype-clean-1",
    "brittle-planted-1",
    "brittle-clean-1",
    "refusal-obliging-1",
    "refusal-overcautious-1",
    "refusal-clean-1",
    "exact-leaks-030",
    "exact-leaks-000",
    "always-first",
    "nan-on-gold",
    "non-deterministic",
)
"""A pair of each family and some oracles; `verify calibrate` takes all."""
LIMIT = 48
"""Items a check in that run: enough to look at, few enough for a coffee."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", help="결과 폴더 · folder of the bundles")] = Path("runs/demo"),
    lang: LanguageOption = Language.KO,
) -> None:
    """Examine the reference standards, then run all suites on one of them and show its report.

    Exit codes: 0 every planted defect was found and no clean twin was blamed, 1 otherwise.
    """
    terminal = Terminal(open_console(stderr=True), language=lang.value)
    terminal.say(
        "1/2 결함을 심은 표준 모델과 깨끗한 쌍둥이를 점검합니다.", "1/2 examining planted standards and clean twins"
    )
    standards = [one for one in loading.load_standards().values() if one.id in TRIED]
    record = _calibration(standards, out / "calibration.json", terminal)
    open_console().print(_table(record, ko=lang is Language.KO))
    for note in notes(record, Words("ko" if lang is Language.KO else "en", loading.load_locale(lang.value))):
        open_console().print(note, highlight=False, markup=False)
    terminal.say(f"\n2/2 {SHOWN}에 모든 묶음을 실행합니다.", f"\n2/2 running all suites on {SHOWN}")
    report = _run_all(out / SHOWN, record, terminal, lang)
    if not all(as_assigned(one, record) and _caught(one, record) for one in standards):
        open_console().print("기대와 다른 표준이 있습니다 · a standard was not as planted", style="bold red")
        raise typer.Exit(1)
    terminal.say(
        "심은 결함을 모두 찾았고, 결함이 없는 쌍둥이는 하나도 미달로 판정하지 않았습니다. 보고서:",
        "every planted defect was found and no clean twin failed. The report:",
    )
    open_console().print(escape(str(report)), highlight=False, soft_wrap=True)


def _calibration(standards: list[ReferenceStandard], file: Path, terminal: Terminal) -> CalibrationRecord:
    """The record of these standards: from the file where it was made with these very suites and methods, else anew."""
    if file.is_file():
        kept = loading.read_record(file, CalibrationRecord)
        here = {one.id: one.content_digest() for one in standards}
        if (kept.made_with, kept.standards) == (made_with(standards), here):
            terminal.say("  이미 점검한 기록을 씁니다.", "  kept from an earlier run")
            return kept

    def ended(one: ReferenceStandard) -> None:
        terminal.say(f"  {one.id} 끝", f"  {one.id} done")

    policy = loading.load_policy("self-check")
    record = calibrate(standards, standard_folder, open_standard, policy=policy, ended=ended).record
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(record.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return record


def _run_all(folder: Path, record: CalibrationRecord, terminal: Terminal, lang: Language) -> Path:
    standard = loading.load_standards()[SHOWN]
    inputs = PlanInputs(
        policy=loading.load_policy("self-check"),
        seed=standard.plan_seed,
        limit=LIMIT,
        inputs={name: standard_folder(SHOWN) / file for name, file in standard.inputs.items()},
    )
    runtime = open_subject(f"reference:{SHOWN}", SubjectOptions())
    try:
        ran = pipeline.run(runtime, inputs, out=folder, watcher=terminal, calibration=record)
    finally:
        terminal.close()
        runtime.close()
    languages = [lang.value, *(each.value for each in Language if each is not lang)]
    files = render_report(ran.folder, formats=["html", "json", "junit"], languages=languages)
    print_summary(ran.folder, language=lang.value)
    return files[0]


def _caught(standard: ReferenceStandard, record: CalibrationRecord) -> bool:
    """Whether every check that knows a planted standard's family failed it."""
    found = [d.outcomes[standard.id] for d in record.detections if standard.id in d.outcomes]
    return standard.dose == 0 or all(outcome is Outcome.FAIL for outcome in found)


def _table(record: CalibrationRecord, *, ko: bool) -> Table:
    table = Table(show_edge=False, header_style="bold")
    for name in ("표준", "결함", "용량", "점검", "판정") if ko else ("standard", "defect", "dose", "check", "verdict"):
        table.add_column(name, overflow="fold")
    styles = {Outcome.FAIL: "red", Outcome.PASS: "green"}
    for cell in record.detections:
        for standard, outcome in cell.outcomes.items():
            row = (standard, cell.defect, f"{cell.dose:g}", cell.check, outcome.value)
            table.add_row(*row, style=styles.get(outcome, ""))
    return table
