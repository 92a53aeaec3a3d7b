"""Names to suites: folders, and tasks of lm-eval by `lm-eval/TASK`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from verify.loading import SuiteFolder, load_suite
from verify.methods.lm_eval.suite import PREFIX, suite_of


def open_suites(
    names: Sequence[str], *, root: Path | None = None, bounds: Mapping[str, float] | None = None
) -> list[SuiteFolder]:
    """The suites of these names; all `lm-eval/TASK` among them make one suite, in the place of the first.

    Args:
        names: Names or folders of suites, and `lm-eval/TASK`.
        root: Where data sets lie that a method brings.
        bounds: `suite.check` -> value, which a task of lm-eval without a chance level needs.

    Raises:
        UnknownNameError: No suite has this name.
        ContentError: `suite.yaml` is missing or wrong.
        UsageError: A task of lm-eval cannot be a check.
    """
    tasks = [name for name in names if name.startswith(PREFIX)]
    opened: list[SuiteFolder] = []
    for name in names:
        if not name.startswith(PREFIX):
            opened.append(load_suite(name))
        elif name == tasks[0]:
            bare = [task.removeprefix(PREFIX) for task in dict.fromkeys(tasks)]
            opened.append(suite_of(bare, root=root, bounds=bounds or {}))
    return opened
