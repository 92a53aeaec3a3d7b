"""`verify compare` on two sealed bundles of a built-in method."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer
from typer.testing import CliRunner

from verify import loading, pipeline
from verify.cli.comparing import register
from verify.errors import EvidenceError, UnknownNameError, UsageError
from verify.evidence import check_integrity
from verify.planning import PlanInputs
from verify.records import Comparison, Generate, GenerateAnswer, Request, Response
from verify.runtime.scripted import ScriptedRuntime

POLICY = (
    "id: toy\ntitle: {ko: 시험, en: test}\nsummary: {ko: 시험, en: test}\nsuites: [toys]\n"
    "margins:\n  - {check: toys.fees, margin: 0.05}\n"
)
ESC = "\x1b[2J[bold]"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "suite"
    (folder / "items").mkdir(parents=True)
    with (folder / "items" / "q.jsonl").open("w", encoding="utf-8") as stream:
        for k in range(150):
            row = {
                "id": f"q{k}",
                "passage": f"{k}호 창구의 수수료는 {k + 100}원이다.",
                "question": f"{k}호 창구의 수수료는 얼마입니까?",
                "answers": [f"{k + 100}원"],
            }
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "CARD.md").write_text("# toys\n")
    (folder / "suite.yaml").write_text(
        "id: toys\nversion: 1\nconcern: accuracy\ntitle: {ko: 가, en: a}\nsummary: {ko: 가, en: a}\nchecks:\n"
        "  - id: fees\n    title: {ko: 수수료, en: fees}\n    method: short-answer\n    items: [items/q.jsonl]\n"
        "    metric: exact_match\n    bound: {at_least: 0.5}\n    why: {ko: 가, en: a}\n    remedy: {ko: 가, en: a}\n",
        encoding="utf-8",
    )
    (tmp_path / "toy.yaml").write_text(POLICY, encoding="utf-8")
    return folder


def clerk(*, wrong: range) -> Callable[[Request], Response]:
    """Answers rightly, but for some windows with another amount and a text that commands terminals."""

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate)
        text = request.prompt or request.messages[-1].content
        window = int(text.split("호 창구")[0].rsplit("\n", 1)[-1].rsplit(" ", 1)[-1])
        said = f"9{window}만원 {ESC}" if window in wrong else f"{window + 100}원"
        return GenerateAnswer(text=said, finish="stop", n_tokens=4)

    return answer


def bundle(tmp_path: Path, suite: Path, name: str, *, wrong: range = range(0), seed: int = 0) -> Path:
    inputs = PlanInputs(policy=loading.load_policy(str(tmp_path / "toy.yaml")), suites=[str(suite)], seed=seed)
    runtime = ScriptedRuntime(clerk(wrong=wrong), name=name)
    return pipeline.run(runtime, inputs, out=tmp_path / name).folder


class Called:
    """What a call printed, how it ended."""

    def __init__(self, *arguments: object) -> None:
        app = typer.Typer()
        app.callback()(lambda: None)
        register(app)
        result = CliRunner().invoke(app, ["compare", *map(str, arguments)], terminal_width=250)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code, self.output = result.exit_code, result.output


@pytest.fixture
def toy(tmp_path: Path) -> tuple[str, str]:
    return ("--policy", str(tmp_path / "toy.yaml"))


def test_alike_releases_exit_with_0(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new")

    called = Called(old, new, *toy)

    assert called.code == 0
    assert "나빠지지 않음" in called.output
    assert not (old / "comparison.json").exists()


def test_a_worse_release_exits_with_1_and_leaves_json_and_junit(
    tmp_path: Path, suite: Path, toy: tuple[str, str]
) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", wrong=range(30, 60))
    out = tmp_path / "compared"

    called = Called(old, new, *toy, "--out", out, "--lang", "en")

    assert called.code == 1
    assert "worse" in called.output and "q30" in called.output
    found = Comparison.model_validate_json((out / "comparison.json").read_bytes())
    assert found.margins_planned
    assert found.checks[0].margin == 0.05
    assert len(found.checks[0].regressions) == 30
    cases = ET.fromstring((out / "comparison.junit.xml").read_bytes())  # noqa: S314  # our own output
    assert cases.attrib["failures"] == "1"
    failure = cases.find("./testsuite/testcase/failure")
    assert failure is not None and "q30: 1 -> 0" in (failure.text or "")


def test_what_a_subject_wrote_commands_no_terminal(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", wrong=range(30, 60))

    called = Called(old, new, *toy, "--out", tmp_path / "compared")

    assert "\x1b[2J" not in called.output
    assert b"\x1b" not in (tmp_path / "compared" / "comparison.json").read_bytes()
    assert b"\x1b" not in (tmp_path / "compared" / "comparison.junit.xml").read_bytes()


def test_an_undecided_comparison_exits_with_3(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", wrong=range(30, 34))

    assert Called(old, new, *toy).code == 3


def test_other_seeds_are_refused_by_name(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", seed=3)

    called = Called(old, new, *toy, "--out", tmp_path / "compared")

    assert called.code == 2
    assert "씨앗: 이전 0, 이후 3" in called.output
    assert not (tmp_path / "compared").exists()


def test_a_korean_comparison_has_no_english_but_identifiers(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    """Words of four Latin letters and more: ids, and names of statistics."""
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", wrong=range(30, 34))
    known = {"toys", "fees", "Tango", "Holm", "TOST", "bold"}  # the subject wrote [bold]

    for first, second in ((old, new), (old, old)):
        found = set(re.findall("[A-Za-z]{4,}", Called(first, second, *toy).output))
        assert found - known - {"user"} == set()


def test_the_same_subject_is_found_equivalent(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old = bundle(tmp_path, suite, "old")

    assert "어느 쪽으로든 허용폭 이상의 차이를 배제함" in Called(old, old, *toy).output


def test_an_altered_bundle_is_refused(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old, new = bundle(tmp_path, suite, "old"), bundle(tmp_path, suite, "new", wrong=range(30, 60))
    scores = new / "scores.jsonl"
    scores.write_text(scores.read_text("utf-8").replace('"exact_match":0.0', '"exact_match":1.0'), encoding="utf-8")

    with pytest.raises(EvidenceError, match=r"scores\.jsonl"):
        Called(old, new, *toy)


def test_a_policy_of_a_file_has_to_be_given(tmp_path: Path, suite: Path) -> None:
    old = bundle(tmp_path, suite, "old")

    with pytest.raises(UsageError, match="--policy"):
        Called(old, old)


def test_margins_that_were_not_planned_are_marked(tmp_path: Path, suite: Path) -> None:
    old = bundle(tmp_path, suite, "old")
    other = tmp_path / "other.yaml"
    other.write_text(POLICY.replace("0.05", "0.2"), encoding="utf-8")

    assert "chosen after the run" in Called(old, old, "--policy", other, "--lang", "en").output


def test_files_within_a_bundle_are_refused(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    old = bundle(tmp_path, suite, "old")

    with pytest.raises(UsageError, match="sealed"):
        Called(old, old, *toy, "--out", old / "compared")
    assert check_integrity(old).files > 0


def test_an_unknown_format_is_refused_by_name(tmp_path: Path, suite: Path, toy: tuple[str, str]) -> None:
    with pytest.raises(UnknownNameError, match="junit"):
        Called(tmp_path, tmp_path, *toy, "--format", "xml")
