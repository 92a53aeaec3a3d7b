"""What a user may get wrong: one clear message, exit code 2, never a traceback (`here` refuses one)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests.e2e.commands import here
from tests.e2e.own_suite import write_suite
from verify import cli

LONG = "a" * 300
DEEP = "[" * 100_000


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text", encoding="utf-8")
    (tmp_path / "deep.jsonl").write_text('{"request": ' + DEEP, encoding="utf-8")
    (tmp_path / "deep.yaml").write_text("id: " + DEEP, encoding="utf-8")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00rubbish\n")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.hwp").write_text("", encoding="utf-8")
    write_suite(tmp_path / "ours", methods=["short-answer", "canary-extraction"])


def _commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in getattr(group, "commands", {}).items():
        yield (*path, name)
        yield from _commands(command, (*path, name))


def test_every_command_explains_itself() -> None:
    """Brackets in a help text are markup to the terminal's writer, and may end in an error."""
    commands = list(_commands(typer.main.get_command(cli.app)))
    assert ("run",) in commands
    for arguments in commands:
        said = here(*arguments, "--help")
        assert said.code == 0, arguments
        assert "verify" in said.out, arguments


def test_a_name_that_nothing_has_lists_the_names_that_there_are() -> None:
    for arguments, known in {
        ("run", "solar-open-100"): "solar-open-100b",
        ("run", "reference:nosuch"): "memorised-heavy-1",
        ("run", "solar-open-100b", "--suite", "acuracy"): "accuracy",
        ("run", "solar-open-100b", "--policy", "strict"): "self-check",
        ("run", "solar-open-100b", "--format", "doc"): "junit",
        ("run", "solar-open-100b", "--allow", "fail"): "inconclusive",
        ("run", "solar-open-100b", "--suite", "ours", "--input", "canarys=file"): "canaries",
        ("calibrate", "nosuch"): "memorised-heavy-1",
        ("methods", "multiple_choice"): "did you mean 'multiple-choice'?",
        ("models", "exaone"): "exaone-4.0-1.2b",
        ("frameworks", "pipa"): "kr-pipa",
        ("suites", "show", "privcy"): "did you mean 'privacy'?",
        ("report", "nofolder", "--format", "doc"): "sarif",
    }.items():
        said = here(*arguments)
        assert said.code == 2, arguments
        assert known in said.err, arguments


def test_a_subject_that_is_not_there_is_told_apart_from_one_that_is_wrong() -> None:
    for subject, problem in {
        LONG: "too long",
        f"recorded:{LONG}": "too long",
        "./nosuch": "no such folder or file",
        "file": "skops",
        "\udcff\udcfe": "no profile, folder or file",
        "hf:a": "hf:a:",
        "hf:../../etc": "ORG/NAME",
        "endpoint:ftp://x": "endpoint:http://HOST/v1#MODEL",
        "endpoint:http://user:secret@x/v1#m": "password",
        "recorded:nofile": "no such file",
        "recorded:.": "no such file",
        "recorded:file": "file:1",
        "recorded:deep.jsonl": "deep.jsonl:1",
        "recorded:bytes.jsonl": "bytes.jsonl:1",
        "recorded:empty.jsonl": "no answers",
        "reference:../x": "reference:NAME",
        "foreign": "config.json",
        "vaetki": "endpoint:http://HOST/v1#MODEL",
    }.items():
        said = here("run", subject, "--suite", "ours")
        assert said.code == 2, subject
        assert problem in said.err, (subject, said.err)
        assert "secret" not in said.err


def test_a_hub_that_cannot_be_reached_names_the_ways_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = here("run", "hf:nobody/nothing@main", "--suite", "ours")

    assert said.code == 2
    assert "verify run ./FOLDER" in said.err
    assert "VERIFY_MIRROR" in said.err


@pytest.mark.parametrize("out", ["file", "file/x", "foreign", "/sys/kernel/nosuch", "/proc/nosuch"])
def test_a_folder_that_can_hold_no_bundle_is_refused_before_the_subject_is_opened(out: str) -> None:
    said = here("run", "solar-open-100b", "--suite", "ours", "--out", out)

    assert said.code == 2
    assert out in said.err
    assert "Solar-Open-100B" not in said.err  # the hub was not asked
    assert [p.name for p in Path("foreign").iterdir()] == ["thesis.hwp"]


def test_what_is_given_besides_is_checked_before_the_subject_is_opened() -> None:
    for arguments, problem in {
        ("--suite", "nosuch/suite"): "no such folder",
        ("--suite", f"./{LONG}"): "too long",
        ("--suite", "~nobody-has-this-name/x"): "~nobody-has-this-name/x",
        ("--suite", "foreign"): "suite.yaml: missing",
        ("--policy", "deep.yaml"): "deep.yaml:1: nested",
        ("--policy", "nosuch.yaml"): "nosuch.yaml: cannot be read",
        ("--suite", "ours", "--canaries", "nofile"): "no such file",
        ("--suite", "ours", "--canaries", "file"): "file:1: not valid JSON",
        ("--suite", "ours", "--canaries", "deep.jsonl"): "deep.jsonl:1: not valid JSON",
        ("--suite", "ours", "--input", "canaries"): "NAME=FILE",
        ("--suite", "ours", "--sign-key", "file"): "file",
        ("--suite", "ours", "--sign-key", "nofile"): "nofile",
        ("--limit", "0"): "--limit",
        ("--seed", "-1"): "--seed",
        ("--lang", "fr"): "--lang",
    }.items():
        said = here("run", "solar-open-100b", *arguments)
        assert said.code == 2, arguments
        assert problem in said.err, (arguments, said.err)
        assert "Solar-Open-100B" not in said.err


def test_work_on_a_bundle_that_is_none_says_so() -> None:
    for command in ("report", "audit"):
        for folder in ("nofolder", "foreign", "file"):
            said = here(command, folder)
            assert (said.code, "no sealed bundle" in said.err) == (2, True)


def test_files_that_cannot_be_written_are_named() -> None:
    for arguments in (
        ("export", "--out", "nofolder/x.jsonl", "--suite", "ours"),
        ("export", "--out", "/sys/kernel/x.jsonl", "--suite", "ours"),
        ("canaries", "make", "--out", "nofolder/c.jsonl", "--training", "t.txt"),
        ("canaries", "make", "--out", "c.jsonl", "--training", "nofolder/t.txt"),
    ):
        said = here(*arguments)
        assert said.code == 2, arguments
        assert next(a for a in arguments if "/" in a).split("/")[-1] in said.err
    assert not Path("c.jsonl").exists()


def test_a_terminal_that_knows_no_korean_gets_escapes() -> None:
    from tests.e2e.commands import ENVIRONMENT, outside

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENT, "PYTHONIOENCODING", "ascii")
        said = outside("methods", cwd=Path.cwd())

    assert said.code == 0
    assert "multiple-choice" in said.out


def test_a_fault_of_ours_is_a_broken_run_and_not_a_failed_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from verify import cli, loading

    monkeypatch.setattr(sys, "argv", ["verify", "models"])
    monkeypatch.setattr(loading, "load_profiles", lambda: 1 / 0)
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 4
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_names_cannot_command_the_terminal() -> None:
    Path("x\x1b[2Jy").mkdir()
    said = here("scan", "./x\x1b[2Jy")

    assert said.code == 2
    assert "\x1b[2J" not in said.err


def test_a_suite_file_that_is_broken_is_named_with_line_and_field() -> None:
    suite = Path("ours/suite.yaml")
    whole = suite.read_text("utf-8")
    for before, after, places in (
        ("method: short-answer", "method: short_answer", ["suite.yaml:", "checks.short-answer", "did you mean"]),
        ("metric: exact_match", "metric: accuracy", ["suite.yaml:", "exact_match"]),
        ("bound: {at_least: 0.5}", "bound: {at_most: 0.5}", ["suite.yaml:", "bound", "at_least"]),
        ("bound: {at_least: 0.5}", "bound: {at_least: 5}", ["suite.yaml:", "outside the range"]),
        ("{max_tokens: 16}", "{max_token: 16}", ["suite.yaml:", "max_token"]),
        ("    metric: exact", "    metrics: exact", ["suite.yaml:", "metric"]),
        ("version: 1", "version: one", ["suite.yaml:2", "version"]),
        ("version: 1", "version: 1\nversion: 2", ["suite.yaml:3", "twice"]),
        ("concern: accuracy", "concern: [accuracy", ["suite.yaml:", "YAML"]),
        ("items/answers.jsonl", "items/none.jsonl", ["suite.yaml", "match no file"]),
        ("id: ours", "id: ../../ours", ["suite.yaml:1", "id"]),
        ("id: ours", "id: !!python/object/apply:os.system [ls]", ["suite.yaml:1", "tag"]),
    ):
        assert before in whole
        suite.write_text(whole.replace(before, after, 1), encoding="utf-8")
        for said in (here("suites", "lint", "./ours"), here("run", "solar-open-100b", "--suite", "./ours")):
            assert said.code == 2, after
            assert all(place in said.out + said.err for place in places), (after, said.out + said.err)


def test_a_broken_line_of_items_is_named_with_line_and_field() -> None:
    file = Path("ours/items/answers.jsonl")
    lines = file.read_text("utf-8").splitlines()
    for broken, places in (
        ("{", ["answers.jsonl:3", "JSON"]),
        ("[]", ["answers.jsonl:3", "object"]),
        (json.dumps({"id": "x"}), ["answers.jsonl:3", "question"]),
        (json.dumps({"id": "x", "question": 3, "answers": ["a"]}), ["answers.jsonl:3", "question"]),
        (json.dumps({"id": "x", "question": "q", "answers": ["a"], "anser": 1}), ["answers.jsonl:3", "anser"]),
        ('{"id": "x", "question": "q", "question": "r", "answers": ["a"]}', ["answers.jsonl:3", "twice"]),
        ('{"id": "x", "question": "q", "answers": [NaN]}', ["answers.jsonl:3", "NaN"]),
        (lines[0], ["answers.jsonl:3", "answers.jsonl:1"]),
        (DEEP, ["answers.jsonl:3", "JSON"]),
        ('{"id": "\\ud800", "question": "q", "answers": ["a"]}', ["answers.jsonl:3"]),
    ):
        file.write_text("\n".join([*lines[:2], broken, *lines[3:]]) + "\n", encoding="utf-8")
        said = here("suites", "lint", "./ours")
        assert said.code == 2, broken[:60]
        assert all(place in said.out for place in places), (broken[:60], said.out)
    file.write_bytes(lines[0].encode() + b"\n\xff\xfe\n")
    assert "answers.jsonl:2: not valid UTF-8" in here("suites", "lint", "./ours").out
