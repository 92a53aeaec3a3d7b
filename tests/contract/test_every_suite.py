"""Every suite that there is: it lints, has a card, and each check can be planned and is spoken of by a law."""

import pytest

from verify import loading
from verify.methods.catalogue import methods
from verify.planning import lint_suite
from verify.planning.resolving import clauses_of

SUITES = loading.suite_names()


def test_there_are_suites_for_the_first_concerns() -> None:
    assert {"accuracy", "bias", "robustness", "privacy", "safety"} <= set(SUITES)


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_has_no_fault(name: str) -> None:
    assert lint_suite(name, methods=methods()) == []


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_is_described(name: str) -> None:
    card = (loading.load_suite(name).folder / "CARD.md").read_text("utf-8")

    assert len(card) > 500
    assert "Apache-2.0" in card


@pytest.mark.parametrize("name", SUITES)
def test_every_check_is_evidence_for_some_clause(name: str) -> None:
    suite = loading.load_suite(name).suite
    frameworks = loading.load_frameworks()

    assert [c.id for c in suite.checks if not clauses_of(f"{suite.id}.{c.id}", frameworks)] == []


@pytest.mark.parametrize("name", loading.policy_names())
def test_every_policy_names_suites_that_exist(name: str) -> None:
    policy = loading.load_policy(name)

    assert set(policy.suites) <= set(SUITES)
    assert policy.id == name
