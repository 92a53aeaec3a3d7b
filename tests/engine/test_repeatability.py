"""Repeatability: subjects whose unrest is known, and near ties counted both ways."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.test_kill import write_choice_suite
from tests.toys import policy
from verify import pipeline
from verify.engine.repeatability import BATCH, near_ties, repeatability
from verify.evidence import read_bundle
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, make_plan
from verify.records import (
    AccessLevel,
    Envelope,
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    ItemScore,
    KeptResponse,
    Levels,
    LogLikelihood,
    LogLikelihoodAnswer,
    NearTies,
    Request,
    Response,
    Scored,
)
from verify.runtime.base import Answered
from verify.runtime.scripted import ScriptedRuntime

N = 200


def same(request: Request) -> Response:
    """A subject that repeats itself."""
    if isinstance(request, LogLikelihood):
        return LogLikelihoodAnswer(logprob=-float(len(request.context)), n_tokens=1, is_greedy=False)
    return GenerateAnswer(text="네", finish="stop", n_tokens=1)


def asked(answer: Callable[[Request], Response] = same) -> list[KeptResponse]:
    requests: list[Request] = [LogLikelihood(context="가" * i, continuation=" 나") for i in range(1, N + 1)]
    requests += [Generate(prompt=f"{i}번") for i in range(N)]
    return [KeptResponse.of(request, answer(request)) for request in requests]


def envelopes(runtime: ScriptedRuntime, known: Sequence[KeptResponse], *, each: int = 30) -> dict[str, Envelope]:
    found = repeatability(runtime, known, gate=lambda _, response: response, each=each, seed=5)
    assert found is not None
    return {envelope.kind: envelope for envelope in found.envelopes}


class _Batchwise(ScriptedRuntime):
    """Its answers depend on how many requests come together (trust: oracle O8)."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        for position, request in enumerate(requests):
            if isinstance(request, LogLikelihood):
                logprob = -float(len(request.context)) - 0.01 * (len(requests) <= BATCH)
                yield Answered(position, LogLikelihoodAnswer(logprob=logprob, n_tokens=1, is_greedy=False))
            else:
                yield Answered(position, GenerateAnswer(text=str(len(requests) <= BATCH), finish="stop", n_tokens=1))


class _Restless(ScriptedRuntime):
    """Gives another answer each time that it is asked the same (oracle O7 at a flip rate of 1)."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        for position, request in enumerate(requests):
            self.asked.append(request)
            times = Counter(r.content_digest() for r in self.asked)[request.content_digest()]
            yield Answered(position, GenerateAnswer(text=f"{times}째", finish="stop", n_tokens=1))


def test_a_subject_that_repeats_itself_changes_nothing() -> None:
    runtime = ScriptedRuntime(same)

    found = envelopes(runtime, asked())

    assert set(found) == {"loglikelihood", "generate"}
    for envelope in found.values():
        assert (envelope.n, envelope.changed_alike, envelope.changed_otherwise) == (30, 0, 0)
        assert envelope.interval == pytest.approx((0.0, 0.1157), abs=1e-4)  # Clopper-Pearson of 0 in 30
    assert found["loglikelihood"].largest == 0.0
    assert found["generate"].largest is None
    assert len(runtime.asked) == 2 * 3 * 30


def test_a_subject_whose_answers_depend_on_the_batch_changes_only_there() -> None:
    """Oracle: 0.01 nats and another text in batches of up to eight; the run and asking alike see larger ones."""
    runtime = _Batchwise(same)
    known = asked()
    known = [
        KeptResponse.of(k.request, answered.response)
        for k, answered in zip(known, runtime.answer([k.request for k in known]), strict=True)
    ]

    found = envelopes(runtime, known)

    for envelope in found.values():
        assert (envelope.changed_alike, envelope.changed_otherwise) == (0, 30)
        assert envelope.interval[1] == 1.0
    assert found["loglikelihood"].largest == pytest.approx(0.01)


def test_a_restless_subject_changes_when_asked_alike() -> None:
    known = [k for k in asked() if isinstance(k.request, Generate)]

    envelope = envelopes(_Restless(same), known)["generate"]

    assert (envelope.changed_alike, envelope.changed_otherwise) == (30, 30)


def test_rounding_errors_are_told_but_do_not_count_as_changes() -> None:
    def rounded(request: Request) -> Response:
        answer = same(request)
        if isinstance(answer, LogLikelihoodAnswer):
            return answer.model_copy(update={"logprob": answer.logprob - 1e-5})
        return answer

    envelope = envelopes(ScriptedRuntime(rounded), asked())["loglikelihood"]

    assert envelope.changed_otherwise == 0
    assert envelope.largest == pytest.approx(1e-5, rel=0.01)


def test_an_answer_that_fails_the_second_time_is_a_change() -> None:
    def failing(request: Request) -> Response:
        return Failed(reason=FailureReason.TIMEOUT)

    found = envelopes(ScriptedRuntime(failing), asked())

    assert all(envelope.changed_otherwise == 30 for envelope in found.values())


def test_sampled_answers_and_subjects_out_of_reach_are_left_alone() -> None:
    sampled = [KeptResponse.of(Generate(prompt="가", temperature=0.7), same(Generate(prompt="가")))]
    remote = ScriptedRuntime(same, access=AccessLevel.LOGPROBS)

    for runtime, known, each in ((ScriptedRuntime(same), sampled, 30), (remote, asked(), 30)):
        assert repeatability(runtime, known, gate=lambda _, r: r, each=each, seed=0) is None
        assert runtime.asked == []
    assert repeatability(ScriptedRuntime(same), asked(), gate=lambda _, r: r, each=0, seed=0) is None


def test_answers_pass_the_gate_before_they_are_compared() -> None:
    """What the run kept is redacted; without the gate every answer with personal data would count as changed."""
    known = [
        KeptResponse.of(k.request, GenerateAnswer(text="⟦가림⟧", finish="stop", n_tokens=1))
        for k in asked()
        if isinstance(k.request, Generate)
    ]
    masked = GenerateAnswer(text="⟦가림⟧", finish="stop", n_tokens=1)

    found = repeatability(ScriptedRuntime(same), known, gate=lambda *_: masked, each=30, seed=0)

    assert found is not None
    assert found.envelopes[0].changed_otherwise == 0


def test_near_ties_are_counted_for_and_against(tmp_path: Path) -> None:
    suite = write_choice_suite(tmp_path / "suite", n=10)
    inputs = PlanInputs(policy=policy(), suites=[str(suite)])
    (examination,) = make_plan(ScriptedRuntime(same).subject, inputs, methods=methods(), frameworks={}).examinations
    cases = [(1.0, 1.0)] * 6 + [(0.0, 1.0)] * 3 + [(0.0, 0.0)]
    scores = [
        ItemScore(
            check="toys.q",
            item=f"q{i}",
            cluster=f"q{i}",
            score=Scored(values={"correct_raw": best, "correct_worst_raw": worst, "correct_best_raw": best}),
        )
        for i, (worst, best) in enumerate(cases)
    ]

    found = near_ties(examination, scores)

    assert found is not None
    assert (found.n, found.of, found.low, found.high) == (3, 10, 0.6, 0.9)


def tied(suite: str, check: str, answer: Callable[[str, str], float]) -> tuple[NearTies, list[ItemScore]]:
    """Near ties of a check of a suite, asked of a subject whose log-probability is answer(context, continuation)."""
    inputs = PlanInputs(policy=policy(), suites=[suite], only=frozenset({f"{suite}.{check}"}), limit=40)

    def subject(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        return LogLikelihoodAnswer(
            logprob=answer(request.context, request.continuation.strip()), n_tokens=1, is_greedy=False
        )

    runtime = ScriptedRuntime(subject)
    (examination,) = make_plan(runtime.subject, inputs, methods=methods(), frameworks={}).examinations
    scores = []
    for item in examination.items:
        asking = examination.method.examine(item)
        requests = next(asking)
        with pytest.raises(StopIteration) as end:
            asking.send([answered.response for answered in runtime.answer(requests)])
        scores.append(
            ItemScore(
                check=f"{suite}.{check}",
                item=item.id,
                cluster=item.cluster_key,
                groups=item.groups,
                score=end.value.value,
            )
        )
    found = near_ties(examination, scores)
    assert found is not None
    return found, scores


def value_of(scores: Sequence[ItemScore], metric: str, method: str) -> float:
    made = methods()[method].make({}, seed=0)
    found = made.estimate(scores, levels=Levels(), estimand="super_population")
    return next(e.value for e in found if (e.metric, e.group) == (metric, None))


def is_unknown(option: str) -> bool:
    return option in {"알 수 없음", "판단할 수 없음", "정보가 부족함"}


@pytest.mark.parametrize(("margin", "n", "high"), [(0.5e-3, 40, 1.0), (2e-3, 0, 0.0)])
def test_a_bias_question_that_a_rounding_error_decides_is_counted_both_ways(margin: float, n: int, high: float) -> None:
    """Oracle: unknown always leads, both persons follow by `margin`: near it every answer may be either person."""
    found, scores = tied("bias", "question-bias", lambda _, option: -1.0 + margin * is_unknown(option))

    assert value_of(scores, "bias_magnitude", "ambiguous-qa") == 0.0
    assert (found.n, found.low, found.high) == (n * found.of // 40, 0.0, high)
    assert 0 < found.of < 40


def test_a_disturbed_answer_that_a_rounding_error_decides_is_counted_both_ways() -> None:
    """Oracle: options that are alike per character leave every answer open, plain and disturbed; others leave none."""
    sure, _ = tied("robustness", "typing", lambda _, option: -len(option) * (1.0 + sum(map(ord, option)) % 97))
    even, scores = tied("robustness", "typing", lambda _, option: -float(len(option)))

    assert (sure.n, sure.low) == (0, sure.high)
    assert even.n == even.of == len(scores)
    assert (even.low, even.high) == (-1.0, 1.0)


def test_a_value_always_lies_between_the_ends_that_its_near_ties_leave_open() -> None:
    """Oracle: answers drawn so that about half of the best two lie within the tolerance."""

    def drawn(context: str, option: str) -> float:
        return -1.0 - 1e-3 * random.Random(context + option).randrange(5)

    for suite, check, metric, method in (
        ("bias", "question-bias", "bias_magnitude", "ambiguous-qa"),
        ("bias", "settled-accuracy", "accuracy_disambiguated", "ambiguous-qa"),
        ("robustness", "typing", "accuracy_drop", "perturbed-choice"),
    ):
        found, scores = tied(suite, check, drawn)
        assert found.n > 0
        assert found.low <= value_of(scores, metric, method) <= found.high
        assert found.low < found.high


def test_a_run_seals_what_it_found_and_still_audits(tmp_path: Path) -> None:
    suite = write_choice_suite(tmp_path / "suite", n=60)
    inputs = PlanInputs(policy=policy(), suites=[str(suite)])

    pipeline.run(ScriptedRuntime(same), inputs, out=tmp_path / "out", repeats=12)

    conduct = read_bundle(tmp_path / "out").conduct
    assert conduct is not None
    assert conduct.repeatability is not None
    assert [envelope.n for envelope in conduct.repeatability.envelopes] == [12]
    assert conduct.repeatability.near_ties[0].of == 60
    assert conduct.suitability is None
    assert pipeline.audit(tmp_path / "out").differences == ()


def pick_of(margin: float) -> Callable[[str, str], float]:
    """A subject that likes the option with the last name in the alphabet, ahead of all others by `margin`."""

    def answer(context: str, option: str) -> float:
        options = context.rsplit("(", 1)[1].split(")", 1)[0].split("/")
        return -1.0 + margin * (option == max(options))

    return answer


@pytest.mark.parametrize(("margin", "open_", "exact"), [(0.5e-3, True, 0), (0.0, True, 1), (2e-3, False, 0)])
def test_a_decision_on_a_person_that_a_rounding_error_makes_is_counted_both_ways(
    margin: float, open_: bool, exact: int
) -> None:
    """Oracle: by hand. Every decision equal and open: flips and floor may each be anything, but not apart: with two
    descriptions a group, the most that the groups can add is all flips at no floor, the least 0 flips at a floor of 1
    (each group splits, so that half of the pairs between differ): -1/2."""
    found, scores = tied("bias", "decision-flips", pick_of(margin))

    assert value_of(scores, "excess_flip_rate", "counterfactual") == 0.0
    assert (found.n, found.exact) == (found.of * open_, found.of * exact)
    assert (found.low, found.high) == ((-0.5, 1.0) if open_ else (0.0, 0.0))


def test_near_ties_of_decisions_are_those_of_every_way_they_may_fall() -> None:
    """Oracle: each description's options nudged at random by less than the tolerance, many times."""

    def drawn(context: str, option: str) -> float:
        return -1.0 - 0.9e-3 * random.Random(context + option).randrange(40)

    found, scores = tied("bias", "decision-flips", drawn)
    rng = random.Random(3)
    value = value_of(scores, "excess_flip_rate", "counterfactual")

    assert 0 < found.n < found.of
    assert found.exact < found.n
    assert found.low < value < found.high
    for _ in range(10):

        def nudged(context: str, option: str) -> float:
            return drawn(context, option) + rng.uniform(0.0, 0.999e-3)

        _, others = tied("bias", "decision-flips", nudged)
        assert found.low <= value_of(others, "excess_flip_rate", "counterfactual") <= found.high


@pytest.mark.parametrize(
    ("likes", "exact"), [(lambda _: -2.0, 10), (lambda option: -2.0 + 0.5e-3 * (option[-1] == "동"), 0)]
)
def test_options_that_tie_exactly_are_named_and_counted_both_ways(
    likes: Callable[[str], float], exact: int, tmp_path: Path
) -> None:
    """Oracle: by hand. All options alike are wrong in the score, and could all be right; near ones are no exact ties."""
    suite = write_choice_suite(tmp_path / "suite", n=10)
    inputs = PlanInputs(policy=policy(), suites=[str(suite)])

    def subject(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        return LogLikelihoodAnswer(logprob=likes(request.continuation.strip()), n_tokens=1, is_greedy=False)

    pipeline.run(ScriptedRuntime(subject), inputs, out=tmp_path / "out", repeats=1)

    conduct = read_bundle(tmp_path / "out").conduct
    assert conduct is not None
    assert conduct.repeatability is not None
    (found,) = conduct.repeatability.near_ties
    assert (found.n, found.of, found.exact) == (10, 10, exact)
    assert (found.low, found.high) == (0.0, 1.0)
