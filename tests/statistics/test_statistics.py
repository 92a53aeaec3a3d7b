"""The package as a whole: what it exports, and that it needs nothing but numbers."""

import ast
from pathlib import Path

import verify.statistics


def test_exports_are_sorted_complete_and_there():
    names = verify.statistics.__all__

    assert len(set(names)) == len(names)
    assert all(hasattr(verify.statistics, name) for name in names)
    public = {name for name in vars(verify.statistics) if not name.startswith("_")}
    modules = {path.stem for path in Path(verify.statistics.__file__).parent.glob("*.py")}
    assert public - modules == set(names) - modules


def test_only_numbers_are_imported():
    numbers = {"numpy", "scipy", "statsmodels", "math", "numbers"}
    allowed = numbers | {"verify", "collections", "functools", "itertools", "typing"}
    for path in Path(verify.statistics.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module is not None
                assert node.module.split(".")[0] in allowed, path.name
                if node.module.startswith("verify"):
                    assert node.module.startswith(("verify.errors", "verify.statistics")), path.name
            elif isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path.name
