"""What is written is what `model.generate` writes alone, whatever else is being written.

Oracle: `model.generate`, one prompt at a time, and for sampling the distribution itself.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from tests.runtime.causal import reference, tiny
from verify.records import FailureReason, Generate, GenerateAnswer, Message
from verify.runtime.causal import chat, decoding, open_causal
from verify.runtime.causal.chat import FAMILIES, Voice
from verify.runtime.causal.engine import CausalEngine

SYSTEM = tiny.KOREAN[0] + "\n"
PROMPTS = [SYSTEM + text for text in ("질문", "답변을 하십시오.", "여권", "민원 접수 안내")] + ["민원", "전입 신고는"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny.save("exaone4", tmp_path_factory.mktemp("models"), max_position_embeddings=256)


@pytest.fixture(scope="module")
def engine(folder) -> CausalEngine:
    return open_causal(folder)


@pytest.fixture(scope="module")
def talker(tmp_path_factory) -> CausalEngine:
    """A subject with a chat template and thinking tokens."""
    target = tmp_path_factory.mktemp("talkers")
    return open_causal(tiny.save("llama", target, template=tiny.CHAT_TEMPLATE, max_position_embeddings=256))


def _ask(engine: CausalEngine, asked: list) -> list:
    answers = {a.position: a.response for a in engine.answer(asked)}
    assert sorted(answers) == list(range(len(asked)))
    return [answers[position] for position in range(len(asked))]


def _greedy(engine: CausalEngine, prompt: str, count: int) -> str:
    tokenizer = engine._loaded.tokenizer
    return tokenizer.decode(
        reference.greedy(engine._loaded.model, tokenizer.encode(prompt), count=count), skip_special_tokens=True
    )


def test_rows_that_join_and_leave_are_written_as_if_alone(engine, monkeypatch):
    """Four rows at most: with six prompts of different lengths and ends, rows join a running batch."""
    monkeypatch.setattr(engine._generator._together, "_rows", 4)
    asked = [Generate(prompt=p, max_tokens=6 + 5 * i) for i, p in enumerate(PROMPTS)]

    answers = _ask(engine, asked)

    assert engine._generator._trusted == 256
    for request, answer in zip(asked, answers, strict=True):
        assert answer.text == _greedy(engine, request.prompt, request.max_tokens)


def test_a_shared_prompt_is_read_once(engine):
    asked = [Generate(prompt=SYSTEM + f"질문 {n}", max_tokens=1) for n in range(8)]
    _ask(engine, asked)
    before = engine.network.forwarded

    _ask(engine, asked)

    tokenizer = engine._loaded.tokenizer
    unshared = sum(len(tokenizer.encode(request.prompt)) for request in asked)
    assert engine.network.forwarded - before < unshared / 3


@pytest.mark.parametrize(
    "penalty", [{"repetition_penalty": 1.5}, {"no_repeat_ngram_size": 2}, {"suppress_tokens": [5]}]
)
def test_the_subjects_own_penalties_stay_in_force(folder, penalty):
    engine = open_causal(folder)
    engine._loaded.model.generation_config.update(**penalty)
    engine._generator._single.config = decoding.greedy_config(engine._loaded.model)
    asked = [Generate(prompt=p, max_tokens=20) for p in PROMPTS[:3]]

    answers = _ask(engine, asked)

    assert engine._generator._trusted == 256
    assert [a.text for a in answers] == [_greedy(engine, p, 20) for p in PROMPTS[:3]]


def test_an_answer_that_was_cut_says_so(engine):
    (answer,) = _ask(engine, [Generate(prompt=PROMPTS[0], max_tokens=5)])

    assert answer.finish == "length"
    assert answer.n_tokens == 5


def test_an_end_token_ends_an_answer(folder):
    engine = open_causal(folder)
    tokenizer = engine._loaded.tokenizer
    written = reference.greedy(engine._loaded.model, tokenizer.encode(PROMPTS[1]), count=12)
    engine._generator._single.ends = decoding.Ends(frozenset([written[7]]), forced=False)
    first = written.index(written[7])

    for answers in (_ask(engine, [Generate(prompt=PROMPTS[1], max_tokens=12)]),
                    _ask(engine, [Generate(prompt=p, max_tokens=12) for p in PROMPTS])[1:2]):  # fmt: skip
        assert answers[0].finish == "stop"
        assert answers[0].n_tokens == first
        assert answers[0].text == tokenizer.decode(written[:first], skip_special_tokens=True)


def test_a_stop_string_ends_an_answer_and_is_cut_from_it(engine):
    whole = _greedy(engine, PROMPTS[2], 30)
    stop = whole[6:9]
    at = whole.index(stop)

    alone = _ask(engine, [Generate(prompt=PROMPTS[2], max_tokens=30, stop=(stop, "없는 말"))])[0]
    beside = _ask(engine, [Generate(prompt=p, max_tokens=30, stop=(stop,)) for p in PROMPTS])[2]

    for answer in (alone, beside):
        assert answer.text == whole[:at]
        assert answer.finish == "stop"
        assert answer.n_tokens < 30


def test_sampling_depends_on_its_own_seed_and_on_nothing_else(engine):
    asked = [Generate(prompt=p, max_tokens=12, temperature=0.9, seed=s) for p in PROMPTS[:3] for s in (1, 2)]

    together = _ask(engine, asked)
    back = _ask(engine, asked[::-1])[::-1]
    alone = [_ask(engine, [request])[0] for request in asked]

    assert together == back == alone
    assert len({answer.text for answer in together}) == len(asked)


def test_sampled_tokens_follow_the_distribution(engine):
    """Oracle: softmax of the plain logits at the temperature; chi-square over 4,000 first tokens."""
    tokenizer = engine._loaded.tokenizer
    ids = tokenizer.encode(PROMPTS[4])
    with torch.inference_mode():
        logits = engine._loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].double()
    p = torch.softmax(logits / 0.7, -1).numpy()
    voice = Voice(tokenizer)
    counts = np.zeros(len(p))
    for seed in range(4000):
        prompt = decoding.Prompt(np.array(ids, np.int32), 1, (), 0.7, seed, None)
        writing = decoding.Writing(prompt, voice=voice, ends=decoding.Ends(frozenset(), forced=False))
        counts[writing.choose(logits.float())] += 1

    common = p * 4000 >= 5
    observed, expected = np.append(counts[common], counts[~common].sum()), np.append(p[common], p[~common].sum()) * 4000
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_a_prompt_that_fills_the_window_is_refused_and_never_cut(engine):
    answers = _ask(engine, [Generate(prompt=" ".join(tiny.KOREAN * 3)), Generate(prompt="민원", max_tokens=3)])

    assert answers[0].reason is FailureReason.CONTEXT_TOO_LONG
    assert isinstance(answers[1], GenerateAnswer)


def test_an_answer_ends_where_the_window_ends(engine):
    tokenizer = engine._loaded.tokenizer
    prompt = tokenizer.decode(tokenizer.encode(" ".join(tiny.KOREAN * 2))[:250])
    room = 256 - len(tokenizer.encode(prompt))

    (answer,) = _ask(engine, [Generate(prompt=prompt, max_tokens=50)])

    assert 0 < room < 50
    assert answer.n_tokens <= room
    assert answer.finish == "length"


def test_an_empty_prompt_begins_with_the_first_token(engine):
    (answer,) = _ask(engine, [Generate(prompt="", max_tokens=4)])

    tokenizer = engine._loaded.tokenizer
    written = reference.greedy(engine._loaded.model, [tokenizer.bos_token_id], count=4)
    assert answer.text == tokenizer.decode(written, skip_special_tokens=True)


def test_broken_logits_are_no_answer_and_leave_neighbours_alone(folder):
    engine = open_causal(folder)
    tokenizer = engine._loaded.tokenizer
    good = set(
        tokenizer.encode(PROMPTS[4]) + reference.greedy(engine._loaded.model, tokenizer.encode(PROMPTS[4]), count=8)
    )
    token = next(t for t in tokenizer.encode(PROMPTS[5]) if t not in good)
    expected = _greedy(engine, PROMPTS[4], 8)
    engine._loaded.model.get_input_embeddings().weight.data[token] = float("nan")

    answers = _ask(engine, [Generate(prompt=p, max_tokens=8) for p in PROMPTS[4:]])

    assert answers[0].text == expected
    assert answers[1].reason is FailureReason.INVALID_LOGITS


def test_too_much_text_is_no_answer(engine, monkeypatch):
    monkeypatch.setattr(decoding, "ANSWER_LIMIT", 5)

    (answer,) = _ask(engine, [Generate(prompt=PROMPTS[3], max_tokens=40)])

    assert answer.reason is FailureReason.TOO_LONG


def test_a_conversation_goes_through_the_subjects_template(talker):
    turns = (Message(role="system", content="공손히 답하십시오."), Message(role="user", content="안녕하십니까?"))
    prompt = "<|system|>공손히 답하십시오.\n<|user|>안녕하십니까?\n<|assistant|>"

    (answer,) = _ask(talker, [Generate(messages=turns, max_tokens=8)])

    assert talker.facts.has_chat_template
    ids = talker._loaded.tokenizer.encode(prompt, add_special_tokens=False)
    written = reference.greedy(talker._loaded.model, ids, count=8)
    assert answer.text + answer.thinking == talker._voice.read(written, opened=None).text


def test_a_conversation_without_template_is_plain_text(engine):
    turns = (Message(role="user", content="질문"), Message(role="assistant", content="답"))

    (spoken, raw) = _ask(engine, [Generate(messages=turns, max_tokens=4), Generate(prompt="질문\n답\n", max_tokens=4)])

    assert spoken == raw


HOSTILE = (
    "{{ messages.__class__.__mro__ }}",
    "{% for i in range(10**9) %}{% endfor %}",
    "{{ raise_exception('no') }}",
    "{{ 1 / 0 }}",
    "{{ messages[7].content }}",
)


@pytest.mark.parametrize("template", HOSTILE)
def test_a_hostile_template_costs_its_own_answer(template):
    tokenizer = tiny.tokenizer(template=template)

    rendered = Voice(tokenizer).conversation((Message(role="user", content="가"),))

    if not isinstance(rendered, chat.Rendered):
        assert rendered.reason is FailureReason.MALFORMED
    else:
        assert "mro" not in rendered.text
        assert rendered.text == ""


def test_a_template_that_writes_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(chat, "PROMPT_LIMIT", 1000)
    voice = Voice(tiny.tokenizer(template="{{ 'a' * 2000 }}"))

    assert voice.conversation((Message(role="user", content="가"),)).reason is FailureReason.TOO_LONG


def test_a_template_that_refuses_a_system_turn_gets_it_with_the_first_question():
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}"
    voice = Voice(tiny.tokenizer(template=template))

    rendered = voice.conversation((Message(role="system", content="규칙"), Message(role="user", content="질문")))

    assert rendered.text == "규칙\n\n질문"


@pytest.mark.parametrize("markers", FAMILIES, ids=lambda m: m.open.strip())
def test_thinking_is_kept_apart(markers):
    tokenizer = tiny.tokenizer(template=tiny.CHAT_TEMPLATE)
    voice = Voice(tokenizer)

    def read(text, opened=None):
        return voice.read(tokenizer.encode(text, add_special_tokens=False), opened=opened)

    closed = read(f"{markers.open}먼저 기간을 셉니다.{markers.close}\n\n14일입니다.")
    opened = read(f"먼저 기간을 셉니다.{markers.close}14일입니다.", opened=markers)
    cut = read(f"{markers.open}먼저 기간을")

    assert closed == ("14일입니다.", "먼저 기간을 셉니다.", False)
    assert opened == ("14일입니다.", "먼저 기간을 셉니다.", False)
    assert cut == ("", "먼저 기간을", True)


def test_a_prompt_that_opens_the_thinking_is_noticed():
    voice = Voice(tiny.tokenizer(template="{{ messages[0].content }}<|assistant|><think>\n"))

    rendered = voice.conversation((Message(role="user", content="질문"),))

    assert rendered.thinking == FAMILIES[0]


def test_a_stop_string_inside_the_thinking_does_not_end_the_answer():
    tokenizer = tiny.tokenizer(template=tiny.CHAT_TEMPLATE)
    prompt = decoding.Prompt(np.array([1], np.int32), 100, ("끝",), 0.0, 0, None)
    writing = decoding.Writing(prompt, voice=Voice(tokenizer), ends=decoding.Ends(frozenset(), forced=False))

    for token in tokenizer.encode("<think>생각 끝 아님</think>답입니다.끝 그리고", add_special_tokens=False):
        if not writing.is_done:
            writing.push(token)

    assert writing.response().text == "답입니다."
    assert writing.response().thinking == "생각 끝 아님"


def test_text_without_thinking_stays_whole(engine):
    voice, tokenizer = Voice(engine._loaded.tokenizer), engine._loaded.tokenizer
    ids = tokenizer.encode("  접수 번호는 <3>입니다.\n", add_special_tokens=False)

    assert voice.read([*ids, tokenizer.eos_token_id], opened=None).text == "  접수 번호는 <3>입니다.\n"
