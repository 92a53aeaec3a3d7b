"""`verify suites | models | methods | frameworks`: list, show, lint."""

import inspect
from typing import Annotated

import typer
from rich.table import Table

from verify import loading
from verify.cli.console import open_console, shown
from verify.cli.options import DataRootOption, Language, LanguageOption
from verify.errors import UnknownNameError
from verify.methods.catalogue import methods
from verify.methods.lm_eval.korean import described, korean_tasks
from verify.methods.lm_eval.suite import PREFIX
from verify.planning import lint_suite
from verify.records import Profile, Suite
from verify.reporting.tables import Identifier, id_column, short_column
from verify.reporting.text import limit
from verify.reporting.words import Words

suites_app = typer.Typer(no_args_is_help=False, help="점검 묶음 · Suites: list, show, lint.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(suites_app, name="suites", invoke_without_command=True)
    app.command("models")(models)
    app.command("methods")(show_methods)
    app.command("frameworks")(frameworks)


@suites_app.callback(invoke_without_command=True)
def suites(context: typer.Context, lang: LanguageOption = Language.KO) -> None:
    """List the suites and their checks, and the Korean tasks of lm-eval with the data that each needs."""
    if context.invoked_subcommand:
        return
    table = Table(show_edge=False, header_style="bold")
    known = [(suite, check) for suite in map(_suite, loading.suite_names()) for check in suite.checks]
    ko = lang is Language.KO
    id_column(table, "점검" if ko else "check", [f"{suite.id}.{check.id}" for suite, check in known])
    id_column(table, "측정 방법" if ko else "method", [check.method for _, check in known])
    id_column(table, "지표" if ko else "metric", [check.metric for _, check in known])
    short_column(table, "기준" if ko else "bound")
    table.add_column("이름" if ko else "title", overflow="fold")
    for suite, check in known:
        ids = (f"{suite.id}.{check.id}", check.method, check.metric)
        table.add_row(*map(Identifier, ids), limit(check.bound), shown(check.title[lang.value]))
    console = open_console()
    console.print(table)
    console.print(_korean_table(ko=ko))
    console.print(
        "lm-eval의 과제는 모두 --suite lm-eval/TASK로 점검합니다. 자료는 DIR/ORG/NAME에 두고 --data-root DIR을 줍니다."
        if lang is Language.KO
        else "Any task of lm-eval is a check: --suite lm-eval/TASK, with its data in DIR/ORG/NAME and --data-root DIR.",
        highlight=False,
        soft_wrap=True,
    )


def _suite(name: str) -> Suite:
    return loading.load_suite(name).suite


def _korean_table(*, ko: bool) -> Table:
    """Korean tasks of the installed lm-eval."""
    table = Table(show_edge=False, header_style="bold")
    tasks = korean_tasks()
    id_column(table, "묶음" if ko else "suite", [f"{PREFIX}{task.name}" for task in tasks])
    short_column(table, "과제" if ko else "tasks", right=True)
    for name in ("자료(구성)", "나눔") if ko else ("data set (configurations)", "splits"):
        table.add_column(name, overflow="fold")
    for task in tasks:
        data = ", ".join(f"{path} ({len(configs)})" for path, configs in task.data.items())
        table.add_row(Identifier(f"{PREFIX}{task.name}"), str(task.tasks), Identifier(data), ", ".join(task.splits))
    return table


@suites_app.command("lint")
def lint(
    folders: Annotated[list[str], typer.Argument(help="묶음의 이름 또는 폴더 · names or folders")],
    data_root: DataRootOption = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Find every fault of a suite, each with its file and line."""
    console, count = open_console(), 0
    for folder in folders:
        faults = lint_suite(folder, methods=methods(), root=data_root)
        count += len(faults)
        for fault in faults:
            console.print(shown(str(fault)), highlight=False, soft_wrap=True)
        if not faults:
            console.print(f"{shown(folder)}: {'이상 없음' if lang is Language.KO else 'no faults'}", highlight=False)
    if count:
        raise typer.Exit(2)


@suites_app.command("show")
def show_suite(name: str, lang: LanguageOption = Language.KO) -> None:
    """Show a suite's card; of a task of lm-eval (`lm-eval/TASK`) its metrics and the data to mirror."""
    if name.startswith(PREFIX):
        _show_task(name.removeprefix(PREFIX))
        return
    loaded = loading.load_suite(name)
    console = open_console()
    console.print(f"[bold]{shown(loaded.suite.title[lang.value])}[/] ({loaded.suite.id}, v{loaded.suite.version})")
    console.print(shown(loaded.suite.summary[lang.value]))
    card = loaded.folder / "CARD.md"
    if card.is_file():
        console.print(shown(card.read_text("utf-8")), highlight=False)


def _show_task(name: str) -> None:
    task, console = described(name), open_console()
    console.print(f"[bold]{PREFIX}{task.name}[/] ({task.kind}, {task.tasks} tasks)", highlight=False)
    for path, configs in task.data.items():
        console.print(shown(f"{path}: {', '.join(configs)}; {', '.join(task.splits)}"), highlight=False, soft_wrap=True)
        console.print(
            shown(f"hf download {path} --repo-type dataset --local-dir DIR/{path}"), highlight=False, soft_wrap=True
        )


def models(
    name: Annotated[str | None, typer.Argument(help="보여 줄 모델 · a model to show")] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """List the known models and reference standards, or show one."""
    profiles = loading.load_profiles()
    console = open_console()
    if name is not None:
        if name not in profiles:
            raise UnknownNameError("model", name, known=profiles)
        for field, value in profiles[name].to_json().items():
            if field != "served":
                text = value[lang.value] if field == "notes" else value
                console.print(f"{field}: {shown(str(text))}", highlight=False, soft_wrap=True)
        for line in ways_to_reach(profiles[name], language=lang.value):
            console.print(shown(line), highlight=False, soft_wrap=True)
        return
    rows: list[tuple[str, str, str, str, str, str]] = []
    for profile in profiles.values():
        context = "-" if profile.context is None else f"{profile.context:,}"
        rows.append(
            (profile.id, profile.source, profile.reach, profile.architecture or "-", context, shown(profile.licence))
        )
    for standard in loading.load_standards().values():
        reach = "rule" if standard.kind == "constructed" else "weights"
        rows.append((f"reference:{standard.id}", "-", reach, standard.kind, "-", "Apache-2.0"))
    ko = lang is Language.KO
    names = ("id", "출처", "방식", "구조", "문맥") if ko else ("id", "source", "reach", "architecture", "context")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for place in range(4):
        id_column(table, names[place], [row[place] for row in rows])
    short_column(table, names[4], right=True)
    table.add_column("이용 조건" if ko else "licence", overflow="fold")
    for *ids, context, licence in rows:
        table.add_row(*map(Identifier, ids), context, licence)
    console.print(table)


def ways_to_reach(profile: Profile, *, language: str) -> list[str]:
    """Every way to the model, as commands: its weights, a server for it, and an exchange of files."""
    ko = language == "ko"
    lines = ["", "시험하는 길:" if ko else "ways to test it:"]
    if profile.reach == "weights":
        lines += [
            "  가중치로 (VERIFY_MIRROR=폴더 아래에 사본이 있거나 허브에 닿을 때)"
            if ko
            else "  its weights (a copy below the folder VERIFY_MIRROR, or a hub that can be reached)",
            f"    verify run {profile.id}",
        ]
    for server in profile.served:
        lines += [
            f"  {server.server} 서버로" if ko else f"  a {server.server} server",
            f"    {server.start}",
            f"    verify run endpoint:http://127.0.0.1:{server.port}/v1#{profile.source}",
            f"    {server.option}: {server.why[language]}",
        ]
    if profile.remote_code:
        lines.append(
            "    --trust-remote-code는 서버가 도는 컴퓨터에서 제공자의 코드를 실행한다. 그 컴퓨터를 따로 둔다."
            if ko
            else "    --trust-remote-code runs the provider's code on the serving machine; keep that machine apart."
        )
    lines += [
        "  파일로만 (모델과 그 망에 닿지 않는다)"
        if ko
        else "  files alone (neither the model nor its network is touched)",
        f"    verify export {profile.id} --out requests.jsonl",
        "    verify import answers.jsonl --requests requests.jsonl",
        "    verify run recorded:answers.jsonl",
    ]
    return lines


def show_methods(name: Annotated[str | None, typer.Argument(help="보여 줄 방법 · a method to show")] = None) -> None:
    """List the methods and their metrics, or show one with its parameters and item fields."""
    console = open_console()
    known = methods()
    if name is None:
        table = Table(show_edge=False, header_style="bold")
        id_column(table, "method", known)
        short_column(table, "version")
        for column in ("needs", "metrics (better)"):
            table.add_column(column, overflow="fold")
        for method in known.values():
            metrics = ", ".join(f"{m.name} ({m.better})" for m in method.metrics)
            table.add_row(
                Identifier(method.name),
                str(method.version),
                ", ".join(sorted(method.needs)),
                Identifier(metrics, longest=len(metrics)),
            )
        console.print(table)
        return
    if name not in known:
        raise UnknownNameError("method", name, known=known)
    method = known[name]
    console.print(f"[bold]{name}[/] version {method.version}\n{shown(inspect.getdoc(method) or '')}", highlight=False)
    for metric in method.metrics:
        limits = f"[{metric.low:g}, {metric.high:g}], {metric.better} is better"
        console.print(f"  {metric.name}: {shown(metric.meaning)} ({limits})", highlight=False, markup=False)
    for title, model in (("parameters", method.parameters_type), ("item fields", method.item_type)):
        console.print(f"[bold]{title}[/]")
        for field, information in model.model_fields.items():
            required = " (required)" if information.is_required() else ""
            text = f"  {field}{required}: {information.description or ''}"
            console.print(text, highlight=False, markup=False)


def frameworks(
    name: Annotated[str | None, typer.Argument(help="보여 줄 법령·기준 · a framework to show")] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """List the laws and standards, or show the clauses of one and the checks that speak to them."""
    console = open_console()
    known = loading.load_frameworks()
    if name is None:
        table = Table(show_edge=False, header_style="bold")
        ko = lang is Language.KO
        id_column(table, "id", known)
        for column in ("이름", "판") if ko else ("title", "edition"):
            table.add_column(column, overflow="fold")
        for column in ("날짜", "조항", "근거가\n있는 것") if ko else ("date", "clauses", "with\nevidence"):
            short_column(table, column)
        for framework in known.values():
            covered = sum(bool(clause.evidence) for clause in framework.clauses)
            table.add_row(
                Identifier(framework.id),
                shown(framework.title[lang.value]),
                shown(framework.edition),
                framework.date,
                str(len(framework.clauses)),
                str(covered),
            )
        console.print(table)
        return
    if name not in known:
        raise UnknownNameError("framework", name, known=known)
    words = Words(lang.value, loading.load_locale(lang.value))
    for clause in known[name].clauses:
        console.print(f"[bold]{clause.id}[/] {shown(clause.title[lang.value])}", highlight=False)
        console.print(f"  {shown(clause.paraphrase[lang.value])}", highlight=False)
        for mapping in clause.evidence:
            coverage = words(f"coverage.{mapping.coverage}")
            console.print(f"  {coverage}: {', '.join(mapping.checks)}", highlight=False)
