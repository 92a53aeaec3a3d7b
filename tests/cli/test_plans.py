"""`verify plan`: what a reader needs to know before the run."""

import re
from pathlib import Path

import pytest
from rich.console import Console

from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.cli.plans import cost_note, cost_table, explanation, plan_notes, plan_table
from verify.engine.costs import Cost, probe
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import Margin
from verify.runtime.facts import TokenCount
from verify.runtime.scripted import ScriptedRuntime


def plan_of(folder: Path, **changes: object) -> Planned:
    inputs = PlanInputs(policy=policy(**changes), suites=[str(folder)])
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods=METHODS, frameworks={})


def printed(*parts: object) -> str:
    console = Console(width=400)
    with console.capture() as capture:
        for part in parts:
            console.print(part, soft_wrap=True)
    return capture.get()


@pytest.mark.parametrize(("language", "caution"), [("ko", "확률이 0."), ("en", "with probability 0.")])
def test_the_table_holds_detectable_value_power_and_number_needed(tmp_path: Path, language: str, caution: str) -> None:
    plan = plan_of(write_suite(tmp_path, n=60))
    power = plan.plan.checks[0].power
    assert power is not None
    assert power.detectable is not None

    shown = printed(plan_table(plan, language=language), *plan_notes(plan, language=language))

    for part in (f"{power.detectable:.3f}", f"{power.power:.2f}", f"{power.needed}", "0.900", caution):
        assert part in shown


def test_a_gate_without_power_at_its_margin_says_so(tmp_path: Path) -> None:
    few, many = plan_of(write_suite(tmp_path / "few", n=60)), plan_of(write_suite(tmp_path / "many", n=900))
    wide = policy(margins=(Margin(check="toys.sums", margin=0.2),))

    assert any("toys.sums" in line for line in explanation(few, policy(), language="ko"))
    assert not any("toys.sums" in line for line in explanation(few, wide, language="ko"))
    assert not any("toys.sums" in line for line in explanation(many, policy(), language="ko"))


@pytest.mark.parametrize(("language", "word"), [("ko", "어림한 값"), ("en", "estimated from a few answers")])
def test_the_time_is_called_an_estimate(tmp_path: Path, language: str, word: str) -> None:
    plan = plan_of(write_suite(tmp_path, n=60))
    found = probe(plan.examinations, ScriptedRuntime(adds_right), seed=0)

    shown = printed(cost_table(found, language=language), cost_note(found, language=language))

    assert word in shown
    assert "60" in shown


def test_a_korean_plan_has_no_english_but_identifiers(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path, n=6))

    shown = printed(
        plan_table(plan, language="ko"),
        *plan_notes(plan, language="ko"),
        *explanation(plan, policy(), language="ko"),
    )

    assert set(re.findall("[A-Za-z]{4,}", shown)) - {"toys", "sums"} == set()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_plan_breaks_no_identifier_within_a_word_at_80_columns(tmp_path: Path, language: str) -> None:
    check = default_check().replace("id: sums", "id: passages-disturbed-by-calibration-questions")
    plan = plan_of(write_suite(tmp_path, n=60, check=check))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(plan_table(plan, language=language))
    rows = capture.get().splitlines()
    start = next(k for k, row in enumerate(rows) if row.startswith("toys."))

    pieces = [row.split("  ")[0].strip() for row in rows[start:]]
    assert "".join(pieces) == "toys.passages-disturbed-by-calibration-questions"
    assert all(piece[-1] in ".-" for piece in pieces[:-1])


@pytest.mark.parametrize(("language", "unit"), [("ko", "토큰"), ("en", "tokens")])
def test_tokens_are_broken_before_what_they_were_and_not_within_a_word(language: str, unit: str) -> None:
    cost = Cost("generate", 37_840, 9_049_988, 330_424, 71.0, TokenCount(unique=2_428_726, read=9_049_988), 4.0)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(cost_table([cost], language=language))

    shown = capture.get()
    assert ("답변 쓰기" if language == "ko" else "Writing") in shown
    assert "2,428,726" in shown and "9,049,988" in shown
    assert unit in shown and ("공유 전" in shown or "before" in shown)


def test_few_characters_are_not_said_to_be_no_tokens() -> None:
    """360 characters at 0.4 to 1.2 tokens each: 144 to 432, in two figures."""
    cost = Cost("loglikelihood", 3, 360, None)

    assert "140~430토큰" in cost_note([cost], language="ko")
    assert "140 to 430 tokens" in cost_note([cost], language="en")
