import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.evidence.small_run import make_evidence
from verify.errors import EvidenceError
from verify.evidence import Evidence, check_integrity, layout, read_bundle, write_bundle
from verify.records import KeptResponse, Results


def evidence_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and ".run" not in path.parts]


def test_what_was_written_is_read(sealed: Path, evidence: Evidence) -> None:
    bundle = read_bundle(sealed)

    assert bundle.plan == evidence.plan
    assert bundle.subject == evidence.subject
    assert bundle.results == evidence.results
    assert bundle.conduct == evidence.conduct
    assert bundle.calibration is None
    assert tuple(bundle.items()) == evidence.items
    assert tuple(bundle.responses()) == evidence.responses
    assert tuple(bundle.scores()) == evidence.scores


def test_same_run_gives_same_bytes(tmp_path: Path, evidence: Evidence) -> None:
    one, two = write_bundle(tmp_path / "a", evidence), write_bundle(tmp_path / "b", evidence)

    assert one == two


def test_every_file_is_valid_under_its_published_schema(sealed: Path) -> None:
    checked = 0
    for name in layout.RECORDS:
        if not (sealed / name).exists():
            continue
        schema = json.loads((sealed / layout.schema_name(name)).read_bytes())
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        text = (sealed / name).read_bytes()
        lines = text.split(b"\n")[:-1] if name.endswith(".jsonl") else [text]
        for line in lines:
            validator.validate(json.loads(line))
            checked += 1

    assert checked >= 9


def test_results_have_the_contract_form(sealed: Path) -> None:
    results = json.loads((sealed / "results.json").read_bytes())

    assert results["schema"] == "ax-verify/results/1"
    assert results["estimates"][0]["interval"] == [0.0, 0.9]
    assert results["estimates"][0]["group"] is None
    assert results["verdicts"][0]["bound"]["at_most"] == 0.01


def test_manifest_lists_every_file_but_itself(sealed: Path) -> None:
    there = {path.relative_to(sealed).as_posix() for path in evidence_files(sealed)}

    assert set(read_bundle(sealed).manifest.files) == there - {"manifest.json"}


def test_no_file_can_command_a_terminal_or_reorder_text(sealed: Path) -> None:
    text = (sealed / "responses.jsonl").read_text("utf-8")

    assert "\\u009b31m" in text
    assert not {"\u009b", "\u202e", "\u2028"} & set(text)


def test_flipping_a_byte_anywhere_is_seen(sealed: Path, tmp_path: Path) -> None:
    for path in evidence_files(sealed):
        whole = path.read_bytes()
        for position in range(0, len(whole), max(1, len(whole) // 25)):
            altered = bytearray(whole)
            altered[position] ^= 1
            path.write_bytes(bytes(altered))
            with pytest.raises(EvidenceError):
                check_integrity(sealed)
        path.write_bytes(whole)

    check_integrity(sealed)


def test_removing_any_file_is_seen(sealed: Path, tmp_path: Path) -> None:
    for path in evidence_files(sealed):
        aside = path.rename(tmp_path / "aside")
        with pytest.raises(EvidenceError, match=r"manifest\.json|is missing"):
            read_bundle(sealed)
        aside.rename(path)


def test_an_additional_file_is_seen(sealed: Path) -> None:
    (sealed / "schemas" / "notes.txt").write_text("x")

    with pytest.raises(EvidenceError, match=r"schemas/notes\.txt is not in the manifest"):
        read_bundle(sealed)


def test_a_link_in_place_of_a_file_is_refused(sealed: Path, tmp_path: Path) -> None:
    scores = sealed / "scores.jsonl"
    shutil.copy(scores, tmp_path / "elsewhere")
    scores.unlink()
    scores.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EvidenceError, match="no plain file"):
        read_bundle(sealed)


def test_a_linked_folder_is_refused(sealed: Path, tmp_path: Path) -> None:
    (sealed / "more").symlink_to(tmp_path)

    with pytest.raises(EvidenceError, match="more is not in the manifest"):
        read_bundle(sealed)


def test_a_newer_schema_is_named(sealed: Path) -> None:
    manifest = sealed / "manifest.json"
    manifest.write_text(manifest.read_text().replace("ax-verify/manifest/1", "ax-verify/manifest/9"))

    with pytest.raises(EvidenceError, match="unknown schema"):
        read_bundle(sealed)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no sealed bundle; finish the run"):
        read_bundle(tmp_path)


def test_report_and_workings_do_not_break_the_seal(sealed: Path) -> None:
    for folder in ("report", ".run"):
        (sealed / folder).mkdir(exist_ok=True)
        (sealed / folder / "x.html").write_text("x")

    assert read_bundle(sealed).manifest.files


def test_a_report_folder_further_down_is_not_excused(sealed: Path) -> None:
    (sealed / "schemas" / "report").mkdir()
    (sealed / "schemas" / "report" / "x").write_text("x")

    with pytest.raises(EvidenceError, match="schemas/report/x"):
        read_bundle(sealed)


def test_sealing_again_replaces_and_leaves_nothing_behind(sealed: Path, evidence: Evidence) -> None:
    write_bundle(sealed, replace(evidence, conduct=None))

    assert read_bundle(sealed).conduct is None
    assert not (sealed / "conduct.json").exists()
    assert list((sealed / ".run").iterdir()) == []


def test_another_run_is_not_overwritten(sealed: Path) -> None:
    with pytest.raises(EvidenceError, match="another run; choose another --out"):
        write_bundle(sealed, make_evidence(seed=8))


def test_results_of_another_plan_are_not_sealed(tmp_path: Path, evidence: Evidence) -> None:
    other = make_evidence(seed=8).results

    with pytest.raises(EvidenceError, match="another plan"):
        write_bundle(tmp_path, replace(evidence, results=other))


def test_a_cut_off_sealing_leaves_no_bundle_and_can_be_repeated(tmp_path: Path, evidence: Evidence) -> None:
    class PowerCutError(Exception):
        pass

    def cut_off() -> "list[KeptResponse]":
        raise PowerCutError

    class Responses:
        def __iter__(self) -> object:
            yield from evidence.responses
            cut_off()

    with pytest.raises(PowerCutError):
        write_bundle(tmp_path, replace(evidence, responses=Responses()))  # type: ignore[arg-type]
    with pytest.raises(EvidenceError, match="no sealed bundle"):
        read_bundle(tmp_path)
    write_bundle(tmp_path, evidence)

    assert tuple(read_bundle(tmp_path).responses()) == evidence.responses


def test_a_bad_line_is_named_with_its_number(sealed: Path) -> None:
    bundle = read_bundle(sealed)
    with (sealed / "scores.jsonl").open("a") as stream:
        stream.write('{"check": "x"}\n')

    with pytest.raises(EvidenceError, match=r"scores\.jsonl:3: item"):
        list(bundle.scores())


def test_records_on_disk_are_valid_for_the_engine(sealed: Path) -> None:
    assert Results.model_validate_json((sealed / "results.json").read_bytes())
