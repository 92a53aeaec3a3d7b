"""A task's documents as items: lm-eval builds the requests, we keep what an audit needs to score them again."""

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, ValidationError

from verify.errors import UsageError
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.data import MissingDataError, Store, offline
from verify.methods.lm_eval.tasks import Blueprint, Leaf, blueprint
from verify.records import Generate, Item, LogLikelihood, Request, Strings, TokenLogProbs
from verify.records.base import Tuple

_SOURCE_LENGTH: Final = 40
"""Characters from which a text that recurs is taken for a source, not for a phrase that questions share."""
_MOST_SHARING: Final = 50
"""Documents per distinct text of a field above which it holds instructions, not sources."""
_IGNORED: Final = frozenset({"until", "max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens",
                             "do_sample", "temperature", "stop_sequences"})  # fmt: skip
"""Generation options that a request states, or that are nothing but its greedy decoding."""


class LmEvalItem(Item):
    """One document of a task, with the requests that lm-eval makes of it."""

    task: str
    """lm-eval's name of the task; of a group one of its tasks."""
    index: int = Field(ge=0)
    """Position in the split that is asked."""
    document: dict[str, Any] | str
    features: Strings
    """Fields that lm-eval's templates may name."""
    multiple_input: int = 0
    multiple_target: int = 0
    """What lm-eval concluded from the task's first document."""
    requests: Annotated[tuple[Request, ...], Tuple] = Field(min_length=1)
    """In lm-eval's order, few-shot examples included."""
    repeats: int = Field(default=1, ge=1)
    """How often each request is made (several samples of one generation)."""
    chance: float | None = Field(default=None, ge=0.0, le=1.0)
    """Probability of guessing the right option; null where there are no options."""
    lm_eval: str
    """Version of lm-eval that built the requests; another one must not score the answers."""


class Wanted(NamedTuple):
    """Which documents, and how they are asked."""

    task: str
    num_fewshot: int | None
    """None is the task's own number."""
    fewshot_seed: int


@lru_cache(maxsize=8)
def documents(wanted: Wanted, root: Path | None) -> tuple[LmEvalItem, ...]:
    """All documents of a task or of the tasks of a group, in lm-eval's order.

    Args:
        wanted: The task and how it is asked.
        root: Where hub data sets lie.

    Raises:
        MissingDataError: Data sets are not on this machine; all of them are named.
        UsageError: The task needs what this runtime has not (images, running the subject's code).
    """
    plan = blueprint(wanted.task)
    store = Store(root)
    built: list[LmEvalItem] = []
    missing: list[tuple[Leaf, MissingDataError]] = []
    for leaf in plan.leaves:
        _refuse(leaf)
        try:
            with offline(store), _seeded():
                built.extend(_documents(leaf, wanted, store))
        except MissingDataError as error:
            missing.append((leaf, error))
        except UsageError:
            raise
        except Exception as error:  # lm-eval's code on a user's data; whatever it raises is one fault
            raise UsageError(
                f"lm-eval's task {leaf.task_name!r} cannot be built from its data ({leaf.data}): "
                f"{type(error).__name__}: {error}"
            ) from error
    if missing:
        raise UsageError(_mirror(plan, missing, root))
    return tuple(_clustered(built, plan))


def _mirror(plan: Blueprint, missing: Sequence[tuple[Leaf, MissingDataError]], root: Path | None) -> str:
    configs: dict[str, list[str]] = defaultdict(list)
    splits: dict[str, None] = {}
    for leaf, error in missing:
        configs[error.wanted.path].append(error.wanted.config or "default")
        splits.update(dict.fromkeys(leaf.splits))
    leaf, first = missing[0]
    where = Store(root).looked(first.wanted, splits=leaf.splits or ("SPLIT",))
    names = "; ".join(
        f"{path}, {len(found)} configurations ({', '.join(found[:5])}{', ...' if len(found) > 5 else ''})"
        for path, found in configs.items()
    )
    give = "" if root is not None else " and give --data-root DIR (or set VERIFY_DATA_ROOT)"
    place = f"{root or 'DIR'}/{first.wanted.path}"
    return (
        f"the data of lm-eval/{plan.name} are not on this machine: {names}, splits {', '.join(splits) or '?'}. "
        f"Looked for {' or '.join(where)} and in the Hugging Face cache. Where there is a network, mirror it: "
        f"hf download {first.wanted.path} --repo-type dataset --local-dir {place}{give}"
    )


def _refuse(leaf: Leaf) -> None:
    config, why = leaf.config, None
    if config.get("unsafe_code") or getattr(leaf.python_class, "UNSAFE_CODE", False):
        why = "it runs the subject's answers as code"
    elif config.get("doc_to_image") or config.get("doc_to_audio"):
        why = "it asks about images or sound"
    elif config.get("use_prompt"):
        why = "its prompts come from promptsource"
    options = config.get("generation_kwargs") or {}
    if options.get("do_sample") or (options.get("temperature") or 0) > 0:
        unknown = {key for key in set(options) - _IGNORED if options[key] not in {None, 1}}
        if unknown:
            why = f"it samples with {', '.join(sorted(unknown))}, which no request can state"
    if why:
        raise UsageError(f"lm-eval's task {leaf.task_name!r} cannot be a check: {why}")


def _documents(leaf: Leaf, wanted: Wanted, store: Store) -> Iterator[LmEvalItem]:
    task = _built(leaf, store)
    own = task.get_config("num_fewshot")
    shots = own if wanted.num_fewshot is None or own == 0 else wanted.num_fewshot  # as simple_evaluate has it
    task.set_config(key="num_fewshot", value=shots or 0)
    task.set_fewshot_seed(seed=wanted.fewshot_seed)
    if leaf.output_type == "generate_until" and not leaf.config.get("process_results"):
        absent = [name for name, function in getattr(task, "_metric_fn_list", {}).items() if function is None]
        if absent:
            raise UsageError(f"lm-eval's task {leaf.task_name!r}: the code of {', '.join(absent)} lies on the hub only")
    task.build_all_requests()
    by_document: dict[int, list[Any]] = defaultdict(list)
    for instance in task.instances:
        by_document[instance.doc_id].append(instance)
    features = tuple(getattr(task, "features", ()))
    for index, instances in sorted(by_document.items()):
        instances.sort(key=lambda instance: instance.idx)
        document = plain(instances[0].doc)
        choice = _choice(leaf, task, instances[0].doc)
        if choice is not None:
            _refuse_without_answer(choice, where=f"lm-eval's task {leaf.task_name!r}, document {index}")
        try:
            yield LmEvalItem(
                id=f"{leaf.task_name}/{index}",
                groups={"task": leaf.task_name},
                task=leaf.task_name,
                index=index,
                document=document,
                features=features,
                multiple_input=getattr(task, "multiple_input", 0),
                multiple_target=getattr(task, "multiple_target", 0),
                requests=tuple(_request(instance) for instance in instances),
                repeats=instances[0].repeats or 1,
                chance=None if choice is None else choice.chance,
                lm_eval=registry.version(),
            )
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise UsageError(
                f"lm-eval's task {leaf.task_name!r}, document {index}: {place}: {first['msg']}; "
                "it cannot be asked as it is"
            ) from error


def _built(leaf: Leaf, store: Store) -> Any:
    try:
        return leaf.build()
    except KeyError as error:  # the data set is here and lacks a split
        if leaf.data is None or error.args[0] not in leaf.splits:
            raise
        raise MissingDataError(leaf.data, store.looked(leaf.data, splits=leaf.splits)) from error


def _request(instance: Any) -> Request:
    """What lm-eval asks, in our words."""
    if instance.request_type == "loglikelihood":
        context, continuation = instance.args
        return LogLikelihood(context=context, continuation=continuation)
    if instance.request_type == "loglikelihood_rolling":
        return TokenLogProbs(text=instance.args[0])
    from lm_eval.models.utils import normalize_gen_kwargs

    context, options = instance.args[0], normalize_gen_kwargs(instance.args[1] or {})
    until = options.get("until") or []
    return Generate(
        prompt=context,
        max_tokens=options["max_gen_toks"],
        stop=tuple(stop for stop in until if stop),
        temperature=(options.get("temperature") or 1.0) if options.get("do_sample") else 0.0,
    )


class _Choice(NamedTuple):
    """A document's options, and the index or text of those that are right."""

    options: Sequence[Any]
    right: Sequence[Any]

    @property
    def chance(self) -> float:
        """Probability of guessing a right one."""
        return min(1.0, len(set(self.right)) / len(self.options))


def _choice(leaf: Leaf, task: Any, document: Any) -> _Choice | None:
    """What lm-eval compares itself; None where a task's own code does."""
    if leaf.output_type != "multiple_choice" or leaf.config.get("process_results") is not None:
        return None
    gold = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
    return _Choice(task.doc_to_choice(document), gold if isinstance(gold, list) else [gold])


def _refuse_without_answer(choice: _Choice, *, where: str) -> None:
    """Refuse a document whose answer is none of its options; lm-eval would count it as wrong without a word."""
    for right in choice.right:
        known = right in choice.options if isinstance(right, str) else right in range(len(choice.options))
        if not known:
            raise UsageError(
                f"{where}: the answer {right!r:.40} is none of its {len(choice.options)} options;"
                " correct or remove that row"
            )


def plain(value: Any) -> Any:
    """A document's value as JSON has it; what JSON cannot say (a date, not-a-number) becomes its text or null."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)


@contextmanager
def _seeded() -> Iterator[None]:
    """The generators that a task's own code draws from, as lm-eval seeds them; put back afterwards."""
    import numpy as np

    before, arrays = random.getstate(), np.random.get_state()  # the generator that tasks use
    random.seed(0)
    np.random.seed(1234)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(arrays)


def _clustered(items: Sequence[LmEvalItem], plan: Blueprint) -> Iterator[LmEvalItem]:
    """Documents with their source as cluster, and with their task and subgroup as groups where there are several."""
    sources = _sources(items)
    sizes = Counter(sources)
    for item, source in zip(items, sources, strict=True):
        groups = dict(item.groups) if plan.shares is not None else {}
        if item.task in plan.subgroups:
            groups["group"] = plan.subgroups[item.task]
        shared = items[source].id if sizes[source] > 1 else ""
        yield item.model_copy(update={"cluster": shared, "groups": groups})


def _sources(items: Sequence[LmEvalItem]) -> list[int]:
    """For each document the position of the first one of its source.

    Two documents share a source where one text field of theirs (a passage, a dialogue, the question itself) is the
    same and has at least 40 characters. A text that more than half of all documents share, or a field with more than
    50 documents for each of its texts, is an instruction and no source. Sources join: a document that shares its
    passage with one document and its dialogue with another puts all three into one cluster.
    """
    parent = list(range(len(items)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    for texts in _holders(items).values():
        if sum(map(len, texts.values())) > _MOST_SHARING * len(texts):
            continue
        for sharing in texts.values():
            if 1 < len(sharing) <= len(items) / 2:
                first = min(root(position) for position in sharing)
                for position in sharing:
                    parent[root(position)] = first
    return [root(position) for position in range(len(items))]


def _holders(items: Sequence[LmEvalItem]) -> dict[str, dict[str, list[int]]]:
    """Field -> long text -> documents that have it there."""
    holders: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, item in enumerate(items):
        for field, value in item.document.items() if isinstance(item.document, dict) else ():
            if isinstance(value, str) and len(value.strip()) >= _SOURCE_LENGTH:
                holders[field][" ".join(value.split())].append(position)
    return holders


def canonical(value: Any) -> str:
    """What a document contributes to a metric of all documents, as text."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
