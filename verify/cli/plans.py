"""What `verify plan` shows: what the items can decide, and what asking them will cost."""

from collections.abc import Sequence
from typing import Final

from rich.table import Table

from verify import loading
from verify.engine.costs import Cost
from verify.planning import Planned
from verify.planning.power import ASKED_POWER, DISCORDANCE, comparison_power
from verify.records import PlannedCheck, Policy
from verify.reporting.foreseen import absence, cautions
from verify.reporting.text import limit
from verify.reporting.words import Words

_WORST_CASE: Final = {
    True: (
        "최악의 경우로 계획한 점검: {names}. 점수가 모두 범위의 양 끝에 놓인다고 보므로 실제 검정력은 이보다 낮지 "
        "않고, 필요한 출처는 상한이다. 점수가 그보다 고르면 더 적은 출처로 충분하다."
    ),
    False: (
        "planned for the worst case: {names}. Every score is taken to lie at an end of its range, so that the power is "
        "the least that it may be and the sources needed the most; scores that vary less need fewer."
    ),
}
"""By whether the language is Korean: how the numbers of a mean are to be read."""


def plan_table(planned: Planned, *, language: str) -> Table:
    """Items, sources and power of every check, before a request is made."""
    ko = language == "ko"
    columns = (
        ("점검", "문항", "독립 출처", "기준", "검출 한계", "가정한 값", "검정력", "필요한 출처")
        if ko
        else ("check", "items", "sources", "bound", "detectable", "assumed", "power", "needed")
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", justify="left" if name in (columns[0], columns[3]) else "right")
    for check in planned.plan.checks:
        table.add_row(
            check.name,
            f"{check.n_items:,}",
            f"{check.n_clusters:,}",
            limit(check.bound),
            *_power(check),
        )
    return table


def plan_notes(planned: Planned, *, language: str) -> tuple[str, ...]:
    """One line for each check that will not be asked, whose items cannot show enough, or that may end early."""
    words = Words("ko" if language == "ko" else "en", loading.load_locale(language))
    told = ((check.name, _notes(check, planned.plan.min_clusters, words)) for check in planned.plan.checks)
    return tuple(f"• {name}: {notes}" for name, notes in told if notes)


def explanation(planned: Planned, policy: Policy, *, language: str) -> tuple[str, ...]:
    """How the table is to be read, and what a comparison of two releases on these items can show."""
    weak = [
        (check.name, margin, power)
        for check in planned.plan.checks
        if check.power is not None
        for margin in (_margin(check, policy),)
        if (power := comparison_power(check.n_clusters, margin=margin, levels=planned.plan.levels)) < ASKED_POWER
    ]
    where = f"{policy.effect:.0%}"
    if language == "ko":
        meaning = (
            "검출 한계: 다섯 번에 네 번 기준 충족으로 판정되는 참값 가운데 기준에 가장 가까운 값. "
            f"검정력: 참값이 '가정한 값'(기준과 이상값 사이의 {where} 지점)인 모델이 충족 판정을 받을 확률. "
            "출처가 같은 문항은 완전히 종속이라고 보므로 실제 검정력은 더 클 수 있다."
        )
        heading = f"이전 판과 비교할 때 검정력이 {ASKED_POWER:g}에 못 미치는 점검(불일치율 {DISCORDANCE:g} 가정):"
        found = [f"  {name}: 허용 폭 {margin:g}에서 {power:.2f}" for name, margin, power in weak]
    else:
        meaning = (
            "detectable: of the true values that pass in four runs of five, the one nearest to the bound. "
            f"power: chance of a pass for a subject at the assumed value ({where} of the way from bound to ideal). "
            "Items of one source are taken to depend on each other fully, so that the true power may be higher."
        )
        heading = f"power of a comparison of releases under {ASKED_POWER:g} (discordance {DISCORDANCE:g} assumed):"
        found = [f"  {name}: {power:.2f} at the margin {margin:g}" for name, margin, power in weak]
    worst = [check.name for check in planned.plan.checks if check.power is not None and check.power.worst_case]
    read = (meaning, _WORST_CASE[language == "ko"].format(names=", ".join(worst))) if worst else (meaning,)
    return (*read, *_estimands(planned, language), *((heading, *found) if found else ()))


def _estimands(planned: Planned, language: str) -> tuple[str, ...]:
    """What the intervals will be about; of which checks, where that differs."""
    words = Words("ko" if language == "ko" else "en", loading.load_locale(language))
    checks: dict[str, list[str]] = {}
    for check in planned.plan.checks:
        checks.setdefault(check.estimand, []).append(check.name)
    several = len(checks) > 1
    return tuple(
        words(f"estimand.{estimand}") + (f" ({', '.join(names)})" if several else "")
        for estimand, names in checks.items()
    )


def cost_table(costs: Sequence[Cost], *, language: str) -> Table:
    """Requests, characters and estimated time by kind."""
    ko = language == "ko"
    columns = ("요청 종류", "서로 다른 요청", "프롬프트 글자", "답변 최대 토큰", "추정 시간") if ko else (
        "kind", "distinct requests", "prompt characters", "most tokens written", "estimated time"
    )  # fmt: skip
    table = Table(show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", justify="left" if name == columns[0] else "right")
    for cost in costs:
        table.add_row(
            cost.kind,
            f"{cost.requests:,}",
            f"{cost.characters:,}",
            "-" if cost.tokens is None else f"{cost.tokens:,}",
            "-" if cost.seconds is None else _duration(cost.seconds, ko=ko),
        )
    return table


def cost_note(costs: Sequence[Cost], *, language: str) -> str:
    """The sum, and how far it can be trusted."""
    total = sum(cost.seconds or 0.0 for cost in costs)
    if language == "ko":
        return (
            f"합계 약 {_duration(total, ko=True)}. 종류마다 요청 몇 건에 답하게 하여 어림한 값이다. "
            "큰 묶음과 공유 접두사는 이보다 빠르고, 긴 답변과 뒤이은 회차는 느리다. "
            "일찍 끝날 수 있는 점검도 모든 문항을 물을 때로 셈했다."
        )
    return (
        f"about {_duration(total, ko=False)} in all, estimated from a few answers of each kind: large batches and "
        "shared prefixes are faster, long answers and later rounds slower; checks that may end early are counted "
        "in full."
    )


def _power(check: PlannedCheck) -> tuple[str, str, str, str]:
    power = check.power
    if power is None:
        return "-", "-", "-", "-" if check.n_to_pass is None else f"{check.n_to_pass:,}"
    detectable = "-" if power.detectable is None else f"{power.detectable:.3f}"
    return (
        detectable,
        f"{power.assumed:.3f}",
        f"{power.power:.2f}",
        "-" if power.needed is None else f"{power.needed:,}",
    )


def _notes(check: PlannedCheck, min_clusters: int, words: Words) -> str:
    notes = list(cautions(check, min_clusters=max(min_clusters, check.min_clusters), words=words))
    if check.not_measured is not None:
        notes = [absence(check, words=words)]
    if check.stopping is not None and check.power is not None and check.power.expected is not None:
        asked = f"{check.power.expected:.0f}"
        notes.append(words("caution.may_end_early", clusters=asked))
    return " ".join(notes)


def _margin(check: PlannedCheck, policy: Policy) -> float:
    return next((own.margin for own in policy.margins if own.check == check.name), policy.default_margin)


def _duration(seconds: float, *, ko: bool) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    units = ("시간", "분", "초") if ko else ("h", "min", "s")
    parts = [f"{number}{unit}" for number, unit in zip((hours, minutes, rest), units, strict=True) if number]
    return " ".join(parts[:2])
