"""A worker that dies, hangs or lies costs the requests concerned and nothing else (F2, F16, F20, F21)."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from verify.errors import SubjectError, WorkerError
from verify.records import Failed, FailureReason, Generate, LogLikelihood, TokenLogProbs
from verify.runtime.facts import TokenCount
from verify.runtime.pacing import Limits

pytestmark = pytest.mark.slow


def ask(runtime, *prompts):
    """Responses by prompt: the text, or the reason of the failure."""
    answered = list(runtime.answer([Generate(prompt=prompt) for prompt in prompts]))
    assert sorted(a.position for a in answered) == list(range(len(prompts))), "each is answered exactly once"
    told = {prompts[a.position]: a.response for a in answered}
    return {p: r.reason if isinstance(r, Failed) else r.text for p, r in told.items()}


def test_answers_cross_and_the_subject_is_described(stub):
    runtime = stub()

    assert ask(runtime, "say 안녕", "say b") == {"say 안녕": "안녕", "say b": "b"}
    assert runtime.subject.architecture == "stub"
    assert runtime.subject.isolation[:2] in {"T0", "T1", "T2"}
    assert not runtime.deaths


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        pytest.param("abort", FailureReason.CRASHED, id="a native library aborts"),
        pytest.param("kill", FailureReason.CRASHED, id="a segmentation fault"),
        pytest.param("raise", FailureReason.CRASHED, id="an ordinary exception"),
        pytest.param("panic", FailureReason.CRASHED, id="a panic that is no Exception"),
        pytest.param("exit", FailureReason.CRASHED, id="the subject calls sys.exit"),
        pytest.param("hang", FailureReason.TIMEOUT, id="a hang"),
        pytest.param("stop", FailureReason.TIMEOUT, id="SIGSTOP"),
        pytest.param("skip", FailureReason.MALFORMED, id="no answer at all"),
        pytest.param("memory 10000000000000", FailureReason.RESOURCE_EXCEEDED, id="more memory than there is"),
        pytest.param("surrogate", FailureReason.INVALID_TEXT, id="a lone surrogate"),
        pytest.param("long 10000000", FailureReason.TOO_LONG, id="ten million characters"),
        pytest.param("frame rubbish", FailureReason.MALFORMED, id="a frame of rubbish"),
        pytest.param("frame huge", FailureReason.MALFORMED, id="a frame of 4 GiB is announced"),
        pytest.param("frame unknown", FailureReason.MALFORMED, id="an answer to nothing"),
        pytest.param("frame kind", FailureReason.MALFORMED, id="forged answers"),
        pytest.param("frame nan", FailureReason.MALFORMED, id="NaN in a frame"),
        pytest.param("frame ready", FailureReason.MALFORMED, id="a second hand-shake"),
    ],
)
def test_exactly_the_poisoned_request_fails(stub, prompt, reason):
    runtime = stub()
    good = [f"say {n}" for n in range(4)]

    told = ask(runtime, *good[:2], prompt, *good[2:])

    assert told.pop(prompt) is reason
    assert told == {f"say {n}": str(n) for n in range(4)}


def test_several_poisoned_requests_among_many_are_all_found(stub):
    runtime = stub()
    poison = {"abort", "panic", "raise"}

    told = ask(runtime, *(f"say {n}" for n in range(60)), *poison)

    assert {prompt for prompt, value in told.items() if isinstance(value, FailureReason)} == poison


def test_a_hang_among_many_is_noticed_between_two_answers(stub):
    """The whole chunk may take 30 s; after four seconds of silence it is known that the worker hangs."""
    runtime = stub(limits=Limits(start_s=60, base_s=1, per_token_s=0.003))
    asked = [Generate(prompt=f"say {n:03}", max_tokens=4) for n in range(400)]
    asked.insert(200, Generate(prompt="hang", max_tokens=4))

    told = {a.position: a.response for a in runtime.answer(asked)}

    assert runtime._pace.limit(asked) > 25
    assert {death.detail for death in runtime.deaths} <= {f"no answer within {s} s" for s in (1, 2, 3, 4)}
    assert [n for n, response in told.items() if isinstance(response, Failed)] == [200]
    assert told[200].reason is FailureReason.TIMEOUT


def test_a_death_by_chance_costs_no_answer(stub):
    """What kills once (an out-of-memory kill, an operator) is no property of the request."""
    runtime = stub()

    assert ask(runtime, "kill_once") == {"kill_once": "alive"}
    assert len(runtime.deaths) == 1
    (attempts,) = runtime.attempts.values()
    assert attempts == 1


def test_kill_minus_nine_in_the_middle_of_a_batch_loses_nothing(stub):
    runtime = stub()
    prompts = [f"slowly {n}" for n in range(50)]
    threading.Timer(0.4, lambda: os.kill(runtime.pid, signal.SIGKILL)).start()

    told = ask(runtime, *prompts)

    assert told == {prompt: prompt.split()[1] for prompt in prompts}
    assert len(runtime.deaths) == 1
    assert "SIGKILL" in runtime.deaths[0].detail


def test_a_worker_that_died_between_two_rounds_is_replaced(stub):
    runtime = stub()
    ask(runtime, "say a")
    os.kill(runtime.pid, signal.SIGKILL)
    time.sleep(0.3)

    assert ask(runtime, "say b") == {"say b": "b"}


def test_the_time_limit_counts_waiting_and_not_the_callers_pauses(stub):
    runtime = stub(limits=Limits(start_s=60, base_s=1, per_token_s=0))
    answers = []
    for answered in runtime.answer([Generate(prompt=f"say {n}") for n in range(3)]):
        time.sleep(0.7)
        answers.append(answered.response.text)

    assert sorted(answers) == ["0", "1", "2"]
    assert not runtime.deaths


def test_answers_that_nobody_waits_for_do_not_meet_the_next_questions(stub):
    runtime = stub()
    abandoned = runtime.answer([Generate(prompt=f"say old{n}") for n in range(20)])
    next(abandoned)
    abandoned.close()

    assert ask(runtime, "say new") == {"say new": "new"}


def test_a_worker_that_answers_nothing_any_more_breaks_the_run(stub):
    """Every request is poisoned, and so is the harmless one that is asked to make sure."""
    runtime = stub()
    runtime._known_good = Generate(prompt="abort")

    with pytest.raises(WorkerError, match="same command to resume"):
        ask(runtime, *(f"abort {n}" for n in range(8)))


def test_many_poisoned_requests_do_not_break_the_run_while_others_are_answered(stub):
    runtime = stub()

    told = ask(runtime, *(f"raise {n}" for n in range(8)))

    assert set(told.values()) == {FailureReason.CRASHED}


def test_what_cannot_be_asked_never_reaches_the_worker(stub):
    runtime = stub()

    kind, text = runtime.answer([TokenLogProbs(text="가"), Generate(prompt="say \ud800")])

    assert kind.response.reason is FailureReason.UNSUPPORTED
    assert text.response.reason is FailureReason.INVALID_TEXT


def test_what_the_subject_prints_is_kept_bounded_and_harmless(stub):
    runtime = stub()

    ask(runtime, "print hello")

    deadline = time.monotonic() + 5
    while "hello" not in runtime.log_tail() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(runtime.log_tail()) <= 64 * 1024
    assert "\x1b" not in runtime.log_tail()
    assert ask(runtime, "say still here") == {"say still here": "still here"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"refuse": "no such\ntensor \x1b[31m"}, "ValueError: no such tensor", id="refused"),
        pytest.param({"panic": "regex"}, "Panic: regex", id="a panic while opening"),
        pytest.param({"die": True}, "SIGABRT", id="dies while opening"),
        pytest.param({"hang": True}, "not open after 3 s", id="hangs while opening"),
    ],
)
def test_a_subject_that_cannot_be_opened_is_a_subject_error(stub, options, message):
    with pytest.raises(SubjectError, match=message) as caught:
        stub(limits=Limits(start_s=3), **options)

    assert "\x1b" not in str(caught.value)


def test_closing_ends_the_process_and_removes_its_folder(stub):
    runtime = stub()
    pid, folder = runtime.pid, Path(runtime._folder.name)

    runtime.close()
    runtime.close()

    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()


def test_the_worker_dies_with_its_parent():
    script = (
        "import sys, time\n"
        f"sys.path[:0] = [{str(Path(__file__).parents[2])!r}]\n"
        "from pathlib import Path\n"
        "from verify.runtime.local import LocalSubject\n"
        "from verify.runtime.process import WorkerRuntime\n"
        "s = LocalSubject(name='s', kind='causal-lm', digest='sha256:' + '0' * 64, files=())\n"
        f"r = WorkerRuntime(s, engine='stub_engine:open_stub', import_path=[Path({str(Path(__file__).parent)!r})])\n"
        "print(r.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 10
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)


def is_running(pid):
    """Whether a process lives; a zombie that no init has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_log_likelihoods_and_text_are_told_apart(stub):
    runtime = stub()

    (answered,) = runtime.answer([LogLikelihood(context="가", continuation="나")])

    assert answered.response.logprob == -1.0


def test_closing_while_another_thread_asks_restarts_nothing_and_leaves_no_folder(stub):
    runtime = stub()
    folder, ended = Path(runtime._folder.name), []

    def asking():
        try:
            list(runtime.answer([Generate(prompt=f"slowly {n}") for n in range(500)]))
        except (WorkerError, SubjectError, OSError, ValueError) as error:
            ended.append(error)

    thread = threading.Thread(target=asking)
    thread.start()
    time.sleep(0.5)
    runtime.close()
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert ended
    assert runtime.pid is None
    assert not folder.exists()


def test_requests_are_counted_in_the_worker_chunk_by_chunk(stub):
    runtime = stub(limits=Limits(start_s=60, base_s=2, per_token_s=0, chunk_requests=2))
    asked = [*(Generate(prompt=f"say {k}") for k in range(5)), TokenLogProbs(text="no such kind here")]

    assert runtime.count(asked) == TokenCount(read=50, unique=25, written=5)
    assert ask(runtime, "say a") == {"say a": "a"}
    assert not runtime.deaths


@pytest.mark.parametrize("verb", ["abort", "raise", "panic", "exit", "hang", "frame rubbish", "frame ready"])
def test_a_subject_that_cannot_be_counted_costs_the_number_only(stub, verb):
    runtime = stub()

    assert runtime.count([Generate(prompt=f"count {verb}")]) is None
    assert ask(runtime, "say a") == {"say a": "a"}
