"""The flow on one page: plan -> ask -> score -> estimate -> decide -> seal -> report; and audit, which repeats it.

suites, profile, policy, frameworks          loading   files become records, or the fault is named
  -> plan                                    planning  all is fixed by digest before the first request
  -> requests => responses (journal)         engine    the only slow, impure part; resumes after any kill
  -> scores -> estimates -> verdicts         engine.conclude   pure
  -> bundle (digests, statement)             evidence
  -> report                                  reporting   decides nothing
"""

import json
import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from verify import __version__
from verify.content import reference_folder
from verify.engine import Concluded, Examined, Journal, Memory, Progress, Silent, conclude, decided_by, examine
from verify.engine.repeatability import near_ties, repeatability
from verify.errors import EvidenceError
from verify.evidence import (
    Bundle,
    Difference,
    Evidence,
    Integrity,
    VaultPlace,
    check_integrity,
    check_place,
    claim,
    compare_results,
    compare_scores,
    file_digest,
    layout,
    read_bundle,
    redaction,
    vault_for,
    write_bundle,
)
from verify.loading import load_frameworks, read_record
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, Planned, PlannedExamination, check_inputs, lint_suite, make_plan
from verify.records import (
    CalibrationRecord,
    Conduct,
    Manifest,
    NearTies,
    Plan,
    PlannedItem,
    Request,
    Results,
    Subject,
    Suitability,
    digest_of,
)
from verify.runtime.base import Answered, Runtime
from verify.runtime.machine import machine


class Watcher(Progress, Protocol):
    """Told of each stage, besides the progress of the rounds."""

    def opened(self, subject: Subject) -> None:
        """The subject was opened."""
        ...

    def planned(self, planned: Planned, folder: Path) -> None:
        """The plan is fixed; the run lies in `folder`."""
        ...


class Unwatched(Silent):
    """Nobody watches."""

    def opened(self, subject: Subject) -> None:
        """Nothing."""

    def planned(self, planned: Planned, folder: Path) -> None:
        """Nothing."""


class Ran(NamedTuple):
    """A finished run."""

    folder: Path
    plan: Plan
    results: Results
    manifest: Manifest


def preflight(inputs: PlanInputs, *, out: Path | None = None, vault: VaultPlace | None = None) -> None:
    """Find the faults of suites, inputs, data and the folder before hours are spent on loading a subject.

    Raises:
        VerifyError: The first fault of the first faulty suite.
        UsageError: No check of these suites takes an input or a bound, or bundle or vault cannot be written.
    """
    names = inputs.suites or inputs.policy.suites
    for name in names:
        for fault in lint_suite(name, methods=methods(), root=inputs.data_root, bounds=inputs.bounds):
            raise fault
    check_inputs(names, inputs.inputs, methods=methods(), root=inputs.data_root, bounds=inputs.bounds)
    if out is not None:
        claim(out)
    if vault is not None:
        check_place(vault, out=out or Path("runs"))


def run(  # noqa: PLR0913  # one word for each thing that a run may be given
    runtime: Runtime,
    inputs: PlanInputs,
    *,
    out: Path | None = None,
    key: Ed25519PrivateKey | None = None,
    watcher: Watcher | None = None,
    calibration: CalibrationRecord | None = None,
    suitability: Callable[[Collection[str]], Suitability] | None = None,
    repeats: int = 0,
    vault: VaultPlace | None = None,
) -> Ran:
    """Carry out the main job on an open subject, up to the sealed bundle.

    Args:
        runtime: The open subject; closing it is the caller's business.
        inputs: Policy, suites, seed, limit, further inputs.
        out: Folder of the bundle; by default `runs/<subject>-<policy>-<plan>`, so that the same command resumes.
        key: Signs the statement where given.
        watcher: Told of stages and progress.
        calibration: The instrument's record that is cited; by default the shipped one, where it was made with
            these very suites and methods.
        suitability: Tries the instrument on reference standards for these checks before anything is asked; None
            does not, and the report says so.
        repeats: Requests of each kind that are asked again when all is answered, to see how far answers move.
        vault: Where raw texts of redacted answers go, encrypted; outside the bundle. None keeps none.

    Raises:
        UnsuitableError: The instrument did not see what was planted; nothing was asked.
        UsageError: The folder cannot be written, or holds another run.
        VerifyError: Content, journal or runtime; nothing that was answered is lost.
    """
    watcher = watcher or Unwatched()
    subject = runtime.subject
    watcher.opened(subject)
    planned = make_plan(subject, inputs, methods=methods(), frameworks=load_frameworks())
    folder = out or default_folder(planned.plan)
    claim(folder, plan_digest=planned.plan.content_digest())
    watcher.planned(planned, folder)
    measured = {check.name for check in planned.plan.checks if check.not_measured is None}
    workings = folder / layout.WORKINGS
    with Journal(
        workings / "journal.sqlite", plan_digest=planned.plan.content_digest(), subject_digest=subject.digest
    ) as journal:
        suitable = suitability(measured) if suitability else None
        known = known_values(planned)
        with vault_for(vault, folder=folder, plan_digest=planned.plan.content_digest()) or nullcontext() as raw:
            conduct = _begin(workings, planned.plan)
            gate = redaction.gate(workings, known=known, vault=raw)
            examined = examine(
                planned.examinations, runtime, journal, gate=gate, progress=watcher, decided=decided_by(planned)
            )
        gate = redaction.gate(workings, known=known)
        again = repeatability(runtime, examined.exchanges, gate=gate, each=repeats, seed=inputs.seed)
        if again is not None:
            again = again.model_copy(update={"near_ties": tuple(_near_ties(planned, examined))})
        concluded = conclude(planned, examined.scores)
        record = calibration or shipped_calibration(planned.plan)
        results = concluded.as_results(planned.plan, calibration=record.content_digest() if record else None)
        evidence = Evidence(
            plan=planned.plan,
            subject=subject,
            results=results,
            items=_items(planned.examinations),
            responses=examined.exchanges,
            scores=[score for e in planned.examinations for score in examined.scores[e.check.name]],
            conduct=_end(conduct, workings).model_copy(
                update={"suitability": suitable, "repeatability": again, "notes": _notes(vault)}
            ),
            calibration=record,
        )
        manifest = write_bundle(folder, evidence, key=key)
    return Ran(folder, planned.plan, results, manifest)


def shipped_calibration(plan: Plan) -> CalibrationRecord | None:
    """The calibration record that this release ships, if it speaks of a plan's checks as they are.

    A record that was made with another suite or method version says nothing about this run and is not cited.
    """
    file = reference_folder() / "calibration.json"
    if not file.is_file():
        return None
    record = read_record(file, CalibrationRecord)
    here = {f"suite:{suite.id}": suite.digest for suite in plan.suites}
    here |= {f"method:{check.method}": str(check.method_version) for check in plan.checks}
    made = {name: value for name, value in record.made_with.items() if name in here}
    seen = {detection.check for detection in record.detections}
    concerned = any(check.name in seen for check in plan.checks)
    return record if concerned and all(here[name] == value for name, value in made.items()) else None


class Audited(NamedTuple):
    """What an audit found."""

    integrity: Integrity
    differences: tuple[Difference, ...]
    """Between what the bundle states and what its responses give; empty when all agrees."""


def audit(folder: Path, *, keys: Sequence[Ed25519PublicKey] = ()) -> Audited:
    """Check digests and signature, then score, estimate and decide again from the kept responses.

    Needs neither the subject nor a network.

    Raises:
        EvidenceError: The bundle is incomplete or altered, or was made by other versions of its methods.
    """
    integrity = check_integrity(folder, keys=keys)
    bundle = read_bundle(folder)
    planned = replan(bundle)
    examined, concluded = rederive(planned, bundle)
    derived = concluded.as_results(bundle.plan, calibration=bundle.results.calibration)
    scores = [score for e in planned.examinations for score in examined.scores[e.check.name]]
    differences = compare_scores(bundle.scores(), scores) + compare_results(bundle.results, derived)
    return Audited(integrity, differences)


def rederive(planned: Planned, bundle: Bundle) -> tuple[Examined, Concluded]:
    """Score, estimate and decide again from a bundle's kept responses."""
    replay = _Replay(bundle.subject)
    examined = examine(
        planned.examinations,
        replay,
        Memory(bundle.responses()),
        gate=lambda _, answer: answer,
        progress=Silent(),
        decided=decided_by(planned),
    )
    return examined, conclude(planned, examined.scores)


def replan(bundle: Bundle) -> Planned:
    """The plan of a bundle with live methods and the items as they were asked.

    Raises:
        EvidenceError: A method is missing here, or has another version.
    """
    items: dict[str, list[PlannedItem]] = {}
    for item in bundle.items():
        items.setdefault(item.check, []).append(item)
    examinations = []
    for check in bundle.plan.checks:
        method = methods().get(check.method)
        if method is None or check.method_version not in {method.version, *method.earlier}:
            here = "none" if method is None else f"version {method.version}"
            made_with = bundle.plan.engine.get("ax-verify", "?")
            raise EvidenceError(
                f"{check.name} was measured with {check.method!r} version {check.method_version}; here is {here}. "
                f"Audit it with ax-verify {made_with}, which made the bundle"
            )
        live = method.make(dict(check.parameters), seed=bundle.plan.seed).as_of(check.method_version)
        own = tuple(line.as_item(live.item_type) for line in items.get(check.name, ()))
        if digest_of([item.content_digest() for item in own]) != check.items_digest:
            raise EvidenceError(f"{bundle.folder}: the items of {check.name} are not those of the plan")
        examinations.append(PlannedExamination(check, live, own))
    return Planned(bundle.plan, tuple(examinations))


def default_folder(plan: Plan) -> Path:
    """`runs/<subject>-<policy>-<digest>`: the same command finds the same folder again."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in plan.subject)[-48:].strip("-.")
    return Path("runs") / f"{name or 'subject'}-{plan.policy}-{plan.content_digest()[7:15]}"


def known_values(planned: Planned) -> frozenset[str]:
    """Synthetic personal data that the items plant; redaction leaves it, since the scores need it."""
    return frozenset(value for e in planned.examinations for item in e.items for value in e.method.known_values(item))


class _Replay:
    """The absent subject of an audit: every answer has to be in the bundle."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        raise EvidenceError(
            f"the bundle holds no answer to {len(requests)} requests that its own items lead to; it is incomplete"
        )

    def close(self) -> None:
        """Nothing to close."""


def _items(examinations: Sequence[PlannedExamination]) -> Iterator[PlannedItem]:
    return (PlannedItem.of(e.check.name, item) for e in examinations for item in e.items)


def _near_ties(planned: Planned, examined: Examined) -> Iterator[NearTies]:
    for examination in planned.examinations:
        found = near_ties(examination, examined.scores[examination.check.name])
        if found is not None:
            yield found


def _begin(workings: Path, plan: Plan) -> Conduct:
    """Count this session, and write the plan down before the first request."""
    file = workings / "plan.json"
    file.write_text(json.dumps(plan.to_json(), ensure_ascii=False, indent=2), encoding="utf-8")
    kept = workings / layout.CONDUCT
    now = _now()
    if kept.is_file():
        before = Conduct.model_validate_json(kept.read_bytes())
        conduct = before.model_copy(update={"sessions": before.sessions + 1, "finished": now})
    else:
        conduct = Conduct(started=now, finished=now, environment=_environment())
    kept.write_text(json.dumps(conduct.to_json()), encoding="utf-8")
    return conduct


def _notes(vault: VaultPlace | None) -> tuple[str, ...]:
    """What binds a vault to its bundle: the digest of the file."""
    return (f"vault {file_digest(vault.file)}",) if vault is not None else ()


def _end(conduct: Conduct, workings: Path) -> Conduct:
    ended = conduct.model_copy(update={"finished": _now()})
    (workings / layout.CONDUCT).write_text(json.dumps(ended.to_json()), encoding="utf-8")
    return ended


def _environment() -> dict[str, str]:
    """Versions and machine of the deciding process, without anything that names the host."""
    return {
        "ax-verify": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release(),
        **machine(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
