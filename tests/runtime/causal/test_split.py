"""Attention in two parts is attention.

Oracle: torch's scaled dot product attention over prefix and own tokens together, in float64; and the plain path.
"""

import copy

import pytest
import torch

from tests.runtime.causal import reference, tiny
from tests.runtime.causal.test_conformance import requests
from verify.records import LogLikelihood
from verify.runtime.causal import open_causal, split
from verify.runtime.causal.engine import CausalEngine
from verify.runtime.causal.loading import load
from verify.runtime.causal.split import Prefix, may_split, rows_behind, splitting


class _Layer:
    layer_idx = 0


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("depth", "size"), [(1, 1), (37, 5), (5, 40)])
def test_two_parts_make_the_whole(groups, masked, depth, size):
    rng = torch.Generator().manual_seed(depth)
    rows, heads, width = 4, 2, 16
    query = torch.randn(rows, heads * groups, size, width, generator=rng) * 3
    keys, values = (torch.randn(1, heads, depth, width, generator=rng) for _ in range(2))
    key, value = (torch.randn(rows, heads, size, width, generator=rng) for _ in range(2))
    sees = torch.ones(size, size, dtype=torch.bool).tril().expand(rows, 1, size, size).clone()
    if masked:
        sees &= (torch.rand(rows, 1, size, size, generator=rng) < 0.7) | torch.eye(size, dtype=torch.bool)
    mask = torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min) if masked else None
    split._PREFIX.append(Prefix([(keys, values)]))
    try:
        found, _ = split._attend(_Layer(), query, key, value, mask, scaling=0.3)
    finally:
        split._PREFIX.pop()

    whole = [
        torch.cat([far.expand(rows, -1, -1, -1), near], dim=2).repeat_interleave(groups, dim=1).double()
        for far, near in ((keys, key), (values, value))
    ]
    open_ = torch.cat([torch.ones(rows, 1, size, depth, dtype=torch.bool), sees], dim=-1)
    expected = torch.nn.functional.scaled_dot_product_attention(query.double(), *whole, attn_mask=open_, scale=0.3)
    torch.testing.assert_close(found.transpose(1, 2).double(), expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["softcap", "s_aux", "position_bias"])
def test_attention_that_asks_for_more_is_refused(name):
    part = torch.zeros(1, 1, 2, 8)
    with pytest.raises(NotImplementedError):
        split._attend(_Layer(), part, part, part, None, **{name: 1.0})
    with pytest.raises(NotImplementedError):
        split._attend(_Layer(), part, part, part, None, is_causal=False)


@pytest.mark.parametrize("name", ["llama", "exaone4", "solar_open", "hyperclovax"])
def test_a_family_that_can_be_split_is_and_gets_the_naive_numbers(name, tmp_path):
    engine = open_causal(tiny.save(name, tmp_path, max_position_embeddings=320, sliding_window=256))
    assert engine._causal is not None
    assert engine._causal.trust.splits, engine.facts.path_reason
    model, tokenizer, asked = engine._loaded.model, tiny.tokenizer(), requests()[:-1]
    before = model.config._attn_implementation

    answers = {a.position: a.response for a in engine.answer(asked)}

    assert model.config._attn_implementation == before, "a plain forward is plain again"
    for position, request in enumerate(asked):
        left, right = reference.pair(tokenizer, request)
        truth = reference.token_logprobs(model, left, right, window=320)
        assert answers[position].logprob == pytest.approx(float(truth.sum()), abs=1e-4 * len(truth))


@pytest.mark.parametrize("name", ["gpt2", "gptj", "mpt", "gemma2", "deepseek_v3", "mamba2", "qwen3_next"])
def test_a_family_whose_attention_is_another_is_found_out_or_right(name, tmp_path):
    """Some ignore the attention that they are given, some have no keys to split: never a wrong number."""
    engine = open_causal(tiny.save(name, tmp_path, max_position_embeddings=320, n_positions=320))
    model, tokenizer, asked = engine._loaded.model, tiny.tokenizer(), requests()[:6]

    answers = {a.position: a.response for a in engine.answer(asked)}

    for position, request in enumerate(asked):
        truth = reference.token_logprobs(model, *reference.pair(tokenizer, request), window=320)
        assert answers[position].logprob == pytest.approx(float(truth.sum()), abs=1e-4 * len(truth))


def test_a_cache_without_plain_attention_has_no_rows_behind_it():
    model = tiny.build("mamba2")
    with torch.inference_mode():
        cache = model(input_ids=torch.ones(1, 8, dtype=torch.long), use_cache=True).cache_params
    with pytest.raises(TypeError):
        rows_behind(cache)


def test_an_error_leaves_the_model_as_it_was():
    model = tiny.build("llama")
    assert may_split(model.config)
    with pytest.raises(RuntimeError, match="planted"), splitting(model, Prefix([])):
        raise RuntimeError("planted")
    assert may_split(model.config)
    assert not split._PREFIX


def test_what_no_trial_has_split_is_not_split(tmp_path):
    """An attention that ignores what it is given shows only where rows are split: not behind a window of 24."""
    loaded = load(tiny.save("mistral+window", tmp_path, max_position_embeddings=320, sliding_window=24))
    for layer in loaded.model.model.layers:
        layer.self_attn.config = copy.deepcopy(layer.self_attn.config)
    engine = CausalEngine(loaded)
    asked = [
        LogLikelihood(context="주민등록등본은 가까", continuation=end) for end in "가나다라마바사아자차카타파하ABCDEFGH"
    ]

    answers = {a.position: a.response for a in engine.answer(asked)}

    assert engine._causal is not None
    assert engine._causal.trust.shares
    assert not engine._causal.trust.splits
    for position, request in enumerate(asked):
        truth = reference.token_logprobs(loaded.model, *reference.pair(tiny.tokenizer(), request), window=320)
        assert answers[position].logprob == pytest.approx(float(truth.sum()), abs=1e-4 * len(truth))
