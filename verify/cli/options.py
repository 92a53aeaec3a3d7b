"""Options that several commands share."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Language(StrEnum):
    """Languages of reports and of what the terminal prints."""

    KO = "ko"
    EN = "en"


LanguageOption: TypeAlias = Annotated[Language, typer.Option("--lang", help="표시 언어 · language: ko, en")]
