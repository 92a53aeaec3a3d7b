"""`verify calibrate`: the instrument is tried on what is known, and what it can do is written down."""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from verify import content, loading
from verify.calibration import as_assigned, calibrate, calibration_record, make_standard, open_standard, standard_folder
from verify.calibration.study import StudyProgress, chosen_seeds, families, joined, sift, study, study_text
from verify.calibration.suitability import cache_folder
from verify.cli.console import open_console, shown
from verify.cli.options import Language, LanguageOption
from verify.cli.watching import Terminal
from verify.errors import UnknownNameError, UsageError
from verify.records import CalibrationRecord, Policy, ReferenceStandard, Study, StudyRow
from verify.reporting import Words
from verify.reporting.instrument import calibration_summary


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate")(calibrate_instrument)


def calibrate_instrument(
    standard: Annotated[
        list[str] | None,
        typer.Argument(
            help="표준 모델, --seeds와 함께면 계열이나 계열:용량; 없으면 모두 · "
            "standards, with --seeds FAMILY or FAMILY:DOSE; default all"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="교정 기록(runs/calibration.json)이나 연구 기록(runs/study.json) 파일 · calibration record or study",
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="먼저 제조법대로 다시 만든다 · make them anew from their recipes first")
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            min=1,
            help="용량마다 이만큼의 시드를 만들어 점검; 멈추면 이어서 함 · "
            "make and examine this many seeds of each dose; the same command resumes",
        ),
    ] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Run the checks on the reference standards: blanks, detection by dose, linearity, false alarms, blind spots.

    With --seeds, standards of further seeds are made, examined and not kept; what was found of them counts in later
    calibrations once the file lies at models/reference/study.json.

    Exit codes: 0 every standard was read as it had to be, 1 a clean twin was blamed or a constructed standard misread.
    """
    terminal = Terminal(open_console(stderr=True), language=lang.value)
    if rebuild:
        _rebuild(standard, terminal)
    if seeds is not None:
        _study(standard or [], seeds, out or Path("runs/study.json"), lang, terminal)
    out = out or Path("runs/calibration.json")
    known = loading.load_standards()
    chosen = [_standard(name, known) for name in standard] if standard else list(known.values())
    if not chosen:
        raise UsageError("there are no reference standards; make them: verify calibrate --rebuild")
    began = time.monotonic()

    def ended(one: ReferenceStandard) -> None:
        terminal.say(f"  {one.id} 끝", f"  {one.id} done")

    policy = loading.load_policy("self-check")
    rows = _studied(chosen, known, policy, terminal)
    found = calibrate(chosen, standard_folder, open_standard, policy=policy, rows=rows, ended=ended)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found.record.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    _print(found.record, lang)
    misread = [one.id for one in chosen if not as_assigned(one, found.record)]
    _end(misread, out, found.record.content_digest(), began, terminal)


def _print(record: CalibrationRecord, lang: Language) -> None:
    words = Words("en" if lang is Language.EN else "ko", loading.load_locale(lang.value))
    open_console().print(calibration_summary(record, words), highlight=False)


def _end(misread: list[str], out: Path, digest: str, began: float, terminal: Terminal) -> NoReturn:
    for name in misread:
        terminal.say(f"예상과 다름: {name}", f"not as assigned: {name}")
    line = f"\n{out}  {digest[:19]}  {time.monotonic() - began:.0f} s"
    open_console().print(shown(line), highlight=False)
    raise typer.Exit(1 if misread else 0)


def _study(names: list[str], seeds: int, out: Path, lang: Language, terminal: Terminal) -> NoReturn:
    """Make and examine further seeds, and add what was found of them to a file."""
    known = families(loading.load_recipes().standards, loading.load_standards())
    wanted = chosen_seeds(names, known, seeds=seeds)

    def told(now: StudyProgress) -> None:
        row, left = now.row, math.ceil(now.seconds_left / 60)
        ko, en = ("배우지 못해 뺌", "did not learn, left out")
        if row.certificate:
            ko = en = ", ".join(f"{one.check} {one.verdict.value}" for one in row.checks)
        terminal.say(
            f"  {now.done}/{now.of} {row.standard}: {ko} · 남은 시간 약 {left}분",
            f"  {now.done}/{now.of} {row.standard}: {en} · about {left} min left",
        )

    began = time.monotonic()
    found = study(wanted, policy=loading.load_policy("self-check"), cache=cache_folder() / "study", told=told)
    out.parent.mkdir(parents=True, exist_ok=True)
    kept = joined(loading.read_record(out, Study) if out.is_file() else Study(), found)
    out.write_text(study_text(kept), encoding="utf-8")
    _print(calibration_record((), {}, [row for row in found.rows if row.certificate]), lang)
    constructed = {one.id for one in wanted if one.kind == "constructed"}
    misread = [row.standard for row in found.rows if row.standard in constructed and not row.exact]
    _end(misread, out, kept.content_digest(), began, terminal)


def _studied(
    standards: Sequence[ReferenceStandard], known: Mapping[str, ReferenceStandard], policy: Policy, terminal: Terminal
) -> tuple[StudyRow, ...]:
    """The rows of the shipped study that hold for what is here; of the others it is said why they do not."""
    sifted = sift(loading.load_study(), families(loading.load_recipes().standards, known), policy)
    for why, count in Counter(", ".join(changed) for changed in sifted.stale.values()).items():
        terminal.say(
            f"연구 기록의 표준 {count}개는 쓰지 않습니다. 그 뒤 바뀐 것: {why}",
            f"{count} standards of the study do not count; changed since: {why}",
        )
    if sifted.unlearnt:
        terminal.say(
            f"연구 기록의 모델 {len(sifted.unlearnt)}개는 배우지 못해 표준이 아닙니다.",
            f"{len(sifted.unlearnt)} models of the study did not learn, and are no standards",
        )
    recipes = {one.recipe for one in standards}
    return tuple(row for row in sifted.valid if row.recipe in recipes)


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
