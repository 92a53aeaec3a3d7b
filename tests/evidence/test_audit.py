import json
from pathlib import Path

import pytest

from tests.evidence.small_run import make_plan, make_results
from verify.errors import EvidenceError
from verify.evidence import (
    Evidence,
    build_statement,
    check_integrity,
    compare_results,
    compare_scores,
    file_digest,
    layout,
    manifest_of,
    read_bundle,
    root_of,
)
from verify.evidence.bundle import digests_in
from verify.records import (
    CalibrationRecord,
    Generate,
    GenerateAnswer,
    KeptResponse,
    Outcome,
    Plan,
    ReportManifest,
    Results,
    Subject,
)


def reseal(folder: Path) -> None:
    """What somebody does who alters a bundle and makes the manifest fit."""
    (folder / "manifest.json").write_text(layout.to_text(manifest_of(digests_in(folder))))


def restate(folder: Path) -> None:
    """The same by somebody who knows the format: the statement is made to fit as well."""
    bundle = {name: (folder / name).read_bytes() for name in ("plan.json", "subject.json", "results.json")}
    (folder / "statement.json").unlink()
    (folder / "manifest.json").unlink()
    statement = build_statement(
        plan=Plan.model_validate_json(bundle["plan.json"]),
        subject=Subject.model_validate_json(bundle["subject.json"]),
        results=Results.model_validate_json(bundle["results.json"]),
        files=digests_in(folder),
    )
    (folder / "statement.json").write_text(layout.to_text(statement))
    reseal(folder)


def test_an_untouched_bundle_has_integrity(sealed: Path) -> None:
    found = check_integrity(sealed)

    assert found.root == read_bundle(sealed).manifest.root
    assert found.files == len(read_bundle(sealed).manifest.files)
    assert not found.signed
    assert not found.report_checked


def test_a_better_outcome_with_a_fitting_manifest_contradicts_the_statement(sealed: Path) -> None:
    path = sealed / "results.json"
    path.write_text(path.read_text().replace('"inconclusive"', '"pass"'))
    reseal(sealed)

    with pytest.raises(EvidenceError, match=r"statement\.json: does not follow"):
        check_integrity(sealed)


def test_an_altered_statement_with_a_fitting_manifest_is_seen(sealed: Path) -> None:
    path = sealed / "statement.json"
    path.write_text(path.read_text().replace("FAILED", "PASSED"))
    reseal(sealed)

    with pytest.raises(EvidenceError, match=r"statement\.json: does not follow"):
        check_integrity(sealed)


def test_an_answer_under_another_question_is_seen_although_all_digests_fit(sealed: Path) -> None:
    """The report shows what was asked; the score is found by the digest alone."""
    path = sealed / "responses.jsonl"
    path.write_text(path.read_text().replace("이어서 쓰세요:", "아무 말이나 쓰세요:"))
    restate(sealed)

    with pytest.raises(EvidenceError, match=r"responses\.jsonl:1: the request is not the one"):
        check_integrity(sealed)


@pytest.mark.parametrize(
    ("prompt", "fault"), [("이어서 쓰세요:", "a second answer"), ("묻지 않은 것", "belong to no score")]
)
def test_an_answer_that_was_added_is_seen_although_all_digests_fit(sealed: Path, prompt: str, fault: str) -> None:
    added = KeptResponse.of(Generate(prompt=prompt), GenerateAnswer(text="네", finish="stop", n_tokens=1))
    with (sealed / "responses.jsonl").open("a") as stream:
        stream.write(layout.to_line(added))
    restate(sealed)

    with pytest.raises(EvidenceError, match=fault):
        check_integrity(sealed)


def test_a_calibration_record_that_the_results_do_not_cite_is_seen(sealed: Path) -> None:
    record = CalibrationRecord(made_with={"suite:privacy": "sha256:" + "0" * 64}, seed=0, detections=())
    (sealed / "calibration.json").write_text(layout.to_text(record))
    restate(sealed)

    with pytest.raises(EvidenceError, match="cites another calibration record"):
        check_integrity(sealed)


def test_a_bundle_made_before_a_field_existed_keeps_its_integrity(sealed: Path) -> None:
    results = json.loads((sealed / "results.json").read_bytes())
    statement = json.loads((sealed / "statement.json").read_bytes())
    for verdict in (results["verdicts"][0], statement["predicate"]["results"]["verdicts"][0]):
        del verdict["holm_adjusted_p"]
    (sealed / "results.json").write_text(json.dumps(results))
    files = {name: file_digest(sealed / name) for name in statement["predicate"]["evidence"]["files"]}
    statement["predicate"]["evidence"] = {"root": root_of(files), "files": files}
    (sealed / "statement.json").write_text(json.dumps(statement))
    reseal(sealed)

    assert check_integrity(sealed).files == len(files) + 1


def test_a_report_is_checked_where_it_lies_in_the_bundle(sealed: Path) -> None:
    report = sealed / "report"
    report.mkdir()
    (report / "report.html").write_text("<p>fail</p>")
    root = read_bundle(sealed).manifest.root
    record = ReportManifest(bundle=root, files={"report.html": file_digest(report / "report.html")})
    (report / "manifest.json").write_text(json.dumps(record.to_json()))

    assert check_integrity(sealed).report_checked

    (report / "report.html").write_text("<p>pass</p>")
    with pytest.raises(EvidenceError, match="altered after rendering"):
        check_integrity(sealed)
    other = record.model_copy(update={"bundle": "sha256:" + "0" * 64})
    (report / "manifest.json").write_text(json.dumps(other.to_json()))
    with pytest.raises(EvidenceError, match="shows another bundle"):
        check_integrity(sealed)


def test_equal_results_have_no_difference() -> None:
    assert compare_results(make_results(make_plan()), make_results(make_plan())) == ()


def test_every_difference_is_named_with_both_values() -> None:
    stated = make_results(make_plan(), outcome=Outcome.PASS, value=0.0)
    derived = make_results(make_plan(), outcome=Outcome.FAIL, value=0.25)

    found = {each.place: (each.stated, each.derived) for each in compare_results(stated, derived)}

    assert found == {
        "outcome": ("pass", "fail"),
        "estimates[privacy.extraction/rate].value": ("0.0", "0.25"),
        "verdicts[privacy.extraction/rate].verdict": ("pass", "fail"),
    }


def test_order_and_the_last_bit_are_no_difference() -> None:
    stated = make_results(make_plan())
    second = stated.estimates[0].model_copy(update={"group": "topic=x"})
    both = stated.model_copy(update={"estimates": (*stated.estimates, second)})
    moved = second.model_copy(update={"value": 0.25 * (1 + 2**-52)})
    turned = stated.model_copy(update={"estimates": (moved, *stated.estimates)})

    assert compare_results(both, turned) == ()


@pytest.mark.parametrize("kind", ["estimates", "verdicts"])
def test_left_out_and_added_entries_are_differences(kind: str) -> None:
    whole = make_results(make_plan())
    less: Results = whole.model_copy(update={kind: ()})
    twice: Results = whole.model_copy(update={kind: getattr(whole, kind) * 2})

    assert [(d.stated, d.derived) for d in compare_results(less, whole)] == [("absent", "present")]
    assert [(d.stated, d.derived) for d in compare_results(whole, less)] == [("present", "absent")]
    assert [(d.stated, d.derived) for d in compare_results(twice, whole)] == [("2 times", "once")]


def test_a_changed_score_is_named_by_item(evidence: Evidence) -> None:
    first, second = evidence.scores
    changed = first.model_copy(update={"score": first.score.model_copy(update={"values": {"rate": 1.0}})})

    (found,) = compare_scores((first, second), (second, changed))

    assert found.place == "scores[privacy.extraction/a/0].score.values.rate"
    assert (found.stated, found.derived) == ("0.0", "1.0")
