"""vLLM and SGLang tell log-probabilities by token ids; what came back is compared with what was sent.

Oracle: the double's own conditional log-probabilities. Shapes: vLLM 0.30 and SGLang 0.5, see `token_ids`.
"""

import math

import pytest

from tests.runtime.endpoint.double import BOS, WRITES, ids_of, truth_by_ids
from verify.records import AccessLevel, FailureReason, LogLikelihood, LogLikelihoodAnswer
from verify.runtime.endpoint import token_ids
from verify.runtime.endpoint.token_ids import Split

BOTH = pytest.mark.parametrize("server", ["vllm", "sglang"], indirect=True)
VLLM = pytest.mark.parametrize("server", ["vllm"], indirect=True)
SGLANG = pytest.mark.parametrize("server", ["sglang"], indirect=True)


def ask(runtime, *pairs):
    asked = [LogLikelihood(context=context, continuation=continuation) for context, continuation in pairs]
    told = {a.position: a.response for a in runtime.answer(asked)}
    assert sorted(told) == list(range(len(pairs))), "each is answered exactly once"
    return [told[n] for n in range(len(pairs))]


@BOTH
@pytest.mark.parametrize("bos", [False, True], ids=["no begin token", "a begin token"])
def test_log_likelihoods_equal_the_servers_model_and_are_cut_as_lm_eval_cuts(server, connect, bos):
    server.bos = bos
    pairs = [("abcd", "efgh"), ("abc", "defg"), ("abcd  ", "ef"), ("서울은 한국의", " 수도입니다"), ("ab", "!")]

    answers = ask(connect(), *pairs)

    for (context, continuation), answer in zip(pairs, answers, strict=True):
        bare = context.rstrip()
        left = ids_of(bare, bos=bos)
        right = ids_of(bare + context[len(bare) :] + continuation, bos=bos)[len(left) :]
        assert answer.logprob == pytest.approx(truth_by_ids(left, right), abs=1e-9)
        assert answer.n_tokens == len(right)
        assert answer.is_greedy == (continuation == WRITES)


@BOTH
def test_an_empty_context_is_the_begin_token_or_has_no_score(server, connect):
    (without,) = ask(connect(), ("", "abcd"))
    server.bos = True
    (begun,) = ask(connect(), ("", "abcd"))

    assert without.reason is FailureReason.UNSUPPORTED
    assert begun.logprob == pytest.approx(truth_by_ids([BOS], ids_of("abcd")), abs=1e-9)


@VLLM
def test_options_of_one_token_are_one_call_that_leaves_the_prefix_cache_in_use(server, connect):
    runtime = connect()
    before = len(server.seen)

    answers = ask(runtime, *(("질문입니", option) for option in ("A", "B", "C", "D", WRITES)))

    calls = [body for _, body in server.seen[before:]]
    assert len(calls) == 1
    assert calls[0]["max_tokens"] == 1
    assert len(calls[0]["logprob_token_ids"]) == 5
    assert "prompt_logprobs" not in calls[0]
    assert [a.is_greedy for a in answers] == [False] * 4 + [True]
    assert runtime.subject.access is AccessLevel.LOGPROBS
    assert "logprob_token_ids" in runtime.subject.environment["log_probabilities"]


@VLLM
def test_more_options_than_a_call_may_name_are_several_calls(server, connect):
    runtime = connect()
    before = len(server.seen)

    answers = ask(runtime, *(("질문입니", chr(0xAC00 + n)) for n in range(token_ids.MOST_NEXT + 2)))

    assert len(server.seen) - before == 2
    assert len({a.logprob for a in answers}) > 50


@VLLM
def test_a_server_that_knows_no_logprob_token_ids_is_asked_for_prompt_logprobs(server, connect):
    server.knows_ids = False
    runtime = connect()

    (answer,) = ask(runtime, ("질문입니", "A"))

    assert answer.logprob == pytest.approx(truth_by_ids(ids_of("질문입니"), ids_of("A")), abs=1e-9)
    assert runtime.subject.environment["log_probabilities"].startswith("prompt_logprobs by token ids (vLLM)")
    assert "logprob_token_ids" not in runtime.subject.environment["log_probabilities"]


@SGLANG
def test_rows_are_asked_for_from_the_last_token_of_the_context(server, connect):
    runtime = connect()
    before = len(server.seen)

    ask(runtime, ("abcdef", "ghij"))

    ((_, body),) = server.seen[before:]
    assert body["logprob_start_len"] == len(ids_of("abcdef")) - 1
    assert body["input_ids"] == ids_of("abcdefghij")
    assert runtime.subject.environment["log_probabilities"].endswith("(SGLang)")


@BOTH
@pytest.mark.parametrize("fault", [{"shift": 1}, {"drop": 1}], ids=["rows are one late", "a row is missing"])
def test_rows_that_are_shifted_or_missing_are_seen_at_the_probe(server, connect, fault):
    """The next way is taken: `echo`, whose rows carry their own texts, where there is one."""
    vars(server).update(fault)

    runtime = connect()

    assert runtime.subject.environment["log_probabilities"] == "echo with logprobs, by token texts"


@pytest.mark.parametrize("server", ["openai", "vllm", "sglang"], indirect=True)
def test_where_no_way_holds_the_access_level_is_text(server, connect):
    server.shift, server.echoes = 1, False

    runtime = connect()

    assert runtime.subject.access is AccessLevel.TEXT
    assert any("no log-probabilities" in warning for warning in runtime.subject.warnings)


def test_an_echo_that_is_one_late_contradicts_what_the_server_writes(server, connect):
    honest = server.logprobs

    def late(prompt):
        told = honest(prompt)
        values = told["token_logprobs"]
        return told | {"token_logprobs": [-9.0, *values[:-2], values[-1]]}

    server.logprobs = late

    runtime = connect()

    assert runtime.subject.access is AccessLevel.TEXT
    assert any("otherwise than when it writes it" in warning for warning in runtime.subject.warnings)


@BOTH
def test_rows_that_go_missing_during_the_run_are_failures_of_their_requests(server, connect):
    runtime = connect()
    server.drop = 1

    answers = ask(runtime, ("abcd", "efgh"), ("질문입니", "A"))

    assert [a.reason for a in answers] == [FailureReason.MALFORMED] * 2


def test_a_row_of_another_token_is_no_number():
    """Another token's row, a log-probability above zero, minus infinity and NaN."""
    split = Split((5,), (7, 8))

    def prompt(rows):
        return token_ids.read_prompt({"choices": [{"prompt_logprobs": [None, *rows]}]}, split=split)

    def span(rows):
        tops = [None, *[[[-0.5, 7, None]]] * 2]
        return token_ids.read_span(
            {"meta_info": {"input_token_logprobs": [[None, 5, None], *rows], "input_top_logprobs": tops}}, split=split
        )

    fine = {"8": {"logprob": -2.0, "rank": 2}, "9": {"logprob": -1.0, "rank": 1}}
    assert prompt([{"7": {"logprob": -1.0, "rank": 1}}, fine]).logprob == -3.0
    assert prompt([{"8": {"logprob": -1.0, "rank": 1}}, fine]).reason is FailureReason.MALFORMED
    assert span([[-1.0, 7, None], [-2.0, 8, None]]).logprob == -3.0
    assert span([[-2.0, 8, None], [-1.0, 7, None]]).reason is FailureReason.MALFORMED
    for value in (0.5, -9999.0, math.nan, math.inf, -math.inf, None, "x", True):
        assert prompt([{"7": {"logprob": value, "rank": 1}}, fine]).reason is FailureReason.INVALID_LOGITS
        assert span([[value, 7, None], [-2.0, 8, None]]).reason is FailureReason.INVALID_LOGITS


@pytest.mark.parametrize("server", ["openai", "vllm", "sglang"], indirect=True)
def test_a_server_that_holds_everything_certain_halfway_through_gives_no_number(server, connect):
    runtime = connect()
    assert all(isinstance(a, LogLikelihoodAnswer) for a in ask(runtime, ("수도는 ", "서울이다")))
    server.certain = True

    (answer,) = ask(runtime, ("수도는 ", "부산이다"))

    assert answer.reason is FailureReason.MALFORMED
    assert "one distribution" in answer.detail


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"token_id:5": -0.1, "token_id:6": -0.2}, id="more than one in all"),
        pytest.param({"token_id:5": -3.0, "token_id:6": -1.0}, id="what was written is not the most likely"),
        pytest.param({"token_id:5": -1.0}, id="an id is missing"),
        pytest.param({"five": -1.0, "six": -2.0}, id="texts instead of ids"),
    ],
)
def test_a_table_that_is_none_of_one_distribution_is_no_number(table):
    body = {"choices": [{"logprobs": {"tokens": ["token_id:5"], "top_logprobs": [table]}}]}

    assert token_ids.read_next(body, ids=[6]).reason is FailureReason.MALFORMED


@BOTH
def test_faults_while_scoring_concern_their_own_request(server, connect):
    runtime = connect()

    bad, good = ask(runtime, ("FAULT:", "refuse"), ("abcd", "efgh"))

    assert bad.reason is FailureReason.UNSUPPORTED
    assert good.n_tokens == 2


@BOTH
def test_a_lone_surrogate_is_invalid_text_and_its_neighbours_are_scored(server, connect):
    broken, good = ask(connect(), ("\ud800", "나"), ("가나", "다"))

    assert broken.reason is FailureReason.INVALID_TEXT
    assert good.n_tokens == 1


@BOTH
def test_fingerprints_are_compared_where_a_server_has_them_and_not_in_its_own_calls(server, connect):
    """`/generate` and `/tokenize` name no model; that is no change of it."""
    server.bos = True
    runtime = connect()

    ask(runtime, ("abcd", "efgh"))

    assert not any("changed" in warning for warning in runtime.subject.warnings)
