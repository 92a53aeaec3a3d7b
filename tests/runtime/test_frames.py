"""What crosses between the processes: sized, typed, and never believed (S19, F21)."""

import json
import os
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.records import ClassifyAnswer, Failed, FailureReason, Generate, GenerateAnswer
from verify.runtime import frames
from verify.runtime.frames import (
    AnswerFrame,
    AskFrame,
    Channel,
    ChannelClosedError,
    ChannelTimeoutError,
    DoneFrame,
    FrameError,
    from_worker,
    pack,
    read_frame,
    to_worker,
)


@pytest.fixture
def pipes():
    """A channel, and the worker's two ends."""
    ask_read, ask_write = os.pipe()
    answer_read, answer_write = os.pipe()
    channel = Channel(read_fd=answer_read, write_fd=ask_write)
    yield channel, ask_read, answer_write
    channel.close()
    for descriptor in (ask_read, answer_write):
        try:
            os.close(descriptor)
        except OSError:
            continue


def text_answer(text):
    return AnswerFrame(id=3, response=GenerateAnswer(text=text, finish="stop", n_tokens=1))


@given(st.text())
def test_every_text_survives_the_way(text):
    assert from_worker(pack(text_answer(text))[4:]) == text_answer(text)


@given(st.text())
def test_every_request_survives_the_way(text):
    ask = AskFrame(id=0, request=Generate(prompt=text, stop=("\n",)))

    assert to_worker(pack(ask)[4:]) == ask


@given(st.binary(max_size=200))
def test_random_bytes_are_no_frame_and_no_other_error(data):
    with pytest.raises(FrameError):
        from_worker(data)


def test_a_lone_surrogate_is_a_failed_answer():
    frame = from_worker(pack(text_answer("a\ud800b"))[4:])

    assert frame.id == 3
    assert frame.response.reason is FailureReason.INVALID_TEXT


@pytest.mark.parametrize(
    "change",
    [
        {"id": -1},
        {"id": "3"},
        {"more": 1},
        {"type": "other"},
        {"response": {"kind": "loglikelihood", "logprob": 0.5, "n_tokens": 1, "is_greedy": True}},
        {"response": {"kind": "loglikelihood", "logprob": -1, "n_tokens": 0, "is_greedy": True}},
        {"response": {"kind": "classify", "probabilities": {"a": 1.5}}},
        {"response": None},
    ],
    ids=str,
)
def test_a_frame_of_another_shape_is_refused(change):
    value = {"type": "answer", "id": 3, "response": {"kind": "failed", "reason": "crashed"}}
    assert isinstance(from_worker(json.dumps(value).encode()), AnswerFrame)

    with pytest.raises(FrameError):
        from_worker(json.dumps({**value, **change}).encode())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_no_number_but_a_finite_one_crosses(number):
    body = '{"type":"answer","id":0,"response":{"kind":"loglikelihood","logprob":%s,"n_tokens":1,"is_greedy":false}}'

    with pytest.raises(FrameError):
        from_worker((body % number).encode())


def test_a_frame_beyond_the_limit_is_not_packed():
    with pytest.raises(FrameError, match="limit"):
        pack(text_answer("x" * (frames.MAX_FRAME + 1)))


def test_an_announced_length_beyond_the_limit_is_refused_before_it_is_read(pipes):
    channel, _, answer = pipes
    os.write(answer, struct.pack(">I", frames.MAX_FRAME + 1))

    with pytest.raises(FrameError, match="limit"):
        channel.receive(within=1)


def test_frames_in_one_write_and_frames_in_pieces_both_arrive(pipes):
    channel, _, answer = pipes
    data = pack(text_answer("가")) + pack(DoneFrame())
    for piece in (data[:3], data[3:9], data[9:]):
        os.write(answer, piece)

    assert channel.receive(within=1) == text_answer("가")
    assert channel.receive(within=0) == DoneFrame()


def test_silence_ends_in_a_timeout_and_what_is_there_needs_no_time(pipes):
    channel, _, answer = pipes
    with pytest.raises(ChannelTimeoutError):
        channel.receive(within=0.05)
    os.write(answer, pack(DoneFrame()))

    assert channel.receive(within=0) == DoneFrame()


def test_a_worker_that_takes_nothing_ends_in_a_timeout(pipes):
    channel, *_ = pipes

    with pytest.raises(ChannelTimeoutError):
        channel.send(b"x" * 10**6, within=0.1)


def test_a_worker_that_is_gone_is_noticed(pipes):
    channel, ask, answer = pipes
    os.close(answer)
    os.close(ask)

    with pytest.raises(ChannelClosedError):
        channel.receive(within=1)
    with pytest.raises(ChannelClosedError):
        channel.send(b"x", within=1)


def test_both_ends_agree(pipes):
    channel, ask, answer = pipes
    request = AskFrame(id=0, request=Generate(prompt="가" * 100_000))
    echo = AnswerFrame(id=0, response=ClassifyAnswer(probabilities={"a": 0.5, "b": 0.5}))

    def worker():
        assert to_worker(read_frame(ask)) == request
        frames.write_all(answer, pack(echo))

    thread = threading.Thread(target=worker)
    thread.start()
    channel.send(pack(request), within=5)

    assert channel.receive(within=5) == echo
    thread.join()


def test_a_failure_crosses_as_itself():
    failed = AnswerFrame(id=1, response=Failed(reason=FailureReason.CONTEXT_TOO_LONG, detail="4097 of 4096 tokens"))

    assert from_worker(pack(failed)[4:]) == failed
