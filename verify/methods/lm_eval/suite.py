"""A suite from the name of a task alone: `lm-eval/kmmlu`."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from verify.errors import UsageError
from verify.loading import SuiteFolder
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.documents import LmEvalItem
from verify.methods.lm_eval.method import LmEval
from verify.methods.lm_eval.tasks import Blueprint, blueprint
from verify.records import Bound, Check, Suite, Text, digest_of

PREFIX: Final = "lm-eval/"
SUITE: Final = "lm-eval"
_GUESSABLE: Final = frozenset({"acc", "acc_norm", "acc_bytes"})
"""Metrics whose value for a subject that guesses is known."""

_WHY: Final = Text(
    ko="이 과제에서 아무 답이나 고른 것(또는 정한 기준)보다 낫다고 말할 근거가 없다.",
    en="There is no evidence that the subject does better here than guessing (or than the bound that was set).",
)
_REMEDY: Final = Text(
    ko="과제가 재는 지식과 지시 형식을 학습했는지 살피고, 틀린 문항의 영역을 보고서에서 찾아 보완한다.",
    en="See whether the subject was trained on what the task measures and on its format; mend the areas it gets wrong.",
)


def suite_of(names: Sequence[str], *, root: Path | None, bounds: Mapping[str, float]) -> SuiteFolder:
    """One suite with a check for each task; a tag or a group without a value of its own gives one for each member.

    The bound of a multiple-choice task is the value of guessing; any other task needs one in `bounds`.

    Args:
        names: Tasks of lm-eval.
        root: Where hub data sets lie.
        bounds: `lm-eval.CHECK` -> value of its bound.

    Raises:
        UsageError: There is no such task, its data are not here, or nothing says what would fail it.
    """
    checks: dict[str, Check] = {}
    for name in names:
        for task in _with_value(name):
            check = _check(task, root=root, bounds=bounds)
            checks[check.id] = check
    title = ", ".join(names)
    suite = Suite(
        id=SUITE,
        version=1,
        concern="accuracy",
        title=Text(ko=f"lm-eval 과제: {title}", en=f"lm-eval tasks: {title}"),
        summary=Text(
            ko=f"설치된 lm-eval {registry.version()}의 과제 코드로 묻고 채점한다.",
            en=f"Asked and scored by the task code of the installed lm-eval {registry.version()}.",
        ),
        checks=tuple(checks.values()),
    )
    return SuiteFolder(suite, Path(SUITE), {}, on_disk=False)


def check_id(task: str) -> str:
    """The id of a task's check: its name where that may be one."""
    name = re.sub(r"[^a-z0-9_-]", "-", task.lower()).lstrip("_-")
    return name if len(name) <= 64 else f"{name[:55]}-{digest_of(task)[7:15]}"


def _with_value(name: str) -> Iterator[str]:
    entry = registry.find(name)
    valued = entry.kind == "task" or bool(registry.config(entry.files[0]).get("aggregate_metric_list"))
    if valued and entry.kind != "tag":
        yield name
        return
    for member in registry.children(entry):
        yield from _with_value(member)


def _check(task: str, *, root: Path | None, bounds: Mapping[str, float]) -> Check:
    method = LmEval.make({"task": task}, seed=0)
    metric, name = method.metrics[0], check_id(task)
    whole = f"{SUITE}.{name}"
    if whole in bounds:
        value, ko, en = bounds[whole], "정한 기준", "the bound that was set"
    else:
        guessed = _guessing(blueprint(task), method.bring(root)) if metric.name.split(",")[0] in _GUESSABLE else None
        if guessed is None:
            raise UsageError(
                f"lm-eval/{task}: nobody knows what guessing would give for {metric.name}, and a check that cannot "
                f"fail is none; say what is required: --bound {whole}=VALUE ({metric.better} is better)"
            )
        value, ko, en = guessed, "아무 답이나 고를 때의 값(우연 수준)", "the value of guessing (chance level)"
    return Check(
        id=name,
        title=Text(ko=f"{task}: {metric.name}, 기준은 {ko}", en=f"{task}: {metric.name} against {en}"),
        method=LmEval.name,
        parameters={"task": task},
        metric=metric.name,
        bound=Bound(at_least=value) if metric.better == "higher" else Bound(at_most=value),
        why=_WHY,
        remedy=_REMEDY,
    )


def _guessing(plan: Blueprint, items: Sequence[LmEvalItem]) -> float | None:
    """Expected accuracy of a subject that guesses, weighted as the group's value is; None where it is not known."""
    by_task: dict[str, list[float]] = {}
    for item in items:
        if item.chance is None:
            return None
        by_task.setdefault(item.task, []).append(item.chance)
    by_size = plan.shares is None or plan.shares[0].by_size
    weights = {task: len(own) if by_size else 1 for task, own in by_task.items()}
    total = math.fsum(math.fsum(own) / len(own) * weights[task] for task, own in by_task.items())
    return total / sum(weights.values())
