"""Run the checks on the reference standards: how often is what was planted seen, how often a clean twin blamed?"""

import platform
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from verify import __version__
from verify.calibration.abreast import abreast
from verify.calibration.performance import Blank, detections, performances
from verify.calibration.standards import check_files
from verify.engine import Concluded, Memory, Progress, Silent, conclude, examine
from verify.engine.repeatability import repeatability
from verify.loading import load_suite
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, Planned, make_plan
from verify.planning.plan import planned_suite
from verify.records import (
    CalibrationRecord,
    Ending,
    Estimate,
    KeptResponse,
    Outcome,
    Policy,
    Reading,
    ReferenceRecipe,
    ReferenceStandard,
    Repeatability,
    StudiedCheck,
    StudyRow,
    Text,
    Unseen,
    digest_of,
)
from verify.runtime.base import Runtime
from verify.runtime.machine import machine

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


REPEATABILITY: Final = "repeatability/"
"""Quantities of `ReferenceStandard.values` that are about asking again, and not about a check."""
REPEATS: Final = 30
"""Requests of each kind that are then asked again."""


class Trial(NamedTuple):
    """A standard examined."""

    planned: Planned
    concluded: Concluded
    repeated: Repeatability | None
    """Only for standards with an assigned repeatability."""


class Calibration(NamedTuple):
    """What a calibration found."""

    record: CalibrationRecord
    trials: dict[str, Trial]
    """Standard -> what was seen of it."""


def calibrate(
    standards: Sequence[ReferenceStandard],
    folders: Callable[[str], Path],
    open_folder: OpenFolder,
    *,
    policy: Policy,
    rows: Sequence[StudyRow] = (),
    ended: Callable[[ReferenceStandard], None] = lambda _: None,
) -> Calibration:
    """Examine every standard by the checks that it is made for.

    Two are examined at a time: each has a process of its own, and two cores are common.

    Args:
        standards: Planted ones and clean twins.
        folders: Standard's id -> folder.
        open_folder: Opens a folder as a subject.
        policy: Confidence and alpha of the verdicts.
        rows: Standards of further seeds that were examined before, and still hold (`study.sift`).
        ended: Told of each standard when it was examined.
    """
    with abreast(open_folder) as both:

        def examined(standard: ReferenceStandard) -> Trial:
            folder = folders(standard.id)
            trial = examine_standard(standard, folder, both.open_folder, policy=policy, progress=Silent())
            ended(standard)
            return trial

        trials = dict(zip((one.id for one in standards), both.pool.map(examined, standards), strict=True))
    return Calibration(calibration_record(standards, trials, rows), trials)


def calibration_record(
    standards: Sequence[ReferenceStandard], trials: Mapping[str, Trial], rows: Sequence[StudyRow] = ()
) -> CalibrationRecord:
    """What the trials of standards say of the checks, with what it was made with.

    Args:
        standards: Planted ones and clean twins.
        trials: Standard -> what was seen of it.
        rows: Standards of further seeds; they count in detections and performances.
    """
    readings = [reading for one in standards for reading in readings_of(one, trials[one.id])]
    studied = [reading for row in rows for reading in _studied_readings(row)]
    outcomes, blanks, metrics = _by_dose(standards, trials, rows)
    cells = tuple(detections(outcomes, _conforming(standards, rows)))
    return CalibrationRecord(
        made_with=made_with(standards),
        seed=0,
        detections=cells,
        blind_spots=BLIND_SPOTS,
        standards={one.id: one.content_digest() for one in standards},
        readings=tuple(readings),
        endings=tuple(ending for one in standards for ending in _endings(one, trials[one.id])),
        performances=tuple(performances(cells, blanks, [*readings, *studied], metrics)),
        unseen=tuple(unseen for one in standards for unseen in _unseen(one, trials[one.id])),
        made=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        machine=machine().get("machine") or platform.machine(),
        study=digest_of([row.to_json() for row in rows]) if rows else None,
        studied=len(rows),
    )


def made_with(standards: Sequence[ReferenceStandard | ReferenceRecipe]) -> dict[str, str]:
    """Versions of the engine, of methods and suites (by digest) that the standards' checks take."""
    checks = {check for standard in standards for check in standard.checks}
    folders = [load_suite(name) for name in sorted({check.split(".")[0] for check in checks})]
    used = {c.method for f in folders for c in f.suite.checks if f"{f.suite.id}.{c.id}" in checks}
    return {
        "ax-verify": __version__,
        **{f"method:{name}": str(methods()[name].version) for name in sorted(used)},
        **{f"suite:{f.suite.id}": planned_suite(f, methods(), 0).digest for f in folders},
    }


def examine_standard(
    standard: ReferenceStandard, folder: Path, open_folder: OpenFolder, *, policy: Policy, progress: Progress
) -> Trial:
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
        repeated = _repeat(standard, runtime, examined.exchanges)
    finally:
        runtime.close()
    return Trial(planned, conclude(planned, examined.scores), repeated)


def as_assigned(standard: ReferenceStandard, record: CalibrationRecord) -> bool:
    """Whether the instrument reported of a standard what it had to.

    A planted defect is failed and a clean twin is not; a constructed standard is read exactly; what cannot be
    measured was not; a known blind spot is none of these.
    """
    own = {d.check: d.outcomes[standard.id] for d in record.detections if standard.id in d.outcomes}
    blamed = [check for check, outcome in own.items() if outcome is Outcome.FAIL]
    read = all(reading.agrees for reading in record.readings if reading.standard == standard.id)
    ended = all(one.found is one.expected for one in record.endings if one.standard == standard.id)
    return read and ended and (bool(standard.dose) or not blamed)


def _repeat(standard: ReferenceStandard, runtime: Runtime, exchanges: Sequence[KeptResponse]) -> Repeatability | None:
    if not any(name.startswith(REPEATABILITY) for name in standard.values):
        return None
    return repeatability(runtime, exchanges, gate=lambda _, answer: answer, each=REPEATS, seed=standard.seed)


def readings_of(standard: ReferenceStandard, trial: Trial) -> Iterator[Reading]:
    """What the instrument reported of a standard, beside each value that is assigned to it."""
    for quantity, assigned in standard.values.items():
        found = _found(quantity, trial)
        yield Reading(
            standard=standard.id,
            defect=standard.defect,
            quantity=quantity,
            assigned=assigned,
            measured=found[0] if found else None,
            interval=found[1] if found else None,
            exact=standard.kind == "constructed",
        )


def _studied_readings(row: StudyRow) -> Iterator[Reading]:
    for quantity, assigned in row.assigned.items():
        measured = row.measured.get(quantity)
        yield Reading(standard=row.standard, defect=row.defect, quantity=quantity, assigned=assigned, measured=measured)


def checks_of(trial: Trial) -> Iterator[StudiedCheck]:
    """The verdict of each check on a standard, with the number that it was decided on."""
    planned = {check.name: check for check in trial.planned.plan.checks}
    for verdict in trial.concluded.verdicts:
        estimate = _estimate(f"{verdict.check}/{verdict.metric}", trial)
        yield StudiedCheck(
            check=verdict.check,
            metric=verdict.metric,
            better=planned[verdict.check].better,
            verdict=verdict.verdict,
            measured=estimate.value if estimate else None,
        )


def _found(quantity: str, trial: Trial) -> tuple[float, tuple[float, float]] | None:
    if quantity.startswith(REPEATABILITY):
        kind = quantity.removeprefix(REPEATABILITY)
        envelopes = trial.repeated.envelopes if trial.repeated else ()
        # The share that moved in whichever way: asked alike, or in another order and batch.
        return next(
            ((max(e.changed_alike, e.changed_otherwise) / e.n, e.interval) for e in envelopes if e.kind == kind), None
        )
    estimate = _estimate(quantity, trial)
    return (estimate.value, estimate.interval) if estimate else None


def _estimate(quantity: str, trial: Trial) -> Estimate | None:
    check, _, metric = quantity.partition("/")
    every = trial.concluded.estimates
    return next((e for e in every if (e.check, e.metric, e.group) == (check, metric, None)), None)


def _endings(standard: ReferenceStandard, trial: Trial) -> Iterator[Ending]:
    found = {verdict.check: verdict.verdict for verdict in trial.concluded.verdicts}
    for check, expected in standard.expects.items():
        yield Ending(standard=standard.id, check=check, expected=expected, found=found[check])


def _unseen(standard: ReferenceStandard, trial: Trial) -> Iterator[Unseen]:
    verdicts = {verdict.check: verdict.verdict for verdict in trial.concluded.verdicts}
    for quantity, concealed in standard.concealed.items():
        estimate = _estimate(quantity, trial)
        if estimate is not None:
            yield Unseen(
                standard=standard.id,
                defect=standard.defect,
                quantity=quantity,
                concealed=concealed,
                measured=estimate.value,
                interval=estimate.interval,
                verdict=verdicts[estimate.check],
            )


def _conforming(standards: Sequence[ReferenceStandard], rows: Sequence[StudyRow]) -> set[tuple[str, str]]:
    """(check, standard) where the assigned value of the deciding metric meets the suite's bound."""
    names = {check.split(".")[0] for one in standards for check in one.checks}
    checks = [(f.suite.id, check) for f in map(load_suite, sorted(names)) for check in f.suite.checks]
    assigned = {**{one.id: one.values for one in standards}, **{row.standard: row.assigned for row in rows}}
    return {
        (f"{suite}.{check.id}", name)
        for name, values in assigned.items()
        for suite, check in checks
        if (value := values.get(f"{suite}.{check.id}/{check.metric}")) is not None
        and (value <= check.bound.value if check.bound.at_least is None else value >= check.bound.value)
    }


_Cells = dict[tuple[str, str, float], dict[str, Outcome]]
_Blanks = dict[tuple[str, str], list[Blank]]


def _by_dose(
    standards: Sequence[ReferenceStandard], trials: Mapping[str, Trial], rows: Sequence[StudyRow]
) -> tuple[_Cells, _Blanks, dict[str, str]]:
    """Verdicts by check, defect and dose; what clean twins measured; the deciding metric of each check.

    Only families with clean twins count: a lone oracle has a value to be read and no defect to be detected,
    and what a trigger conceals is no detection.
    """
    counted = [
        (one.id, one.defect, one.dose, list(checks_of(trials[one.id])))
        for one in standards
        if not one.concealed and not (one.dose and one.twin is None)
    ]
    counted += [(row.standard, row.defect, row.dose, list(row.checks)) for row in rows]
    cells: _Cells = defaultdict(dict)
    blanks: _Blanks = defaultdict(list)
    metrics: dict[str, str] = {}
    for name, defect, dose, checks in counted:
        for one in checks:
            metrics[one.check] = one.metric
            cells[one.check, defect, dose][name] = one.verdict
            if dose == 0 and one.measured is not None:
                blanks[one.check, defect].append(Blank(one.measured, 1 if one.better == "lower" else -1))
    return cells, blanks, metrics
