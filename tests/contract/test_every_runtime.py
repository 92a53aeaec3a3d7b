"""What every runtime promises the engine: each request answered once, what it cannot do is `Failed`, closing is safe."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.endpoint.double import Double
from verify.records import (
    Classify,
    Failed,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Predict,
    Request,
    Response,
    Subject,
    TokenLogProbs,
)
from verify.runtime.base import Runtime
from verify.runtime.constructed import TABLE, AnswerTable, request_key
from verify.runtime.endpoint import EndpointLimits, EndpointRuntime
from verify.runtime.local import LocalSubject
from verify.runtime.pacing import Limits
from verify.runtime.process import ANSWER_KINDS, WorkerRuntime
from verify.runtime.recorded import RecordedRuntime
from verify.runtime.scripted import ScriptedRuntime

STUB = Path(__file__).parents[1] / "runtime"
REQUESTS: list[Request] = [
    Generate(prompt="say 네"),
    LogLikelihood(context="수수료는 ", continuation="300원"),
    Classify(text="민원"),
    Predict(row={"income": 1}),
    TokenLogProbs(text="안내"),
    Generate(prompt="say 아니요", max_tokens=8),
    LogLikelihood(context="수수료는 ", continuation="500원"),
]


def scripted(tmp_path: Path) -> Iterator[Runtime]:
    def answer(request: Request) -> Response:
        if isinstance(request, LogLikelihood):
            return LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=False)
        return GenerateAnswer(text="네", finish="stop", n_tokens=1)

    yield ScriptedRuntime(answer, answers=("generate", "loglikelihood"))


def recorded(tmp_path: Path) -> Iterator[Runtime]:
    file = tmp_path / "answers.jsonl"
    lines = [{"request": REQUESTS[0].to_json(), "answer": "네"}]
    lines.append({"request": REQUESTS[1].content_digest(), "answer": {
        "kind": "loglikelihood", "logprob": -1.0, "n_tokens": 2, "is_greedy": False}})  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    yield RecordedRuntime(file)


def endpoint(tmp_path: Path) -> Iterator[Runtime]:
    double = Double()
    runtime = EndpointRuntime(double.url, model="toy", limits=EndpointLimits(timeout_s=2.0, backoff_s=0.01, tries=2))
    yield runtime
    runtime.close()
    double.stop()


def worker(tmp_path: Path) -> Iterator[Runtime]:
    subject = LocalSubject(name="stub", kind="causal-lm", digest="sha256:" + "0" * 64, files=())
    runtime = WorkerRuntime(
        subject, limits=Limits(start_s=60, base_s=20), engine="stub_engine:open_stub", import_path=[STUB]
    )
    yield runtime
    runtime.close()


def constructed(tmp_path: Path) -> Iterator[Runtime]:
    table = AnswerTable(answers=("loglikelihood", "generate"), favoured=(request_key(REQUESTS[1]),), written="네")
    subject = LocalSubject(
        name="oracle",
        kind="causal-lm",
        digest="sha256:" + "0" * 64,
        files=(),
        small={TABLE: json.dumps(table.to_json()).encode()},
    )
    runtime = WorkerRuntime(subject, engine="verify.runtime.constructed:open_constructed")
    yield runtime
    runtime.close()


@pytest.fixture(params=[scripted, recorded, endpoint, worker, constructed], ids=lambda made: made.__name__)
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    made: Callable[[Path], Iterator[Runtime]] = request.param
    yield from made(tmp_path)


def test_a_subject_is_described_before_anything_is_asked(runtime: Runtime) -> None:
    subject = runtime.subject

    assert Subject.model_validate_json(json.dumps(subject.to_json())) == subject
    assert subject.digest.startswith("sha256:")
    assert subject.answers
    assert subject.isolation


def test_each_request_is_answered_once_and_in_kind(runtime: Runtime) -> None:
    asked = [*REQUESTS, *REQUESTS[:2]]

    answers = list(runtime.answer(asked))

    assert sorted(a.position for a in answers) == list(range(len(asked)))
    for answered in answers:
        kind = asked[answered.position].kind
        if not isinstance(answered.response, Failed):
            assert answered.response.kind == ANSWER_KINDS[kind]
            assert kind in runtime.subject.answers
        elif kind not in runtime.subject.answers:
            assert answered.response.reason in {"unsupported", "not_recorded"}


def test_what_it_declares_it_answers(runtime: Runtime) -> None:
    answered = {REQUESTS[a.position].kind for a in runtime.answer(REQUESTS) if not isinstance(a.response, Failed)}

    assert answered == set(runtime.subject.answers)


def test_the_same_request_gets_the_same_answer(runtime: Runtime) -> None:
    first = {a.position: a.response for a in runtime.answer(REQUESTS[:2])}
    again = {a.position: a.response for a in runtime.answer(REQUESTS[:2])}

    assert first == again


def test_a_lone_surrogate_costs_its_own_request_and_no_other(runtime: Runtime) -> None:
    asked: list[Request] = [Generate(prompt="say \ud800"), REQUESTS[0]]

    answers = {a.position: a.response for a in runtime.answer(asked)}

    assert set(answers) == {0, 1}
    assert not isinstance(answers[1], Failed)


def test_nothing_asked_is_nothing_answered_and_closing_twice_is_safe(runtime: Runtime) -> None:
    assert list(runtime.answer([])) == []
    runtime.close()
    runtime.close()
