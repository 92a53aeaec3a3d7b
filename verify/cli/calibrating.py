"""`verify calibrate`: the instrument is tried on what is known, and what it can do is written down."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from verify import content, loading
from verify.calibration import as_assigned, calibrate, make_standard, open_standard, standard_folder
from verify.cli.console import open_console, shown
from verify.cli.options import Language, LanguageOption
from verify.cli.watching import Terminal
from verify.errors import UnknownNameError, UsageError
from verify.records import ReferenceStandard
from verify.reporting import Words
from verify.reporting.instrument import calibration_summary


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate")(calibrate_instrument)


def calibrate_instrument(
    standard: Annotated[
        list[str] | None, typer.Argument(help="표준 모델; 없으면 모두 · standards, default all")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="교정 기록 파일 · calibration record")] = Path(
        "runs/calibration.json"
    ),
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="먼저 제조법대로 다시 만든다 · make them anew from their recipes first")
    ] = False,
    lang: LanguageOption = Language.KO,
) -> None:
    """Run the checks on the reference standards: blanks, detection by dose, linearity, false alarms, blind spots.

    Exit codes: 0 every standard was read as it had to be, 1 a clean twin was blamed or a constructed standard misread.
    """
    terminal = Terminal(open_console(stderr=True), language=lang.value)
    if rebuild:
        _rebuild(standard, terminal)
    known = loading.load_standards()
    chosen = [_standard(name, known) for name in standard] if standard else list(known.values())
    if not chosen:
        raise UsageError("there are no reference standards; make them: verify calibrate --rebuild")
    began = time.monotonic()

    def ended(one: ReferenceStandard) -> None:
        terminal.say(f"  {one.id} 끝", f"  {one.id} done")

    found = calibrate(chosen, standard_folder, open_standard, policy=loading.load_policy("self-check"), ended=ended)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found.record.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    console = open_console()
    words = Words("en" if lang is Language.EN else "ko", loading.load_locale(lang.value))
    console.print(calibration_summary(found.record, words), highlight=False)
    misread = [one.id for one in chosen if not as_assigned(one, found.record)]
    for name in misread:
        terminal.say(f"예상과 다름: {name}", f"not as assigned: {name}")
    seconds = time.monotonic() - began
    console.print(shown(f"\n{out}  {found.record.content_digest()[:19]}  {seconds:.0f} s"), highlight=False)
    raise typer.Exit(1 if misread else 0)


def _rebuild(names: list[str] | None, terminal: Terminal) -> None:
    recipes = {one.id: one for one in loading.load_recipes().standards}
    for name in names or list(recipes):
        if name not in recipes:
            raise UnknownNameError("reference standard", name, known=recipes)
        make_standard(
            recipes[name],
            content.reference_folder() / name,
            policy=loading.load_policy("self-check"),
            said=lambda text: terminal.say(text, text),
        )


def _standard(name: str, known: dict[str, ReferenceStandard]) -> ReferenceStandard:
    standard_folder(name)
    return known[name]
