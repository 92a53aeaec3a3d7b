from datetime import date

import pytest

from tests.reporting.full_run import FRAMEWORK, both
from verify.records import Bound, Clause, Framework, Mapping, Outcome, Reason, Verdict
from verify.reporting import Force, Standing, stand

TODAY = date(2026, 11, 23)


def verdict(check: str, outcome: Outcome) -> Verdict:
    return Verdict(
        check=check, metric="m", verdict=outcome, bound=Bound(at_most=0.1), code=Reason.BOUND_HELD, reason="r"
    )


def framework(*, checks: tuple[str, ...], start: str | None = None, end: str | None = None) -> Framework:
    mapping = Mapping(checks=checks, coverage="direct", not_covered=both("-", "-"))
    clause = Clause(
        id="1",
        title=both("가", "a"),
        paraphrase=both("가", "a"),
        effective_from=start,
        effective_to=end,
        evidence=(mapping,) if checks else (),
        confidence="H",
    )
    return FRAMEWORK.model_copy(update={"clauses": (clause,)})


@pytest.mark.parametrize(
    ("outcomes", "standing"),
    [
        pytest.param(("pass", "pass"), Standing.FOR, id="all passed"),
        pytest.param(("pass", "inconclusive"), Standing.FOR, id="one undecided"),
        pytest.param(("fail", "not_measured"), Standing.AGAINST, id="one failed, one not measured"),
        pytest.param(("pass", "fail"), Standing.BOTH, id="passed and failed"),
        pytest.param(("inconclusive", "not_measured"), Standing.INCONCLUSIVE, id="asked, nothing decided"),
        pytest.param(("not_measured", "not_measured"), Standing.NOT_MEASURED, id="nothing measured"),
    ],
)
def test_standing_follows_from_the_verdicts(outcomes: tuple[str, str], standing: Standing) -> None:
    verdicts = [verdict(f"bias.c{index}", Outcome(outcome)) for index, outcome in enumerate(outcomes)]

    (found,) = stand([framework(checks=("bias.*",))], verdicts, on=TODAY)

    assert found.clauses[0].standing is standing
    assert found.clauses[0].complete is (set(outcomes) <= {"pass", "fail"})


def test_a_duty_of_the_organisation_is_never_evidence() -> None:
    (found,) = stand([framework(checks=())], [verdict("bias.x", Outcome.PASS)], on=TODAY)

    assert found.clauses[0].standing is Standing.NO_TEST
    assert found.clauses[0].coverage is None


def test_a_mapped_check_that_was_not_planned_is_not_measured() -> None:
    (found,) = stand([framework(checks=("safety.refusal",))], [verdict("bias.x", Outcome.PASS)], on=TODAY)

    assert found.clauses[0].standing is Standing.NOT_MEASURED
    assert [(link.check, link.outcome) for link in found.clauses[0].links] == [("safety.refusal", None)]


def test_coverage_is_that_of_the_checks_that_decided() -> None:
    direct = Mapping(checks=("bias.a",), coverage="direct", not_covered=both("-", "-"))
    partial = Mapping(checks=("bias.b",), coverage="partial", not_covered=both("-", "-"))
    one = framework(checks=("bias.a",))
    clause = one.clauses[0].model_copy(update={"evidence": (direct, partial)})
    verdicts = [verdict("bias.a", Outcome.INCONCLUSIVE), verdict("bias.b", Outcome.PASS)]

    (found,) = stand([one.model_copy(update={"clauses": (clause,)})], verdicts, on=TODAY)

    assert found.clauses[0].coverage == "partial"


@pytest.mark.parametrize(
    ("day", "force"),
    [
        pytest.param(date(2027, 2, 27), Force.PLANNED, id="the day before"),
        pytest.param(date(2027, 2, 28), Force.IN_FORCE, id="the first day"),
        pytest.param(date(2028, 1, 1), Force.IN_FORCE, id="the last day"),
        pytest.param(date(2028, 1, 2), Force.ENDED, id="the day after"),
    ],
)
def test_the_window_includes_both_its_days(day: date, force: Force) -> None:
    (found,) = stand([framework(checks=(), start="2027-02-28", end="2028-01-01")], [], on=day)

    assert found.clauses[0].force is force


def test_a_mapping_that_changed_after_the_plan_is_marked() -> None:
    one = framework(checks=("bias.*",))

    (same,) = stand([one], [], on=TODAY, planned={one.id: one.content_digest()})
    (other,) = stand([one], [], on=TODAY, planned={one.id: "sha256:" + "0" * 64})

    assert same.as_planned
    assert not other.as_planned


def test_korean_frameworks_come_first() -> None:
    names = ("eu-ai-act", "nis-guide", "kr-pipa", "nist-rmf", "mois-x")
    many = [FRAMEWORK.model_copy(update={"id": name}) for name in names]

    ordered = [each.framework.id for each in stand(many, [], on=TODAY)]

    assert ordered == ["kr-pipa", "mois-x", "nis-guide", "eu-ai-act", "nist-rmf"]
