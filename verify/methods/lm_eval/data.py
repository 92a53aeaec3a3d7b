"""lm-eval's hub data sets from local files: no network is used.

A data set ORG/NAME lies below the data root in the folder `ORG/NAME` or `NAME` (or the root itself is that folder);
letter case does not count. In it, a configuration's split is `CONFIG/SPLIT.EXT`, `CONFIG-SPLIT.EXT` or
`CONFIG_SPLIT.EXT`, and without a configuration `SPLIT.EXT`; each may lie in `data/` and in shards
(`test-00000-of-00002.parquet`). EXT is jsonl, json, csv, tsv or parquet. A plain copy of a hub repository whose
README.md lists its configurations is read by that list. What is not below the root is looked for in the Hugging Face
cache of this machine.
"""

import io
import logging
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from verify.errors import UsageError

EXTENSIONS: Final = {"jsonl": "json", "json": "json", "csv": "csv", "tsv": "csv", "parquet": "parquet"}
"""Extension -> the loader of `datasets` that reads it."""
_BUILDERS: Final = frozenset({"json", "csv", "parquet", "text", "arrow", "imagefolder", "audiofolder"})


class DataSet(NamedTuple):
    """A data set as a task names it."""

    path: str
    """`ORG/NAME` on the hub."""
    config: str | None = None

    def __str__(self) -> str:
        return self.path if self.config is None else f"{self.path} (configuration {self.config})"


class MissingDataError(UsageError):
    """A data set is not on this machine; the message says what was looked for."""

    def __init__(self, wanted: DataSet, looked: Sequence[str]) -> None:
        super().__init__(f"{wanted} is not here; looked for {' or '.join(looked)}")
        self.wanted, self.looked = wanted, tuple(looked)


class Store:
    """Local copies of hub data sets.

    Args:
        root: The data root; None looks in the Hugging Face cache only.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root

    def load(self, load_dataset: Any, path: str, name: str | None = None, **options: Any) -> Any:
        """What `datasets.load_dataset` gives for a hub data set, from local files.

        Args:
            load_dataset: The real function.
            path: `ORG/NAME`.
            name: Configuration.
            options: Of `load_dataset`; `split`, `data_dir` and `cache_dir` count.

        Raises:
            MissingDataError: It is not on this machine.
        """
        split, cache = options.pop("split", None), options.get("cache_dir")
        config = name if name not in {None, "default"} else options.get("data_dir")
        wanted = DataSet(path, config)
        if path in _BUILDERS:
            raise MissingDataError(wanted, [f"{options.get('data_files') or options.get('data_dir')} (no hub id)"])
        found = self._below_root(load_dataset, wanted, cache=cache)
        if found is None:
            found = self._cached(load_dataset, wanted, options)
        if split is None:
            return found
        if split not in found:
            raise MissingDataError(wanted, self.looked(wanted, splits=[split]))
        return found[split]

    def looked(self, wanted: DataSet, *, splits: Sequence[str] = ("SPLIT",)) -> list[str]:
        """Paths at which a data set is looked for, as a person reads them."""
        root = "DIR" if self.root is None else str(self.root)
        names = splits[0] if len(splits) == 1 else "{" + ",".join(splits) + "}"
        file = f"{names}.({'|'.join(EXTENSIONS)})"
        short = wanted.path.rpartition("/")[2]
        forms = [file] if wanted.config is None else [f"{wanted.config}/{file}", f"{wanted.config}-{file}"]
        return [f"{root}/{folder}/{form}" for folder in dict.fromkeys((wanted.path, short)) for form in forms]

    def _below_root(self, load_dataset: Any, wanted: DataSet, *, cache: str | None) -> Any:
        for folder in self._folders(wanted.path):
            card = folder / "README.md"
            if card.is_file() and re.search(r"^configs:", card.read_text("utf-8", "replace"), re.MULTILINE):
                return load_dataset(str(folder), wanted.config, cache_dir=cache)
            files = _splits(folder, wanted.config)
            if files:
                return _read(load_dataset, files, cache=cache)
        return None

    def _folders(self, path: str) -> Iterator[Path]:
        if self.root is None:
            return
        if not self.root.is_dir():
            raise UsageError(f"--data-root {self.root}: there is no such folder")
        organisation, _, name = path.rpartition("/")
        within = _child(self.root, organisation) if organisation else None
        for folder in (within, self.root):
            if folder is not None and (found := _child(folder, name)) is not None:
                yield found
        if self.root.resolve().name.casefold() == name.casefold():
            yield self.root

    def _cached(self, load_dataset: Any, wanted: DataSet, options: dict[str, Any]) -> Any:
        kept = {key: value for key, value in options.items() if key in {"data_dir", "data_files", "revision"}}
        config = wanted.config if "data_dir" not in kept else None
        try:
            return load_dataset(wanted.path, config, **kept)
        except (OSError, ValueError) as error:  # ConnectionError: "Couldn't reach ... on the Hub"
            raise MissingDataError(wanted, [*self.looked(wanted), "the Hugging Face cache"]) from error


@contextmanager
def offline(store: Store) -> Iterator[None]:
    """Within this, `datasets` finds hub data sets in `store`, nothing reaches a network, and nothing is printed.

    The switches of the Hugging Face libraries are put back afterwards: fetching a subject needs them as they were.
    """
    import datasets
    import huggingface_hub

    real = datasets.load_dataset

    with ExitStack() as stack:
        cache = stack.enter_context(TemporaryDirectory(prefix="verify-data-"))

        def local(path: str, name: str | None = None, **options: Any) -> Any:
            return store.load(real, path, name, **{**options, "cache_dir": cache})

        for owner, attribute, value in (
            (huggingface_hub.constants, "HF_HUB_OFFLINE", True),
            (datasets.config, "HF_HUB_OFFLINE", True),
            (datasets, "load_dataset", local),
            (socket.socket, "connect", _refuse),
        ):
            stack.enter_context(patch.object(owner, attribute, value))
        stack.enter_context(_no_evaluate())
        stack.enter_context(quiet())
        yield


def _refuse(*_: object, **__: object) -> None:
    raise ConnectionError("lm-eval's tasks are loaded without a network")


@contextmanager
def _no_evaluate() -> Iterator[None]:
    """Hides the library `evaluate`: it fetches code from the hub, and importing it takes 14 seconds and torch."""
    known = sys.modules.get("evaluate")
    stand_in = ModuleType("evaluate")
    stand_in.load = _refuse  # type: ignore[attr-defined]  # what it offers to tasks
    sys.modules["evaluate"] = stand_in
    try:
        yield
    finally:
        if known is None:
            del sys.modules["evaluate"]
        else:
            sys.modules["evaluate"] = known


@contextmanager
def quiet() -> Iterator[None]:
    """Within this, lm-eval and `datasets` are silent, and a template is compiled once instead of for each document."""
    import datasets
    import lm_eval.api.task

    loggers = [logging.getLogger(name) for name in ("lm_eval", "datasets", "evaluate")]
    levels = [logger.level for logger in loggers]
    bars = datasets.utils.is_progress_bar_enabled()
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        datasets.utils.disable_progress_bars()
        with (
            redirect_stdout(io.StringIO()),
            patch.object(lm_eval.api.task, "tqdm", lambda rows, **_: rows),
            patch.object(lm_eval.utils.env, "from_string", _template),
        ):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            datasets.utils.enable_progress_bars()


@cache
def _template(text: str) -> Any:
    import lm_eval.utils

    return type(lm_eval.utils.env).from_string(lm_eval.utils.env, text)


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.is_dir():
        return exact
    return next((p for p in sorted(folder.iterdir()) if p.name.casefold() == name.casefold() and p.is_dir()), None)


def _splits(folder: Path, config: str | None) -> dict[str, list[Path]]:
    """Split -> its files, for one configuration."""
    prefix = "" if config is None else f"{re.escape(config)}[/_-]"
    endings = "|".join(EXTENSIONS)
    form = re.compile(rf"(?:data/)?{prefix}(?P<split>[\w.]+?)(?:-\d+-of-\d+)?\.(?:{endings})", re.IGNORECASE)
    found: dict[str, list[Path]] = {}
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        match = form.fullmatch(file.relative_to(folder).as_posix())
        if match:
            found.setdefault(match["split"], []).append(file)
    return found


def _read(load_dataset: Any, splits: dict[str, list[Path]], *, cache: str | None) -> Any:
    import datasets

    read = {}
    for split, files in splits.items():
        ending = files[0].suffix.removeprefix(".").lower()
        kind = {"delimiter": "\t"} if ending == "tsv" else {}
        same = [str(file) for file in files if file.suffix == files[0].suffix]
        try:
            read[split] = load_dataset(
                EXTENSIONS[ending], data_files={"train": same}, split="train", cache_dir=cache, **kind
            )
        except (ValueError, OSError, datasets.exceptions.DatasetGenerationError) as error:
            cause = error.__cause__ or error
            raise UsageError(f"{files[0]}: cannot be read as {ending}: {cause}") from error
    return datasets.DatasetDict(read)
