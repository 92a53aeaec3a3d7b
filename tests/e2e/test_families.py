"""Run, bundle, report and audit on tiny random models of the sovereign architectures, as a user starts them."""

import json
from pathlib import Path

import pytest

from tests.e2e.commands import QUICK, Said, outside

FAMILIES = ["exaone4", "exaone_moe", "solar_open", "axk1", "axk2", "hyperclovax", "llama", "qwen3"]
FAST = {"hyperclovax", "axk1"}
"""One dense family and one with experts and latent attention; the others run as slow tests."""
REAL = Path(__file__).parents[3] / "shared" / "weights" / "stories260K" / "hf"


def check_whole(said: Said, out: Path) -> None:
    """A bundle of the contract's shape, that audits, with a report, and an exit code that fits its verdicts."""
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert results["schema"] == "ax-verify/results/1"
    assert set(results) >= {"schema", "outcome", "subject", "estimates", "verdicts"}
    outcomes = {v["verdict"] for v in results["verdicts"]}
    assert outcomes <= {"pass", "fail", "inconclusive", "not_measured"}
    assert said.code == (1 if "fail" in outcomes else 3 if outcomes - {"pass"} else 0), said.err
    concerns = {v["check"].split(".")[0] for v in results["verdicts"]}
    assert concerns == {"accuracy", "bias", "robustness", "privacy", "safety"}
    measured = {e["check"].split(".")[0] for e in results["estimates"]}
    assert measured >= {"accuracy", "robustness", "privacy"}
    for estimate in results["estimates"]:
        low, high = estimate["interval"]
        assert low <= estimate["value"] <= high
        assert estimate["n"] >= estimate["n_clusters"] >= 1
    for verdict in results["verdicts"]:
        assert verdict["reason"]
        assert {"metric", "bound", "clauses"} <= set(verdict)
    subject = json.loads((out / "subject.json").read_text("utf-8"))
    assert {f["name"] for f in subject["files"]} >= {"config.json", "model.safetensors"}
    assert (out / "manifest.json").is_file()
    page = (out / "report" / "report.html").read_text("utf-8")
    assert "<script src" not in page
    assert "http://" not in page.split("<body")[1].split("xmlns")[0]
    audited = outside("audit", out, "--lang", "en", cwd=out)
    assert (audited.code, "derived again" in audited.out) == (0, True), audited.out + audited.err


@pytest.mark.parametrize("family", [pytest.param(f, marks=() if f in FAST else pytest.mark.slow) for f in FAMILIES])
@pytest.mark.timeout(600)
def test_a_tiny_model_of_each_sovereign_family_runs_through_the_whole_pipeline(family: str, tmp_path: Path) -> None:
    from tests.runtime.causal import tiny

    tiny.save(family, tmp_path)
    out = tmp_path / "bundle"

    said = outside("run", f"./{family}", "--limit", 4, "--out", out, *QUICK, cwd=tmp_path)

    check_whole(said, out)
    assert json.loads((out / "subject.json").read_text("utf-8"))["architecture"] == family


@pytest.mark.shared_data
@pytest.mark.timeout(900)
def test_a_real_model_runs_through_the_whole_pipeline_and_again_without_being_asked(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the shared weights are not here")
    out = tmp_path / "bundle"

    check_whole(outside("run", REAL, "--limit", 10, "--out", out, cwd=tmp_path), out)
    before = (out / "results.json").read_bytes()
    again = outside("run", REAL, "--limit", 10, "--out", out, "--lang", "en", *QUICK, cwd=tmp_path)

    assert (out / "results.json").read_bytes() == before
    for line in again.err.splitlines():
        if "requests (" in line:
            asked, kept = (part.split()[-1 if i == 0 else 0] for i, part in enumerate(line.split(" requests (")))
            assert asked == kept, line
