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
from verify.reporting.tables import Identifier, id_column, short_column
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

TOKENS_A_CHARACTER: Final = (0.4, 1.2)
"""A rule of thumb for Korean and common tokenizers, from well suited to not; never used in place of a count."""


def plan_table(planned: Planned, *, language: str) -> Table:
    """Items, sources and power of every check, before a request is made."""
    ko = language == "ko"
    columns = (
        ("점검", "문항", "독립\n출처", "기준", "검출\n한계", "가정한\n값", "검정력", "필요한\n출처")
        if ko
        else ("check", "items", "sources", "bound", "detectable", "assumed", "power", "needed")
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    id_column(table, columns[0], [check.name for check in planned.plan.checks])
    for name in columns[1:]:
        short_column(table, name, right=name != columns[3])
    for check in planned.plan.checks:
        table.add_row(
            Identifier(check.name),
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
    """Requests, tokens or characters, and estimated time by kind."""
    ko = language == "ko"
    words = Words("ko" if ko else "en", loading.load_locale(language))
    columns = ("요청 종류", "서로 다른 요청", "읽을 양", "답변 최대 토큰", "추정 시간") if ko else (
        "kind", "distinct requests", "to be read", "most tokens written", "estimated time"
    )  # fmt: skip
    table = Table(show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", justify="left" if name == columns[0] else "right")
    for cost in costs:
        table.add_row(
            words(f"request.{cost.kind}"),
            f"{cost.requests:,}",
            _read(cost, ko=ko),
            "-" if cost.tokens is None else f"{cost.tokens:,}",
            "-" if cost.seconds is None else _duration(cost.seconds, ko=ko),
        )
    return table


def _read(cost: Cost, *, ko: bool) -> str:
    """Tokens by the subject's own tokenizer, and of how many before sharing; characters where it does not lie here."""
    if cost.counted is None:
        return f"{cost.characters:,}자" if ko else f"{cost.characters:,} characters"
    unique, read = cost.counted.unique, cost.counted.read
    if unique == read:
        return f"{read:,}토큰" if ko else f"{read:,} tokens"
    return f"{unique:,}토큰\n(공유 전 {read:,})" if ko else f"{unique:,} tokens\n({read:,} before sharing)"


def cost_note(costs: Sequence[Cost], *, language: str) -> str:
    """The sums, what they rest on, and how far they can be trusted."""
    ko = language == "ko"
    total = sum(cost.seconds or 0.0 for cost in costs)
    factor = max((cost.factor or 1.0 for cost in costs), default=1.0)
    low, high = (_duration(total * by, ko=ko) for by in (1.0 / factor, factor))
    longest = sum((cost.seconds if cost.at_most is None else cost.at_most) or 0.0 for cost in costs)
    said = [
        f"합계 약 {_duration(total, ko=True)}, {low}에서 {high} 사이로 본다(어림값의 {factor:.0f}배 안). "
        "종류마다 요청 몇 건에 답하게 하여 어림한 값이다. "
        "큰 묶음은 이보다 빠르고 뒤이은 회차(대화, 공격)는 들어 있지 않다. "
        "일찍 끝날 수 있는 점검도 모든 문항을 물을 때로 셈했다."
        if ko
        else f"about {_duration(total, ko=False)} in all, expected between {low} and {high} (within a factor of "
        f"{factor:.0f}), estimated from a few answers of each kind: large batches are faster, and later rounds "
        "(conversations, attacks) are not in it; checks that may end early are counted in full."
    ]
    if any(cost.at_most is not None for cost in costs):
        most = _duration(longest, ko=ko)
        said.append(
            f"모든 답이 허용된 길이를 다 쓰면 약 {most}."
            if ko
            else f"Were every answer as long as it may be: about {most}."
        )
    if unknown := sum(cost.characters for cost in costs if cost.counted is None and cost.kind != "predict"):
        least, most = (f"{float(f'{unknown * ratio:.2g}'):,.0f}" for ratio in TOKENS_A_CHARACTER)
        said.append(
            f"토크나이저가 여기 없어 토큰 수를 세지 못한 글자 {unknown:,}자: 한국어 한 글자를 "
            f"{TOKENS_A_CHARACTER[0]:g}~{TOKENS_A_CHARACTER[1]:g}토큰으로 보는 어림으로 {least}~{most}토큰"
            "(잰 값이 아니며, 서버가 접두사를 공유하면 계산량은 더 적다)."
            if ko
            else f"{unknown:,} characters could not be counted in tokens, for want of a tokenizer here: by the rule of "
            f"thumb of {TOKENS_A_CHARACTER[0]:g} to {TOKENS_A_CHARACTER[1]:g} tokens a Korean character {least} to "
            f"{most} tokens (not measured; a server that shares prefixes computes fewer)."
        )
    return " ".join(said)


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
