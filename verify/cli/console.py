"""How the command line prints: what a subject or a file is called cannot command the terminal."""

from rich.console import Console
from rich.markup import escape


def open_console(*, stderr: bool = False) -> Console:
    """A console that leaves names as they are: without emoji codes, `hf:a:b` stays what it is."""
    return Console(stderr=stderr, emoji=False)


def shown(text: str) -> str:
    """Text for a console: no markup is read from it, and control characters are written out."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in text))
