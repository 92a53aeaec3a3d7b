"""`verify export | import | canaries | scan`: what crosses to a network or a team that we do not touch."""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from verify import loading
from verify.cli.console import open_console, shown
from verify.cli.options import BoundOption, DataRootOption, Language, LanguageOption
from verify.cli.running import (
    CanariesOption,
    LimitOption,
    PolicyOption,
    SeedOption,
    SuiteOption,
    parse_bounds,
    plan_inputs,
)
from verify.engine import Memory, Silent, examine
from verify.errors import ContentError, UsageError
from verify.methods.catalogue import methods
from verify.methods.privacy.canaries import DEFAULT_KINDS, DEFAULT_TIERS, make_canaries, to_jsonl, training_lines
from verify.planning import make_plan
from verify.records import AccessLevel, Failed, FailureReason, KeptResponse, Request, RequestKind, Subject, digest_of
from verify.runtime.base import Answered
from verify.runtime.opening import find_local
from verify.runtime.recorded import RecordedRuntime, export_requests

canaries_app = typer.Typer(no_args_is_help=True, help="심어 둘 비밀 · Canaries: secrets to plant before training.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("export")(export)
    app.command("import")(import_)
    app.command("scan")(scan)
    app.add_typer(canaries_app, name="canaries")


class _Collector:
    """A subject that is elsewhere: notes what would be asked and answers from what came back so far."""

    def __init__(self, kinds: tuple[RequestKind, ...]) -> None:
        self.subject = Subject(
            name="export",
            kind="recorded",
            digest=digest_of("export"),
            digest_covers="recorded-answers",
            access=AccessLevel.RECORDED,
            answers=kinds,
        )
        self.asked: list[Request] = []

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        for position, request in enumerate(requests):
            self.asked.append(request)
            yield Answered(position, Failed(reason=FailureReason.NOT_RECORDED))

    def close(self) -> None:
        """Nothing to close."""


def export(
    out: Annotated[Path, typer.Option("--out", help="요청 파일(OpenAI batch JSONL) · requests")],
    suite: SuiteOption = None,
    policy: PolicyOption = "self-check",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    canaries: CanariesOption = None,
    bound: BoundOption = None,
    data_root: DataRootOption = None,
    model: Annotated[str, typer.Option("--model", help="요청에 적을 모델 이름 · model name in the requests")] = "model",
    logprobs: Annotated[
        bool, typer.Option("--logprobs/--text-only", help="로그확률 요청도 쓴다 · include log-likelihoods")
    ] = False,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="이미 받은 답; 그다음 회차만 쓴다 · answers so far")
    ] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Write the requests of a run as a file, for a model that this machine must not touch.

    Have them answered where the model is, bring the answers back and run `verify run recorded:ANSWERS.jsonl` with the
    same suites, policy, limit and seed. Conversations of several turns need another export with `--answers`.
    """
    kinds: tuple[RequestKind, ...] = ("generate", "loglikelihood") if logprobs else ("generate",)
    collector = _Collector(kinds)
    inputs = plan_inputs(suite, policy=policy, limit=limit, seed=seed, canaries=canaries, given=None, sequential=None)
    inputs = inputs._replace(bounds=parse_bounds(bound), data_root=data_root)
    planned = make_plan(collector.subject, inputs, methods=methods(), frameworks={})
    kept = Memory(_answered(planned_requests(planned.examinations, collector), answers) if answers else ())
    collector.asked.clear()
    examine(planned.examinations, collector, kept, gate=lambda _, response: response, progress=Silent())
    written = export_requests(collector.asked, out, model=model)
    ko = lang is Language.KO
    absent = sum(c.not_measured is not None for c in planned.plan.checks)
    open_console().print(
        f"요청 {written.written:,}건을 {shown(str(out))}에 썼습니다. 답으로 잴 수 없는 점검 {absent}개."
        if ko
        else f"{written.written:,} requests in {shown(str(out))}; {absent} checks cannot be measured this way.",
        highlight=False,
    )


def planned_requests(examinations: Sequence[object], collector: _Collector) -> list[Request]:
    """The requests of the first round."""
    examine(
        examinations,  # type: ignore[arg-type]  # examinations of a plan
        collector,
        Memory(),
        gate=lambda _, response: response,
        progress=Silent(),
    )
    return list(collector.asked)


def _answered(requests: Sequence[Request], file: Path) -> list[KeptResponse]:
    runtime = RecordedRuntime(file)
    return [
        KeptResponse.of(requests[answered.position], answered.response)
        for answered in runtime.answer(requests)
        if not (isinstance(answered.response, Failed) and answered.response.reason is FailureReason.NOT_RECORDED)
    ]


def import_(
    answers: Annotated[Path, typer.Argument(help="받아 온 답 파일 · answers that came back")],
    requests: Annotated[Path, typer.Option("--requests", help="내보낸 요청 파일 · the exported requests")],
    lang: LanguageOption = Language.KO,
) -> None:
    """Check answers against the requests that were exported: which are missing, which belong to no request.

    Exit codes: 0 all there, 3 some missing, 2 the file is wrong.
    """
    if not RecordedRuntime(answers).subject.answers:
        raise UsageError(
            f"{answers}: no answer in a form that is known; each line is OpenAI batch output, or an object with "
            '"request" (the custom_id) and "answer" (the text)'
        )
    wanted = [_identity(row) for row in loading.load_rows(requests)]
    found = {_identity(row): row for row in loading.load_rows(answers)}
    unknown = [row for name, row in found.items() if name not in set(wanted)]
    if unknown:
        raise UsageError(f"{answers}:{unknown[0].line}: answers a request that is not in {requests}")
    missing = [name for name in wanted if name not in found]
    ko = lang is Language.KO
    console = open_console()
    total, there = len(wanted), len(wanted) - len(missing)
    console.print(f"답 {there:,}/{total:,}" if ko else f"{there:,} of {total:,} answered", highlight=False)
    console.print(f"verify run recorded:{shown(str(answers))} ...", highlight=False, soft_wrap=True)
    if missing:
        console.print(f"빠진 요청 · missing: {', '.join(str(m)[:12] for m in missing[:5])} ...", highlight=False)
        raise typer.Exit(3)


def _identity(row: loading.Row) -> str:
    """`custom_id` of a line; our own form names the request by `request`."""
    for name in ("custom_id", "request"):
        if isinstance(value := row.value.get(name), str):
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


def scan(subject: Annotated[str, typer.Argument(metavar="SUBJECT")]) -> None:
    """Check the artefact itself: formats, headers, remote code, digests. Executes and loads nothing of it."""
    local = find_local(subject, profiles=loading.load_profiles())
    console = open_console()
    if local is None:
        raise UsageError(f"{subject}: its files are not here, so there is nothing to scan")
    console.print(f"{shown(local.name)} ({local.kind})  {local.digest}", highlight=False, soft_wrap=True)
    for file in local.files:
        console.print(f"  {shown(file.name)}  {file.size:,}  {file.sha256[:23]}…", highlight=False)
    for warning in local.warnings:
        console.print(f"주의 · note: {shown(warning)}", style="yellow", highlight=False)
