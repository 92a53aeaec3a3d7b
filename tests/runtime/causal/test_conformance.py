"""Every family of transformers gets the numbers of the naive reference, whichever path it takes.

Oracle: `reference.py`, a plain forward of each request alone, and `model.generate` alone.
"""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from tests.runtime.causal import reference, tiny
from verify.records import FailureReason, Generate, GenerateAnswer, LogLikelihood, LogLikelihoodAnswer, TokenLogProbs
from verify.runtime.causal import open_causal

FAST = (
    "llama", "qwen3", "exaone4", "exaone_moe", "solar_open", "axk1", "axk2+index", "hyperclovax", "gpt2", "mamba2",
    "t5", "phi3+longrope", "blenderbot-small", "lfm2_moe", "glm4", "glm_moe_dsa",
)  # fmt: skip
SHOTS = "\n\n".join(tiny.KOREAN[:4])
QUESTIONS = ("여권은 어디에서 받습니까?", "전입신고는 며칠 안에 합니까? 답을 하나 고르십시오.")
OPTIONS = (" 주민센터", " 구청 민원실에서 받습니다", " 모릅니다.", " A", " B", " C")
SIZES = {"max_position_embeddings": 320, "n_positions": 320, "max_seq_len": 320}
LENGTHS = (2, 12, 30, 44, 100)
"""Tokens of prompts: below and beyond windows of 16 and rotary lengths of 48, and one that crosses the latter."""
DOCUMENT = " ".join(tiny.KOREAN)


def requests() -> list[LogLikelihood]:
    """A shared few-shot prefix beyond every window, contexts and options of unequal length, edge cases."""
    asked = [
        LogLikelihood(context=f"{SHOTS}\n\n질문: {question}\n답:", continuation=option)
        for question in QUESTIONS
        for option in OPTIONS
    ]
    asked += [LogLikelihood(context="", continuation=text) for text in tiny.KOREAN[:2]]
    asked += [LogLikelihood(context=tiny.KOREAN[0] + "  ", continuation=tiny.KOREAN[1][:20])]
    asked += [LogLikelihood(context=DOCUMENT, continuation=" 끝")]
    return asked


def _families() -> list[object]:
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow, id=name) for name in tiny.FAMILIES]


def test_at_least_140_configurations_are_tried_and_all_korean_ones():
    assert len(tiny.FAMILIES) >= 140
    assert len({name.split("+")[0] for name in tiny.FAMILIES}) >= 120
    assert set(tiny.KOREAN_FAMILIES) == {"exaone4", "exaone_moe", "solar_open", "axk1", "axk2", "hyperclovax"}
    assert set(tiny.KOREAN_FAMILIES) <= set(tiny.FAMILIES)


@pytest.mark.parametrize("name", _families())
def test_a_family_gets_the_naive_numbers(name, tmp_path):
    own = tiny.FAMILIES[name]
    folder = tiny.save(name, tmp_path, **{key: value for key, value in SIZES.items() if key not in own})
    seq2seq = name in tiny.SEQ2SEQ
    model = (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    engine = open_causal(folder)
    window = engine.facts.context
    asked = requests()

    answers = {a.position: a.response for a in engine.answer(asked)}

    for position, request in enumerate(asked):
        left, right = reference.pair(tokenizer, request)
        response = answers[position]
        if len(right) > window:
            assert response.reason is FailureReason.CONTEXT_TOO_LONG
            continue
        if seq2seq:
            if len(left) > window:
                continue
            expected = reference.seq2seq_logprobs(model, tokenizer, request)
        else:
            expected = reference.token_logprobs(model, left, right, window=window)
        assert isinstance(response, LogLikelihoodAnswer)
        assert response.n_tokens == len(expected)
        assert response.logprob == pytest.approx(float(expected.sum()), abs=1e-4 * len(expected))
        assert response.truncated == (len(left) + len(right) > window + 1)
    _check_document(engine, model, tokenizer, window=window, seq2seq=seq2seq)
    _check_generation(engine, model, tokenizer, window=window)


def _check_document(engine, model, tokenizer, *, window, seq2seq):
    if seq2seq:
        return
    text = tiny.KOREAN[2]
    (answer,) = engine.answer([TokenLogProbs(text=text)])
    ids = [reference.prefix(tokenizer), *tokenizer.encode(text)]
    if len(ids) > window + 1:
        assert answer.response.windows == -(-(len(ids) - 1) // window)
        return
    expected = reference.token_logprobs(model, ids[:1], ids[1:], window=window)
    mean, variance = reference.moments(model, ids)
    assert answer.response.logprobs == pytest.approx(expected.tolist(), abs=1e-4)
    assert answer.response.means == pytest.approx(mean.tolist(), abs=1e-4)
    assert answer.response.variances == pytest.approx(variance.tolist(), abs=1e-3)


def _check_generation(engine, model, tokenizer, *, window):
    """Prompts from two tokens to beyond every window, index and original rotary length, in one round."""
    whole = tokenizer.encode(DOCUMENT)
    lengths = [length for length in LENGTHS if length + 12 <= window]
    prompts = [tokenizer.decode(whole[5 : 5 + length]) for length in lengths]
    prompts.append(prompts[-1] + " 예")
    answers = {a.position: a.response for a in engine.answer([Generate(prompt=p, max_tokens=10) for p in prompts])}
    for position, prompt in enumerate(prompts):
        written = reference.greedy(model, tokenizer.encode(prompt), count=10)
        response = answers[position]
        assert isinstance(response, GenerateAnswer)
        assert response.text == tokenizer.decode(written, skip_special_tokens=True)


@pytest.mark.parametrize("name", ["llama", "exaone4", "gpt2"])
def test_reduced_precision_stays_within_its_own_noise(name, tmp_path):
    folder = tiny.save(name, tmp_path, **SIZES)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    engine = open_causal(folder, dtype="bfloat16")
    asked = requests()

    answers = {a.position: a.response for a in engine.answer(asked)}

    apart = []
    for position, request in enumerate(asked):
        left, right = reference.pair(tiny.tokenizer(), request)
        expected = reference.token_logprobs(model, left, right, window=engine.facts.context)
        apart.append(abs(answers[position].logprob - float(expected.sum())) / len(expected))
    assert engine.facts.dtype == "bfloat16"
    assert max(apart) < 0.25
