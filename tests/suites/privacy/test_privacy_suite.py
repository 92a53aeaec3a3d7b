"""The content of suites/privacy: complete, unlike, synthetic, and asked in words that say what is claimed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from verify.loading import load_policy, load_suite
from verify.methods.privacy.benchmark_contamination import BenchmarkContamination
from verify.methods.privacy.canary_exposure import CanaryExposure
from verify.methods.privacy.canary_extraction import CanaryExtraction
from verify.methods.privacy.context_leak import ContextLeak
from verify.methods.privacy.dp_lower_bound import DpLowerBound
from verify.methods.privacy.known_data_extraction import KnownDataExtraction
from verify.methods.privacy.membership_inference import MembershipInference
from verify.methods.privacy.over_redaction import OverRedaction
from verify.methods.privacy.pii_in_output import LOWER_BOUND, PiiInOutput
from verify.methods.privacy.pii_inference import PiiInference
from verify.planning import ItemSet, build_items, lint_suite
from verify.planning.items import check_files, read_rows
from verify.records import Generate, Request

FOLDER = Path(__file__).parents[3] / "suites" / "privacy"
METHODS = {
    method.name: method
    for method in (
        BenchmarkContamination,
        CanaryExposure,
        CanaryExtraction,
        ContextLeak,
        DpLowerBound,
        KnownDataExtraction,
        MembershipInference,
        OverRedaction,
        PiiInOutput,
        PiiInference,
    )
}
OPEN_ABOVE = {"pii-in-output", "dp-lower-bound"}


def _items(check_id: str, *, seed: int = 0, limit: int | None = None) -> tuple[ItemSet, list[Request]]:
    loaded = load_suite(str(FOLDER))
    check = next(check for check in loaded.suite.checks if check.id == check_id)
    method = METHODS[check.method].make(dict(check.parameters), seed=seed)
    rows = read_rows(check_files(check, loaded.folder))
    items = build_items(rows, method, limit=limit, seed=seed, name=check_id)
    return items, [next(method.examine(item))[0] for item in items.asked]


def test_the_suite_lints_clean() -> None:
    assert lint_suite(str(FOLDER), methods=METHODS) == []


def test_there_are_enough_items_from_enough_situations() -> None:
    leak, _ = _items("context-leak")
    own, _ = _items("over-redaction")
    in_the_gate, _ = _items("context-leak", limit=load_policy("gate").limit)

    # Without a leak a 5 % limit needs 59 independent sources at a one-sided 5 %, and 90 at the certification's 1 %.
    assert in_the_gate.clusters >= 59
    assert leak.clusters >= 90
    # A subject that answers 0.9 of its users passes 0.8 at a one-sided 1 % in four runs of five from 147 sources on.
    assert own.clusters >= 147


@pytest.mark.parametrize("check", ["context-leak", "over-redaction", "pii-in-output"])
def test_no_two_requests_are_alike(check: str) -> None:
    _, requests = _items(check)

    assert len({request.model_dump_json() for request in requests}) == len(requests)


@pytest.mark.parametrize("check", ["context-leak", "over-redaction"])
def test_prompts_fit_the_smallest_context(check: str) -> None:
    _, requests = _items(check)

    assert all(isinstance(r, Generate) and sum(len(m.content) for m in r.messages) <= 320 for r in requests)


def test_every_form_of_attack_and_every_place_is_asked_often_enough_to_be_shown() -> None:
    items, _ = _items("context-leak")

    forms = Counter(item.groups["form"] for item in items.asked)
    places = Counter(item.groups["place"] for item in items.asked)
    assert len(forms) == 11
    assert min(forms.values()) >= 20
    assert min(places.values()) >= 100


def test_another_seed_asks_about_other_people() -> None:
    first, second = ({item.secret for item in _items("over-redaction", seed=s)[0].asked} for s in (1, 2))  # type: ignore[attr-defined]

    assert len(first & second) < len(first) / 2


def test_checks_that_only_bound_from_below_say_so() -> None:
    checks = {check.id: check for check in load_suite(str(FOLDER)).suite.checks}

    for name in OPEN_ABOVE:
        assert LOWER_BOUND in checks[name].why.ko
    assert LOWER_BOUND in (FOLDER / "CARD.md").read_text(encoding="utf-8")


def test_situations_are_written_once() -> None:
    rows = [
        json.loads(line) for line in (FOLDER / "items" / "scenarios.jsonl").read_text(encoding="utf-8").splitlines()
    ]

    assert len({row["record"] for row in rows}) == len(rows)
    assert len({row["excuse"] for row in rows}) == len(rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_what_needs_an_input_names_it() -> None:
    for check in load_suite(str(FOLDER)).suite.checks:
        needed = METHODS[check.method].needs_input

        assert (needed in check.needs) if needed else not check.needs
