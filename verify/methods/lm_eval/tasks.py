"""A task of lm-eval, resolved by lm-eval's own factory: what it consists of, before any data set is touched."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from verify.errors import UsageError
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.data import DataSet, Store, offline

FEWSHOT_SEED: Final = 1234
"""lm-eval's own default, so that its published numbers have the same examples in their prompts."""


class Leaf:
    """One task with its whole configuration, functions resolved; it stands where lm-eval puts the task itself.

    Args:
        config: Configuration after includes and the overrides of its groups.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    @property
    def task_name(self) -> str:
        """Name by which lm-eval reports it."""
        return str(self.config["task"])

    @property
    def python_class(self) -> type | None:
        """The class of a task that is written in Python."""
        return self.config.get("class")

    @property
    def output_type(self) -> str:
        """`multiple_choice`, `loglikelihood`, `loglikelihood_rolling` or `generate_until`."""
        return str(
            self.config.get("output_type") or getattr(self.python_class, "OUTPUT_TYPE", None) or "generate_until"
        )

    @property
    def data(self) -> DataSet | None:
        """Its data set on the hub, where its configuration names one."""
        owner = self.python_class
        path = self.config.get("dataset_path") or getattr(owner, "DATASET_PATH", None)
        name = self.config.get("dataset_name") or getattr(owner, "DATASET_NAME", None)
        return None if path is None else DataSet(str(path), None if name is None else str(name))

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that lm-eval reads: the one that is asked, and the one that few-shot examples come from."""
        return splits_of(self.config)

    def build(self, **overrides: Any) -> Any:
        """lm-eval's task object; reads the data set."""
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.tasks._factory import _ctor_accepts_config

        config = {**deepcopy(self.config), **overrides}
        owner = self.python_class
        if owner is None:
            return ConfigurableTask(config=config)
        task = owner(config=config) if _ctor_accepts_config(owner) else owner()
        if hasattr(getattr(task, "config", None), "task"):
            task.config.task = self.task_name
        return task


class Share(NamedTuple):
    """How a group makes one of its metrics from those of its tasks."""

    metric: str
    filters: tuple[str, ...] | None
    """Only with these filters; None is every one."""
    by_size: bool
    """Whether tasks weigh by their number of documents, or all the same."""


class Blueprint(NamedTuple):
    """What a name of lm-eval's stands for."""

    name: str
    leaves: tuple[Leaf, ...]
    shares: tuple[Share, ...] | None
    """How the value of the whole is made; None for a single task."""
    subgroups: Mapping[str, str]
    """Task -> the subgroup that it belongs to directly below the whole, where there are such."""

    def share(self, metric: str, filter_name: str) -> Share | None:
        """How the whole makes this metric, or None where it does not."""
        fitting = (s for s in self.shares or () if s.metric == metric and filter_name in (s.filters or (filter_name,)))
        return next(fitting, None)


@cache
def blueprint(name: str) -> Blueprint:
    """Resolve a task or a group that has a value of its own.

    Raises:
        UsageError: There is none, it is a tag or a group without a value, or its configuration cannot be loaded.
    """
    entries = registry.closure(name)
    root = _resolve(name, entries)
    if isinstance(root, Leaf):
        return Blueprint(name, (root,), None, {})
    if isinstance(root, list) or not root.aggregate_metric_list:
        members = ", ".join(registry.children(entries[0])[:6])
        raise UsageError(
            f"lm-eval gives {name!r} no value of its own (a {entries[0].kind} without aggregate_metric_list); "
            f"name its members: {members}, ..."
        )
    shares = tuple(
        Share(one.metric, None if one.filter_list is None else tuple(one.filter_list), one.weight_by_size)
        for one in root.aggregate_metric_list
    )
    leaves = {leaf.task_name: leaf for leaf in _leaves(root)}
    inside = {leaf.task_name: child.name for child in root if not isinstance(child, Leaf) for leaf in _leaves(child)}
    return Blueprint(name, tuple(leaves.values()), shares, inside)


def splits_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Splits of its data set that a task reads, by its configuration."""
    asked = config.get("test_split") or config.get("validation_split")
    shots = (config.get("fewshot_config") or {}).get("split") or config.get("fewshot_split")
    if not shots and "samples" not in (config.get("fewshot_config") or {}):
        shots = config.get("training_split") or config.get("validation_split") or asked
    return tuple(dict.fromkeys(str(split) for split in (asked, shots) if split))


def _leaves(group: Any) -> Iterator[Leaf]:
    for child in group:
        if isinstance(child, Leaf):
            yield child
        else:
            yield from _leaves(child)


def _resolve(name: str, entries: tuple[registry.Entry, ...]) -> Any:
    """A `Leaf`, lm-eval's `Group` of them, or a list for a tag."""
    from lm_eval.tasks import _factory
    from lm_eval.tasks._index import TaskIndex
    from lm_eval.tasks._yaml_loader import load_yaml

    class Resolving(_factory.TaskFactory):  # type: ignore[misc]
        """Stops where lm-eval would read the data set."""

        def _build_task(self, entry: Any, overrides: dict[str, Any] | None) -> Any:
            config = self._load_full_config(entry, overrides)
            return Leaf({key: value for key, value in config.items() if key not in {"tag", "group", "task_list"}})

    index: dict[str, Any] = {}
    for file in sorted({file for entry in entries for file in entry.files}, key=str):
        TaskIndex.process_cfg(load_yaml(file, resolve_func=False), file, index)
    try:
        with offline(Store(None)), patch.object(_factory, "ConfigurableTask", Leaf):  # the group's own tasks
            return Resolving().build(index[name], overrides=None, registry=index)
    except Exception as error:  # the package's own files and modules; whatever they raise is one fault
        raise UsageError(f"lm-eval's task {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
