"""Tabular models are read without running code, and answer as scikit-learn itself does."""

import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from verify.errors import SubjectError
from verify.records import Classify, ClassifyAnswer, Failed, FailureReason, Predict
from verify.runtime import tabular


@pytest.fixture
def numbers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(80, 3))
    return table, np.where(table[:, 0] + table[:, 1] > 0, "승인", "거절")


def _save(model: object, folder: Path) -> Path:
    file = folder / "model.skops"
    skops.io.dump(model, file)
    return file


def _row(values: np.ndarray) -> Predict:
    return Predict(row={f"x{i}": float(v) for i, v in enumerate(values)})


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_answers_are_scikit_learns(model, numbers, tmp_path):
    table, labels = numbers
    model.fit(table, labels)
    engine = tabular.open_tabular(_save(model, tmp_path))

    answers = {a.position: a.response for a in engine.answer([_row(line) for line in table])}

    expected = model.predict_proba(table)
    for position, line in enumerate(expected):
        response = answers[position]
        assert isinstance(response, ClassifyAnswer)
        assert response.probabilities == pytest.approx(dict(zip(["거절", "승인"], line, strict=True)), abs=1e-12)


def test_columns_are_matched_by_name_not_by_order(tmp_path):
    frame = pd.DataFrame({"나이": [20, 35, 50, 65] * 10, "지역": ["서울", "부산", "대구", "서울"] * 10})
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["나이"]),
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), ["지역"]),
        ),
        LogisticRegression(),
    ).fit(frame, [0, 0, 1, 1] * 10)
    engine = tabular.open_tabular(_save(model, tmp_path))
    there = Predict(row={"나이": 50, "지역": "대구"})
    back = Predict(row={"지역": "대구", "나이": 50})

    first, second = (a.response for a in engine.answer([there, back]))

    assert first == second
    assert first.probabilities["1"] == pytest.approx(model.predict_proba(frame)[2, 1])


def test_a_row_that_the_model_refuses_costs_only_itself(numbers, tmp_path):
    table, labels = numbers
    engine = tabular.open_tabular(_save(LogisticRegression().fit(table, labels), tmp_path))
    broken = Predict(row={"x0": 1.0, "x1": None, "x2": 0.0})
    short = Predict(row={"x0": 1.0})
    requests = [_row(table[0]), broken, _row(table[1]), short, Classify(text="가")]

    answers = {a.position: a.response for a in engine.answer(requests)}

    assert isinstance(answers[0], ClassifyAnswer)
    assert isinstance(answers[2], ClassifyAnswer)
    assert [answers[i].reason for i in (1, 3, 4)] == [
        FailureReason.MALFORMED,
        FailureReason.MALFORMED,
        FailureReason.UNSUPPORTED,
    ]
    assert all(isinstance(answers[i], Failed) for i in (1, 3, 4))


def test_a_pickle_is_refused_unread(numbers, tmp_path):
    table, labels = numbers
    file = tmp_path / "model.joblib"
    joblib.dump(LogisticRegression().fit(table, labels), file)

    with pytest.raises(SubjectError, match="skops"):
        tabular.open_tabular(file)


def test_a_type_that_was_not_reviewed_is_named_and_refused(numbers, tmp_path):
    table, labels = numbers
    model = make_pipeline(FunctionTransformer(np.testing.assert_equal), LogisticRegression())
    model.steps[1][1].fit(table, labels)

    with pytest.raises(SubjectError, match="assert_equal"):
        tabular.open_tabular(_save(model, tmp_path))


def test_compiled_neighbour_trees_are_refused(numbers, tmp_path):
    table, labels = numbers
    file = _save(KNeighborsClassifier(algorithm="kd_tree").fit(table, labels), tmp_path)

    with pytest.raises(SubjectError, match="KDTree"):
        tabular.open_tabular(file)


def test_a_tree_that_points_outside_its_table_is_refused(numbers, tmp_path):
    table, labels = numbers
    model = RandomForestClassifier(2, random_state=0).fit(table, labels)
    state = model.estimators_[0].tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    model.estimators_[0].tree_.__setstate__(state)

    with pytest.raises(SubjectError, match="outside its own node table"):
        tabular.open_tabular(_save(model, tmp_path))


def test_a_model_without_probabilities_is_refused(numbers, tmp_path):
    table, _ = numbers

    with pytest.raises(SubjectError, match="no class probabilities"):
        tabular.open_tabular(_save(LinearRegression().fit(table, table[:, 0]), tmp_path))


def test_a_damaged_file_is_refused(tmp_path):
    file = tmp_path / "model.skops"
    file.write_bytes(b"PK\x03\x04 cut")

    with pytest.raises(SubjectError, match="cannot be loaded"):
        tabular.open_tabular(file)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "model.skops"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", " " * 100_000)
    monkeypatch.setattr(tabular, "UNPACKED_LIMIT", 10_000)

    with pytest.raises(SubjectError, match="unpacks to"):
        tabular.open_tabular(file)
