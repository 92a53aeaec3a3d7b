"""How the command line prints: what a subject or a file is called cannot command the terminal."""

import os

from rich.console import Console
from rich.markup import escape

from verify.errors import RunError


class _Piped(Console):
    """A console whose reader may go away."""

    def on_broken_pipe(self) -> None:
        """End as a run that broke: rich ends with 1, which would say that a check failed."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):  # what is flushed at the end must not fail, else Python ends with 120
            os.dup2(nowhere, stream)
        raise SystemExit(RunError.exit_code)


def open_console(*, stderr: bool = False) -> Console:
    """A console that leaves names as they are: without emoji codes, `hf:a:b` stays what it is."""
    return _Piped(stderr=stderr, emoji=False)


def shown(text: str) -> str:
    """Text for a console: no markup is read from it, and control characters are written out."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in text))
