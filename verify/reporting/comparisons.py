"""The comparison of two releases for terminals and pipelines; decides nothing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Line

from verify.deciding.comparison import ASKED_POWER
from verify.records import (
    Change,
    ChangeReason,
    ComparedCheck,
    Comparison,
    PairedTest,
    PairExample,
    Particular,
    Unscored,
)
from verify.reporting.examples import answered, asked
from verify.reporting.tables import Identifier, id_column, short_column
from verify.reporting.text import masked, number, one_line, probability, xml_text
from verify.reporting.words import Words

_STYLES: Final = {
    Change.NO_WORSE: "green",
    Change.WORSE: "bold red",
    Change.INCONCLUSIVE: "yellow",
    Change.NOT_COMPARABLE: "dim",
}
_COLUMNS: Final = ("outcome", "before", "after", "gain", "bound", "margin")
_TOLD: Final = frozenset(
    {
        ChangeReason.MEASURED_OTHERWISE,
        ChangeReason.NOT_MEASURED,
        ChangeReason.ENDED_EARLY,
        ChangeReason.DISPLAY_ONLY,
        ChangeReason.NO_SUCH_METHOD,
    }
)
"""Reasons that have particulars."""
_FAMILIES: Final = {"access level": "access", "kind": "kind", "not_measured": "reason"}
"""What has values that other texts name already."""
_CHANGED: Final = 4
"""Words of a score that are shown where they changed."""
_LISTED: Final = 10
"""Items that are named."""


def comparison_table(comparison: Comparison, *, words: Words) -> RenderableType:
    """Outcome, one row a check, why checks are undecided, items that moved, and what the exit code says.

    All texts are `rich.text.Text` (no markup is read from them) with control characters written out; numbers and
    mail addresses are covered a second time. A check that nothing is decided of shows no number of a comparison.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    id_column(table, words("compare.column.check"), [check.check for check in comparison.checks])
    for name in _COLUMNS:
        short_column(table, words(f"compare.column.{name}"), right=name != "outcome")
    for check in comparison.checks:
        table.add_row(Identifier(check.check), *_cells(check, words))
    parts: list[RenderableType] = [
        Line.assemble(
            one_line(comparison.before.subject),
            " → ",
            (one_line(comparison.after.subject), "bold"),
            "  ",
            (words(f"compare.outcome.{comparison.outcome.value}"), _STYLES[comparison.outcome]),
        ),
        Line(_basis(comparison, words), style="dim"),
        Line(),
        table,
        Line(),
    ]
    if comparison.one_subject:
        parts.append(Line(words("compare.one_subject"), style="dim"))
    parts += [
        Line(words("compare.condition", what=told(condition, words)), style="dim")
        for condition in comparison.conditions
    ]
    for check in comparison.checks:
        parts += _details(check, words, least=comparison.min_clusters)
    parts.append(Line(f"\n{_end(comparison, words)}", style="bold"))
    return Group(*parts)


def refusal(differences: Iterable[tuple[str, str | None, str | None]], *, words: Words) -> RenderableType:
    """Why two bundles cannot be compared, one line for each check that differs, or for all of them."""
    found: dict[str, list[str]] = {}
    for name, before, after in differences:
        check, _, what = name.rpartition(": ")
        found.setdefault(check, []).append(told(Particular(name=what, before=before, after=after), words))
    lines = (
        "; ".join(texts) if not check else f"{one_line(check)}: {'; '.join(texts)}" for check, texts in found.items()
    )
    return Group(Line(words("compare.refused"), style="bold red"), *(Line(f"• {line}") for line in lines))


def told(particular: Particular, words: Words) -> str:
    """What differs, in the language of the report; values that have no name stay as they are."""
    family, _, key = particular.name.partition(".")
    what = words(f"compare.what.{family}", key=one_line(key))
    values = {
        side: _named(family, value, words)
        for side, value in (("before", particular.before), ("after", particular.after))
        if value is not None
    }
    if not values:
        return what
    return words(f"compare.side.{'both' if len(values) == 2 else next(iter(values))}", what=what, **values)


def _named(family: str, value: str, words: Words) -> str:
    if family in _FAMILIES:
        return words(f"{_FAMILIES[family]}.{value}")
    key = f"compare.value.{value}"
    return words(key) if key in words.keys_below("compare.value") else one_line(value)


def _basis(comparison: Comparison, words: Words) -> str:
    margins = words("compare.planned" if comparison.margins_planned else "compare.chosen_late")
    return words(
        "compare.basis", policy=one_line(comparison.policy), alpha=f"{comparison.levels.alpha:g}", margins=margins
    )


def _end(comparison: Comparison, words: Words) -> str:
    checks = [check for check in comparison.checks if check.check not in comparison.waived]
    count = {outcome: [c.check for c in checks if c.outcome is outcome] for outcome in Change}
    text = words(
        f"compare.end.{comparison.outcome.value}",
        compared=len(checks),
        names=", ".join(map(one_line, count[Change.WORSE])),
        **{outcome.value: len(names) for outcome, names in count.items() if outcome is not Change.NO_WORSE},
    )
    if not comparison.waived:
        return text
    return f"{text}. {words('compare.end.waived', count=len(comparison.waived))}"


def _cells(check: ComparedCheck, words: Words) -> Iterator[Line]:
    yield Line(words(f"compare.outcome.{check.outcome.value}"), style=_STYLES[check.outcome])
    test = _telling(check)
    side_by_side = test is not None or check.code in {ChangeReason.NO_ITEM_VALUE, ChangeReason.SAME_SCORES}
    for estimate in (check.before, check.after):
        yield Line(number(estimate.value) if estimate is not None and side_by_side else "—")
    yield Line(f"{test.gain:+.3f}" if test is not None else "—")
    yield Line(f"{test.bounds[0]:+.3f}" if test is not None else "—")
    yield Line(f"{check.margin:g}")


def _telling(check: ComparedCheck) -> PairedTest | None:
    """The test, where something may be read from it."""
    return None if check.code in {ChangeReason.FEW_CLUSTERS, ChangeReason.SAME_SCORES} else check.test


def _p(value: float | None) -> str:
    return "—" if value is None else probability(value)


def _details(check: ComparedCheck, words: Words, *, least: int) -> Iterator[Line]:
    test = _telling(check)
    if test is None and check.outcome is Change.NO_WORSE:
        return
    name = one_line(check.title[words.language])
    yield Line(f"• {check.check} ({name}): {reason_of(check, words, least=least)}")
    if test is None:
        return
    yield Line(f"  {_numbers(check, test, words)}", style="dim")
    if check.p_equivalence is not None:
        key = "equivalent" if check.p_equivalence <= test.alpha else "not_equivalent"
        yield Line(f"  {words(f'compare.{key}', p=_p(check.p_equivalence))}")
    if check.power is not None and check.power < ASKED_POWER:
        text = words("compare.weak", margin=f"{check.margin:g}", power=f"{check.power:.2f}", asked=f"{ASKED_POWER:g}")
        yield Line(f"  {text}", style="yellow")
    for better, moved in ((False, check.regressions), (True, check.improvements)):
        if not moved:
            continue
        ids = ", ".join(one_line(each.item) for each in moved[:_LISTED])
        more = f" … +{len(moved) - _LISTED}" if len(moved) > _LISTED else ""
        yield Line(
            f"  {words('compare.improvements' if better else 'compare.regressions', count=len(moved), ids=ids)}{more}"
        )
        for example in check.examples:
            if example.better is better:
                yield from _example(example, words)


def _numbers(check: ComparedCheck, test: PairedTest, words: Words) -> str:
    detectable = check.minimum_detectable
    return words(
        "compare.detail",
        confidence=f"{test.confidence:.0%}",
        low=f"{test.interval[0]:+.3f}",
        high=f"{test.interval[1]:+.3f}",
        method=words(f"compare.method.{test.method}"),
        worse=test.n_worse,
        better=test.n_better,
        pairs=f"{test.n_pairs:,}",
        clusters=f"{test.n_clusters:,}",
        p_noninferior=_p(check.p_noninferior),
        p_regression=_p(check.holm_adjusted_p),
        detectable=words("compare.undetectable") if detectable is None else number(detectable),
        power="—" if check.power is None else f"{check.power:.2f}",
    )


def reason_of(check: ComparedCheck, words: Words, *, least: int) -> str:
    """Why the outcome is what it is, in one sentence.

    Args:
        check: What was compared.
        words: Of the reader's language.
        least: Independent sources that an outcome needs.
    """
    low, high = check.test.bounds if check.test is not None else (0.0, 0.0)
    text = words(
        f"compare.reason.{check.code.value}",
        margin=f"{check.margin:g}",
        metric=one_line(check.metric),
        p=_p(check.holm_adjusted_p),
        low=f"{low:+.3f}",
        high=f"{high:+.3f}",
        lacking=check.unscored_before + check.unscored_after,
        clusters=check.test.n_clusters if check.test is not None else 0,
        least=least,
        before=check.unscored_before,
        after=check.unscored_after,
        both=check.unscored_both,
    )
    if check.code not in _TOLD:
        return text
    particulars = "; ".join(told(each, words) for each in check.particulars) or one_line(check.reason, limit=400)
    return f"{text} ({particulars})"


def _example(example: PairExample, words: Words) -> Iterator[Line]:
    yield Line(f"    [{one_line(example.item)}] {_question(example)}", style="dim")
    for before, after in _changed(example, words):
        yield Line(f"      {before} → {after}", style="dim")


def _question(example: PairExample) -> str:
    exchanges = example.exchanges_after or example.exchanges_before
    return _fit(asked(exchanges[0].request)) if exchanges else ""


def _changed(example: PairExample, words: Words) -> Iterator[tuple[str, str]]:
    """What the two answers say: the words of the scores that differ, else the first answers themselves."""
    old, new = example.before, example.after
    if isinstance(old, Unscored) or isinstance(new, Unscored):
        return
    changed = [name for name in new.labels if old.labels.get(name) != new.labels[name]]
    for name in changed[:_CHANGED]:
        called = one_line(words.named(name, "shown"))
        yield f"{called}: {_fit(_role(old.labels, name, words))}", _fit(_role(new.labels, name, words))
    if not changed and example.exchanges_before and example.exchanges_after:
        first, second = (each[0].response for each in (example.exchanges_before, example.exchanges_after))
        yield _fit(answered(first)), _fit(answered(second))


def _role(labels: Mapping[str, str], name: str, words: Words) -> str:
    """The word of a score; roles of a bias question, which has a kind, are named, answers stay as they are."""
    word = labels.get(name, "")
    return words.named(word, "role") if "kind" in labels else word


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
