"""Quantised checkpoints load with their own quantiser where it is installed, and are refused by its name where not."""

import json
import sys

import pytest
import torch

from tests.runtime.causal import tiny
from verify.errors import SubjectError
from verify.records import Generate, LogLikelihood
from verify.runtime.causal import open_causal


def with_method(folder, **quantisation):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": quantisation}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("method", "module", "package"),
    [
        ("bitsandbytes", "bitsandbytes", "bitsandbytes"),
        ("compressed-tensors", "compressed_tensors", "compressed-tensors"),
        ("gptq", "gptqmodel", "gptqmodel"),
        ("quanto", "optimum", "optimum-quanto"),
    ],
)
def test_without_the_quantiser_the_refusal_names_its_package(tmp_path, monkeypatch, method, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    folder = with_method(tiny.save("llama", tmp_path), quant_method=method)

    with pytest.raises(SubjectError, match=f"{package} is not installed: pip install {package},"):
        open_causal(folder)


def test_a_method_that_nobody_knows_is_refused_in_one_line(tmp_path):
    folder = with_method(tiny.save("llama", tmp_path), quant_method="abacus")

    with pytest.raises(SubjectError) as caught:
        open_causal(folder)

    assert "abacus" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_four_bits_answer_as_transformers_itself_computes_them(tmp_path):
    """Oracle: the model that transformers loads from the same folder, its whole logits."""
    pytest.importorskip("bitsandbytes")
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    plain = tiny.save("llama", tmp_path, hidden_size=128, intermediate_size=256)  # its kernels want multiples of 64
    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    model = AutoModelForCausalLM.from_pretrained(plain, quantization_config=four, device_map={"": "cpu"})
    folder = tmp_path / "quantised"
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(plain)
    tokenizer.save_pretrained(folder)
    context, continuation = tiny.KOREAN[0], " 정답"
    whole, before = (tokenizer(text, return_tensors="pt").input_ids for text in (context + continuation, context))
    with torch.inference_mode():
        table = torch.log_softmax(model(whole).logits[0].double(), dim=-1)
    expected = sum(float(table[at - 1, whole[0, at]]) for at in range(before.shape[1], whole.shape[1]))

    engine = open_causal(folder)
    asked = [LogLikelihood(context=context, continuation=continuation), Generate(prompt="가", max_tokens=2)]
    answers = dict(engine.answer(asked))

    assert answers[0].logprob == pytest.approx(expected, abs=1e-3)
    assert answers[1].kind == "generate"
    assert engine.facts.parameters == open_causal(plain).facts.parameters
