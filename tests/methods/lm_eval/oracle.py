"""lm-eval itself on the same rows: `simple_evaluate` with its `hf` model, its own index and its own loading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from tests.methods.lm_eval.rows import DATA

TASKS = Path(lm_eval.__file__).parent / "tasks"


def hf_model(folder: Path) -> HFLM:
    """lm-eval's `hf` model on a folder."""
    return HFLM(pretrained=str(folder), dtype="float32", batch_size=4, device="cpu")


def evaluate(task: str, *, folder: str, model: Any, num_fewshot: int | None = None) -> Mapping[str, Any]:
    """Results of `simple_evaluate`, per-document samples included.

    Args:
        task: The task's name.
        folder: Folder of lm-eval's tasks that defines it; the whole index takes 20 seconds.
        model: An LM of lm-eval's.
        num_fewshot: Given to `simple_evaluate`.
    """

    def rows(path: str, name: str | None = None, **_: Any) -> Any:
        config = None if name == "default" else name
        return datasets.DatasetDict({s: datasets.Dataset.from_list(own) for s, own in DATA[path, config].items()})

    with patch.object(datasets, "load_dataset", rows), patch("evaluate.load", side_effect=OSError):
        manager = TaskManager(include_path=str(TASKS / folder), include_defaults=False)
        return lm_eval.simple_evaluate(
            model=model,
            tasks=[task],
            task_manager=manager,
            num_fewshot=num_fewshot,
            bootstrap_iters=0,
            log_samples=True,
        )
