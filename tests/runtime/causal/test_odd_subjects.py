"""Subjects and requests that are odd in good or bad faith: each ends in an answer or in a reason, never in a crash."""

import json
import time
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.runtime.causal import reference, tiny
from verify.records import (
    FailureReason,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Message,
    TokenLogProbs,
)
from verify.runtime.causal import chat, open_causal
from verify.runtime.causal.chat import Voice
from verify.runtime.causal.engine import CausalEngine

WINDOW = 128


@pytest.fixture
def folder(tmp_path) -> Path:
    return tiny.save("llama", tmp_path, max_position_embeddings=WINDOW)


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> CausalEngine:
    return open_causal(tiny.save("llama", tmp_path_factory.mktemp("models"), max_position_embeddings=WINDOW))


def ask(engine: CausalEngine, asked: list) -> list:
    answers = {a.position: a.response for a in engine.answer(asked)}
    assert sorted(answers) == list(range(len(asked)))
    return [answers[position] for position in range(len(asked))]


def test_a_tokenizer_that_knows_nothing_makes_all_options_of_a_length_alike(folder):
    core = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", eos_token="</s>").save_pretrained(folder)
    engine = open_causal(folder)

    one, other, longer, written = ask(
        engine,
        [
            LogLikelihood(context="질문: 수도는?", continuation=" 서울"),
            LogLikelihood(context="질문: 수도는?", continuation=" 부산"),
            LogLikelihood(context="질문: 수도는?", continuation=" 부산 광역시"),
            Generate(prompt="질문", max_tokens=3),
        ],
    )

    assert one == other
    assert longer.n_tokens == 2
    assert isinstance(written, GenerateAnswer)


def test_tokens_beyond_the_embedding_cost_their_own_requests(folder):
    """Added tokens that nobody made room for: a row that is not there ends an accelerator's context for good."""
    made = tiny.tokenizer()
    made.add_tokens(["<새말>", *(f"<{n}>" for n in range(20))])
    made.save_pretrained(folder)
    engine = open_causal(folder)

    answers = ask(
        engine,
        [
            LogLikelihood(context="질문 <새말>", continuation=" 답"),
            LogLikelihood(context="질문", continuation=" <19>"),
            LogLikelihood(context="질문", continuation=" 답"),
            TokenLogProbs(text="민원 <5> 접수"),
            Generate(prompt="<19>", max_tokens=2),
            Generate(prompt="민원", max_tokens=2),
        ],
    )

    assert len(made) > engine._loaded.model.get_input_embeddings().weight.shape[0]
    assert [getattr(a, "reason", None) for a in answers] == [
        None, FailureReason.UNSUPPORTED, None, FailureReason.UNSUPPORTED, FailureReason.UNSUPPORTED, None,
    ]  # fmt: skip
    assert isinstance(answers[2], LogLikelihoodAnswer)
    assert isinstance(answers[5], GenerateAnswer)


def test_an_added_token_with_a_row_is_one_token(folder, tmp_path):
    target = tiny.save("llama", tmp_path / "added", vocab_size=450, max_position_embeddings=WINDOW)
    made = tiny.tokenizer()
    made.add_tokens(["<새말>"])
    made.save_pretrained(target)
    engine = open_causal(target)
    asked = LogLikelihood(context="질문", continuation="<새말>")

    (answer,) = ask(engine, [asked])

    left, right = reference.pair(made, asked)
    expected = reference.token_logprobs(engine._loaded.model, left, right, window=WINDOW)
    assert answer.n_tokens == len(right) == 1
    assert answer.logprob == pytest.approx(float(expected.sum()), abs=1e-4)


def test_any_of_several_end_tokens_ends_an_answer(folder):
    tokenizer = tiny.tokenizer()
    model = open_causal(folder)._loaded.model
    prompts = ["민원", tiny.KOREAN[1][:12]]
    written = [reference.greedy(model, tokenizer.encode(prompt), count=12) for prompt in prompts]
    ends = [2, written[0][5], written[1][3]]
    config = json.loads((folder / "generation_config.json").read_text("utf-8"))
    (folder / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": ends}), encoding="utf-8")
    engine = open_causal(folder)

    for answers in (
        ask(engine, [Generate(prompt=prompt, max_tokens=12) for prompt in prompts]),
        [ask(engine, [Generate(prompt=prompt, max_tokens=12)])[0] for prompt in prompts],
    ):
        for answer, ids in zip(answers, written, strict=True):
            end = min(ids.index(one) for one in ends if one in ids)
            assert answer.finish == "stop"
            assert answer.text == tokenizer.decode(ids[:end], skip_special_tokens=True)


def test_nul_and_control_characters_are_text_as_any_other(engine):
    tokenizer, model = engine._loaded.tokenizer, engine._loaded.model
    asked = [LogLikelihood(context="질문\x00\x01\x7f", continuation="\x00답\u202e"), TokenLogProbs(text="\x00\x00\x00")]

    scored, document, written = ask(engine, [*asked, Generate(prompt="\x00\x1b[31m", max_tokens=4)])

    left, right = reference.pair(tokenizer, asked[0])
    expected = reference.token_logprobs(model, left, right, window=WINDOW)
    assert scored.logprob == pytest.approx(float(expected.sum()), abs=1e-4)
    assert len(document.logprobs) == 3
    ids = reference.greedy(model, tokenizer.encode("\x00\x1b[31m"), count=4)
    assert written.text == tokenizer.decode(ids, skip_special_tokens=True)


def test_a_megabyte_is_cut_or_refused_and_its_neighbours_are_answered(engine):
    """A context loses its left end, a continuation and a prompt are refused; half a minute is far more than it takes."""
    long = "민원을 접수하신 뒤 처리 결과는 문자로 알려 드립니다. " * 15_000
    started = time.monotonic()

    cut, refused, prompt, good = ask(
        engine,
        [
            LogLikelihood(context=long, continuation=" 예"),
            LogLikelihood(context="예", continuation=long),
            Generate(prompt=long, max_tokens=2),
            LogLikelihood(context="예", continuation=" 예"),
        ],
    )

    assert len(long.encode()) > 1_000_000
    assert cut.truncated
    assert refused.reason is FailureReason.CONTEXT_TOO_LONG
    assert prompt.reason is FailureReason.CONTEXT_TOO_LONG
    assert isinstance(good, LogLikelihoodAnswer)
    assert time.monotonic() - started < 120


def test_an_empty_conversation_and_an_empty_prompt_are_answered_or_have_a_reason(engine):
    raw, turn = ask(
        engine,
        [Generate(prompt="", max_tokens=2), Generate(messages=(Message(role="user", content=""),), max_tokens=2)],
    )

    assert isinstance(raw, GenerateAnswer)
    assert isinstance(turn, GenerateAnswer)


def test_a_template_of_loops_in_loops_is_interrupted_once_and_not_waited_for_again(monkeypatch):
    monkeypatch.setattr(chat, "RENDER_SECONDS", 0.3)
    loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}"
    voice = Voice(tiny.tokenizer(template=loops))
    turns = (Message(role="user", content="가"),)
    started = time.monotonic()

    first = voice.conversation(turns)
    second = voice.conversation(turns)

    assert first.reason is second.reason is FailureReason.TIMEOUT
    assert time.monotonic() - started < 5
