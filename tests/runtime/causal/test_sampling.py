"""The probability of drawing a text under a sampling scheme, against the definition and against transformers' draws."""

import math

import pytest
import torch

from tests.runtime.causal import reference, tiny
from verify.records import LogLikelihood, LogLikelihoodAnswer, Sampling
from verify.runtime.causal.engine import CausalEngine
from verify.runtime.causal.loading import load

CONTEXT = "여권을 재발급받으려면"
SCHEMES = [
    Sampling(temperature=0.5),
    Sampling(temperature=2.0),
    Sampling(top_k=7),
    Sampling(top_p=0.6),
    Sampling(temperature=0.7, top_k=40, top_p=0.9),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> CausalEngine:
    return CausalEngine(load(tiny.save("llama", tmp_path_factory.mktemp("tiny")), device="cpu"))


def _by_definition(logits: torch.Tensor, token: int, scheme: Sampling) -> float:
    """log of the probability that this token is drawn: the definition, written out over a Python list."""
    weights = sorted(((math.exp(z / scheme.temperature), t) for t, z in enumerate(logits.tolist())), reverse=True)
    kept = weights[: scheme.top_k or len(weights)]
    total = sum(weight for weight, _ in kept)
    nucleus, held = [], 0.0
    for weight, one in kept:
        if held >= scheme.top_p:
            break
        nucleus.append((weight, one))
        held += weight / total
    mass = sum(weight for weight, _ in nucleus)
    return next((math.log(weight / mass) for weight, one in nucleus if one == token), -math.inf)


def _reference(engine: CausalEngine, request: LogLikelihood) -> float:
    model, tokenizer = engine._loaded.model, engine._loaded.tokenizer
    left, right = reference.pair(tokenizer, request)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([left + right])).logits[0].double()
    rows = logits[len(left) - 1 : -1]
    return sum(_by_definition(row, token, request.sampling) for row, token in zip(rows, right, strict=True))


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_a_probability_is_that_of_the_scheme_by_definition(engine, scheme):
    requests = [
        LogLikelihood(context=CONTEXT, continuation=text, sampling=scheme)
        for text in (" 신분증이", " 필요", "니다", "가", "1", " B", " office")
    ]
    plain = LogLikelihood(context=CONTEXT, continuation=" 필요")

    *drawn, untouched = (
        a.response for a in sorted(engine.answer([*requests, plain]), key=lambda answered: answered.position)
    )

    for request, answer in zip(requests, drawn, strict=True):
        assert isinstance(answer, LogLikelihoodAnswer)
        expected = _reference(engine, request)
        if math.isinf(expected):
            assert answer.logprob < -1000
            assert math.exp(answer.logprob) == 0.0
        else:
            assert answer.logprob == pytest.approx(expected, abs=2e-4)
    assert next(iter(engine.answer([plain]))).response == untouched


def test_a_text_turns_up_as_often_as_its_probability_says(engine):
    """Oracle: 20,000 draws of `generate` itself under the same scheme."""
    model, tokenizer = engine._loaded.model, engine._loaded.tokenizer
    scheme = Sampling(temperature=0.6, top_k=4)
    given = torch.tensor([tokenizer.encode(CONTEXT)])
    torch.manual_seed(0)
    draws = 20_000
    with torch.inference_mode():
        written = model.generate(
            given, attention_mask=torch.ones_like(given), do_sample=True, temperature=0.6, top_k=4, top_p=1.0,
            max_new_tokens=1, num_return_sequences=draws, pad_token_id=0, eos_token_id=None,
        )[:, given.shape[1]]  # fmt: skip
    counts = torch.bincount(written, minlength=tokenizer.vocab_size)

    checked = 0
    for token in counts.nonzero()[:, 0].tolist():
        text = tokenizer.decode([token])
        request = LogLikelihood(context=CONTEXT, continuation=text, sampling=scheme)
        if reference.pair(tokenizer, request) != (given[0].tolist(), [token]):
            continue  # the tokenizer would write this text otherwise
        (answered,) = engine.answer([request])
        p = math.exp(answered.response.logprob)
        assert abs(int(counts[token]) / draws - p) < 5 * math.sqrt(p * (1 - p) / draws)
        checked += 1
    assert checked
