"""The error tree: the exit code of each, and the drawing in the docstring is the tree."""

import re

import pytest

from verify import errors
from verify.errors import ContentError, RunError, UnknownNameError, VerifyError


def tree() -> dict[str, str]:
    """Class -> parent, as the code has it."""
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, VerifyError)]
    return {c.__name__: c.__bases__[0].__name__ for c in classes if c is not VerifyError}


def test_the_drawing_is_the_tree() -> None:
    parents: list[tuple[int, str]] = []
    drawn: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z]\w+Error)\b", line)
        if found is None:
            continue
        depth, name = len(found.group(1)), found.group(2)
        parents = [p for p in parents if p[0] < depth]
        if parents:
            drawn[name] = parents[-1][1]
        parents.append((depth, name))

    assert drawn == tree()


@pytest.mark.parametrize("name", [*tree(), "VerifyError"])
def test_a_broken_run_is_4_and_everything_else_2(name: str) -> None:
    error = getattr(errors, name)

    assert error.exit_code == (4 if issubclass(error, RunError) else 2)


def test_an_unknown_name_lists_all_names_and_the_nearest() -> None:
    error = UnknownNameError("suite", "biass", known={"privacy", "bias"})

    assert str(error) == "no suite 'biass' (did you mean 'bias'?); there are: bias, privacy"
    assert str(UnknownNameError("suite", "x", known=())) == "no suite 'x'; there are: none"


def test_a_fault_of_content_is_written_as_editors_read_it() -> None:
    assert str(ContentError("a.yaml", "wrong", line=3, field="b.c")) == "a.yaml:3: b.c: wrong"
    assert str(ContentError("a.yaml", "wrong")) == "a.yaml: wrong"
