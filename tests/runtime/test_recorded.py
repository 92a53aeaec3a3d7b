"""Answers that exist already, and the way out and back of an air-gapped exchange."""

import gzip
import json
import random

import pytest

from verify.errors import ContentError
from verify.records import (
    AccessLevel,
    Classify,
    ClassifyAnswer,
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Message,
    TokenLogProbs,
)
from verify.runtime.causal.chat import FAMILIES
from verify.runtime.endpoint.bodies import response_from
from verify.runtime.recorded import RecordedAnswers, RecordedRuntime, export_requests, import_answers

ASKED = [
    Generate(prompt="수수료는?", max_tokens=8, stop=("\n",)),
    Generate(messages=(Message(role="user", content="안녕하세요?"),)),
    LogLikelihood(context="abcd", continuation="ef"),
    Classify(text="가"),
    TokenLogProbs(text="나"),
]

ZERO = "sha256:" + "0" * 64


def batch_output(export, *, transform=lambda line: line):
    """What a batch service would give back: by the double's rules, not by ours."""
    lines = []
    for line in map(json.loads, export.read_text().splitlines()):
        if line["body"].get("echo"):
            tokens = {
                "tokens": ["abcd", "ef", "!"],
                "token_logprobs": [None, -2.5, -1],
                "top_logprobs": [None, {"ef": -2.5}, {}],
            }
            choice = {"text": "abcdef!", "logprobs": tokens, "finish_reason": "length"}
        elif "messages" in line["body"]:
            choice = {"message": {"role": "assistant", "content": "안녕하십니까."}, "finish_reason": "stop"}
        else:
            choice = {"text": "1,000원", "finish_reason": "stop"}
        body = {"choices": [choice], "usage": {"completion_tokens": 5}}
        answer = {
            "id": "x",
            "custom_id": line["custom_id"],
            "response": {"status_code": 200, "body": body},
            "error": None,
        }
        lines.append(transform(answer))
    return lines


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def exported(tmp_path):
    export_requests(ASKED, tmp_path / "requests.jsonl", model="m")
    return tmp_path / "requests.jsonl"


def test_each_request_that_the_api_has_words_for_is_exported_once(tmp_path):
    counts = export_requests([*ASKED, *ASKED], tmp_path / "out.jsonl", model="m")

    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert counts == (3, 2)
    assert [line["url"] for line in lines] == ["/v1/completions", "/v1/chat/completions", "/v1/completions"]
    assert lines[0]["custom_id"] == ASKED[0].content_digest().removeprefix("sha256:")
    assert all(
        len(line["custom_id"]) <= 64 and line["method"] == "POST" and line["body"]["model"] == "m" for line in lines
    )


def test_answers_come_back_in_any_order_and_missing_ones_are_counted(exported, tmp_path):
    lines = batch_output(exported)
    random.Random(1).shuffle(lines)

    imported = import_answers(write(tmp_path / "in.jsonl", lines), requests=ASKED)

    assert imported.answers[ASKED[0].content_digest()] == GenerateAnswer(text="1,000원", finish="stop", n_tokens=5)
    assert imported.answers[ASKED[2].content_digest()] == LogLikelihoodAnswer(logprob=-2.5, n_tokens=1, is_greedy=True)
    assert set(imported.missing) == {ASKED[3].content_digest(), ASKED[4].content_digest()}


def test_an_answer_to_something_else_is_refused_with_its_line(exported, tmp_path):
    lines = batch_output(exported)
    lines[1]["custom_id"] = "0" * 64

    with pytest.raises(ContentError, match=r"in\.jsonl:2: .*belongs to no request"):
        import_answers(write(tmp_path / "in.jsonl", lines), requests=ASKED)


def test_two_different_answers_to_one_request_are_refused_and_equal_ones_are_not(exported, tmp_path):
    lines = batch_output(exported)
    import_answers(write(tmp_path / "twice.jsonl", [*lines, lines[0]]), requests=ASKED)
    other = json.loads(json.dumps(lines[0]))
    other["response"]["body"]["choices"][0]["text"] = "2,000원"

    with pytest.raises(ContentError, match="another answer to the request of line 1"):
        import_answers(write(tmp_path / "in.jsonl", [*lines, other]), requests=ASKED)


def test_an_error_in_the_batch_is_a_failure_and_no_answer(exported, tmp_path):
    lines = batch_output(exported)
    lines[0]["response"] = {"status_code": 500, "body": {}}
    lines[1]["response"], lines[1]["error"] = None, {"code": "batch_expired"}

    imported = import_answers(write(tmp_path / "in.jsonl", lines), requests=ASKED)

    assert [imported.answers[r.content_digest()].reason for r in ASKED[:2]] == [FailureReason.UNREACHABLE] * 2


def test_a_batch_output_is_a_subject(exported, tmp_path):
    runtime = RecordedRuntime(write(tmp_path / "in.jsonl", batch_output(exported)))

    told = {a.position: a.response for a in runtime.answer(ASKED)}

    assert runtime.subject.access is AccessLevel.RECORDED
    assert runtime.subject.answers == ("generate", "loglikelihood")
    assert runtime.subject.digest_covers == "recorded-answers"
    assert told[1].text == "안녕하십니까."
    assert told[2].logprob == -2.5
    assert {told[3].reason, told[4].reason} == {FailureReason.NOT_RECORDED}


def test_our_own_lines_hold_a_request_or_its_digest(tmp_path):
    lines = [
        {"request": ASKED[0].to_json(), "answer": "1,000원"},
        {
            "request": ASKED[3].content_digest(),
            "answer": {"kind": "classify", "probabilities": {"예": 0.75, "아니요": 0.25}},
        },
        {"request": ASKED[1].content_digest(), "answer": {"kind": "failed", "reason": "timeout"}},
    ]
    runtime = RecordedRuntime(write(tmp_path / "own.jsonl", lines))

    told = {a.position: a.response for a in runtime.answer(ASKED)}

    assert told[0].text == "1,000원"
    assert told[3] == ClassifyAnswer(probabilities={"예": 0.75, "아니요": 0.25})
    assert told[1].reason is FailureReason.TIMEOUT
    assert told[2].reason is FailureReason.NOT_RECORDED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param("", FailureReason.EMPTY, id="an empty text"),
        pytest.param("a\ud800", FailureReason.INVALID_TEXT, id="a lone surrogate"),
        pytest.param(
            {"kind": "generate", "text": "\udfff", "finish": "stop", "n_tokens": 1},
            FailureReason.INVALID_TEXT,
            id="in a record",
        ),
        pytest.param({"kind": "classify", "probabilities": {}}, FailureReason.MALFORMED, id="another kind"),
    ],
)
def test_an_answer_that_is_none_is_a_failure_with_its_reason(tmp_path, answer, reason):
    runtime = RecordedRuntime(write(tmp_path / "own.jsonl", [{"request": ASKED[0].to_json(), "answer": answer}]))

    (answered,) = runtime.answer([ASKED[0]])

    assert isinstance(answered.response, Failed)
    assert answered.response.reason is reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "holds no answers", id="an empty file"),
        pytest.param('\n{"request": ', r":2: this is no JSON", id="half a line"),
        pytest.param('{"request": "x", "answer": "y"}', ":1: expected request and answer", id="no digest"),
        pytest.param(
            '{"request": {"kind": "generate"}, "answer": "y"}', "request: this is no request", id="no request"
        ),
        pytest.param('{"custom_id": "request-1", "response": {}}', "a SHA-256", id="another export's ids"),
        pytest.param(f'{{"request": "{ZERO}", "answer": {{"kind": "x"}}}}', "answer: this is no answer", id="kind"),
        pytest.param(f'{{"request": "{ZERO}", "answer": NaN}}', "no JSON number", id="NaN"),
        pytest.param("[" * 100_000, ":1: this is no JSON", id="a nesting bomb"),
    ],
)
def test_a_wrong_file_names_its_line(tmp_path, text, message):
    file = tmp_path / "wrong.jsonl"
    file.write_text(text)

    with pytest.raises(ContentError, match=message):
        RecordedRuntime(file)


def test_an_answer_beats_an_error_to_the_same_request_whatever_their_order(exported, tmp_path):
    """A batch that was sent again: error file and output file in one, in both orders."""
    lines = batch_output(exported)
    error = {"custom_id": lines[0]["custom_id"], "response": None, "error": {"code": "batch_expired"}}

    for name, order in (("first.jsonl", [error, *lines]), ("last.jsonl", [*lines, error])):
        imported = import_answers(write(tmp_path / name, order), requests=ASKED)
        assert imported.answers[ASKED[0].content_digest()].text == "1,000원"


def test_several_files_are_one_and_an_error_is_no_answer(exported, tmp_path):
    lines = batch_output(exported)
    failed = {**lines[0], "response": {"status_code": 429, "body": {}}}
    one = write(tmp_path / "one.jsonl", [failed, lines[1]])
    two = write(tmp_path / "two.jsonl", [lines[2]])

    answers = RecordedAnswers([one, two])

    assert answers.of(ASKED[0]) is None
    assert answers.of(ASKED[1]).text == "안녕하십니까."
    assert RecordedAnswers([one, two, write(tmp_path / "three.jsonl", [lines[0]])]).of(ASKED[0]).text == "1,000원"
    assert answers.write(tmp_path / "all.jsonl") == 2
    whole = RecordedRuntime(tmp_path / "all.jsonl")
    assert [a.response.kind for a in whole.answer(ASKED[:3])] == ["failed", "generate", "loglikelihood"]


def test_two_files_that_contradict_each_other_name_both_places(exported, tmp_path):
    lines = batch_output(exported)
    other = json.loads(json.dumps(lines[0]))
    other["response"]["body"]["choices"][0]["text"] = "2,000원"

    with pytest.raises(ContentError, match=r"b\.jsonl:1: another answer to the request of .*a\.jsonl:1"):
        RecordedAnswers([write(tmp_path / "a.jsonl", lines), write(tmp_path / "b.jsonl", [other])])


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(exported, tmp_path):
    text = "\r\n".join(json.dumps(line) for line in batch_output(exported)) + "\r\n"
    file = tmp_path / "windows.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert len(import_answers(file, requests=ASKED).answers) == 3
    assert RecordedAnswers([file]).write(tmp_path / "plain.jsonl") == 3
    assert not (tmp_path / "plain.jsonl").read_bytes().startswith(b"\xef\xbb\xbf")
    assert len(import_answers(tmp_path / "plain.jsonl", requests=ASKED).answers) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(gzip.compress(b"{}"), "gunzip", id="gzip"),
        pytest.param(b"PK\x03\x04", "ZIP", id="zip"),
        pytest.param('{"a": 1}'.encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(b"\x00\x00\x00\x00", ":1: this is no JSON", id="zeros"),
        pytest.param('{"request": "가"'.encode("cp949"), ":1: this is no JSON", id="cp949"),
    ],
)
def test_a_file_in_another_form_says_what_to_do(tmp_path, content, message):
    file = tmp_path / "answers.jsonl"
    file.write_bytes(content)

    with pytest.raises(ContentError, match=message):
        RecordedRuntime(file)


def test_a_line_that_was_cut_off_names_itself(exported, tmp_path):
    file = write(tmp_path / "cut.jsonl", batch_output(exported))
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(ContentError, match=r"cut\.jsonl:3: this is no JSON"):
        RecordedRuntime(file)


def test_text_beside_a_custom_id_is_not_taken_for_an_error_of_the_batch(exported, tmp_path):
    line = {"custom_id": batch_output(exported)[0]["custom_id"], "answer": "1,000원"}

    with pytest.raises(ContentError, match=":1: expected request and answer"):
        RecordedRuntime(write(tmp_path / "own.jsonl", [line]))


@pytest.mark.parametrize("markers", FAMILIES, ids=lambda m: m.open.strip())
def test_thinking_that_a_server_left_in_the_text_is_kept_apart(markers):
    def read(text, finish="stop"):
        return response_from(ASKED[1], {"choices": [{"message": {"content": text}, "finish_reason": finish}]})

    closed = read(f"{markers.open}먼저 기간을 셉니다.{markers.close}\n\n14일입니다.")
    headless = read(f"먼저 기간을 셉니다.{markers.close}14일입니다.")
    cut = read(f"{markers.open}먼저 기간을", finish="length")

    assert (closed.text, closed.thinking) == ("14일입니다.", "먼저 기간을 셉니다.")
    assert (headless.text, headless.thinking) == ("14일입니다.", "먼저 기간을 셉니다.")
    assert (cut.text, cut.thinking, cut.finish) == ("", "먼저 기간을", "length")
    assert read(f"{markers.open}먼저 기간을").reason is FailureReason.EMPTY
