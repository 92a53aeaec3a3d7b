"""The summary for a terminal; whatever the subject wrote cannot command it."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Line

from verify.records import Outcome
from verify.reporting.page import CheckView, Page, estimate_text
from verify.reporting.statement import percent
from verify.reporting.tables import Identifier, id_column, short_column
from verify.reporting.text import limit, one_line

STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.NOT_MEASURED: "dim",
}


def summary(page: Page) -> RenderableType:
    """Outcome, one row a check, and what to do about the failed ones.

    All texts are `rich.text.Text` (no markup is read from them) with control characters written out.
    """
    words = page.words
    outcome = page.bundle.results.outcome
    table = Table(box=None, pad_edge=False, header_style="bold")
    id_column(table, words("table.check"), [view.planned.name for view in page.checks])
    for key in ("verdict", "estimate", "limit", "items"):
        short_column(table, words(f"table.{key}"), right=key == "items")
    for view in page.checks:
        table.add_row(*_cells(view, page))
    parts: list[RenderableType] = [
        Line.assemble(
            (one_line(page.bundle.subject.name), "bold"),
            "  ",
            (words(f"verdict.{outcome.value}"), STYLES[outcome]),
        ),
        Line(words(f"outcome.{outcome.value}", fail=page.count("fail"), total=len(page.checks))),
        Line(),
        table,
    ]
    explained = [view for view in page.checks if view.within]
    if explained:
        parts.append(Line())
        parts += [Line(_explained(view, page)) for view in explained]
    absent = page.with_outcome("not_measured")
    if absent:
        parts.append(Line(f"\n{words('section.not_measured')}", style="bold"))
        for view in absent:
            causes = f" ({', '.join(view.unscored)})" if view.unscored else ""
            parts.append(Line(f"• {view.planned.name}: {one_line(view.reason, limit=300)}{causes}"))
    moved = _moved(page)
    if moved:
        parts.append(Line(f"\n{words('repeatability.heading')}", style="bold"))
        parts += moved
    failed = page.with_outcome("fail")
    if failed:
        parts.append(Line(f"\n{words('section.findings')}", style="bold"))
        for view in failed:
            remedy = one_line(view.planned.remedy[words.language], limit=400)
            parts.append(Line(f"• {view.planned.name}: {remedy}"))
    return Group(*parts)


def _explained(view: CheckView, page: Page) -> str:
    """Why a check is decided although its printed interval holds the limit."""
    levels = page.bundle.plan.levels
    within = page.words("statement.within", confidence=percent(levels.confidence))
    return f"※ {one_line(view.planned.name)}: {one_line(view.reason, limit=300)} {within}"


def _moved(page: Page) -> list[Line]:
    """Kinds of request whose answers moved when they were asked again; the intervals do not hold that."""
    conduct, words = page.bundle.conduct, page.words
    repeated = conduct.repeatability if conduct is not None else None
    return [
        Line(
            "• "
            + words(
                "repeatability.moved",
                kind=words(f"request.{one.kind}"),
                alike=one.changed_alike,
                otherwise=one.changed_otherwise,
                n=one.n,
            )
        )
        for one in (repeated.envelopes if repeated is not None else ())
        if one.changed_alike or one.changed_otherwise
    ]


def _cells(view: CheckView, page: Page) -> tuple[RenderableType, ...]:
    words, outcome = page.words, view.verdict.verdict
    estimate = view.estimate
    return (
        Identifier(view.planned.name),
        Line(words(f"verdict.{outcome.value}"), style=STYLES[outcome]),
        Line(estimate_text(estimate) if estimate is not None else "—"),
        Line(limit(view.verdict.bound)),
        Line(f"{estimate.n:,}" if estimate is not None else "—"),
    )
