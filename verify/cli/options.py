"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Language(StrEnum):
    """Languages of reports and of what the terminal prints."""

    KO = "ko"
    EN = "en"


LanguageOption: TypeAlias = Annotated[Language, typer.Option("--lang", help="표시 언어 · language: ko, en")]
BoundOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--bound", help="점검의 기준값 CHECK=VALUE, 여러 번; 정책보다 앞선다 · limit of a check, before the policy's"
    ),
]
DataRootOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        envvar="VERIFY_DATA_ROOT",
        help="허브 자료를 옮겨 둔 폴더 DIR/ORG/NAME[/CONFIG]/SPLIT.jsonl · local copies of hub data sets",
    ),
]
