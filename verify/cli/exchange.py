"""`verify export | import | canaries | scan`: what crosses to a network or a team that we do not touch."""

import json
import secrets
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from verify import loading
from verify.cli.console import open_console, shown
from verify.cli.options import BoundOption, DataRootOption, Language, LanguageOption
from verify.cli.running import (
    CanariesOption,
    InputOption,
    LimitOption,
    PolicyOption,
    SeedOption,
    SuiteOption,
    parse_bounds,
    plan_inputs,
)
from verify.errors import ContentError, UsageError
from verify.methods.catalogue import methods
from verify.methods.privacy.canaries import DEFAULT_KINDS, DEFAULT_TIERS, make_canaries, to_jsonl, training_lines
from verify.planning import PlannedExamination, make_plan
from verify.records import AccessLevel, Failed, Plan, Request, RequestKind, Response, Subject, digest_of
from verify.reporting.words import Words
from verify.runtime.opening import find_local
from verify.runtime.recorded import RecordedAnswers, export_requests

canaries_app = typer.Typer(no_args_is_help=True, help="심어 둘 비밀 · Canaries: secrets to plant before training.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("export")(export)
    app.command("import")(import_)
    app.command("scan")(scan)
    app.add_typer(canaries_app, name="canaries")


class ExportFormat(StrEnum):
    """Forms in which requests are written."""

    OPENAI_BATCH = "openai-batch"


_POLICY: Final = "self-check"
_TARGET: Final = "내보낼 대상(모델이나 plan.json) · SUBJECT or PLAN"


def export(
    out: Annotated[Path, typer.Option("--out", help="요청 파일(JSONL) · requests")],
    target: Annotated[str | None, typer.Argument(metavar="[SUBJECT|PLAN]", help=_TARGET)] = None,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="요청 파일의 형식 · form of the file")
    ] = ExportFormat.OPENAI_BATCH,
    suite: SuiteOption = None,
    policy: PolicyOption = _POLICY,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    canaries: CanariesOption = None,
    given: InputOption = None,
    model: Annotated[
        str | None, typer.Option("--model", help="요청에 적을 모델 이름 · model name in the requests")
    ] = None,
    bound: BoundOption = None,
    data_root: DataRootOption = None,
    logprobs: Annotated[
        bool, typer.Option("--logprobs/--text-only", help="로그확률 요청도 쓴다 · include log-likelihoods")
    ] = False,
    answers: Annotated[
        list[Path] | None, typer.Option("--answers", help="이미 받은 답; 남은 요청만 쓴다 · answers so far, repeatable")
    ] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Write the requests of a run as a file, for a model that this machine must not touch.

    Have them answered where the model is, bring the answers back and run `verify run recorded:ANSWERS.jsonl` with the
    same suites, policy, limit and seed. Nothing of SUBJECT is opened; it gives the model's name in the requests. A
    PLAN (`plan.json` of a bundle) gives suites, policy, limit and seed. Conversations of several turns need another
    export with `--answers`, and so does what a batch did not deliver.
    """
    del form  # there is one
    plan = _plan_of(target)
    if plan is not None:
        suite, limit, seed = suite or [one.id for one in plan.suites], plan.limit, plan.seed
        policy = plan.policy if policy == _POLICY else policy
    inputs = plan_inputs(suite, policy=policy, limit=limit, seed=seed, canaries=canaries, given=given, sequential=None)
    inputs = inputs._replace(bounds=parse_bounds(bound), data_root=data_root)
    planned = make_plan(_elsewhere(logprobs=logprobs), inputs, methods=methods(), frameworks={})
    if plan is not None:
        _refuse_another(plan, planned.plan, str(target))
    asked = unanswered(planned.examinations, RecordedAnswers(answers or []))
    name = model or _model_of(target, plan)
    written = export_requests(asked, out, model=name)
    ko = lang is Language.KO
    absent = sum(c.not_measured is not None for c in planned.plan.checks)
    console = open_console()
    console.print(
        f"요청 {written.written:,}건을 {shown(str(out))}에 썼습니다. 답으로 잴 수 없는 점검 {absent}개."
        if ko
        else f"{written.written:,} requests in {shown(str(out))}; {absent} checks cannot be measured this way.",
        highlight=False,
    )
    if not logprobs and any("loglikelihood" in c.lacking for c in planned.plan.checks):
        console.print(
            "그 가운데 선택지의 확률을 읽는 점검의 요청은 --logprobs를 주면 함께 씁니다."
            if ko
            else "Of these, the ones that read probabilities of options are exported too with --logprobs.",
            highlight=False,
        )
    if written.not_expressible:
        console.print(
            f"이 형식으로 쓸 수 없는 요청 {written.not_expressible:,}건은 뺐습니다."
            if ko
            else f"{written.not_expressible:,} requests have no words in this form and were left out.",
            highlight=False,
        )


def _plan_of(target: str | None) -> Plan | None:
    """The plan that TARGET names: a `plan.json`, or the folder of a bundle."""
    path = Path(target) if target else None
    if path is not None and (path / "plan.json").is_file():
        path = path / "plan.json"
    return loading.read_record(path, Plan) if path is not None and path.suffix == ".json" and path.is_file() else None


def _model_of(target: str | None, plan: Plan | None) -> str:
    """Name of the model in the requests."""
    subject = plan.subject if plan is not None else target
    if subject is None:
        return "model"
    profiles = loading.load_profiles()
    if subject in profiles:
        return profiles[subject].source
    return subject.rpartition("#")[2] if subject.startswith("endpoint:") else subject.removeprefix("hf:")


def _refuse_another(plan: Plan, made: Plan, file: str) -> None:
    """The requests of a plan are those of its very items; a suite that has changed since asks others."""
    now = {one.id: one.digest for one in made.suites}
    changed = [one.id for one in plan.suites if now.get(one.id) != one.digest]
    if changed:
        raise UsageError(
            f"{file}: the suite {', '.join(changed)} is not the one that was planned; name its folder with --suite,"
            " or export without the plan"
        )
    if plan.policy_digest != made.policy_digest:
        raise UsageError(f"{file}: the policy {plan.policy} is not the one that was planned; export without the plan")
    for name, digest in plan.inputs.items():
        if made.inputs.get(name) != digest:
            option = "--canaries FILE" if name == "canaries" else f"--input {name}=FILE"
            raise UsageError(f"{file}: give the {name} that was planned with {option}")


def _elsewhere(*, logprobs: bool) -> Subject:
    """A subject that is elsewhere."""
    kinds: tuple[RequestKind, ...] = ("generate", "loglikelihood") if logprobs else ("generate",)
    return Subject(
        name="export",
        kind="recorded",
        digest=digest_of("export"),
        digest_covers="recorded-answers",
        access=AccessLevel.RECORDED,
        answers=kinds,
    )


def unanswered(examinations: Sequence[PlannedExamination], answers: RecordedAnswers) -> list[Request]:
    """The next requests of every examination: those that wait for an answer that is not there yet.

    An examination goes on only where all that it asked was answered, so that nothing is asked that an answer could
    still change.
    """
    waiting: list[Request] = []
    for planned in examinations:
        for item in planned.items:
            examination = planned.method.examine(item)
            try:
                asked = next(examination)
                while True:
                    found = [answers.of(request) for request in asked]
                    missing = [request for request, one in zip(asked, found, strict=True) if one is None]
                    if missing or _is_over(planned, found):
                        waiting += missing
                        break
                    asked = examination.send(found)  # type: ignore[arg-type]  # nothing is missing
            except StopIteration:
                continue
            finally:
                examination.close()
    return waiting


def _is_over(planned: PlannedExamination, found: Sequence[Response | None]) -> bool:
    """Whether a failed answer has ended an examination."""
    return not planned.method.takes_failures and any(isinstance(one, Failed) for one in found)


def import_(
    answers: Annotated[list[Path], typer.Argument(help="받아 온 답 파일들 · answers that came back")],
    requests: Annotated[
        list[Path], typer.Option("--requests", help="내보낸 요청 파일; 여러 번 · the exported requests, repeatable")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="답을 한 파일로 모은다 · all answers as one file")] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Check answers against the requests that were exported: which are missing, which belong to no request.

    With `--out` the answers of several files (rounds, or a batch that was sent again) become one.

    Exit codes: 0 all there, 3 some missing, 2 a file is wrong.
    """
    if out is not None and any(out.resolve() == path.resolve() for path in (*answers, *requests)):
        raise UsageError(f"--out {out}: write to another file than those that are read")
    found = RecordedAnswers(answers)
    wanted = list(dict.fromkeys(_identity(row) for file in requests for row in loading.load_rows(file)))
    known = set(wanted)
    for digest, (file, line) in found.places.items():
        if digest not in known:
            raise UsageError(f"{file}:{line}: answers a request that is not in {', '.join(map(str, requests))}")
    missing = [name for name in wanted if not found.has(name)]
    failed = [name for name in missing if name in found.places]
    ko = lang is Language.KO
    console = open_console()
    total, there = len(wanted), len(wanted) - len(missing)
    console.print(f"답 {there:,}/{total:,}" if ko else f"{there:,} of {total:,} answered", highlight=False)
    if failed:
        console.print(
            f"답 대신 오류가 온 요청 {len(failed):,}건" if ko else f"{len(failed):,} came back as errors",
            highlight=False,
        )
    if out is not None:
        found.write(out)
    whole = out or answers[0]
    if len(answers) == 1 or out is not None:
        console.print(f"verify run recorded:{shown(str(whole))} ...", highlight=False, soft_wrap=True)
    if missing:
        console.print(f"빠진 요청 · missing: {', '.join(str(m)[:12] for m in missing[:5])} ...", highlight=False)
        console.print(f"verify export ... --answers {shown(str(whole))}", highlight=False, soft_wrap=True)
        raise typer.Exit(3)


def _identity(row: loading.Row) -> str:
    """`custom_id` of an exported request."""
    if isinstance(value := row.value.get("custom_id"), str):
        return value.removeprefix("sha256:")
    raise ContentError(row.file, "has no custom_id", line=row.line, field="custom_id")


@canaries_app.command("make")
def make(
    out: Annotated[Path, typer.Option("--out", help="감사자가 지닐 파일 · the auditor's file")],
    training: Annotated[Path, typer.Option("--training", help="학습 자료에 섞을 글 · lines for the trainer")],
    per_tier: Annotated[int, typer.Option("--per-tier", min=1, help="용량마다 몇 개 · canaries a dose")] = 100,
    tiers: Annotated[str, typer.Option("--tiers", help="용량들 · doses")] = ",".join(map(str, DEFAULT_TIERS)),
    kinds: Annotated[str, typer.Option("--kinds", help="종류들 · kinds")] = ",".join(DEFAULT_KINDS),
    seed: Annotated[int | None, typer.Option("--seed", help="생략하면 새로 뽑는다 · drawn if left out")] = None,
) -> None:
    """Draw canaries: synthetic secrets to mix into training data, and the file that scores them afterwards."""
    try:
        doses = [int(text) for text in tiers.split(",")]
    except ValueError as error:
        raise UsageError(f"--tiers {tiers!r}: write numbers with commas, e.g. 0,1,4,16") from error
    note = out.with_suffix(".commitment.json")
    if len({out.resolve(), training.resolve(), note.resolve()}) < 3:
        raise UsageError(f"--out {out} and --training {training} must be two files: the trainer must not see the first")
    for path in (out, training, note):
        if path.exists():
            raise UsageError(f"{path} is there already; canaries are drawn once and never overwritten")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    drawn = secrets.randbits(128) if seed is None else seed
    kit = make_canaries(drawn, per_tier=per_tier, tiers=doses, kinds=kinds.split(","))
    out.write_text(to_jsonl(kit.rows), encoding="utf-8")
    out.chmod(0o600)
    training.write_text("\n".join(training_lines(kit.rows, seed=drawn)) + "\n", encoding="utf-8")
    note.write_text(
        json.dumps({"commitment": kit.commitment, "salt": kit.salt, "rows": len(kit.rows)}, indent=2) + "\n"
    )
    note.chmod(0o600)
    console = open_console()
    console.print(f"{len(kit.rows)} canaries; commitment {kit.commitment}", highlight=False, soft_wrap=True)
    console.print(f"{shown(str(out))}  {shown(str(training))}  {shown(str(note))}", highlight=False, soft_wrap=True)


def scan(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT")],
    lang: LanguageOption = Language.KO,
) -> None:
    """Check the artefact itself: formats, headers, remote code, digests. Executes and loads nothing of it.

    Exit codes: 0 it may be opened, with or without notes; 2 it is refused, or its files are not here.
    """
    words = Words(lang.value, loading.load_locale(lang.value))
    local = find_local(subject, profiles=loading.load_profiles())
    console = open_console()
    if local is None:
        raise UsageError(f"{subject}: its files are not here, so there is nothing to scan")
    console.print(f"{shown(local.name)} ({local.kind})  {local.digest}", highlight=False, soft_wrap=True)
    for file in local.files:
        console.print(f"  {shown(file.name)}  {file.size:,}  {file.sha256[:23]}…", highlight=False)
    for warning in local.warnings:
        console.print(words("scan.note", text=shown(warning)), style="yellow", highlight=False)
    key = "scan.noted" if local.warnings else "scan.clean"
    text = words(key, files=f"{len(local.files):,}", notes=len(local.warnings))
    console.print(text, style="bold", highlight=False, soft_wrap=True)
