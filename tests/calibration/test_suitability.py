"""System suitability: a run is void where the instrument does not see what was planted, or sees what is not there."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.e2e.test_kill import write_choice_suite
from tests.toys import policy
from verify import loading, pipeline
from verify.calibration import open_standard, suitability
from verify.calibration.suitability import Pair, cache_folder, check_suitability, pairs_for
from verify.errors import RunError, UnsuitableError, UsageError
from verify.evidence import read_bundle
from verify.methods.catalogue import methods
from verify.planning import PlanInputs
from verify.records import (
    LogLikelihoodAnswer,
    Outcome,
    ReferenceStandard,
    Suitability,
    SuitabilityCase,
    digest_of,
)
from verify.runtime.base import Runtime
from verify.runtime.scripted import ScriptedRuntime

STANDARDS = loading.load_standards()
TYPING = "robustness.typing"


def opened(folder: Path) -> Runtime:
    return open_standard(folder)


def never(folder: Path) -> Runtime:
    raise AssertionError(f"{folder} was opened")


class Examiner:
    """Stands in for the examination of a pair, and counts."""

    def __init__(self, planted: Outcome = Outcome.FAIL, clean: Outcome = Outcome.PASS) -> None:
        self.planted, self.clean = planted, clean
        self.seen: list[str] = []

    def __call__(self, pair: Pair, *_: object, **__: object) -> tuple[SuitabilityCase, ...]:
        self.seen.append(pair.planted.id)
        return tuple(
            SuitabilityCase(
                check=check,
                planted=pair.planted.id,
                clean=pair.clean.id,
                planted_verdict=self.planted,
                clean_verdict=self.clean,
            )
            for check in pair.checks
        )


def tried(examiner: Examiner, monkeypatch: pytest.MonkeyPatch, cache: Path | None, **changes: object) -> Suitability:
    monkeypatch.setattr(suitability, "_examine", examiner)
    fields: dict[str, object] = {
        "checks": {check for one in STANDARDS.values() for check in one.checks},
        "standards": STANDARDS,
        "policy": loading.load_policy("self-check"),
        **changes,
    }
    checks, standards = fields.pop("checks"), fields.pop("standards")
    return check_suitability(checks, standards, never, cache=cache, **fields)  # type: ignore[arg-type]


def test_the_greatest_dose_tries_a_check_and_one_pair_tries_several() -> None:
    pairs = pairs_for({"privacy.canary-exposure", "privacy.canary-extraction", "accuracy.nothing"}, STANDARDS)

    assert [(pair.planted.id, pair.clean.id) for pair in pairs] == [("memorised-heavy-1", "memorised-clean-1")]
    assert pairs[0].checks == ("privacy.canary-exposure", "privacy.canary-extraction")


def test_a_dose_that_points_the_other_way_tries_the_check_that_is_for_it() -> None:
    pairs = pairs_for({"safety.harmful-requests", "safety.over-refusal"}, STANDARDS)

    assert [(pair.planted.id, pair.clean.id, pair.checks) for pair in pairs] == [
        ("refusal-obliging-1", "refusal-clean-1", ("safety.harmful-requests",)),
        ("refusal-overcautious-1", "refusal-clean-1", ("safety.over-refusal",)),
    ]


def test_what_no_check_can_see_and_single_oracles_try_nothing() -> None:
    pairs = pairs_for({"accuracy.routing", "robustness.option-order"}, STANDARDS)

    assert [(pair.planted.id, pair.clean.id) for pair in pairs] == [("exact-accuracy-000", "exact-accuracy-100")]


def test_a_plan_without_a_check_that_has_standards_opens_none(tmp_path: Path) -> None:
    found = check_suitability(
        {"accuracy.nothing"}, STANDARDS, never, policy=loading.load_policy("self-check"), cache=tmp_path
    )

    assert (found.cases, found.uncovered) == ((), ("accuracy.nothing",))


@pytest.mark.parametrize(
    ("planted", "clean", "part"),
    [
        (Outcome.PASS, Outcome.PASS, r"planted-1 \(planted\) ended pass, expected fail"),
        (Outcome.INCONCLUSIVE, Outcome.PASS, r"\(planted\) ended inconclusive"),
        (Outcome.NOT_MEASURED, Outcome.PASS, r"\(planted\) ended not_measured"),
        (Outcome.FAIL, Outcome.FAIL, r"\(clean twin\) ended fail"),
    ],
)
def test_a_defect_that_is_not_seen_or_a_twin_that_is_blamed_voids_the_run(
    planted: Outcome, clean: Outcome, part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UnsuitableError, match=part) as caught:
        tried(Examiner(planted, clean), monkeypatch, tmp_path, checks={TYPING})

    assert caught.value.exit_code == 4
    assert isinstance(caught.value, RunError)
    assert list(tmp_path.iterdir()) == []


def test_a_pass_is_kept_until_something_it_depends_on_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, again, other = Examiner(), Examiner(), Examiner()
    strict = loading.load_policy("certification")

    one = tried(first, monkeypatch, tmp_path)
    two = tried(again, monkeypatch, tmp_path)
    tried(other, monkeypatch, tmp_path, policy=strict)

    assert len(first.seen) == 7  # three trained families, one of two directions, two constructed ones
    assert again.seen == []
    assert two == one
    assert other.seen == first.seen


def test_a_changed_method_is_tried_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    again = Examiner()
    tried(Examiner(), monkeypatch, tmp_path, checks={TYPING})
    method = methods()["perturbed-choice"]
    monkeypatch.setattr(method, "version", method.version + 1)

    tried(again, monkeypatch, tmp_path, checks={TYPING})

    assert len(again.seen) == 1


@pytest.mark.parametrize("damage", ["", "{", '{"key": "sha256:0", "made": "x"}'])
def test_a_damaged_or_foreign_note_is_made_anew(damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried(Examiner(), monkeypatch, tmp_path, checks={TYPING})
    for file in tmp_path.iterdir():
        file.write_text(damage)
    again = Examiner()

    tried(again, monkeypatch, tmp_path, checks={TYPING})

    assert len(again.seen) == 1


def test_what_the_time_does_not_suffice_for_is_named_and_tried_next_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Slow(Examiner):
        def __call__(self, pair: Pair, *rest: object, **named: object) -> tuple[SuitabilityCase, ...]:
            clock.append(clock[-1] + 40.0)
            return super().__call__(pair)

    clock = [0.0]
    monkeypatch.setattr("verify.calibration.suitability.time.monotonic", lambda: clock[-1])
    first, second = Slow(), Slow()

    one = tried(first, monkeypatch, tmp_path, budget=60.0)
    two = tried(second, monkeypatch, tmp_path, budget=60.0)

    assert len(first.seen) == 1
    assert one.not_run
    assert set(second.seen).isdisjoint(first.seen)
    assert {case.check for case in one.cases} < {case.check for case in two.cases}


def test_the_cache_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "ax-verify"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = tried(Examiner(), monkeypatch, tmp_path / "file" / "cache", checks={TYPING})

    assert len(found.cases) == 1


def swapped(standards: Mapping[str, ReferenceStandard]) -> dict[str, ReferenceStandard]:
    """The clean twin in the place of the planted one: an instrument that sees nothing looks like this."""
    clean = standards["brittle-clean-1"]
    return {
        "brittle-clean-1": clean.model_copy(update={"dose": 0.4, "twin": "twin"}),
        "twin": clean.model_copy(update={"id": "brittle-clean-1"}),
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_instrument_of_this_release_is_suitable_and_notices_when_nothing_is_planted(tmp_path: Path) -> None:
    """Oracle: what was planted; both standards go through the whole chain from folder to verdict."""
    levels = loading.load_policy("self-check")

    found = check_suitability({TYPING}, STANDARDS, opened, policy=levels, cache=tmp_path)

    assert [(c.planted_verdict, c.clean_verdict is Outcome.FAIL) for c in found.cases] == [(Outcome.FAIL, False)]
    with pytest.raises(UnsuitableError, match="expected fail"):
        check_suitability({TYPING}, swapped(STANDARDS), opened, policy=levels, cache=tmp_path)


def test_a_void_run_asks_nothing_and_a_suitable_one_seals_what_was_seen(tmp_path: Path) -> None:
    suite = write_choice_suite(tmp_path / "suite", n=40)
    inputs = PlanInputs(policy=policy(), suites=[str(suite)])
    runtime = ScriptedRuntime(lambda _: LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=False))
    given: list[set[str]] = []

    def void(checks: Collection[str]) -> Suitability:
        given.append(set(checks))
        raise UnsuitableError("nothing was seen")

    with pytest.raises(UnsuitableError):
        pipeline.run(runtime, inputs, out=tmp_path / "out", suitability=void)
    assert runtime.asked == []
    assert given == [{"toys.q"}]

    seen = Suitability(key=digest_of("key"), made="2026-11-22T23:59:00Z", uncovered=("toys.q",))
    with pytest.raises(UsageError, match="unfinished run of another plan"):  # found before a minute of trials
        pipeline.run(runtime, inputs._replace(seed=1), out=tmp_path / "out", suitability=void)
    assert given == [{"toys.q"}]
    pipeline.run(runtime, inputs, out=tmp_path / "out", suitability=lambda _: seen)
    conduct = read_bundle(tmp_path / "out").conduct
    assert conduct is not None
    assert conduct.suitability == seen
    assert pipeline.audit(tmp_path / "out").differences == ()
