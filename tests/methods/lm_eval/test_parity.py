"""The value of a check on a task is lm-eval's own, document by document.

Oracle: `lm_eval.simple_evaluate` (0.4.13) with its `hf` model on the same tiny random model and the same rows.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.methods.lm_eval import oracle
from tests.methods.lm_eval.rows import write_root
from tests.runtime.causal import tiny
from tests.toys import policy
from verify import pipeline
from verify.methods.lm_eval.method import LmEval
from verify.methods.lm_eval.scoring import contribution
from verify.planning import PlanInputs
from verify.records import Scored
from verify.runtime.causal import open_causal
from verify.runtime.scripted import ScriptedRuntime

QUICK = [
    ("kobest_boolq", "kobest", None),  # multiple_choice, macro F1 of all documents
    ("lambada_openai", "lambada", None),  # loglikelihood, perplexity
    ("wikitext", "wikitext", None),  # loglikelihood_rolling
    ("kmmlu_direct_law", "kmmlu/direct", 2),  # generate_until
]
MORE = [
    ("kmmlu_math", "kmmlu/default", 3),  # few-shot examples drawn from another split
    ("kormedmcqa_doctor", "kormedmcqa", None),  # a filter of the task's own
    ("kobest_copa", "kobest", None),  # prompts from functions
    ("kobest_hellaswag", "kobest", 2),  # process_docs, acc_norm
    ("haerae_general_knowledge", "haerae", 2),  # examples from the split that is asked
    ("csatqa_gr", "csatqa", None),
    ("paws_ko", "paws-x", None),  # empty contexts
    ("truthfulqa_mc2", "truthfulqa", None),  # process_results of its own
    ("winogrande", "winogrande", 1),  # several contexts, one continuation
    ("cola", "glue/cola", None),  # Matthews correlation
    ("lambada_standard", "lambada", None),
    ("pile_10k", "pile_10k", None),
    ("gsm8k", "gsm8k", 3),  # two filters
    ("tydiqa_goldp_ko", "tydiqa", None),  # F1 of words
    ("hrm8k_gsm8k", "hrm8k/default", None),  # 2,048 tokens
]


class Here:
    """The engine in this process as a runtime."""

    def __init__(self, folder: Path) -> None:
        self.engine = open_causal(folder)
        self.subject = ScriptedRuntime(lambda _: None, name="tiny").subject

    def answer(self, requests: Any) -> Any:
        return self.engine.answer(requests)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that soon ends what it writes: with a full stop, or with the end of text."""
    folder = tmp_path_factory.mktemp("model")
    made, tokenizer = tiny.build("llama", num_hidden_layers=2, max_position_embeddings=8192), tiny.tokenizer()
    with torch.no_grad():
        for token in (tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(".")):
            made.lm_head.weight[token] *= 2.0
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def judge(model: Path) -> Any:
    return oracle.hf_model(model)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


def own_suite(folder: Path, task: str, shots: int | None) -> Path:
    metric = LmEval.make({"task": task}, seed=0).metrics[0]
    side, value = ("at_least", metric.low) if metric.better == "higher" else ("at_most", metric.high)
    folder.mkdir(parents=True)
    (folder / "CARD.md").write_text("# ours\n", encoding="utf-8")
    fewshot = "" if shots is None else f", num_fewshot: {shots}"
    (folder / "suite.yaml").write_text(
        "id: ours\nversion: 1\nconcern: accuracy\ntitle: {ko: 우리, en: ours}\nsummary: {ko: 우리, en: ours}\nchecks:\n"
        f"  - id: task\n    title: {{ko: 과제, en: task}}\n    method: lm-eval\n    parameters: {{task: {task}{fewshot}}}\n"
        f"    metric: '{metric.name}'\n    bound: {{{side}: {value}}}\n"
        "    why: {ko: 틀린다, en: It errs}\n    remedy: {ko: 고친다, en: Mend it}\n",
        encoding="utf-8",
    )
    return folder


def same(ours: Any, theirs: Any) -> bool:
    """Equal; numbers up to what two ways to run a model in fp32 differ by."""
    if isinstance(theirs, tuple | list):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, str):
        return bool(ours == theirs)
    return math.isclose(float(ours), float(theirs), rel_tol=1e-4, abs_tol=1e-6)


def compare(
    task: str, folder: str, shots: int | None, *, model: Path, judge: Any, root: Path, out: Path
) -> Mapping[str, Any]:
    """Run both, compare every document and every aggregate, audit ours; returns lm-eval's results."""
    suite = own_suite(out / "suite", task, shots)
    inputs = PlanInputs(policy=policy(), suites=[str(suite)], data_root=root)

    pipeline.preflight(inputs)
    ran = pipeline.run(Here(model), inputs, out=out / "bundle")

    theirs = oracle.evaluate(task, folder=folder, model=judge, num_fewshot=shots)
    scores = {s.item: s.score for s in pipeline.read_bundle(ran.folder).scores()}
    samples = theirs["samples"][task]
    filters = {sample["filter"] for sample in samples}
    assert len(scores) == len(samples) / len(filters) > 0
    for sample in samples:
        score = scores[f"{task}/{sample['doc_id']}"]
        assert isinstance(score, Scored), score
        for metric in sample["metrics"]:
            key = f"{metric},{sample['filter']}"
            own = score.values[key] if key in score.values else contribution(score.labels[key])
            assert same(own, sample[metric]), (sample["doc_id"], key, own, sample[metric])
    estimates = {e.metric: e for e in ran.results.estimates if e.group is None}
    for metric, estimate in estimates.items():
        key = metric if "," in metric else f"{metric},{next(iter(filters))}"
        assert same(estimate.value, theirs["results"][task][key]), (metric, estimate.value)
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
    aggregates = {key for key in theirs["results"][task] if "," in key and "_stderr" not in key}
    assert len(estimates) == len(aggregates)
    assert pipeline.audit(ran.folder).differences == ()
    return theirs


@pytest.mark.parametrize(("task", "folder", "shots"), QUICK)
def test_a_task_of_each_output_type_has_lm_evals_values(
    task: str, folder: str, shots: int | None, model: Path, judge: Any, root: Path, tmp_path: Path
) -> None:
    compare(task, folder, shots, model=model, judge=judge, root=root, out=tmp_path)


@pytest.mark.slow
def test_a_group_has_lm_evals_aggregate_and_each_of_its_tasks(
    model: Path, judge: Any, root: Path, tmp_path: Path
) -> None:
    inputs = PlanInputs(policy=policy(), suites=["lm-eval/kobest"], data_root=root)

    ran = pipeline.run(Here(model), inputs, out=tmp_path / "bundle")

    theirs = oracle.evaluate("kobest", folder="kobest", model=judge)
    ours = {(e.metric, e.group): e.value for e in ran.results.estimates}
    for metric in ("acc", "acc_norm", "f1"):
        assert same(ours[metric, None], theirs["groups"]["kobest"][f"{metric},none"]), metric
    for task in theirs["group_subtasks"]["kobest"]:
        for metric in ("acc", "f1"):
            assert same(ours[metric, f"task={task}"], theirs["results"][task][f"{metric},none"]), (task, metric)
    assert pipeline.audit(ran.folder).differences == ()


@pytest.mark.slow
@pytest.mark.parametrize(("task", "folder", "shots"), MORE)
def test_more_tasks_have_lm_evals_values(
    task: str, folder: str, shots: int | None, model: Path, judge: Any, root: Path, tmp_path: Path
) -> None:
    compare(task, folder, shots, model=model, judge=judge, root=root, out=tmp_path)
