"""Tabular models: scikit-learn classifiers saved with skops. Lives in the worker only; pickles are refused."""

import platform
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from verify.errors import SubjectError
from verify.records import ClassifyAnswer, Failed, FailureReason, Predict, Request, Response
from verify.runtime.base import Answered
from verify.runtime.facts import EngineFacts

REVIEWED: Final[Mapping[str, str]] = {
    "numpy.dtype": "names a number format",
    "sklearn.utils._bunch.Bunch": "a dictionary",
    "sklearn.tree._tree.Tree": "node tables; checked after loading, since compiled code follows their indices",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": "node tables; checked after loading",
    "sklearn.calibration._CalibratedClassifier": "holds a classifier and its calibrators",
    "sklearn.calibration._SigmoidCalibration": "two numbers",
    "sklearn.calibration._TemperatureScaling": "one number",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer": "arrays; unused when predicting",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer": "arrays; unused when predicting",
}
"""Types beyond skops' own list that were read before they were allowed, and why they are harmless.

Not on it: `KDTree` and `BallTree`, whose compiled code follows indices that cannot be checked from
outside (save nearest neighbours with `algorithm="brute"`), and every function.
"""

UNPACKED_LIMIT: Final = 4 * 1024**3
"""Most bytes that a file may unpack to."""
_CHUNK: Final = 4096


def open_tabular(folder: Path) -> "TabularEngine":
    """Open a scikit-learn classifier from a `.skops` file.

    Args:
        folder: The file, or a folder that holds exactly one `.skops` file.

    Raises:
        SubjectError: Another format, a type that was not reviewed, damaged trees, or no probabilities.
    """
    return TabularEngine(_load(_file(folder)))


def _file(path: Path) -> Path:
    if path.is_dir():
        found = sorted(path.glob("*.skops"))
        if len(found) != 1:
            raise SubjectError(f"{path.name}: {len(found)} .skops files; name the one that is to be verified")
        return found[0]
    if path.suffix != ".skops":
        raise SubjectError(
            f"{path.name}: only .skops files are read, because pickles and joblib files run code when they are "
            "opened; save the model again with skops.io.dump"
        )
    return path


def _load(file: Path) -> Any:
    import skops.io

    size = _guarded(file, _unpacked_size)
    if size > UNPACKED_LIMIT:  # before anything is unpacked
        raise SubjectError(f"{file.name} unpacks to {size / 1e9:.1f} GB; at most {UNPACKED_LIMIT / 1e9:.1f} are read")
    types = _guarded(file, lambda f: skops.io.get_untrusted_types(file=f))
    unknown = sorted(name for name in types if name not in REVIEWED)
    if unknown:
        raise SubjectError(
            f"{file.name} holds types that are not on the reviewed list: {', '.join(unknown[:5])}; "
            "verify the model behind an endpoint, or save it without them"
        )
    model = _guarded(file, lambda f: skops.io.load(f, trusted=list(REVIEWED)))
    _check_trees(model, seen=set())
    return model


def _unpacked_size(file: Path) -> int:
    with zipfile.ZipFile(file) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _guarded(file: Path, read: Callable[[Path], Any]) -> Any:
    """What `read` gives; whatever a subject's file makes it throw becomes a refusal."""
    try:
        return read(file)
    except Exception as error:  # the subject is called here
        text = " ".join(str(error).split())[:200]
        raise SubjectError(f"{file.name} cannot be loaded: {type(error).__name__}: {text}") from error


def _check_trees(value: Any, *, seen: set[int]) -> None:
    """Refuse node tables whose indices leave the table: compiled code would follow them anywhere."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | complex | type(None)):
        return
    seen.add(id(value))
    name = type(value).__name__
    if name == "Tree":
        inner = value.children_left != -1
        _check_nodes(value.children_left[inner], value.children_right[inner], np.flatnonzero(inner), value.node_count)
        _check_range(value.feature[inner], value.n_features)
    elif name == "TreePredictor":
        inner = value.nodes["is_leaf"] == 0
        nodes = value.nodes[inner]
        _check_nodes(nodes["left"], nodes["right"], np.flatnonzero(inner), len(value.nodes))
        categorical = nodes["is_categorical"] != 0
        _check_range(nodes["bitset_idx"][categorical], len(value.raw_left_cat_bitsets))
    for item in _parts(value):
        _check_trees(item, seen=seen)


def _parts(value: Any) -> Sequence[Any]:
    if isinstance(value, np.ndarray):
        return list(value.flat) if value.dtype == object else []
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set):
        return list(value)
    return list(vars(value).values()) if hasattr(value, "__dict__") and not isinstance(value, type) else []


def _check_nodes(left: Any, right: Any, parent: Any, count: int) -> None:
    """Children lie behind their parent and inside the table; so there is no cycle either."""
    for child in (left, right):
        if len(child) and (
            np.any(np.asarray(child, np.int64) <= parent) or np.any(np.asarray(child, np.int64) >= count)
        ):
            raise SubjectError("a tree of the model points outside its own node table; the file is damaged or hostile")


def _check_range(index: Any, count: int) -> None:
    if len(index) and (np.any(np.asarray(index, np.int64) < 0) or np.any(np.asarray(index, np.int64) >= count)):
        raise SubjectError("a tree of the model reads a column that does not exist; the file is damaged or hostile")


class TabularEngine:
    """Class probabilities of a tabular model.

    Args:
        model: A fitted scikit-learn classifier or pipeline.
    """

    def __init__(self, model: Any) -> None:
        if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
            raise SubjectError(
                f"{type(model).__name__} gives no class probabilities; wrap it in CalibratedClassifierCV, or save a "
                "classifier that has predict_proba"
            )
        self._model = model
        self._labels = [str(label) for label in model.classes_]
        names = getattr(model, "feature_names_in_", None)
        self._columns: list[str] | None = None if names is None else [str(name) for name in names]
        self._width: int | None = getattr(model, "n_features_in_", None)

    @property
    def facts(self) -> EngineFacts:
        """What was opened."""
        import sklearn
        import skops

        last = self._model[-1] if hasattr(self._model, "steps") else self._model
        return EngineFacts(
            answers=("predict",),
            architecture=type(last).__name__,
            device="cpu",
            path="plain",
            path_reason="a tabular model reads each row once; nothing is shared",
            environment={
                "python": platform.python_version(),
                "scikit-learn": sklearn.__version__,
                "skops": skops.__version__,
                "numpy": np.__version__,
            },
        )

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request once, in any order, yielding as soon as answers exist."""
        rows: list[tuple[int, list[Any]]] = []
        for position, request in enumerate(requests):
            row = self._row(request)
            if isinstance(row, Failed):
                yield Answered(position, row)
            else:
                rows.append((position, row))
        for start in range(0, len(rows), _CHUNK):
            yield from self._predict(rows[start : start + _CHUNK])

    def _row(self, request: Request) -> list[Any] | Failed:
        """Values in the model's own column order; without names, in the order of the request."""
        if not isinstance(request, Predict):
            detail = f"a tabular model does not answer {request.kind}"
            return Failed(reason=FailureReason.UNSUPPORTED, detail=detail)
        if self._columns is not None:
            missing = [name for name in self._columns if name not in request.row]
            unknown = sorted(set(request.row) - set(self._columns))
            if missing or unknown:
                detail = f"columns missing: {missing[:5]}, unknown: {unknown[:5]}"[:500]
                return Failed(reason=FailureReason.MALFORMED, detail=detail)
            return [request.row[name] for name in self._columns]
        if self._width is not None and len(request.row) != self._width:
            detail = f"the row has {len(request.row)} columns and the model reads {self._width}"
            return Failed(reason=FailureReason.MALFORMED, detail=detail)
        return list(request.row.values())

    def _predict(self, rows: Sequence[tuple[int, list[Any]]]) -> Iterator[Answered]:
        """Predict a chunk; where the model refuses it, row by row, so that only the refused one fails."""
        try:
            table = self._probabilities([row for _, row in rows])
        except (ValueError, TypeError, KeyError) as error:
            if len(rows) == 1:
                detail = f"the model refuses this row ({type(error).__name__})"
                yield Answered(rows[0][0], Failed(reason=FailureReason.MALFORMED, detail=detail))
                return
            middle = len(rows) // 2
            yield from self._predict(rows[:middle])
            yield from self._predict(rows[middle:])
            return
        for (position, _), line in zip(rows, table, strict=True):
            yield Answered(position, self._response(line))

    def _probabilities(self, rows: Sequence[list[Any]]) -> Any:
        if self._columns is None:
            return self._model.predict_proba(np.array(rows, dtype=float))
        import pandas as pd

        return self._model.predict_proba(pd.DataFrame(rows, columns=self._columns))

    def _response(self, line: Any) -> Response:
        values = [float(p) for p in line]
        if not all(-1e-9 <= p <= 1 + 1e-9 for p in values):
            return Failed(reason=FailureReason.INVALID_LOGITS, detail="the model gave no probabilities")
        clipped = [min(1.0, max(0.0, p)) for p in values]
        return ClassifyAnswer(probabilities=dict(zip(self._labels, clipped, strict=True)))
