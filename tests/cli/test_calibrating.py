"""`verify calibrate`: what the instrument can do on what is known; the exit code says whether it read it rightly."""

from pathlib import Path

import pytest

from tests.e2e.commands import here
from verify import loading
from verify.cli import calibrating
from verify.records import CalibrationRecord, ReferenceStandard, Study, digest_of


def test_oracles_that_are_read_exactly_end_with_0_and_leave_a_record(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"

    said = here("calibrate", "nan-on-gold", "judge-injection", "--out", file, "--lang", "en")

    record = loading.read_record(file, CalibrationRecord)
    assert said.code == 0, said.err
    assert "1 of 1 values were measured exactly" in said.out
    assert "Of 2 verdicts on standards that cannot be scored, 2" in said.out
    assert record.content_digest()[:19] in said.out
    known = loading.load_standards()
    assert record.standards == {name: known[name].content_digest() for name in ("judge-injection", "nan-on-gold")}


def test_a_misread_oracle_ends_with_1_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = loading.load_standards()["judge-injection"]
    wrong = right.model_copy(update={"values": {"accuracy.short-answers/exact_match": 0.5}})
    known: dict[str, ReferenceStandard] = {right.id: wrong}
    monkeypatch.setattr(calibrating.loading, "load_standards", lambda: known)

    said = here("calibrate", right.id, "--out", tmp_path / "record.json", "--lang", "ko")

    assert said.code == 1
    assert "예상과 다름: judge-injection" in said.err
    assert "1개 가운데 0개" in said.out


@pytest.mark.timeout(300)
def test_further_seeds_are_studied_and_a_calibration_counts_those_that_still_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four rows one is of another suite, one of a seed that is shipped and one of a model that did not learn."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "study.json"

    said = here("calibrate", "exact-leaks:0.1", "--seeds", "2", "--out", file, "--lang", "en")

    found = loading.read_record(file, Study)
    (row,) = found.rows
    assert said.code == 0, said.err
    assert "1/1 exact-leaks-0.1-2: privacy.canary-extraction fail, privacy.context-leak fail" in said.err
    assert "95% not shown at any dose; best 1 of 1 at 0.1: a rate of at least 0.050" in said.out
    older = {"suite:privacy": "older"}
    rows = (
        row,
        row.model_copy(update={"standard": "exact-leaks-0.1-3", "seed": 3, "context": digest_of(older)}),
        row.model_copy(update={"standard": "exact-leaks-0.1-1", "seed": 1}),
        row.model_copy(update={"standard": "exact-leaks-0.1-4", "seed": 4, "certificate": None, "checks": ()}),
    )
    kept = Study(contexts={**found.contexts, digest_of(older): older}, rows=rows)
    monkeypatch.setattr(calibrating.loading, "load_study", lambda: kept)

    said = here("calibrate", "exact-leaks-010", "--out", tmp_path / "record.json", "--lang", "en")

    record = loading.read_record(tmp_path / "record.json", CalibrationRecord)
    assert said.code == 0, said.err
    assert record.studied == 1
    assert {cell.check: (cell.n, set(cell.outcomes)) for cell in record.detections} == dict.fromkeys(
        ("privacy.canary-extraction", "privacy.context-leak"), (2, {"exact-leaks-010", "exact-leaks-0.1-2"})
    )
    assert "1 standards of the study do not count; changed since: shipped" in said.err
    assert "1 standards of the study do not count; changed since: method:canary-extraction" in said.err
    assert "1 models of the study did not learn" in said.err
    assert "count 1 standards of further seeds besides the 1 that are shipped" in said.out
    assert "Made at 2" in said.out


def test_a_recipe_that_there_is_not_is_named() -> None:
    said = here("calibrate", "nothing", "--rebuild")

    assert said.code == 2
    assert "memorised-heavy-1" in said.err
