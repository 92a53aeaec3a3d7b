"""The command `verify`: parse, call, print, exit code."""

import os
import sys

import typer
from rich.console import Console
from rich.markup import escape

from verify.cli import evidence, exchange, listing, running
from verify.errors import VerifyError

app = typer.Typer(
    name="verify",
    help="AI 모델을 검증하는 계측기 · The instrument by which AI models are verified.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (running, evidence, listing, exchange):
    part.register(app)


def main() -> None:
    """Run the command; a `VerifyError` ends with its exit code and one message, never a traceback."""
    console = Console(stderr=True)
    try:
        app(standalone_mode=True)
    except VerifyError as error:
        console.print(f"[bold red]verify:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.print("verify: 중단했습니다. 같은 명령으로 이어서 합니다 · interrupted; the same command resumes")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
