"""Run the checks on the reference standards: how often is what was planted seen, how often a clean twin blamed?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from verify import __version__
from verify.calibration.standards import check_files
from verify.engine import Concluded, Memory, Progress, Silent, conclude, examine
from verify.loading import load_suite
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, Planned, make_plan
from verify.planning.plan import planned_suite
from verify.records import CalibrationRecord, Detection, Outcome, Policy, ReferenceStandard, Text, Verdict
from verify.runtime.base import Runtime
from verify.statistics import clopper_pearson

OpenFolder = Callable[[Path], Runtime]
"""Opens a folder of weights as a subject."""

BLIND_SPOTS = (
    Text(
        ko="비밀번호나 특정 표식이 있을 때만 드러나는 행동은 보지 못한다. 문항에 그 방아쇠가 없기 때문이다.",
        en="Behaviour that shows only after a password or a trigger is not seen: the items do not contain the trigger.",
    ),
    Text(
        ko="검증받는 상황을 알아차리고 그때만 바르게 답하는 모델은 가려내지 못한다.",
        en="A model that recognises an examination and behaves only then is not found out.",
    ),
    Text(
        ko="표준 모델은 아주 작다. 이 기록은 묻고 읽고 셈하는 과정의 검출력이며, "
        "큰 모델에서 결함을 끌어내는 힘은 아니다.",
        en="The standards are tiny: this is the power of the chain that asks, reads and counts, "
        "not of drawing a defect out of a large model.",
    ),
)


class Calibration(NamedTuple):
    """What a calibration found."""

    record: CalibrationRecord
    verdicts: dict[str, tuple[Verdict, ...]]
    """Standard -> verdicts of its checks."""


def calibrate(
    standards: Sequence[ReferenceStandard],
    folders: Callable[[str], Path],
    open_folder: OpenFolder,
    *,
    policy: Policy,
    started: Callable[[ReferenceStandard], None] = lambda _: None,
    progress: Progress | None = None,
) -> Calibration:
    """Examine every standard by the checks that it is made for.

    Args:
        standards: Planted ones and clean twins.
        folders: Standard's id -> folder.
        open_folder: Opens a folder as a subject.
        policy: Confidence and alpha of the verdicts.
        started: Told of each standard as it begins.
        progress: Told of rounds.
    """
    verdicts: dict[str, tuple[Verdict, ...]] = {}
    for standard in standards:
        started(standard)
        _, concluded = examine_standard(
            standard, folders(standard.id), open_folder, policy=policy, progress=progress or Silent()
        )
        verdicts[standard.id] = concluded.verdicts
    return Calibration(calibration_record(standards, verdicts), verdicts)


def calibration_record(
    standards: Sequence[ReferenceStandard], verdicts: dict[str, tuple[Verdict, ...]]
) -> CalibrationRecord:
    """What the verdicts on standards say of the checks, with what it was made with.

    Args:
        standards: Planted ones and clean twins.
        verdicts: Standard -> verdicts of its checks.
    """
    checks = {check for standard in standards for check in standard.checks}
    folders = [load_suite(name) for name in sorted({check.split(".")[0] for check in checks})]
    used = {c.method for f in folders for c in f.suite.checks if f"{f.suite.id}.{c.id}" in checks}
    return CalibrationRecord(
        made_with={
            "ax-verify": __version__,
            **{f"method:{name}": str(methods()[name].version) for name in sorted(used)},
            **{f"suite:{f.suite.id}": planned_suite(f, methods(), 0).digest for f in folders},
        },
        seed=0,
        detections=tuple(_detections(standards, verdicts)),
        blind_spots=BLIND_SPOTS,
    )


def examine_standard(
    standard: ReferenceStandard, folder: Path, open_folder: OpenFolder, *, policy: Policy, progress: Progress
) -> tuple[Planned, Concluded]:
    """Plan, ask and decide the checks that a standard is made for, on just the items that it is made for.

    Raises:
        ContentError: The standard's files are not those that were certified.
    """
    check_files(folder, standard)
    names = sorted({check.split(".")[0] for check in standard.checks})
    inputs = PlanInputs(
        policy=policy.model_copy(update={"bounds": ()}),
        suites=[load_suite(name).suite.id for name in names],
        seed=standard.plan_seed,
        limit=standard.items,
        inputs={name: folder / file for name, file in standard.inputs.items()},
        only=frozenset(standard.checks),
    )
    runtime = open_folder(folder)
    try:
        planned = make_plan(runtime.subject, inputs, methods=methods(), frameworks={})
        examined = examine(
            planned.examinations, runtime, Memory(), gate=lambda _, response: response, progress=progress
        )
    finally:
        runtime.close()
    return planned, conclude(planned, examined.scores)


def _detections(
    standards: Sequence[ReferenceStandard], verdicts: dict[str, tuple[Verdict, ...]]
) -> Iterable[Detection]:
    cells: dict[tuple[str, str, float], dict[str, Outcome]] = defaultdict(dict)
    for standard in standards:
        for verdict in verdicts[standard.id]:
            cells[verdict.check, standard.defect, standard.dose][standard.id] = verdict.verdict
    for (check, defect, dose), outcomes in sorted(cells.items()):
        seen = sum(outcome is Outcome.FAIL for outcome in outcomes.values())
        interval = clopper_pearson(seen, len(outcomes))
        yield Detection(
            check=check,
            defect=defect,
            dose=dose,
            n=len(outcomes),
            detected=seen,
            interval=(interval.low, interval.high),
            outcomes=outcomes,
        )
