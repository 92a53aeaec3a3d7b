"""What is asked badly, what is too long, what is broken: each costs itself only, and says why."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.runtime.causal import reference, tiny
from tests.runtime.causal.test_conformance import requests
from verify.errors import SubjectError
from verify.records import (
    Classify,
    Failed,
    FailureReason,
    Generate,
    LogLikelihood,
    LogLikelihoodAnswer,
    TokenLogProbs,
    TokenLogProbsAnswer,
)
from verify.runtime.causal import caches, ledger, loading, open_causal, plain, shared
from verify.runtime.causal.engine import CausalEngine
from verify.runtime.causal.network import Network, Rows
from verify.runtime.causal.rows import Unread
from verify.runtime.causal.tokens import Tokens

WINDOW = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny.save("llama", tmp_path_factory.mktemp("models"), max_position_embeddings=WINDOW)


@pytest.fixture(scope="module")
def engine(folder) -> CausalEngine:
    return open_causal(folder)


def _ask(engine: CausalEngine, asked: list) -> list:
    answers = {a.position: a.response for a in engine.answer(asked)}
    assert sorted(answers) == list(range(len(asked)))
    return [answers[position] for position in range(len(asked))]


def test_facts_say_what_was_opened_and_which_path_it_takes(engine):
    facts = engine.facts

    assert facts.architecture == "llama"
    assert facts.context == WINDOW
    assert facts.path == "shared-prefix"
    assert facts.path_reason.count("nats a token, at most") == 3, "sharing, packing, splitting"
    assert facts.answers == ("loglikelihood", "token_logprobs", "generate")
    assert not facts.has_chat_template


def test_the_order_and_the_neighbours_of_requests_change_nothing(engine):
    asked = requests()
    together = _ask(engine, asked)
    back = _ask(engine, asked[::-1])[::-1]
    alone = [_ask(engine, [request])[0] for request in asked]

    for one, two, three in zip(together, back, alone, strict=True):
        assert one.logprob == pytest.approx(two.logprob, abs=1e-4)
        assert one.logprob == pytest.approx(three.logprob, abs=1e-4)


def test_equal_requests_are_run_once(engine):
    asked = [LogLikelihood(context=tiny.KOREAN[0], continuation=" 예")] * 7
    before = engine.network.forwarded

    answers = _ask(engine, asked)

    assert len(set(answers)) == 1
    assert engine.network.forwarded - before <= len(tiny.tokenizer().encode(tiny.KOREAN[0] + " 예"))


def test_a_round_runs_few_more_tokens_than_there_are(tmp_path):
    """Few-shot letters, long options and disturbed questions in one round: at most 1.10 of the unique tokens."""
    engine = open_causal(tiny.save("llama", tmp_path, max_position_embeddings=512))
    shots = "\n\n".join(tiny.KOREAN[:3])
    questions = [f"{shots}\n\n질문 {n}: {tiny.KOREAN[n % 3 + 3]}\n답:" for n in range(20)]
    asked = [LogLikelihood(context=q, continuation=end) for q in questions for end in (" A", " B", " C", " D")]
    asked += [LogLikelihood(context=q, continuation=f" {tiny.KOREAN[i][:25]}") for q in questions[:5] for i in range(4)]
    asked += [
        LogLikelihood(context=f"{questions[0][:-at]}웃{questions[0][-at:]}", continuation=" A") for at in range(4, 16)
    ]
    counted = engine.count(asked)
    before = engine.tokens_run()

    _ask(engine, asked)

    after = engine.tokens_run()
    assert after.unique > before.unique
    assert counted.unique == after.unique - before.unique, "what was counted is what was run"
    whole = [len(tiny.tokenizer().encode(r.context + r.continuation)) - 1 for r in asked]
    assert counted.unique < counted.read == sum(whole)
    assert (after.forwarded - before.forwarded) / (after.unique - before.unique) <= 1.10


def test_counting_runs_nothing_and_weighs_what_is_written_by_what_may_be(engine):
    prompt = tiny.KOREAN[0]
    length = len(tiny.tokenizer().encode(prompt))
    asked = [Generate(prompt=prompt, max_tokens=7), Generate(prompt=prompt, max_tokens=10_000)]
    unreadable = [Classify(text="가"), LogLikelihood(context="가", continuation=" 가" * 2 * WINDOW)]
    before = engine.tokens_run()

    counted = engine.count([*asked, asked[0], *unreadable])

    assert engine.tokens_run() == before
    assert (counted.read, counted.unique) == (2 * length, 2 * length)
    assert counted.written == 7 + (WINDOW - length)


def test_an_encoder_reads_each_context_with_each_continuation(tmp_path):
    engine = open_causal(tiny.save("t5", tmp_path))
    asked = [LogLikelihood(context=tiny.KOREAN[0], continuation=end) for end in (" 예", " 아니오")]

    counted = engine.count(asked)

    assert counted.unique == counted.read > len(tiny.tokenizer().encode(tiny.KOREAN[0])) * 2


def test_a_long_context_loses_its_left_end_and_says_so(engine):
    asked = [LogLikelihood(context=" ".join(tiny.KOREAN), continuation=" 예")]

    (answer,) = _ask(engine, asked)

    left, right = reference.pair(tiny.tokenizer(), asked[0])
    expected = reference.token_logprobs(engine._loaded.model, left, right, window=WINDOW)
    assert answer.truncated
    assert answer.logprob == pytest.approx(float(expected.sum()), abs=1e-4)


def test_a_continuation_longer_than_the_window_is_no_number(engine):
    long = LogLikelihood(context="예", continuation=" ".join(tiny.KOREAN))

    answers = _ask(engine, [long, LogLikelihood(context="예", continuation=" 아니요")])

    assert answers[0].reason is FailureReason.CONTEXT_TOO_LONG
    assert isinstance(answers[1], LogLikelihoodAnswer)


def test_a_continuation_without_a_token_is_no_number():
    """A tokenizer that drops white space leaves nothing of a blank continuation."""
    tokenizer = tiny.tokenizer()

    class Stripping:
        bos_token_id, eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        decode = staticmethod(tokenizer.decode)

        def __call__(self, texts, **options):
            return tokenizer([text.rstrip() for text in texts], **options)

    piece = Tokens(Stripping(), context=WINDOW).pair("질문", "  ")

    assert isinstance(piece, Failed)
    assert piece.reason is FailureReason.EMPTY


def test_boundaries_are_cut_as_lm_eval_cuts_them():
    """Oracle: lm-eval's own `_encode_pair`; Korean syllables merge over the boundary in byte-level BPE."""
    from lm_eval.models.huggingface import HFLM

    tokenizer = tiny.tokenizer()
    lm = HFLM.__new__(HFLM)
    lm.tokenizer, lm.backend, lm.add_bos_token, lm.custom_prefix_token_id = tokenizer, "causal", None, None
    tokens = Tokens(tokenizer, context=512)
    pairs = [
        ("질문: 수도는?\n답: ", "서울"),
        ("민원", "을 접수"),
        ("주민등록", "등본은"),
        ("답:", " 발급"),
        ("가\n", "\n나"),
    ]
    pairs += [(text[:at], text[at:]) for text in tiny.KOREAN for at in range(1, 30)]

    for context, continuation in pairs:
        piece = tokens.pair(context, continuation)
        left, right = lm._encode_pair(context, continuation)
        if not right or not left:
            continue
        assert piece.tokens.tolist() == left + right
        assert piece.start == len(left)


def test_lone_surrogates_and_other_kinds_have_reasons(engine):
    asked = [
        LogLikelihood(context="\ud800", continuation="가"),
        Generate(prompt="\udfff"),
        Classify(text="가"),
        LogLikelihood(context="", continuation="가"),
    ]

    answers = _ask(engine, asked)

    assert [a.reason for a in answers[:3]] == [
        FailureReason.INVALID_TEXT,
        FailureReason.INVALID_TEXT,
        FailureReason.UNSUPPORTED,
    ]
    assert isinstance(answers[3], LogLikelihoodAnswer)


def test_no_requests_have_no_answers(engine):
    assert list(engine.answer([])) == []


def test_a_document_longer_than_the_window_is_scored_in_windows(engine):
    """Oracle: lm-eval's rolling windows, each run by itself."""
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    text = " ".join(tiny.KOREAN)
    tokenizer = tiny.tokenizer()

    (answer,) = _ask(engine, [TokenLogProbs(text=text)])

    windows = get_rolling_token_windows(
        token_list=tokenizer.encode(text), prefix_token=tokenizer.bos_token_id, max_seq_len=WINDOW, context_len=1
    )
    expected = [
        reference.token_logprobs(engine._loaded.model, left, right, window=WINDOW)
        for left, right in map(make_disjoint_window, windows)
    ]
    assert isinstance(answer, TokenLogProbsAnswer)
    assert answer.windows == len(expected) > 1
    assert answer.logprobs == pytest.approx(torch.cat(expected).tolist(), abs=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["llama", "mamba2"])
def test_a_broken_row_costs_its_own_request_only(name, value, tmp_path):
    engine = open_causal(tiny.save(name, tmp_path, max_position_embeddings=WINDOW))
    model, tokenizer = engine._loaded.model, tiny.tokenizer()
    shot = tiny.KOREAN[0]
    asked = [
        LogLikelihood(context=shot + word, continuation=end) for word in (" 예", " 1,000") for end in (" A", " B 가")
    ]
    asked += [TokenLogProbs(text=shot + word) for word in (" 예", " 1,000")]
    good = set(tokenizer.encode(shot + " 예" + " A" + " B 가"))
    token = next(t for t in tokenizer.encode(shot + " 1,000") if t not in good)
    expected = _ask(engine, asked)
    model.get_input_embeddings().weight.data[token] = value

    answers = _ask(engine, asked)

    for position, answer in enumerate(answers):
        if position in (2, 3, 5):
            assert answer.reason is FailureReason.INVALID_LOGITS
        elif isinstance(answer, LogLikelihoodAnswer):
            assert answer.logprob == pytest.approx(expected[position].logprob, abs=1e-4)
        else:
            assert answer.logprobs == pytest.approx(expected[position].logprobs, abs=1e-4)


def test_a_tokenizer_without_pad_and_bos_still_answers(tmp_path):
    folder = tiny.save("llama", tmp_path, max_position_embeddings=WINDOW)
    made = tiny.tokenizer()
    made.pad_token = made.bos_token = None
    made.save_pretrained(folder)
    engine = open_causal(folder)

    answers = _ask(engine, requests()[-4:])

    eos = made.eos_token_id
    right = made.encode(tiny.KOREAN[0], add_special_tokens=False)
    expected = reference.token_logprobs(engine._loaded.model, [eos], right, window=WINDOW)
    assert answers[0].logprob == pytest.approx(float(expected.sum()), abs=1e-4)


class _Shortage:
    """Stands for a network on a device with little memory: a forward of more tokens than that fails."""

    def __init__(self, network, limit: int) -> None:
        self._network, self._limit = network, limit

    def __getattr__(self, name):
        return getattr(self._network, name)

    def forward(self, ids, rows, **more):
        if ids.numel() > self._limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self._network.forward(ids, rows, **more)


@pytest.mark.parametrize(("limit", "answered"), [(130, True), (60, False)])
def test_a_shortage_of_memory_halves_the_batch_and_costs_no_answer(folder, limit, answered):
    engine = open_causal(folder)
    asked = requests()
    expected = _ask(engine, asked)
    short = _Shortage(engine.network, limit)
    for way in engine._causal._made:
        way._network = short
    engine._causal.alone._network = short

    answers = _ask(engine, asked)

    for one, two in zip(answers, expected, strict=True):
        if isinstance(one, LogLikelihoodAnswer):
            assert one.logprob == pytest.approx(two.logprob, abs=1e-4)
        else:
            assert one.reason is FailureReason.RESOURCE_EXCEEDED
    assert all(isinstance(a, LogLikelihoodAnswer) for a in answers) == answered


def test_a_shortage_costs_nothing_of_what_an_accelerator_computed_before(monkeypatch):
    """Scores that are read late: the batch before the one that memory is too small for keeps its numbers."""
    monkeypatch.setattr(Unread, "is_here", property(lambda self: False))
    book = ledger.Ledger([1, 1], moments=[False, False])
    what = [ledger.asked(np.array([0]), target=np.array([2]), slot=np.array([slot])) for slot in (0, 1)]

    def broken():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        yield

    book.read([Rows(0, torch.zeros(1, 4))], what[0])
    with pytest.raises(torch.OutOfMemoryError):
        book.read(broken(), what[1])
    book.read([Rows(0, torch.zeros(1, 4))], what[1])

    assert [*book.drain(), *book.settle()] == [0, 1]
    assert [float(book.scores(piece).logprobs[0]) for piece in (0, 1)] == pytest.approx([-np.log(4)] * 2)


def test_an_unknown_cache_is_never_shared(folder, monkeypatch):
    def refuse(cache, batch=1):
        raise TypeError("no cache that can be expanded")

    monkeypatch.setattr(shared, "fork", refuse)
    engine = open_causal(folder)
    monkeypatch.undo()

    assert engine.facts.path == "plain"
    assert "TypeError" in engine.facts.path_reason


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_cache_that_is_silently_wrong_is_never_shared(folder, monkeypatch, dtype):
    """Planted defect: the forked cache has lost its first token."""
    honest = caches.fork

    def forget(cache, batch=1):
        made = honest(cache, batch)
        for layer in made.layers:
            layer.keys = layer.keys.clone()
            layer.keys[:, :, 0] = 0.0
        return made

    monkeypatch.setattr(shared, "fork", forget)
    engine = open_causal(folder, dtype=dtype)

    assert engine.facts.path == "plain"
    if dtype == "float32":
        answers = _ask(engine, requests())
        monkeypatch.undo()
        for one, two in zip(answers, _ask(open_causal(folder), requests()), strict=True):
            assert one.logprob == pytest.approx(two.logprob, abs=1e-4)


def test_a_trial_that_could_share_nothing_does_not_pass(tmp_path, monkeypatch):
    """Planted defect: the forward that measures a cache's size fails. Rows of a recurrent model must not be packed."""
    monkeypatch.setattr("verify.runtime.causal.paths.CausalPaths._cache_tokens", lambda self: 1)
    folder = tiny.save("mamba2", tmp_path)
    engine = open_causal(folder)
    monkeypatch.undo()

    assert engine.facts.path == "plain"
    for one, two in zip(_ask(engine, requests()), _ask(open_causal(folder), requests()), strict=True):
        assert one.logprob == pytest.approx(two.logprob, abs=1e-3)


@pytest.mark.parametrize(("name", "bare"), [("llama", True), ("cohere2", False), ("gemma2", False), ("granite", False)])
def test_a_head_is_asked_alone_only_where_the_model_adds_nothing(name, bare, tmp_path):
    """Caps and scales behind the head stay the model's own. Oracle: the naive forward."""
    engine = open_causal(tiny.save(name, tmp_path, max_position_embeddings=512, logits_scaling=8.0))
    engine.network.head_rows = 16
    model, ids = engine._loaded.model, tiny.tokenizer().encode(" ".join(tiny.KOREAN[:3]))

    (answer,) = _ask(engine, [TokenLogProbs(text=" ".join(tiny.KOREAN[:3]))])

    assert engine.network._is_bare is bare
    truth = reference.token_logprobs(model, [tiny.tokenizer().bos_token_id], ids, window=512)
    assert answer.logprobs == pytest.approx(truth.tolist(), abs=1e-4)


def test_reduced_precision_shares_within_its_own_rounding(folder):
    trust = open_causal(folder, dtype="bfloat16")._causal.trust

    assert trust.shares, trust.reason
    assert 1e-4 < trust.allowed.rms < trust.allowed.most < 0.5


def test_rounding_at_random_has_the_variance_of_a_rounding():
    """Oracle: rounding to nearest is off by a uniform half unit in the last place, whose variance is 1/12."""
    network = torch.nn.Module()
    network.body, network.head = (torch.nn.Linear(4096, 4096, bias=False).bfloat16() for _ in range(2))
    made = Network.__new__(Network)
    made.model, made._head = network, network.head
    ones = torch.rand(64, 4096).bfloat16()
    plain = network.body(ones)

    with made.rounded_at_random(seed=1):
        once, head = network.body(ones), network.head(ones)
    with made.rounded_at_random(seed=1):
        again = network.body(ones)

    assert torch.equal(once, again), "the same seed rounds the same way"
    assert torch.equal(head, network.head(ones)), "the head is left alone"
    assert torch.equal(network.body(ones), plain), "nothing stays behind"
    unit = torch.exp2(plain.float().abs().log2().floor() - 7)
    moved = ((once.float() - plain.float()) / unit)[plain != 0].detach()
    assert float(moved.square().mean()) == pytest.approx(1 / 12, rel=0.1)
    assert float(moved.mean()) == pytest.approx(0.0, abs=0.01)


def test_padding_that_changes_numbers_is_never_used(folder, monkeypatch):
    """Planted defect: padding on the left."""

    def left(lines, *, width):
        table = honest(lines, width=width)
        for row, ids in zip(table, lines, strict=True):
            row[: width - len(ids)] = ids[0]
            row[width - len(ids) :] = ids
        return table

    honest = plain.pad_right
    monkeypatch.setattr(plain, "pad_right", left)

    assert open_causal(folder)._causal.trust.batching is plain.Batching.EQUAL


def test_what_was_not_tried_is_run_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("verify.runtime.causal.probe.affordable_length", lambda **_: 96)
    engine = open_causal(tiny.save("llama", tmp_path))
    assert engine._causal.trust.length == 96
    long = LogLikelihood(context=" ".join(tiny.KOREAN), continuation=" 예")
    before = engine.network.forwarded

    _ask(engine, [long, LogLikelihood(context=long.context + " 아", continuation=" 예")])

    assert engine._causal.trust.length == 96
    assert engine.network.forwarded - before >= 2 * len(tiny.tokenizer().encode(long.context))


def test_a_longer_trial_is_made_where_it_saves_more_than_it_costs(tmp_path, monkeypatch):
    monkeypatch.setattr("verify.runtime.causal.probe.affordable_length", lambda **_: 96)
    engine = open_causal(tiny.save("llama", tmp_path))
    context = " ".join(tiny.KOREAN)[:200]
    before = engine.network.forwarded

    _ask(engine, [LogLikelihood(context=f"{context} {n}", continuation=" 예") for n in range(60)])

    assert engine.network.forwarded - before < 60 * len(tiny.tokenizer().encode(context)) / 2


def test_what_a_round_learned_does_not_move_the_numbers_of_the_next(tmp_path, monkeypatch):
    """Else the bytes of a run would depend on which of its rounds an actor happened to be given."""
    monkeypatch.setattr("verify.runtime.causal.probe.affordable_length", lambda **_: 96)
    folder = tiny.save("llama", tmp_path)
    long = " ".join(tiny.KOREAN)[:200]
    learning = [LogLikelihood(context=f"{long} {n}", continuation=" 예") for n in range(60)]
    asked = [LogLikelihood(context=f"{long[:150]} {n}", continuation=f" {n} 아니요") for n in range(12)]
    fresh, experienced = open_causal(folder), open_causal(folder)
    _ask(experienced, learning)

    assert _ask(experienced, asked) == _ask(fresh, asked)


def test_memory_errors_are_told_from_other_errors():
    assert ledger.is_out_of_memory(torch.OutOfMemoryError("x"))
    assert ledger.is_out_of_memory(MemoryError())
    assert ledger.is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"))
    assert not ledger.is_out_of_memory(RuntimeError("The size of tensor a must match"))


def test_missing_weights_are_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    target = tmp_path / "cut"
    shutil.copytree(folder, target)
    tensors = load_file(target / "model.safetensors")
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(SubjectError, match="missing"):
        open_causal(target)


def test_pickled_weights_are_refused_unread(folder, tmp_path):
    target = tmp_path / "pickled"
    shutil.copytree(folder, target)
    (target / "model.safetensors").unlink()
    torch.save({}, target / "pytorch_model.bin")

    with pytest.raises(SubjectError, match="safetensors"):
        open_causal(target)


def test_a_truncated_file_and_an_unknown_architecture_are_refused(folder, tmp_path):
    cut, unknown = tmp_path / "cut", tmp_path / "unknown"
    for target in (cut, unknown):
        shutil.copytree(folder, target)
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    config = json.loads((unknown / "config.json").read_text(encoding="utf-8"))
    config["model_type"] = "no-such-architecture"
    (unknown / "config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(SubjectError, match="weights"):
        open_causal(cut)
    with pytest.raises(SubjectError, match=r"config\.json"):
        open_causal(unknown)


def test_a_model_too_large_is_refused_before_loading_with_what_would_fit(folder):
    config = tiny.config("llama")
    needed = loading.weight_bytes(folder, dtype=torch.float32, as_stored=False)

    with pytest.raises(SubjectError, match=r"needs .* free .*would fit: bfloat16") as refused:
        loading.refuse_if_too_large(
            folder, config=config, dtype=torch.float32, device=torch.device("cpu"), free=int(needed * 0.7)
        )
    assert "endpoint" in str(refused.value)
    with pytest.raises(SubjectError, match="no quantisation"):
        loading.refuse_if_too_large(folder, config=config, dtype=torch.float32, device=torch.device("cpu"), free=1000)


def test_devices_and_dtypes_that_do_not_exist_are_named(folder):
    with pytest.raises(SubjectError, match="float33"):
        open_causal(folder, dtype="float33")
    with pytest.raises(SubjectError, match="abacus"):
        open_causal(folder, device="abacus")
