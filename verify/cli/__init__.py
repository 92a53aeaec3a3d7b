"""The command `verify`: parse, call, print, exit code."""

import sys
import traceback
from io import TextIOWrapper
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from verify.cli import calibrating, comparing, demonstrating, evidence, exchange, listing, running
from verify.cli.console import open_console, shown
from verify.cli.options import Language
from verify.errors import RunError, VerifyError

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="verify",
    help="AI 모델을 검증하는 계측기 · The instrument by which AI models are verified.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def choose_language(
    context: typer.Context,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="모든 명령의 표시 언어 · language of every command: ko, en")
    ] = None,
) -> None:
    """Make a language that stands before the command the default of the command."""
    if lang is not None and isinstance(context.command, TyperGroup):
        context.default_map = _defaults(context.command, lang)


def _defaults(group: TyperGroup, lang: Language) -> dict[str, Any]:
    """Defaults of all commands of a group; a report has all languages, with the chosen one first."""
    every = ",".join((lang, *(each for each in Language if each is not lang)))
    own = {name: {"lang": every if name == "report" else lang.value} for name in group.commands}
    nested = {name: _defaults(one, lang) for name, one in group.commands.items() if isinstance(one, TyperGroup)}
    return {name: {**found, **nested.get(name, {})} for name, found in own.items()}


for part in (running, calibrating, evidence, comparing, listing, exchange, demonstrating):
    part.register(app)


def main() -> None:
    """Run the command; a `VerifyError` ends with its exit code and one message, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows no Korean gets escapes instead of an error
            stream.reconfigure(errors="backslashreplace")
    console = open_console(stderr=True)
    try:
        app(standalone_mode=True)
    except VerifyError as error:
        console.print(f"[bold red]verify:[/] {shown(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a file that was named cannot be read or written
        place = f"{error.filename}: " if error.filename is not None else ""
        console.print(f"[bold red]verify:[/] {shown(place)}{shown(error.strerror or str(error))}", highlight=False)
        sys.exit(VerifyError.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.print("verify: 중단했습니다. 같은 명령으로 이어서 합니다 · interrupted; the same command resumes")
        raise
    except Exception:  # noqa: BLE001  # a fault of ours is a run that broke (4), never "a check failed" (1)
        traceback.print_exc()
        sys.exit(RunError.exit_code)
