"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from verify.engine.executors import Cluster
from verify.errors import UsageError


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
        help="허브 자료를 옮겨 둔 폴더 DIR/ORG/NAME\\[/CONFIG]/SPLIT.jsonl · local copies of hub data sets",
    ),
]


class Executor(StrEnum):
    """Where a subject's answers are computed."""

    LOCAL = "local"
    RAY = "ray"


ExecutorOption: TypeAlias = Annotated[
    Executor,
    typer.Option("--executor", help="답을 계산할 곳: local(이 기기), ray(클러스터) · where answers are computed"),
]
ActorsOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--actors", min=1, help="Ray 액터 수; 기본은 GPU가 허락하는 만큼 · actors; default: what GPUs allow"),
]
GpusOption: TypeAlias = Annotated[
    float | None,
    typer.Option("--gpus-per-actor", min=0.0, help="액터마다 쓸 GPU; 0.5도 된다 · GPUs an actor, e.g. 0.5 or 4"),
]
RayAddressOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ray-address", help="클러스터 HOST:PORT; 없으면 RAY_ADDRESS, 그것도 없으면 새로 띄운다 · default: local"
    ),
]


def chosen_cluster(
    executor: Executor, *, actors: int | None, gpus_per_actor: float | None, address: str | None
) -> Cluster | None:
    """The cluster that the options describe; None where this machine computes.

    Raises:
        UsageError: An option of the other executor.
    """
    if executor is Executor.RAY:
        return Cluster(address=address, actors=actors, gpus_per_actor=gpus_per_actor)
    given = {"--actors": actors, "--gpus-per-actor": gpus_per_actor, "--ray-address": address}
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise UsageError(f"{', '.join(named)}: only with --executor ray")
    return None
