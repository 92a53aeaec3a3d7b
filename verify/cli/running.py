"""`verify run | plan`: whatever opens a subject."""

import math
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from verify import loading, pipeline
from verify.calibration import open_standard
from verify.calibration.suitability import cache_folder, check_suitability, pairs_for
from verify.cli.console import open_console, shown
from verify.cli.options import (
    ActorsOption,
    BoundOption,
    DataRootOption,
    Executor,
    ExecutorOption,
    GpusOption,
    Language,
    LanguageOption,
    RayAddressOption,
    chosen_cluster,
)
from verify.cli.plans import cost_note, cost_table, explanation, plan_notes, plan_table
from verify.cli.rendering import FORMATS, parse_formats, print_summary, render_report
from verify.cli.watching import Terminal
from verify.engine.costs import probe
from verify.engine.executors import Cluster, open_on_ray
from verify.errors import RunError, UsageError
from verify.evidence import VaultPlace, load_signing_key, load_vault_key
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, make_plan
from verify.records import Outcome, Suitability
from verify.runtime.base import Runtime
from verify.runtime.opening import SubjectOptions, open_subject

SubjectArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT",
        help="프로필 id, 가중치 폴더, hf:ORG/NAME@REVISION, endpoint:http://HOST/v1#MODEL, recorded:FILE.jsonl, "
        "reference:NAME, 또는 표 모델 파일(.skops)",
    ),
]
SuiteOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--suite", help="묶음의 이름, 폴더 또는 lm-eval/TASK; 여러 번 · suite name, folder or lm-eval/TASK"),
]
PolicyOption: TypeAlias = Annotated[
    str, typer.Option("--policy", help="gate, self-check, certification, 또는 YAML 파일")
]
LimitOption: TypeAlias = Annotated[
    int | None, typer.Option("--limit", min=1, help="점검마다 무작위로 뽑을 최대 문항 수 · most items a check")
]
SeedOption: TypeAlias = Annotated[int, typer.Option("--seed", min=0, help="모든 무작위 선택의 씨앗 · seed")]
SequentialOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--sequential/--no-sequential",
        help="판정이 서면 그 점검을 멈춘다; 기본은 정책에 따름 · end a check once it is decided; default: the policy's",
    ),
]
InputOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--input", help="그 밖의 입력 NAME=FILE.jsonl (예: training-data=...) · further inputs"),
]
CanariesOption: TypeAlias = Annotated[
    Path | None, typer.Option("--canaries", help="심어 둔 카나리아 파일 · file of planted canaries")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("run")(run)
    app.command("plan")(plan)


def run(
    subject: SubjectArgument,
    suite: SuiteOption = None,
    policy: PolicyOption = "self-check",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    out: Annotated[Path | None, typer.Option("--out", help="결과 폴더; 같은 명령은 이어서 한다 · resumes")] = None,
    canaries: CanariesOption = None,
    given: InputOption = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", help="통과로 볼 결과: inconclusive, not_measured")
    ] = None,
    formats: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}")] = "html,json,junit",
    sign_key: Annotated[Path | None, typer.Option("--sign-key", help="Ed25519 서명 열쇠(PEM)")] = None,
    vault: Annotated[
        Path | None,
        typer.Option(
            "--vault", help="가린 답의 원문을 암호화해 둘 파일(결과 폴더 밖) · raw texts, encrypted, outside --out"
        ),
    ] = None,
    vault_key: Annotated[
        Path | None, typer.Option("--vault-key", help="원문을 볼 사람의 X25519 공개 열쇠(PEM) · reader's public key")
    ] = None,
    sequential: SequentialOption = None,
    bound: BoundOption = None,
    data_root: DataRootOption = None,
    suitability: Annotated[
        bool,
        typer.Option(
            "--suitability/--no-suitability",
            help="먼저 표준 모델로 도구를 시험한다 · try the instrument on reference standards first",
        ),
    ] = True,
    repeats: Annotated[
        int,
        typer.Option("--repeats", min=0, help="끝에 다시 물을 요청 수(종류마다) · requests of each kind asked again"),
    ] = 30,
    executor: ExecutorOption = Executor.LOCAL,
    actors: ActorsOption = None,
    gpus_per_actor: GpusOption = None,
    ray_address: RayAddressOption = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Examine a subject: plan, ask, score, decide, seal, report.

    Exit codes: 0 every check passed, 1 at least one failed, 2 usage or configuration error,
    3 none failed but something is inconclusive or not measured, 4 the run broke (run again to resume).
    """
    inputs = plan_inputs(
        suite, policy=policy, limit=limit, seed=seed, canaries=canaries, given=given, sequential=sequential
    )._replace(bounds=parse_bounds(bound), data_root=data_root)
    allowed = _allowed(allow)
    key = load_signing_key(sign_key) if sign_key else None
    wanted = parse_formats(formats)
    cluster = chosen_cluster(executor, actors=actors, gpus_per_actor=gpus_per_actor, address=ray_address)
    place = _vault(vault, vault_key)
    pipeline.preflight(inputs, out=out, vault=place)
    terminal = Terminal(open_console(stderr=True), language=lang.value)
    runtime = _open(subject, terminal, cluster)
    try:
        ran = pipeline.run(
            runtime,
            inputs,
            out=out,
            key=key,
            watcher=terminal,
            suitability=_suitability(terminal) if suitability else None,
            repeats=repeats,
            vault=place,
        )
    except OSError as error:  # disk full or taken away: what was answered is kept
        where = error.filename or out or Path("runs")
        raise RunError(f"{where}: {error.strerror}; mend that, then run the same command to resume") from error
    finally:
        terminal.close()
        runtime.close()
    files = render_report(ran.folder, formats=wanted, languages=_languages(lang))
    print_summary(ran.folder, language=lang.value)
    open_console().print(shown(f"\n{files[0]}"), highlight=False, soft_wrap=True)
    open_ended = {check.name for check in ran.plan.checks if check.open_ended}
    outcomes = [
        v.verdict for v in ran.results.verdicts if not (v.check in open_ended and v.verdict is Outcome.INCONCLUSIVE)
    ]
    raise typer.Exit(exit_code(outcomes, {*allowed, *ran.plan.allow}))


def _vault(file: Path | None, key: Path | None) -> VaultPlace | None:
    if (file is None) != (key is None):
        raise UsageError("--vault and --vault-key belong together: the file, and the public key of who may read it")
    return VaultPlace(file, load_vault_key(key)) if file is not None and key is not None else None


def plan(
    subject: SubjectArgument,
    suite: SuiteOption = None,
    policy: PolicyOption = "self-check",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    canaries: CanariesOption = None,
    given: InputOption = None,
    sequential: SequentialOption = None,
    bound: BoundOption = None,
    data_root: DataRootOption = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Show what would be asked, what it can decide and what it will cost; a few answers give the time."""
    inputs = plan_inputs(
        suite, policy=policy, limit=limit, seed=seed, canaries=canaries, given=given, sequential=sequential
    )._replace(bounds=parse_bounds(bound), data_root=data_root)
    pipeline.preflight(inputs)
    terminal = Terminal(open_console(stderr=True), language=lang.value)
    runtime = _open(subject, terminal)
    try:
        planned = make_plan(runtime.subject, inputs, methods=methods(), frameworks=loading.load_frameworks())
        console = open_console()
        console.print(plan_table(planned, language=lang.value))
        for line in plan_notes(planned, language=lang.value):
            console.print(shown(line), highlight=False)
        for line in explanation(planned, inputs.policy, language=lang.value):
            console.print(line, highlight=False, soft_wrap=True)
        found = probe(
            planned.examinations,
            runtime,
            seed=seed,
            told=terminal.timed,
        )
    finally:
        runtime.close()
    console.print(cost_table(found, language=lang.value))
    console.print(cost_note(found, language=lang.value), highlight=False, soft_wrap=True)


def exit_code(outcomes: list[Outcome], allowed: set[str]) -> int:
    """0, 1 or 3 as the contract says; outcomes in `allowed` count as passed."""
    if Outcome.FAIL in outcomes:
        return 1
    undecided = {o.value for o in outcomes if o is not Outcome.PASS} - allowed
    return 3 if undecided or not outcomes else 0


def _suitability(terminal: Terminal) -> Callable[[Collection[str]], Suitability]:
    def tried(checks: Collection[str]) -> Suitability:
        standards = loading.load_standards()
        if pairs_for(checks, standards):
            terminal.say("표준 모델로 도구를 먼저 시험합니다", "trying the instrument on reference standards first")
        found = check_suitability(
            checks,
            standards,
            open_standard,
            policy=loading.load_policy("self-check"),
            cache=cache_folder(),
        )
        if found.not_run:
            late = ", ".join(found.not_run)
            terminal.say(f"시간이 모자라 시험하지 못한 점검: {late}", f"not tried for want of time: {late}")
        return found

    return tried


def _open(subject: str, terminal: Terminal, cluster: Cluster | None = None) -> Runtime:
    named = re.sub(r"//[^/]*@", "//…@", subject)  # a password in an address is refused, and not printed before
    terminal.say(f"{named} 여는 중", f"opening {named}")
    options = SubjectOptions(profiles=loading.load_profiles())
    return open_subject(subject, options) if cluster is None else open_on_ray(subject, options, cluster)


def plan_inputs(
    suite: list[str] | None,
    *,
    policy: str,
    limit: int | None,
    seed: int,
    canaries: Path | None,
    given: list[str] | None,
    sequential: bool | None,
) -> PlanInputs:
    """What a plan is made from, as the options say it.

    Raises:
        UsageError: A file is not there, or `--input` is not NAME=FILE.
    """
    inputs = {"canaries": canaries} if canaries else {}
    for text in given or []:
        name, separator, file = text.partition("=")
        if not separator or not name or not file:
            raise UsageError(f"--input {text!r}: write NAME=FILE.jsonl")
        inputs[name] = Path(file)
    for name, path in inputs.items():
        if not path.is_file():
            raise UsageError(f"--{name} {path}: there is no such file")
    return PlanInputs(
        policy=loading.load_policy(policy),
        suites=tuple(suite or ()),
        seed=seed,
        limit=limit,
        inputs=inputs,
        sequential=sequential,
    )


def parse_bounds(given: list[str] | None) -> dict[str, float]:
    """Limits of checks by name, as `--bound` says them.

    Raises:
        UsageError: One is not CHECK=VALUE, or a check is named twice.
    """
    bounds: dict[str, float] = {}
    for text in given or []:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name or not math.isfinite(value):
            raise UsageError(f"--bound {text!r}: write SUITE.CHECK=VALUE, e.g. accuracy.korean=0.6")
        if name in bounds:
            raise UsageError(f"--bound {text!r}: the check is named twice")
        bounds[name] = value
    return bounds


def _allowed(allow: list[str] | None) -> set[str]:
    names = {name for text in allow or [] for name in text.split(",")}
    known = {Outcome.INCONCLUSIVE.value, Outcome.NOT_MEASURED.value}
    if names - known:
        raise UsageError(f"--allow {', '.join(sorted(names - known))}: there are {', '.join(sorted(known))}")
    return names


def _languages(first: Language) -> list[str]:
    return [first.value, *(each.value for each in Language if each is not first)]
