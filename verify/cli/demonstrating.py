"""`verify demo`: the embedded default of `make run`: the instrument is tried on what is known, then used."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verify import loading, pipeline
from verify.calibration import calibrate, calibration_record, standard_folder
from verify.cli.options import Language, LanguageOption
from verify.cli.rendering import print_summary, render_report
from verify.cli.watching import Terminal
from verify.planning import PlanInputs
from verify.records import CalibrationRecord, Outcome, ReferenceStandard, Verdict
from verify.runtime.base import Runtime
from verify.runtime.opening import SubjectOptions, open_subject

SHOWN = "memorised-heavy-1"
"""The standard on which all suites are run in full view."""
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
    terminal = Terminal(Console(stderr=True), language=lang.value)
    terminal.say(
        "1/2 결함을 심은 표준 모델과 깨끗한 쌍둥이를 점검합니다.", "1/2 examining planted standards and clean twins"
    )
    standards = list(loading.load_standards().values())
    record, verdicts = _calibrate(standards, terminal)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record.to_json(), ensure_ascii=False, indent=2) + "\n"
    (out / "calibration.json").write_text(text, encoding="utf-8")
    Console().print(_table(standards, verdicts, ko=lang is Language.KO))
    terminal.say(f"\n2/2 {SHOWN}에 모든 묶음을 실행합니다.", f"\n2/2 running all suites on {SHOWN}")
    report = _run_all(out / SHOWN, record, terminal, lang)
    if not all(_as_planted(standard, verdicts[standard.id]) for standard in standards):
        Console().print("기대와 다른 표준이 있습니다 · a standard was not as planted", style="bold red")
        raise typer.Exit(1)
    terminal.say("심은 결함을 모두 찾았고 쌍둥이는 모두 지나쳤습니다. 보고서:", "all as planted. The report:")
    Console().print(escape(str(report)), highlight=False, soft_wrap=True)


def _calibrate(
    standards: list[ReferenceStandard], terminal: Terminal
) -> tuple[CalibrationRecord, dict[str, tuple[Verdict, ...]]]:
    """Examine the standards two at a time: each has a process of its own, and two cores are common."""

    def examine(standard: ReferenceStandard) -> dict[str, tuple[Verdict, ...]]:
        found = calibrate([standard], standard_folder, _open_folder, policy=loading.load_policy("self-check"))
        terminal.say(f"  {standard.id} 끝", f"  {standard.id} done")
        return found.verdicts

    with ThreadPoolExecutor(2) as pool:
        verdicts = {name: v for part in pool.map(examine, standards) for name, v in part.items()}
    return calibration_record(standards, verdicts), verdicts


def _open_folder(folder: Path) -> Runtime:
    return open_subject(str(folder), SubjectOptions())


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


def _as_planted(standard: ReferenceStandard, verdicts: tuple[Verdict, ...]) -> bool:
    failed = [v.check for v in verdicts if v.verdict is Outcome.FAIL]
    return set(failed) == set(standard.checks) if standard.dose > 0 else not failed


def _table(standards: list[ReferenceStandard], verdicts: dict[str, tuple[Verdict, ...]], *, ko: bool) -> Table:
    table = Table(show_edge=False, header_style="bold")
    for name in ("표준", "결함", "용량", "점검", "판정") if ko else ("standard", "defect", "dose", "check", "verdict"):
        table.add_column(name)
    for standard in standards:
        for verdict in verdicts[standard.id]:
            style = "red" if verdict.verdict is Outcome.FAIL else "green" if verdict.verdict is Outcome.PASS else ""
            table.add_row(
                standard.id,
                standard.defect,
                f"{standard.dose:g}",
                verdict.check,
                verdict.verdict.value,
                style=style,
            )
    return table
