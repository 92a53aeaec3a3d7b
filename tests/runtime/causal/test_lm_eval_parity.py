"""The same requests get lm-eval's numbers on a small real model.

Oracle: lm-eval's own `hf` back end (0.4.13) on stories260K, request by request.
"""

from pathlib import Path

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from tests.runtime.causal import tiny
from verify.records import Generate, LogLikelihood, TokenLogProbs
from verify.runtime.causal import open_causal

FOLDER = Path(__file__).parents[4] / "shared" / "weights" / "stories260K" / "hf"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.exists(), reason="stories260K does not lie beside the repository"),
]

STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big red ball under a tree. "
)
SHOTS = "".join(f"Question: What did {name} see?\nAnswer: a {thing}\n\n" for name, thing in
                [("Tom", "dog"), ("Mia", "red ball"), ("Ben", "bird"), ("Sue", "tree")])  # fmt: skip


def _pairs() -> list[tuple[str, str]]:
    contexts = [f"{SHOTS}Question: What did {name} find?\nAnswer:" for name in ("Lily", "Max", "the old cat")]
    pairs = [(c, o) for c in contexts for o in (" a ball", " a very big dog", " A", " B", " nothing at all.")]
    pairs += [(STORY[:at], STORY[at : at + 25]) for at in range(20, 120, 7)]
    pairs += [
        ("", STORY),
        ("  ", "ball"),
        (STORY, " "),
        (STORY * 12, " She was happy."),
        ("질문: ", "서울은 어디입니까?"),
    ]
    pairs += [(text[:11], text[11:30]) for text in tiny.KOREAN]
    return pairs


@pytest.fixture(scope="module")
def engine():
    return open_causal(FOLDER)


@pytest.fixture(scope="module")
def oracle():
    return HFLM(pretrained=str(FOLDER), dtype="float32", batch_size=4, device="cpu")


def _ask(engine, asked):
    answers = {a.position: a.response for a in engine.answer(asked)}
    return [answers[position] for position in range(len(asked))]


def _instances(arguments, kind):
    return [Instance(request_type=kind, doc={}, arguments=one, idx=0, metadata=("t", 0, 1)) for one in arguments]


def test_log_likelihoods_are_lm_evals(engine, oracle):
    pairs = _pairs()

    answers = _ask(engine, [LogLikelihood(context=c, continuation=o) for c, o in pairs])

    expected = oracle.loglikelihood(_instances(pairs, "loglikelihood"), disable_tqdm=True)
    assert engine.facts.path == "shared-prefix"
    for answer, (logprob, greedy) in zip(answers, expected, strict=True):
        assert answer.logprob == pytest.approx(logprob, abs=1e-5 * answer.n_tokens + 1e-4)
        assert answer.is_greedy == greedy
    assert any(a.is_greedy for a in answers)
    assert any(a.truncated for a in answers)


def test_rolling_log_likelihoods_are_lm_evals(engine, oracle):
    """lm-eval also scores the BOS that this tokenizer adds by itself, behind another BOS; asked so, we do too."""
    texts = [STORY, *tiny.KOREAN[:3]]
    bos = oracle.tokenizer.decode([oracle.prefix_token_id])

    answers = _ask(engine, [LogLikelihood(context=bos, continuation=bos + text) for text in texts])

    expected = oracle.loglikelihood_rolling(
        _instances([(t,) for t in texts], "loglikelihood_rolling"), disable_tqdm=True
    )
    assert oracle.tok_encode(STORY)[0] == oracle.prefix_token_id
    for answer, total in zip(answers, expected, strict=True):
        assert answer.logprob == pytest.approx(total, abs=1e-5 * answer.n_tokens + 1e-4)


def test_a_document_is_its_log_likelihood_behind_one_bos(engine, oracle):
    texts = [STORY, *tiny.KOREAN[:3]]

    answers = _ask(engine, [TokenLogProbs(text=text) for text in texts])

    bare = [(oracle.prefix_token_id, oracle.tok_encode(text)[1:]) for text in texts]
    expected = oracle._loglikelihood_tokens([(("", ""), [bos], ids) for bos, ids in bare], disable_tqdm=True)
    for answer, (total, _) in zip(answers, expected, strict=True):
        assert sum(answer.logprobs) == pytest.approx(total, abs=1e-5 * len(answer.logprobs) + 1e-4)


def test_greedy_answers_are_lm_evals(engine, oracle):
    prompts = [STORY[:at] for at in (20, 53, 95, 130)]
    arguments = [(p, {"until": [".", "\n"], "max_gen_toks": 40, "do_sample": False}) for p in prompts]

    answers = _ask(engine, [Generate(prompt=p, max_tokens=40, stop=(".", "\n")) for p in prompts])

    expected = oracle.generate_until(_instances(arguments, "generate_until"), disable_tqdm=True)
    assert [a.text for a in answers] == expected
    assert len(set(expected)) > 1
