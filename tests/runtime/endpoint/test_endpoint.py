"""An OpenAI-compatible server as a subject: what came back is verified, whatever the server does (F24)."""

import json
import time

import pytest

from tests.runtime.endpoint.conftest import QUICK
from tests.runtime.endpoint.double import truth
from verify.errors import SubjectError, SubjectUnavailableError, WorkerError
from verify.records import (
    AccessLevel,
    Classify,
    Failed,
    FailureReason,
    Generate,
    LogLikelihood,
    Message,
    TokenLogProbs,
)
from verify.runtime.endpoint import EndpointLimits, EndpointRuntime


def ask(runtime, *prompts):
    answered = list(runtime.answer([Generate(prompt=prompt) for prompt in prompts]))
    assert sorted(a.position for a in answered) == list(range(len(prompts))), "each is answered exactly once"
    told = {prompts[a.position]: a.response for a in answered}
    return {p: r.reason if isinstance(r, Failed) else r.text for p, r in told.items()}


def test_a_server_with_everything_gives_log_probabilities(connect):
    subject = connect().subject

    assert subject.access is AccessLevel.LOGPROBS
    assert subject.answers == ("generate", "loglikelihood")
    assert subject.context == 2048
    assert subject.environment == {
        "server_model": "toy-served",
        "system_fingerprint": "fp_1",
        "log_probabilities": "echo with logprobs, by token texts",
    }
    assert subject.digest_covers == "endpoint-identity"


def test_a_server_that_drops_log_probabilities_in_silence_gives_text_only(server, connect):
    """`transformers serve` answers 200 without the field."""
    server.echoes = False

    runtime = connect()
    (answered,) = runtime.answer([LogLikelihood(context="가", continuation="나")])

    assert runtime.subject.access is AccessLevel.TEXT
    assert answered.response.reason is FailureReason.UNSUPPORTED
    assert any("no log-probabilities" in warning for warning in runtime.subject.warnings)


def test_a_server_that_invents_one_log_probability_for_all_texts_is_not_believed(server, connect):
    server.logprobs = lambda prompt: {
        "tokens": list(prompt),
        "token_logprobs": [-1.0] * len(prompt),
        "top_logprobs": [{"x": -1.0}] * len(prompt),
    }

    assert connect().subject.access is AccessLevel.TEXT


@pytest.mark.parametrize("bos", [False, True], ids=["no begin token", "a begin token is listed"])
@pytest.mark.parametrize(
    ("context", "continuation"),
    [
        pytest.param("abcd", "efg", id="the boundary lies between tokens"),
        pytest.param("abc", "defg", id="a token reaches over the boundary"),
        pytest.param("abc ", "defg", id="the context ends in a space"),
        pytest.param("서울은 한국의", " 수도", id="Korean"),
    ],
)
def test_log_likelihoods_equal_the_servers_model(server, connect, bos, context, continuation):
    """Oracle: the double's own conditional log-probabilities."""
    server.bos = bos

    (answered,) = connect().answer([LogLikelihood(context=context, continuation=continuation)])

    total, count = truth(context, continuation)
    assert answered.response.logprob == pytest.approx(total, abs=1e-12)
    assert answered.response.n_tokens == count
    assert answered.response.is_greedy


def test_the_first_token_is_scored_only_where_the_server_scores_it(server, connect):
    server.first_scored = False

    (answered,) = connect().answer([LogLikelihood(context="", continuation="abcd")])

    assert answered.response.reason is FailureReason.UNSUPPORTED


def test_nan_is_never_a_number(connect):
    (answered,) = connect().answer([LogLikelihood(context="NAN", continuation="abcd")])

    assert answered.response.reason is FailureReason.INVALID_LOGITS


@pytest.mark.parametrize("request_", [TokenLogProbs(text="가나"), Classify(text="가")], ids=["documents", "classes"])
def test_what_the_api_has_no_words_for_is_unsupported(connect, request_):
    (answered,) = connect().answer([request_])

    assert answered.response.reason is FailureReason.UNSUPPORTED


def test_conversations_and_raw_prompts_go_their_own_ways(server, connect):
    runtime = connect()

    list(runtime.answer([Generate(prompt="raw"), Generate(messages=(Message(role="user", content="talk"),), seed=7)]))

    bodies = [body for _, body in server.seen]
    assert any(body.get("prompt") == "raw" for body in bodies)
    assert any(body.get("messages") == [{"role": "user", "content": "talk"}] and body["seed"] == 7 for body in bodies)


def test_without_completions_a_raw_prompt_is_a_user_message_and_the_subject_says_so(server, connect):
    server.completes = False

    runtime = connect()

    assert ask(runtime, "raw") == {"raw": "answer to raw"}
    assert any("one user message" in warning for warning in runtime.subject.warnings)
    assert runtime.subject.access is AccessLevel.TEXT


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        pytest.param("FAULT:429-once", "answer to FAULT:429-once", id="too many requests, once"),
        pytest.param("FAULT:500-once", "answer to FAULT:500-once", id="an internal error, once"),
        pytest.param("FAULT:half-once", "answer to FAULT:half-once", id="half a JSON, once"),
        pytest.param("FAULT:disconnect-once", "answer to FAULT:disconnect-once", id="a broken connection, once"),
        pytest.param("FAULT:500", FailureReason.UNREACHABLE, id="an internal error, always"),
        pytest.param("FAULT:half", FailureReason.MALFORMED, id="half a JSON, always"),
        pytest.param("FAULT:hang", FailureReason.TIMEOUT, id="a hang"),
        pytest.param("FAULT:drip", FailureReason.TIMEOUT, id="a slow drip"),
        pytest.param("FAULT:huge", FailureReason.TOO_LONG, id="sixteen megabytes"),
        pytest.param("FAULT:context", FailureReason.CONTEXT_TOO_LONG, id="beyond the context window"),
        pytest.param("FAULT:refuse", FailureReason.UNSUPPORTED, id="a refusal"),
        pytest.param("FAULT:nothing", FailureReason.MALFORMED, id="a JSON without an answer"),
        pytest.param("FAULT:error-200", FailureReason.MALFORMED, id="an error with status 200"),
        pytest.param("FAULT:html", FailureReason.MALFORMED, id="a gateway's HTML page with status 200"),
        pytest.param("FAULT:reset", FailureReason.UNREACHABLE, id="a connection that breaks off without a length"),
        pytest.param("FAULT:list", FailureReason.MALFORMED, id="a JSON list"),
        pytest.param("FAULT:deep", FailureReason.MALFORMED, id="a nesting bomb"),
        pytest.param("FAULT:gibberish", FailureReason.MALFORMED, id="bytes that are no UTF-8"),
        pytest.param("FAULT:choices", FailureReason.MALFORMED, id="a number for a text"),
        pytest.param("FAULT:why", FailureReason.MALFORMED, id="an answer that does not say why it ended"),
        pytest.param("FAULT:filter", FailureReason.EMPTY, id="withheld by a content filter"),
        pytest.param("FAULT:redirect", FailureReason.UNSUPPORTED, id="a redirect is not followed"),
        pytest.param("EMPTY", FailureReason.EMPTY, id="no content"),
        pytest.param("LONG", FailureReason.TOO_LONG, id="600,000 characters"),
    ],
)
def test_a_fault_concerns_its_request_alone(connect, prompt, expected):
    told = ask(connect(), "a", prompt, "b")

    assert told == {"a": "answer to a", prompt: expected, "b": "answer to b"}


def test_retries_are_counted_and_bounded(server, connect):
    ask(connect(), "FAULT:500", "a")

    assert server.calls["FAULT:500"] == QUICK.tries


def test_retry_after_is_honoured(connect):
    runtime = connect()
    started = time.monotonic()

    ask(runtime, "FAULT:429-once")

    assert time.monotonic() - started >= 0.4


def test_concurrency_is_bounded_and_used(server, connect):
    ask(connect(), *(f"slow {n}" for n in range(24)))

    assert 1 < server.most_in_flight <= QUICK.concurrency


def test_the_rate_is_kept(connect):
    runtime = connect(EndpointLimits(per_minute=600, backoff_s=0.01))
    started = time.monotonic()

    ask(runtime, *(f"p{n}" for n in range(6)))

    assert time.monotonic() - started >= 0.5


def test_a_server_that_is_gone_breaks_the_run_and_marks_nothing(server, connect):
    runtime = connect()
    server.down = True
    answered = []

    with pytest.raises(WorkerError, match="the same command resumes"):
        answered.extend(runtime.answer([Generate(prompt=f"p{n}") for n in range(30)]))
    assert answered == []


def test_an_endpoint_that_does_not_answer_is_unavailable():
    with pytest.raises(SubjectUnavailableError, match="does not answer"):
        EndpointRuntime("http://127.0.0.1:9/v1", model="toy", limits=QUICK)


def test_a_model_that_the_server_has_not_is_a_subject_error(server, connect):
    server.chats = server.completes = False

    with pytest.raises(SubjectError, match="check the model's name"):
        connect()


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(server, connect, monkeypatch):
    server.key = "canary-key-123"
    monkeypatch.setenv("VERIFY_API_KEY", "canary-key-123")

    runtime = connect()
    responses = [a.response for a in runtime.answer([Generate(prompt="a"), Generate(prompt="FAULT:refuse")])]

    kept = json.dumps([runtime.subject.to_json(), *(response.to_json() for response in responses)])
    assert "canary-key-123" not in kept
    assert server.seen[-1][0]["authorization"] == "Bearer canary-key-123"


def test_a_wrong_key_is_told_without_the_key(server, connect, monkeypatch):
    server.key = "right"
    monkeypatch.setenv("VERIFY_API_KEY", "canary-wrong")

    with pytest.raises(SubjectError, match="VERIFY_API_KEY") as caught:
        connect()
    assert "canary-wrong" not in str(caught.value)


def test_the_servers_own_words_never_reach_a_failure(connect):
    answered = list(connect().answer([Generate(prompt="a"), Generate(prompt="FAULT:500")]))

    assert all("own words" not in json.dumps(a.response.to_json()) for a in answered)


def test_another_model_behind_the_same_name_is_noticed(server, connect):
    runtime = connect()
    ask(runtime, "a")
    before = runtime.subject.warnings
    server.fingerprint = "fp_2"

    ask(runtime, "b")

    assert not any("changed" in warning for warning in before)
    assert any("fp_2" in warning and "changed" in warning for warning in runtime.subject.warnings)
    assert runtime.subject.digest == connect().subject.digest


def test_another_name_in_the_answers_is_noticed(server, connect):
    runtime = connect()
    server.served = "another-7b"

    ask(runtime, "b")

    assert any("another-7b" in warning and "changed" in warning for warning in runtime.subject.warnings)


def test_a_model_that_the_server_does_not_list_is_named_in_a_warning(server):
    runtime = EndpointRuntime(server.url, model="other", limits=QUICK)
    runtime.close()

    assert any("does not name this one" in warning for warning in runtime.subject.warnings)


def test_a_lone_surrogate_in_a_request_is_invalid_text(connect):
    (answered,) = connect().answer([Generate(prompt="\ud800")])

    assert answered.response.reason is FailureReason.INVALID_TEXT


def test_an_abandoned_round_leaves_the_runtime_usable(connect):
    runtime = connect()
    round_ = runtime.answer([Generate(prompt=f"p{n}") for n in range(30)])
    next(round_)
    round_.close()

    assert ask(runtime, "next") == {"next": "answer to next"}
