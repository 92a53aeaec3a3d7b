"""Tasks found, built and kept: what lm-eval's own index says, local data in every layout, sources, refusals."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.architecture.test_house import loaded_after
from tests.methods.lm_eval.rows import DATA, write_root
from tests.toys import policy
from verify.engine.repeatability import near_ties
from verify.errors import EvidenceError, UsageError
from verify.methods.catalogue import methods
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.documents import LmEvalItem, Wanted, documents
from verify.methods.lm_eval.korean import korean_tasks
from verify.methods.lm_eval.method import LmEval
from verify.methods.lm_eval.scoring import score
from verify.methods.lm_eval.tasks import blueprint
from verify.planning import PlanInputs, make_plan
from verify.records import (
    FailureReason,
    GenerateAnswer,
    ItemScore,
    LogLikelihood,
    LogLikelihoodAnswer,
    Request,
    Response,
    Scored,
    Unscored,
)
from verify.runtime.scripted import ScriptedRuntime


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


def items_of(task: str, root: Path | None, *, shots: int | None = None) -> tuple[LmEvalItem, ...]:
    return documents(Wanted(task, shots, 1234), root)


def test_listing_korean_tasks_imports_nothing_heavy_and_names_what_to_mirror() -> None:
    code = "from verify.methods.lm_eval.korean import korean_tasks; korean_tasks()"
    listed = {task.name: task for task in korean_tasks()}

    assert loaded_after(code) == set()
    assert {"kmmlu", "haerae", "click", "kobest", "kormedmcqa", "hrm8k", "csatqa", "kbl", "paws_ko"} <= set(listed)
    assert {"belebele_kor_Hang", "mmmlu_ko_kr", "tydiqa_goldp_ko", "global_mmlu_full_ko"} <= set(listed)
    assert not {"kmmlu_stem", "kobest_boolq", "kbl_knowledge_em", "mmlu", "gsm8k"} & set(listed)
    assert len(listed["kmmlu"].data["HAERAE-HUB/KMMLU"]) == listed["kmmlu"].tasks == 45
    assert listed["kmmlu"].splits == ("test", "dev")


@pytest.mark.slow
def test_names_and_kinds_are_those_of_lm_evals_own_index() -> None:
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._index import Kind

    index = TaskManager().task_index
    ours = registry.entries()

    kinds = {Kind.TASK: "task", Kind.PY_TASK: "task", Kind.GROUP: "group", Kind.TAG: "tag"}
    theirs = {name: kinds[entry.kind] for name, entry in index.items() if entry.kind in kinds}
    assert {name for name in theirs if "{" not in str(name)} - set(ours) == set()
    assert [name for name, entry in ours.items() if name in theirs and entry.kind != theirs[name]] == []
    tags = {name: sorted(entry.tags) for name, entry in index.items() if entry.kind is Kind.TAG}
    assert [name for name, tasks in tags.items() if list(registry.children(ours[name])) != tasks] == []


def test_a_name_that_nothing_has_is_refused_with_what_is_near() -> None:
    with pytest.raises(UsageError, match="kobest"):
        LmEval.make({"task": "kobset"}, seed=0)


@pytest.mark.parametrize(
    ("task", "says"), [("humaneval", "humaneval"), ("mmmu_val_art", "images"), ("kbl", "no value of its own")]
)
def test_a_task_that_cannot_be_a_check_says_why(task: str, says: str, root: Path) -> None:
    with pytest.raises(UsageError, match=says):
        items_of(task, root)


def test_a_group_is_weighted_as_its_configuration_says(root: Path) -> None:
    plan = blueprint("kobest")

    items = items_of("kobest", root)

    assert [share.metric for share in plan.shares or ()] == ["acc", "acc_norm", "f1"]
    assert {item.groups["task"] for item in items} == {
        f"kobest_{n}" for n in ("boolq", "copa", "hellaswag", "sentineg", "wic")
    }
    assert blueprint("kmmlu").subgroups["kmmlu_law"] == "kmmlu_humss"


def test_documents_of_one_passage_share_a_cluster(root: Path) -> None:
    items = items_of("kobest_boolq", root)

    assert len({item.cluster_key for item in items}) == 8
    assert [item.cluster_key for item in items[:4]] == [
        "kobest_boolq/0",
        "kobest_boolq/0",
        "kobest_boolq/2",
        "kobest_boolq/2",
    ]


def test_an_instruction_that_all_share_is_no_source(tmp_path: Path) -> None:
    rows = [
        {
            "paragraph": "다음 글을 읽고 물음에 '예' 또는 '아니오'로만 답하시오. 다른 말은 덧붙이지 마시오.",
            "question": f"{i}?",
            "label": 0,
        }
        for i in range(9)
    ]
    write_rows(tmp_path / "skt/kobest_v1/boolq/test.jsonl", rows)
    write_rows(tmp_path / "skt/kobest_v1/boolq/train.jsonl", rows[:2])

    assert len({item.cluster_key for item in items_of("kobest_boolq", tmp_path)}) == 9


def write_rows(file: Path, rows: list[dict[str, object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def write_table(file: Path, rows: list[dict[str, object]]) -> None:
    import pandas

    file.parent.mkdir(parents=True, exist_ok=True)
    table = pandas.DataFrame(rows)
    if file.suffix == ".parquet":
        table.to_parquet(file)
    elif file.suffix == ".json":
        table.to_json(file, orient="records", force_ascii=False)
    else:
        table.to_csv(file, index=False, sep="\t" if file.suffix == ".tsv" else ",")


@pytest.mark.parametrize(
    "layout",
    [
        "HAERAE-HUB/KMMLU/Math/{}.csv", "HAERAE-HUB/KMMLU/data/Math-{}.csv", "kmmlu/math-{}.csv", "KMMLU/Math_{}.tsv",
        "haerae-hub/kmmlu/Math/{}-00000-of-00001.parquet", "HAERAE-HUB/KMMLU/Math/{}.json",
    ],
)  # fmt: skip
def test_every_layout_gives_the_same_items(layout: str, root: Path, tmp_path: Path) -> None:
    for split, rows in DATA["HAERAE-HUB/KMMLU", "Math"].items():
        write_table(tmp_path / layout.format(split), rows)
    write_table((tmp_path / layout).parent / "Applied-Math-test.csv", [{"question": "other"}])

    assert items_of("kmmlu_math", tmp_path) == items_of("kmmlu_math", root)


def test_a_copy_of_a_hub_repository_is_read_by_its_own_list(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "HAERAE-HUB/KMMLU"
    for split, rows in DATA["HAERAE-HUB/KMMLU", "Math"].items():
        write_table(folder / f"tables/{split}-of-mathematics.csv", rows)
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: Math\n  data_files:\n  - split: test\n    path: tables/test-of-mathematics.csv\n"
        "  - split: dev\n    path: tables/dev-of-mathematics.csv\n---\n",
        encoding="utf-8",
    )

    assert items_of("kmmlu_math", tmp_path) == items_of("kmmlu_math", root)


def test_missing_data_name_where_they_were_looked_for_and_what_to_mirror(tmp_path: Path) -> None:
    write_root(tmp_path, only="KMMLU")

    with pytest.raises(UsageError) as refused:
        items_of("kobest", tmp_path)
    with pytest.raises(UsageError, match=r"43 configurations \(Biology"):
        items_of("kmmlu", tmp_path)

    message = str(refused.value)
    assert "skt/kobest_v1, 5 configurations (boolq, copa, hellaswag, sentineg, wic), splits test, train" in message
    assert f"{tmp_path}/skt/kobest_v1/boolq/{{test,train}}.(jsonl|" in message
    assert "hf download skt/kobest_v1 --repo-type dataset" in message


def test_a_missing_split_is_missing_data(tmp_path: Path) -> None:
    write_rows(tmp_path / "skt/kobest_v1/boolq/test.jsonl", DATA["skt/kobest_v1", "boolq"]["test"])

    with pytest.raises(UsageError, match="splits test, train"):
        items_of("kobest_boolq", tmp_path)


@pytest.mark.parametrize("answer", [0, 5, 9])
def test_a_document_whose_answer_is_none_of_its_options_is_refused(answer: int, tmp_path: Path) -> None:
    """lm-eval itself counts it as wrong, whatever the subject says."""
    test, dev = (DATA["HAERAE-HUB/KMMLU", "Math"][split] for split in ("test", "dev"))
    write_rows(tmp_path / "HAERAE-HUB/KMMLU/Math/test.jsonl", [test[0], {**test[1], "answer": answer}, *test[2:]])
    write_rows(tmp_path / "HAERAE-HUB/KMMLU/Math/dev.jsonl", dev)

    with pytest.raises(UsageError, match=r"'kmmlu_math', document 1: the answer .* is none of its 4 options"):
        items_of("kmmlu_math", tmp_path)


def test_loading_leaves_switches_and_generators_as_they_were(root: Path) -> None:
    import random
    import socket

    import datasets
    import huggingface_hub

    random.seed(5)
    expected = random.Random(5).random()
    before = (
        datasets.load_dataset,
        socket.socket.connect,
        huggingface_hub.constants.HF_HUB_OFFLINE,
        "evaluate" in sys.modules,
    )

    documents.__wrapped__(Wanted("kobest_copa", None, 1234), root)

    assert random.random() == expected
    after = (
        datasets.load_dataset,
        socket.socket.connect,
        huggingface_hub.constants.HF_HUB_OFFLINE,
        "evaluate" in sys.modules,
    )
    assert before == after


def test_sampled_generation_has_a_seed_for_each_repeat() -> None:
    method = LmEval.make({"task": "kmmlu_direct_law"}, seed=3)
    from verify.records import Generate

    item = LmEvalItem(id="a/0", task="kmmlu_direct_law", index=0, document={}, features=(), repeats=3, lm_eval="x",
                      requests=(Generate(prompt="답:", temperature=0.7),))  # fmt: skip

    asked = next(method.examine(item))

    assert len({request.seed for request in asked}) == 3
    greedy = item.model_copy(update={"requests": (Generate(prompt="답:"),)})
    assert len({request.content_digest() for request in next(method.examine(greedy))}) == 1


def test_another_version_of_lm_eval_does_not_score(root: Path) -> None:
    item = items_of("kmmlu_math", root)[0].model_copy(update={"lm_eval": "0.3.0"})

    with pytest.raises(EvidenceError, match=r"pip install lm-eval==0\.3\.0"):
        score("kmmlu_math", item, [])


def test_an_answer_of_another_kind_is_malformed_and_one_that_lm_eval_chokes_on_unscored(root: Path) -> None:
    item = items_of("kmmlu_math", root)[0]
    likely = LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=False)

    fine = score("kmmlu_math", item, [likely] * 4)
    cut = score("kmmlu_math", item, [likely] * 3 + [GenerateAnswer(text="", finish="stop", n_tokens=0)])
    broken = item.model_copy(update={"document": {"question": "?"}})
    choked = score("kmmlu_math", broken, [likely] * 4)

    assert isinstance(fine, Scored)
    assert isinstance(cut, Unscored)
    assert cut.reason is FailureReason.MALFORMED
    assert isinstance(choked, Unscored)
    assert choked.reason is FailureReason.UNPARSABLE


def scored_as(task: str, item: LmEvalItem, sums: Sequence[float]) -> Scored:
    """The score of a document whose options have these log-likelihoods, by the method itself."""
    asking = LmEval.make({"task": task}, seed=0).examine(item)
    assert len(next(asking)) == len(sums)
    with pytest.raises(StopIteration) as end:
        asking.send([LogLikelihoodAnswer(logprob=one, n_tokens=1, is_greedy=False) for one in sums])
    found = end.value.value
    assert isinstance(found, Scored)
    return found


@pytest.mark.parametrize(("margin", "least", "most", "exact"), [
    pytest.param(0.0, 0.0, 1.0, True, id="alike"),
    pytest.param(0.5e-3, 0.0, 1.0, False, id="within the tolerance"),
    pytest.param(2e-3, None, None, False, id="beyond it"),
])  # fmt: skip
def test_a_choice_that_a_rounding_error_decides_is_open_and_an_exact_tie_is_named(
    margin: float, least: float | None, most: float | None, *, exact: bool, root: Path
) -> None:
    """Oracle: lm-eval's own rule, by hand: the first of the best options; the third is the right one of this document."""
    item = next(i for i in items_of("kmmlu_math", root) if right_of(i) == 2)

    found = scored_as("kmmlu_math", item, [-5.0, -9.0, -5.0 - margin, -9.0]).values

    assert found["acc,none"] == 0.0
    assert (found.get("least:acc,none"), found.get("most:acc,none")) == (least, most)
    assert ("tied:acc,none" in found) is exact


def test_wrong_options_that_tie_leave_nothing_open(root: Path) -> None:
    item = next(i for i in items_of("kmmlu_math", root) if right_of(i) == 2)

    assert not [key for key in scored_as("kmmlu_math", item, [-5.0, -5.0, -9.0, -9.0]).values if ":" in key]


def test_each_reading_of_a_choice_has_its_own_ties(root: Path) -> None:
    """Options of different lengths: alike by character means that the sums are not."""
    item = items_of("kobest_hellaswag", root)[3]
    texts = [r.continuation.strip() for r in item.requests if isinstance(r, LogLikelihood)]
    assert len(set(map(len, texts))) > 1

    found = scored_as("kobest_hellaswag", item, [-2.0 * len(text) for text in texts]).values

    assert found["tied:acc_norm,none"] == 1.0
    assert (found["least:acc_norm,none"], found["most:acc_norm,none"]) == (0.0, 1.0)
    assert "tied:acc,none" not in found


def test_near_ties_of_a_task_are_counted_over_its_documents(root: Path) -> None:
    """A subject to which all options are alike: every document is open, and none of it is hidden."""
    inputs = PlanInputs(policy=policy(), suites=["lm-eval/kmmlu_math"], data_root=root)

    def alike(_: Request) -> Response:
        return LogLikelihoodAnswer(logprob=-3.0, n_tokens=1, is_greedy=False)

    runtime = ScriptedRuntime(alike)
    (examination,) = make_plan(runtime.subject, inputs, methods=methods(), frameworks={}).examinations
    scores = [
        ItemScore(check="a.b", item=i.id, cluster=i.cluster_key, score=scored_as("kmmlu_math", i, [-3.0] * 4))
        for i in examination.items
    ]

    found = near_ties(examination, scores)

    assert found is not None
    assert found.n == found.exact == found.of == len(scores)
    assert (found.low, found.high) == (0.0, 1.0)


def right_of(item: LmEvalItem) -> int:
    assert not isinstance(item.document, str)
    return int(item.document["answer"]) - 1
