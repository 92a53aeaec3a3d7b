"""Bundles of every released format still open and still derive to what they state.

They are made once (`make_bundle`, below) and never made anew: a change that breaks one of them breaks evidence that
somebody relies on.
"""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from verify import pipeline
from verify.errors import EvidenceError
from verify.evidence import read_bundle
from verify.planning import PlanInputs
from verify.records import LogLikelihood, LogLikelihoodAnswer, Policy, Request, Response, Text
from verify.runtime.scripted import ScriptedRuntime

GOLDENS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "manifest.json").is_file())


def test_there_is_a_golden_of_each_format() -> None:
    assert [path.name for path in GOLDENS] == ["bundle-v1"]


@pytest.mark.parametrize("folder", GOLDENS, ids=lambda path: path.name)
def test_a_golden_bundle_still_derives_to_what_it_states(folder: Path) -> None:
    found = pipeline.audit(folder)

    assert found.differences == ()
    assert found.integrity.files > 10


@pytest.mark.parametrize("folder", GOLDENS, ids=lambda path: path.name)
def test_a_golden_bundle_keeps_its_verdicts(folder: Path) -> None:
    verdicts = {v.check: v.verdict.value for v in read_bundle(folder).results.verdicts}

    assert verdicts == {"golden.right": "pass", "golden.strict": "inconclusive", "golden.wrong": "fail"}


@pytest.mark.parametrize("folder", GOLDENS, ids=lambda path: path.name)
def test_a_golden_bundle_that_was_touched_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    results = json.loads((copy / "results.json").read_text("utf-8"))
    results["verdicts"][0]["verdict"] = "fail"
    (copy / "results.json").write_text(json.dumps(results), encoding="utf-8")

    with pytest.raises(EvidenceError, match=r"results\.json was altered"):
        pipeline.audit(copy)


def make_bundle(folder: Path, suite: Path) -> None:
    """How a golden is made: 60 questions, a scripted subject that is right on most of them."""

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        right = hashlib.sha256(request.context.encode()).digest()[0] % 10 < 9
        likely = request.continuation.endswith("창구") == right
        return LogLikelihoodAnswer(logprob=-1.0 if likely else -2.0, n_tokens=2, is_greedy=likely)

    (suite / "items").mkdir(parents=True)
    with (suite / "items" / "q.jsonl").open("w", encoding="utf-8") as stream:
        for i in range(60):
            row = {"id": f"q{i}", "question": f"{i}번 민원은?", "choices": ["민원 창구", "별관 3층"], "answer": 0}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    (suite / "CARD.md").write_text("# golden\n", encoding="utf-8")
    checks = "".join(
        f"  - id: {name}\n    title: {{ko: 창구, en: Desk}}\n    method: multiple-choice\n    items: [items/q.jsonl]\n"
        f"    metric: accuracy_char\n    bound: {{at_least: {bound}}}\n    why: {{ko: 헛걸음, en: A walk in vain}}\n"
        "    remedy: {ko: 안내문 정비, en: Mend the notice}\n"
        for name, bound in (("right", 0.7), ("strict", 0.9), ("wrong", 0.99))
    )
    head = "id: golden\nversion: 1\nconcern: accuracy\ntitle: {ko: 창구, en: Desk}\nsummary: {ko: 창구, en: Desk}\nchecks:\n"
    (suite / "suite.yaml").write_text(head + checks, encoding="utf-8")
    word = Text(ko="보존용", en="golden")
    policy = Policy(id="golden", title=word, summary=word, suites=("golden",))
    inputs = PlanInputs(policy=policy, suites=[str(suite)])
    pipeline.run(ScriptedRuntime(answer, name="golden"), inputs, out=folder)
