"""A subject on an accelerator gives the numbers of the plain forward on the processor, and answers shut in.

Oracle: `tests/runtime/causal/reference.py` in fp32 on the CPU, and `model.generate` on the accelerator.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from tests.runtime.causal import reference, tiny
from tests.runtime.causal.test_conformance import requests
from verify.records import Generate, GenerateAnswer, LogLikelihoodAnswer, TokenLogProbs, TokenLogProbsAnswer
from verify.runtime.artefact import check_folder
from verify.runtime.causal import open_causal
from verify.runtime.process import WorkerRuntime

pytestmark = pytest.mark.gpu

FAMILIES = (
    *tiny.KOREAN_FAMILIES, "llama", "qwen3", "gemma3_text", "gpt_oss", "mistral+window", "deepseek_v3", "gpt2", "mpt",
    "mamba2", "qwen3_next", "lfm2", "falcon_h1", "t5",
)  # fmt: skip
FP32 = 3e-4
"""Nats a token between the accelerator's kernels and the processor's, both in fp32."""
SIZES = {"max_position_embeddings": 320, "n_positions": 320, "max_seq_len": 320}


def _truth(folder, asked, *, seq2seq: bool) -> list[torch.Tensor]:
    family = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
    model, tokenizer = family.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder)
    if seq2seq:
        return [reference.seq2seq_logprobs(model, tokenizer, request) for request in asked]
    pairs = [reference.pair(tokenizer, request) for request in asked]
    return [reference.token_logprobs(model, *pair, window=320) for pair in pairs]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_gets_the_processor_s_numbers_in_fp32(name, tmp_path):
    folder = tiny.save(name, tmp_path, **SIZES)
    asked = requests()[:-1]
    engine = open_causal(folder, dtype="float32")

    answers = {a.position: a.response for a in engine.answer(asked)}

    assert engine.facts.device == "cuda"
    for position, truth in enumerate(_truth(folder, asked, seq2seq=name in tiny.SEQ2SEQ)):
        answer = answers[position]
        assert isinstance(answer, LogLikelihoodAnswer), (name, answer)
        assert answer.n_tokens == len(truth)
        assert abs(answer.logprob - float(truth.sum())) <= FP32 * len(truth), (name, engine.facts.path_reason)


def test_bfloat16_is_the_default_and_stays_near_fp32(tmp_path):
    folder = tiny.save("llama", tmp_path, max_position_embeddings=320)
    asked = requests()[:-1]
    engine = open_causal(folder)

    answers = {a.position: a.response for a in engine.answer(asked)}

    apart = np.array(
        [
            (answers[i].logprob - float(truth.sum())) / len(truth)
            for i, truth in enumerate(_truth(folder, asked, seq2seq=False))
        ]
    )
    assert engine.facts.dtype == "bfloat16"
    assert engine.facts.path == "shared-prefix", engine.facts.path_reason
    assert float(np.sqrt((apart**2).mean())) < 0.05
    assert abs(float(apart.mean())) < 0.02


def test_documents_have_the_processor_s_moments(tmp_path):
    folder = tiny.save("qwen3", tmp_path, max_position_embeddings=512)
    text = " ".join(tiny.KOREAN[:5])
    answers = {}
    for device in ("cpu", "cuda"):
        (found,) = open_causal(folder, dtype="float32", device=device).answer([TokenLogProbs(text=text)])
        assert isinstance(found.response, TokenLogProbsAnswer)
        answers[device] = found.response
    for field in ("logprobs", "means", "variances"):
        np.testing.assert_allclose(getattr(answers["cuda"], field), getattr(answers["cpu"], field), atol=1e-3)


@pytest.mark.parametrize("name", ["llama", "exaone4", "gpt_oss", "mamba2", "qwen3_next"])
def test_answers_written_side_by_side_are_those_of_generate(name, tmp_path):
    folder = tiny.save(name, tmp_path, **SIZES)
    engine = open_causal(folder, dtype="float32")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to("cuda")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [tiny.KOREAN[0] + text for text in (" 가", " 나 다", "", *tiny.KOREAN[1:5])]

    answers = {a.position: a.response for a in engine.answer([Generate(prompt=p, max_tokens=24) for p in prompts])}

    for position, prompt in enumerate(prompts):
        ids = torch.tensor([tokenizer.encode(prompt)], device="cuda")
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24)
        text = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        answer = answers[position]
        assert isinstance(answer, GenerateAnswer)
        assert answer.text == text, (name, position)


def test_a_shortage_of_memory_halves_the_batch_and_loses_nothing(tmp_path):
    folder = tiny.save("llama", tmp_path, max_position_embeddings=320)
    asked = requests()[:-1]
    plenty = {a.position: a.response.logprob for a in open_causal(folder, dtype="float32").answer(asked)}
    engine = open_causal(folder, dtype="float32")
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved() + 24 * 2**20
    try:
        torch.cuda.set_per_process_memory_fraction(held / torch.cuda.get_device_properties(0).total_memory)
        answers = {a.position: a.response for a in engine.answer(asked)}
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    for position, answer in answers.items():
        if isinstance(answer, LogLikelihoodAnswer):
            assert answer.logprob == pytest.approx(plenty[position], abs=1e-3)
        else:
            assert answer.reason.value == "resource_exceeded"


def test_the_shut_in_process_reaches_the_accelerator(tmp_path):
    folder = tiny.save("llama", tmp_path, max_position_embeddings=320)
    asked = [*requests()[:4], Generate(prompt=tiny.KOREAN[0], max_tokens=4)]
    # Libraries may lie beside the installation here; the process is told of them, as its environment is cut.
    beside = [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    runtime = WorkerRuntime(check_folder(folder, name="tiny"), options={"dtype": "float32"}, import_path=beside)
    try:
        answers = {a.position: a.response for a in runtime.answer(asked)}
        assert runtime.subject.device == "cuda"
        assert runtime.subject.environment["accelerator"]
        assert runtime.subject.isolation.startswith(("T1", "T2")), runtime.subject.isolation
    finally:
        runtime.close()
    truths = _truth(folder, asked[:4], seq2seq=False)
    for position, truth in enumerate(truths):
        assert answers[position].logprob == pytest.approx(float(truth.sum()), abs=FP32 * len(truth))
    assert isinstance(answers[4], GenerateAnswer)
