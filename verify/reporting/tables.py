"""Tables on terminals: an identifier is broken where a reader would break it, never within a word."""

import re
from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from verify.reporting.text import one_line

_BREAKS = re.compile(r"(?<=[-_/:= ])|(?<=\.)(?!\d)")
"""After a dot, but not within a number."""


class Identifier:
    """One or more identifiers as a cell; where it is too narrow they go on after a dot, hyphen, underscore or slash.

    Args:
        text: The identifier; control characters are written out, no markup is read from it.
        longest: Characters after which it is cut; lists that are our own are not.
    """

    def __init__(self, text: str, *, longest: int = 120) -> None:
        self.text = one_line(text, limit=longest)

    @property
    def pieces(self) -> list[str]:
        """What is not broken."""
        return [piece for piece in _BREAKS.split(self.text) if piece]

    @property
    def least(self) -> int:
        """Narrowest column that breaks no piece."""
        return max((Text(piece).cell_len for piece in self.pieces), default=1)

    def lines(self, width: int) -> Iterator[str]:
        """As many pieces a line as fit."""
        line = ""
        for piece in self.pieces:
            if line and Text(line + piece).cell_len > width:
                yield line
                line = ""
            line += piece
        yield line

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        """From the longest piece to the whole."""
        return Measurement(self.least, Text(self.text).cell_len).with_maximum(options.max_width)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Its lines."""
        for line in self.lines(options.max_width):
            yield Text(line, overflow="fold", no_wrap=Text(line).cell_len <= options.max_width)


def id_column(table: Table, title: str, ids: Iterable[str]) -> None:
    """Add a column for identifiers; it gives way where the table is too wide, but never breaks a piece.

    Args:
        table: Gets the column.
        title: Its header.
        ids: What will stand in it.
    """
    table.add_column(title, min_width=max((Identifier(text).least for text in ids), default=1), overflow="fold")


def short_column(table: Table, title: str, *, right: bool = False) -> None:
    """Add a column for numbers and single words, which is never narrowed.

    Args:
        table: Gets the column.
        title: Its header; a line feed breaks it.
        right: Whether it is aligned to the right.
    """
    table.add_column(title, no_wrap=True, justify="right" if right else "left")
