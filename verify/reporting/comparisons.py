"""The comparison of two releases for terminals and pipelines; decides nothing."""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Line

from verify.records import Change, ChangeReason, ComparedCheck, Comparison, PairExample, Text, Unscored
from verify.reporting.examples import answered, asked
from verify.reporting.text import masked, number, one_line, probability, xml_text

OUTCOMES: Final = {
    Change.NO_WORSE: Text(ko="나빠지지 않음", en="no worse"),
    Change.WORSE: Text(ko="나빠짐", en="worse"),
    Change.INCONCLUSIVE: Text(ko="판정 보류", en="inconclusive"),
    Change.NOT_COMPARABLE: Text(ko="비교 불가", en="not comparable"),
}
_STYLES: Final = {
    Change.NO_WORSE: "green",
    Change.WORSE: "bold red",
    Change.INCONCLUSIVE: "yellow",
    Change.NOT_COMPARABLE: "dim",
}
_COLUMNS: Final = {
    "check": Text(ko="점검", en="check"),
    "outcome": Text(ko="결과", en="outcome"),
    "before": Text(ko="이전", en="before"),
    "after": Text(ko="이후", en="after"),
    "gain": Text(ko="개선폭 [구간]", en="gain [interval]"),
    "margin": Text(ko="허용폭", en="margin"),
    "moved": Text(ko="나빠진·나아진 쌍", en="worse·better pairs"),
    "p": Text(ko="비열등 p·악화 p(Holm)", en="p no worse·p worse (Holm)"),
    "mde": Text(ko="검출 한계·검출력", en="detectable·power"),
}
_REASONS: Final = {
    ChangeReason.MARGIN_EXCLUDED: Text(
        ko="허용폭 {margin:g}만큼 나빠졌을 가능성을 배제함",
        en="a worsening by {margin:g} is excluded",
    ),
    ChangeReason.REGRESSION_FOUND: Text(
        ko="나빠진 것이 확인됨: 허용폭 {margin:g}을 배제하지 못했고, 악화 p {p}",
        en="a worsening was found: one by {margin:g} is not excluded, p of no worsening {p}",
    ),
    ChangeReason.INTERVAL_HOLDS_MARGIN: Text(
        ko="이 문항 수로는 어느 쪽도 말할 수 없음: 개선폭의 단측 한계 [{low:+.3f}, {high:+.3f}], 허용폭 {margin:g}",
        en="these items show neither: one-sided bounds of the gain [{low:+.3f}, {high:+.3f}], margin {margin:g}",
    ),
    ChangeReason.DEPENDS_ON_UNSCORED: Text(
        ko="한쪽에만 점수가 있는 {lacking}건을 불리하게 세면 결과가 달라짐",
        en="the outcome hangs on {lacking} items that only one release has a score for",
    ),
    ChangeReason.FEW_CLUSTERS: Text(ko="독립 출처가 {clusters}개뿐임", en="{clusters} independent sources only"),
    ChangeReason.NOTHING_PAIRED: Text(
        ko="두 판 모두에 점수가 있는 문항이 모자람", en="too few items have a score in both releases"
    ),
    ChangeReason.TOO_MANY_LOST: Text(
        ko="점수 없는 쌍이 너무 많음 (이전만 {before}, 이후만 {after}, 둘 다 {both})",
        en="too many pairs lack a score (before {before}, after {after}, both {both})",
    ),
    ChangeReason.MEASURED_OTHERWISE: Text(ko="서로 다르게 측정함", en="measured differently"),
    ChangeReason.NOT_MEASURED: Text(ko="한쪽에서 실시하지 않음", en="not measured in one of the two"),
    ChangeReason.ENDED_EARLY: Text(
        ko="순차 판정으로 일찍 끝난 점검이어서 짝지을 수 없음", en="a sequential verdict ended it before its last item"
    ),
    ChangeReason.DISPLAY_ONLY: Text(
        ko="한쪽의 값이 참고용이어서 판단의 근거가 되지 못함", en="one of the values is for display only"
    ),
    ChangeReason.NO_ITEM_VALUE: Text(
        ko="{metric}은(는) 문항별 평균이 아니어서 짝지은 검정이 없음: 두 추정값을 나란히 보임",
        en="{metric} is no mean over items: no paired test exists; the estimates stand side by side",
    ),
    ChangeReason.NO_SUCH_METHOD: Text(
        ko="같은 판의 측정 방법이 여기에 없음", en="the method of that version is not here"
    ),
}
_TOLD: Final = frozenset(
    {
        ChangeReason.MEASURED_OTHERWISE,
        ChangeReason.NOT_MEASURED,
        ChangeReason.ENDED_EARLY,
        ChangeReason.DISPLAY_ONLY,
        ChangeReason.NO_SUCH_METHOD,
    }
)
"""Reasons whose particulars only the record's own words have."""
_WEAK: Final = Text(
    ko="허용폭 {margin:g}에서 검출력 {power:.2f}: 나빠지지 않은 판도 이 확률로만 통과한다(0.8 필요). "
    "문항을 늘리거나, 실행 전에 허용폭을 넓혀 정한다",
    en="power {power:.2f} at the margin {margin:g}: a release that is no worse passes with that probability only "
    "(asked: 0.8); ask more items, or declare a wider margin before the run",
)
_CHANGED: Final = 4
"""Words of a score that are shown where they changed."""


def comparison_table(comparison: Comparison, *, language: str) -> RenderableType:
    """Outcome, one row a check, why checks are undecided, and items that moved.

    All texts are `rich.text.Text` (no markup is read from them) with control characters written out; numbers and
    mail addresses are covered a second time.
    """
    ko = language == "ko"
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _COLUMNS.values():
        table.add_column(title[language], overflow="fold")
    for check in comparison.checks:
        table.add_row(*_cells(check, language))
    parts: list[RenderableType] = [
        Line.assemble(
            one_line(comparison.before.subject),
            " → ",
            (one_line(comparison.after.subject), "bold"),
            "  ",
            (OUTCOMES[comparison.outcome][language], _STYLES[comparison.outcome]),
        ),
        Line(_basis(comparison, ko=ko), style="dim"),
        Line(),
        table,
        Line(),
    ]
    parts += [Line(one_line(note, limit=400), style="dim") for note in comparison.notes]
    for check in comparison.checks:
        parts += _details(check, language)
    return Group(*parts)


def _basis(comparison: Comparison, *, ko: bool) -> str:
    alpha = f"{comparison.levels.alpha:g}"
    if ko:
        planned = "실행 전에 정한 허용폭" if comparison.margins_planned else "실행 뒤에 고른 정책의 허용폭(주의)"
        return f"정책 {comparison.policy}, 단측 유의수준 {alpha}, {planned}. 개선폭은 클수록 나아진 것이다."
    planned = "margins fixed before the run" if comparison.margins_planned else "NOTE: margins chosen after the run"
    return f"policy {comparison.policy}, one-sided alpha {alpha}, {planned}. A gain above 0 is an improvement."


def _cells(check: ComparedCheck, language: str) -> Iterator[Line]:
    test = check.test
    yield Line(one_line(check.check))
    yield Line(OUTCOMES[check.outcome][language], style=_STYLES[check.outcome])
    yield Line(number(check.before.value) if check.before is not None else "—")
    yield Line(number(check.after.value) if check.after is not None else "—")
    if test is None:
        yield Line("—")
        yield Line(f"{check.margin:g}")
        yield from (Line("—") for _ in range(3))
        return
    low, high = test.interval
    yield Line(f"{test.gain:+.3f} [{low:+.3f}, {high:+.3f}]")
    yield Line(f"{check.margin:g}")
    yield Line(f"{test.n_worse}·{test.n_better} / {test.n_pairs:,}")
    yield Line(f"{_p(check.p_noninferior)}·{_p(check.holm_adjusted_p)}")
    detectable = "—" if check.minimum_detectable is None else number(check.minimum_detectable)
    power = "—" if check.power is None else f"{check.power:.2f}"
    yield Line(f"{detectable}·{power}")


def _p(value: float | None) -> str:
    return "—" if value is None else probability(value)


def _details(check: ComparedCheck, language: str) -> Iterator[Line]:
    ko = language == "ko"
    if check.outcome is not Change.NO_WORSE:
        name = one_line(check.title[language])
        yield Line(f"• {check.check} ({name}): {reason_of(check, language)}")
    if check.warnings:
        text = _WEAK[language].format(margin=check.margin, power=check.power)
        yield Line(f"  {'주의' if ko else 'note'}: {text}", style="yellow")
    for better, moved in ((False, check.regressions), (True, check.improvements)):
        if not moved:
            continue
        what = ("나아진 문항", "improved items") if better else ("나빠진 문항", "items that got worse")
        ids = ", ".join(one_line(each.item) for each in moved[:10])
        more = f" … +{len(moved) - 10}" if len(moved) > 10 else ""
        yield Line(f"  {check.check}: {what[0 if ko else 1]} {len(moved)}: {ids}{more}")
        for example in check.examples:
            if example.better is better:
                yield from _example(example)


def reason_of(check: ComparedCheck, language: str) -> str:
    """Why the outcome is what it is, in one sentence."""
    low, high = check.test.bounds if check.test is not None else (0.0, 0.0)
    text = _REASONS[check.code][language].format(
        margin=check.margin,
        metric=one_line(check.metric),
        p=_p(check.holm_adjusted_p),
        low=low,
        high=high,
        lacking=check.unscored_before + check.unscored_after,
        clusters=check.test.n_clusters if check.test is not None else 0,
        before=check.unscored_before,
        after=check.unscored_after,
        both=check.unscored_both,
    )
    return f"{text}: {one_line(check.reason, limit=400)}" if check.code in _TOLD else text


def _example(example: PairExample) -> Iterator[Line]:
    yield Line(f"    [{one_line(example.item)}] {_question(example)}", style="dim")
    for before, after in _changed(example):
        yield Line(f"      {before} → {after}", style="dim")


def _question(example: PairExample) -> str:
    exchanges = example.exchanges_after or example.exchanges_before
    return _fit(asked(exchanges[0].request)) if exchanges else ""


def _changed(example: PairExample) -> Iterator[tuple[str, str]]:
    """What the two answers say: the words of the scores that differ, else the first answers themselves."""
    old, new = example.before, example.after
    if isinstance(old, Unscored) or isinstance(new, Unscored):
        return
    words = [name for name in new.labels if old.labels.get(name) != new.labels[name]]
    for name in words[:_CHANGED]:
        yield f"{one_line(name)}: {_fit(old.labels.get(name, ''))}", _fit(new.labels[name])
    if not words and example.exchanges_before and example.exchanges_after:
        first, second = (each[0].response for each in (example.exchanges_before, example.exchanges_after))
        yield _fit(answered(first)), _fit(answered(second))


def _fit(text: str) -> str:
    return masked(one_line(text, limit=160))


def comparison_junit(comparison: Comparison) -> bytes:
    """JUnit XML: a case each check. `worse` is a failure; what nobody could decide is an error."""
    root = Element("testsuites", name="ax-verify-compare", tests=str(len(comparison.checks)))
    totals = {"failures": 0, "errors": 0, "skipped": 0}
    suites: dict[str, list[ComparedCheck]] = {}
    for check in comparison.checks:
        suites.setdefault(check.check.split(".", maxsplit=1)[0], []).append(check)
    for name, checks in suites.items():
        counts = dict.fromkeys(totals, 0)
        element = SubElement(root, "testsuite", name=xml_text(name), tests=str(len(checks)))
        for check in checks:
            counted = _case(element, check)
            if counted is not None:
                counts[counted] += 1
                totals[counted] += 1
        element.attrib.update({key: str(count) for key, count in counts.items()})
    root.attrib.update({key: str(count) for key, count in totals.items()})
    indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode").encode() + b"\n"


def _case(suite: Element, check: ComparedCheck) -> str | None:
    case = SubElement(suite, "testcase", classname=xml_text(suite.attrib["name"]), name=xml_text(check.check))
    counted = None
    if check.outcome is not Change.NO_WORSE:
        tag, counted = ("failure", "failures") if check.outcome is Change.WORSE else ("error", "errors")
        found = SubElement(case, tag, message=xml_text(check.reason), type=check.outcome.value)
        found.text = xml_text("\n".join(_moved_lines(check)))
    SubElement(case, "system-out").text = xml_text("\n".join((check.reason, *check.warnings)))
    return counted


def _moved_lines(check: ComparedCheck) -> Iterator[str]:
    for movement in check.regressions[:50]:
        yield f"{one_line(movement.item)}: {movement.before:g} -> {movement.after:g}"
