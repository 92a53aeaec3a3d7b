"""`verify calibrate`: what the instrument can do on what is known; the exit code says whether it read it rightly."""

from pathlib import Path

import pytest

from tests.e2e.commands import here
from verify import loading
from verify.cli import calibrating
from verify.records import CalibrationRecord, ReferenceStandard


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


def test_a_recipe_that_there_is_not_is_named() -> None:
    said = here("calibrate", "nothing", "--rebuild")

    assert said.code == 2
    assert "memorised-heavy-1" in said.err
