"""The house: what imports what, what lies where, how long files are."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "verify").rglob("*.py"))
HEAVY = ("torch", "transformers", "presidio_analyzer", "spacy", "kiwipiepy", "tokenizers", "lm_eval", "ray")
TOP_LEVEL = {
    "verify", "suites", "models", "reports", "tests", "pyproject.toml", "Makefile", "README.md", "README.ko.md",
    "LICENSE", "CHANGELOG.md", "constraints.txt",
}  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Names of heavy modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "verify",
        "verify.pipeline",
        "verify.cli",
        "verify.methods.catalogue",
        "verify.runtime.process",
        "verify.engine.executors",
    ],
)
def test_the_deciding_process_loads_nothing_heavy_on_import(module: str) -> None:
    assert loaded_after(f"import {module}") == set()


def test_no_python_in_content_folders() -> None:
    found = [p for folder in ("suites", "models", "reports") for p in (ROOT / folder).rglob("*.py")]

    assert found == []


def test_the_top_level_holds_what_the_design_names() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    if not tracked:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in tracked.splitlines()}

    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 500


def test_yaml_is_known_to_loading_alone() -> None:
    users = [p for p in PYTHON if "yaml" in _imports(p)]

    assert [p.relative_to(ROOT).as_posix() for p in users] == ["verify/loading.py"]


def test_torch_is_imported_only_where_a_subject_lives_or_a_standard_is_trained() -> None:
    users = [p.relative_to(ROOT / "verify").parts[0] for p in PYTHON if {"torch", "transformers"} & _imports(p)]

    assert set(users) <= {"runtime", "calibration"}


def test_no_file_of_a_released_size_above_three_mebibytes() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    sizes = {name: (ROOT / name).stat().st_size for name in tracked.split("\0") if name and (ROOT / name).is_file()}

    assert {name for name, size in sizes.items() if size > 3 * 1024 * 1024} == set()


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
