"""Two actors of a real local Ray: the local executor's bytes, whichever actor is killed; poison; other subjects."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.e2e.own_suite import write_inputs, write_suite
from verify import pipeline
from verify.engine.executors import Cluster, RayRuntime, open_on_ray
from verify.errors import SubjectError, UsageError, WorkerError
from verify.loading import load_policy
from verify.planning import PlanInputs
from verify.records import Failed, FailureReason, Generate, GenerateAnswer, LogLikelihood, Request, TokenLogProbs
from verify.runtime.base import Runtime
from verify.runtime.opening import SubjectOptions, open_subject
from verify.runtime.pacing import Limits
from verify.runtime.scripted import ScriptedRuntime

pytestmark = [pytest.mark.usefixtures("ray_here"), pytest.mark.timeout(600)]
TWO = Cluster(actors=2)
SMALL = SubjectOptions(limits=Limits(parts=8, part_requests=8))
EVIDENCE = ("plan.json", "items.jsonl", "responses.jsonl", "scores.jsonl", "results.json")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.runtime.causal import tiny

    return Path(tiny.save("llama", tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def on_ray(ray_here: object, model: Path) -> Iterator[RayRuntime]:
    with open_on_ray(str(model), SMALL, TWO) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> PlanInputs:
    folder = tmp_path_factory.mktemp("suite")
    methods = ("multiple-choice", "option-order", "short-answer", "membership-inference")
    suite = write_suite(folder / "ours", methods=methods, n=12)
    given = {"membership": write_inputs(folder)["membership"]}
    return PlanInputs(policy=load_policy("self-check"), suites=(str(suite),), inputs=given)


@pytest.fixture(scope="module")
def local(model: Path, inputs: PlanInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the local executor."""
    out = tmp_path_factory.mktemp("local") / "bundle"
    runtime = open_subject(str(model), SMALL)
    try:
        pipeline.run(runtime, inputs, out=out)
    finally:
        runtime.close()
    return out


def workers() -> list[psutil.Process]:
    """Actors of this process's Ray that hold a subject."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with_subject = [each for each in child.children() if "verify.runtime.worker" in " ".join(each.cmdline())]
        found += [child] if with_subject else []
    return found


def alike(one: Path, other: Path) -> dict[str, bool]:
    return {name: (one / name).read_bytes() == (other / name).read_bytes() for name in EVIDENCE}


def test_two_actors_give_the_bytes_of_the_local_executor(
    on_ray: RayRuntime, inputs: PlanInputs, local: Path, tmp_path: Path
) -> None:
    pipeline.run(on_ray, inputs, out=tmp_path / "bundle")

    assert alike(tmp_path / "bundle", local) == dict.fromkeys(EVIDENCE, True)
    kinds = {
        kind
        for kind in ("generate", "loglikelihood", "token_logprobs")
        if kind in (local / "responses.jsonl").read_text("utf-8")
    }
    assert kinds == {"generate", "loglikelihood", "token_logprobs"}
    assert on_ray.lost == []


class Killer(pipeline.Unwatched):
    """Kills an actor at work when the first answers are in."""

    killed = 0

    def answered(self, count: int) -> None:
        if count and not self.killed:
            victim = workers()[0]
            victim.kill()
            self.killed = victim.pid


def test_an_actor_that_is_killed_at_work_is_replaced_and_moves_no_byte(
    on_ray: RayRuntime, inputs: PlanInputs, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.engine.rounds.COMMIT_ROWS", 8)
    before, killer = len(on_ray.lost), Killer()

    pipeline.run(on_ray, inputs, out=tmp_path / "bundle", watcher=killer)

    assert killer.killed
    assert len(on_ray.lost) == before + 1
    assert alike(tmp_path / "bundle", local) == dict.fromkeys(EVIDENCE, True)


def test_the_subject_says_how_it_was_computed_and_names_no_host(on_ray: RayRuntime, model: Path) -> None:
    with_host = os.uname().nodename

    executor = on_ray.subject.environment["executor"]

    assert "2 actors of 0 GPU on 1 node" in executor
    assert with_host not in str(on_ray.subject.to_json())


def test_answers_that_nobody_waits_for_do_not_meet_the_next_questions(on_ray: RayRuntime) -> None:
    requests = [LogLikelihood(context=f"{n}번 창구는", continuation=" 이층") for n in range(40)]
    abandoned = on_ray.answer(requests)
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]

    answered = sorted(
        a.position for a in on_ray.answer([TokenLogProbs(text="안내"), Generate(prompt="가", max_tokens=2)])
    )

    assert answered == [0, 1]


def scripted(verbs: Callable[[str], str]) -> Callable[[], Runtime]:
    """Opens a runtime that says what `verbs` makes of a prompt, in the actor's own process."""

    def answer(request: Request) -> GenerateAnswer:
        return GenerateAnswer(text=verbs(request.prompt), finish="stop", n_tokens=1)  # type: ignore[union-attr,arg-type]

    return lambda: ScriptedRuntime(answer)


def test_a_request_that_ends_every_actor_fails_alone() -> None:
    def verbs(prompt: str) -> str:
        if prompt == "poison 7":
            os._exit(9)
        return prompt

    prompts = [f"say {n}" for n in range(15)] + ["poison 7"]
    with RayRuntime(scripted(verbs), cluster=TWO, limits=Limits(parts=2, part_requests=8)) as runtime:
        answered = list(runtime.answer([Generate(prompt=prompt) for prompt in prompts]))
        lost = len(runtime.lost)

    assert sorted(a.position for a in answered) == list(range(16))
    told = {prompts[a.position]: a.response for a in answered}
    poison = told.pop("poison 7")
    assert isinstance(poison, Failed)
    assert poison.reason is FailureReason.CRASHED
    assert {prompt: answer.text for prompt, answer in told.items()} == {prompt: prompt for prompt in told}  # type: ignore[union-attr]
    assert lost == 4, "the shard twice whole, its request twice alone"


@pytest.mark.slow
def test_actors_that_cannot_be_kept_alive_break_the_run() -> None:
    def verbs(prompt: str) -> str:
        os._exit(9)

    with (
        RayRuntime(scripted(verbs), cluster=TWO, limits=Limits(part_requests=4)) as runtime,
        pytest.raises(WorkerError, match="same command to resume"),
    ):
        list(runtime.answer([Generate(prompt=f"{n}") for n in range(64)]))


def test_nodes_that_hold_different_subjects_are_refused_by_name(tmp_path: Path) -> None:
    taken = str(tmp_path / "taken")

    def opener() -> Runtime:
        try:
            os.close(os.open(taken, os.O_CREAT | os.O_EXCL))
            return ScriptedRuntime(lambda _: None, name="first")  # type: ignore[arg-type,return-value]
        except FileExistsError:
            return ScriptedRuntime(lambda _: None, name="second")  # type: ignore[arg-type,return-value]

    with pytest.raises(SubjectError) as caught:
        RayRuntime(opener, cluster=TWO)

    message = str(caught.value)
    digests = {ScriptedRuntime(lambda _: None, name=name).subject.digest for name in ("first", "second")}  # type: ignore[arg-type,return-value]
    assert all(digest in message for digest in digests)
    assert os.uname().nodename in message


def test_a_node_without_the_folder_says_so(tmp_path: Path) -> None:
    missing = partial(open_subject, str(tmp_path / "nowhere"))

    with pytest.raises(SubjectError, match=r"no such folder or file.*each node needs"):
        RayRuntime(missing, cluster=Cluster(actors=1))


def test_more_than_the_cluster_has_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"0 GPU and 4 CPU in all.*lower --actors"):
        RayRuntime(lambda: ScriptedRuntime(lambda _: None), cluster=Cluster(actors=5))  # type: ignore[arg-type,return-value]


def test_nothing_about_a_run_is_reported_to_anybody(ray_here: object) -> None:
    from ray._common.usage import usage_lib

    enabled = ray_here.get(ray_here.remote(num_cpus=0)(usage_lib.usage_stats_enabled).remote())  # type: ignore[attr-defined]

    assert not enabled
    assert not usage_lib.usage_stats_enabled()
