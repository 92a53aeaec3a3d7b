"""Every law and standard that the project ships: readable, unambiguous, and mapped to checks that exist."""

import functools
from fnmatch import fnmatchcase

import pytest

from verify.loading import load_frameworks, load_suite, suite_names
from verify.records import Clause, Framework

FRAMEWORKS = load_frameworks()
EXPECTED = {
    "kr-ai-basic-act",
    "kr-public-ai-act",
    "kr-pipa",
    "kr-tta-cat",
    "nis-ai-security-guidebook",
    "mois-ai-ethics-principles",
    "eu-ai-act",
    "nist-ai-rmf",
    "iso-iec-25059",
    "iso-iec-42001",
    "iso-iec-17025",
    "owasp-llm-top10-2025",
    "mitre-atlas",
}
CLAUSES = [
    pytest.param(framework, clause, id=f"{framework.id}/{clause.id}")
    for framework in FRAMEWORKS.values()
    for clause in framework.clauses
]


@functools.cache
def checks_that_exist() -> dict[str, set[str]]:
    """Suite -> whole names of its checks."""
    return {name: {f"{name}.{check.id}" for check in load_suite(name).suite.checks} for name in suite_names()}


def test_the_promised_frameworks_are_there() -> None:
    assert set(FRAMEWORKS) >= EXPECTED


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_clause_ids_are_unique(framework: Framework) -> None:
    ids = [clause.id for clause in framework.clauses]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("framework", "clause"), CLAUSES)
def test_a_clause_is_paraphrased_in_both_languages(framework: Framework, clause: Clause) -> None:
    for text in (clause.title, clause.paraphrase, *(mapping.not_covered for mapping in clause.evidence)):
        assert text.ko.strip()
        assert text.en.strip()
        assert any("가" <= c <= "힣" for c in text.ko)
        assert not any("가" <= c <= "힣" for c in text.en)


@pytest.mark.parametrize(("framework", "clause"), CLAUSES)
def test_a_window_ends_after_it_starts(framework: Framework, clause: Clause) -> None:
    assert (clause.effective_from or "0000-00-00") <= (clause.effective_to or "9999-99-99")


@pytest.mark.parametrize(("framework", "clause"), CLAUSES)
def test_every_mapped_check_exists(framework: Framework, clause: Clause) -> None:
    known = checks_that_exist()
    patterns = [pattern for mapping in clause.evidence for pattern in mapping.checks]

    unknown = [
        pattern
        for pattern in patterns
        if (suite := pattern.partition(".")[0]) in known
        and not any(fnmatchcase(check, pattern) for check in known[suite])
    ]
    assert unknown == [], f"{framework.id}/{clause.id} names checks that no suite has"


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_a_mapping_names_a_suite_of_the_house(framework: Framework) -> None:
    concerns = {"accuracy", "bias", "robustness", "privacy", "safety", "integrity"}
    named = {
        pattern.partition(".")[0]
        for clause in framework.clauses
        for mapping in clause.evidence
        for pattern in mapping.checks
    }

    assert named <= concerns


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_one_check_is_not_direct_and_partial_for_one_clause(framework: Framework) -> None:
    for clause in framework.clauses:
        patterns = [pattern for mapping in clause.evidence for pattern in mapping.checks]
        assert len(patterns) == len(set(patterns)), clause.id


def test_future_clauses_are_marked_as_such() -> None:
    starts = {
        f"{framework.id}/{clause.id}": clause.effective_from
        for framework in FRAMEWORKS.values()
        for clause in framework.clauses
    }

    assert starts["kr-public-ai-act/32-1"] == "2027-02-28"
    assert starts["kr-pipa/28-12"] == "2027-03-09"
    assert starts["eu-ai-act/15-1"] == "2027-12-02"
    assert starts["kr-ai-basic-act/34-1-1"] == "2026-01-22"
