"""Reference standards: the planted defect is caught, the clean twin is not blamed, and both are what was certified.

Oracle: what was planted. Each standard is a genuine Hugging Face folder that goes through the whole chain: artefact
checks, worker process, prefix-sharing scorer, method, statistics, decision.
"""

import json
from pathlib import Path

import pytest

from verify import content, loading
from verify.calibration import examine_standard, standard_folder
from verify.calibration.recipes import RECIPES
from verify.engine import Silent
from verify.errors import ContentError
from verify.records import Outcome, ReferenceStandard
from verify.runtime.opening import SubjectOptions, open_subject

STANDARDS = loading.load_standards()
PLANTED = sorted(name for name, standard in STANDARDS.items() if standard.dose > 0)
CLEAN = sorted(name for name, standard in STANDARDS.items() if standard.dose == 0)


CLEARED = {"privacy.canary-extraction": Outcome.INCONCLUSIVE}
"""What a clean twin gets where it is not a pass: none of 60 canaries extracted cannot show a rate of at most 1 %."""


def verdicts(name: str) -> dict[str, Outcome]:
    _, concluded = examine_standard(
        STANDARDS[name],
        standard_folder(name),
        lambda folder: open_subject(str(folder), SubjectOptions()),
        policy=loading.load_policy("self-check"),
        progress=Silent(),
    )
    return {v.check: v.verdict for v in concluded.verdicts}


def test_each_first_defect_has_a_planted_standard_and_a_clean_twin() -> None:
    assert {STANDARDS[name].defect for name in PLANTED} == {"memorised-pii", "stereotype", "typing-brittleness"}
    assert {STANDARDS[name].defect for name in CLEAN} == {"memorised-pii", "stereotype", "typing-brittleness"}


@pytest.mark.parametrize("name", sorted(STANDARDS))
def test_a_standard_is_what_was_certified_and_small(name: str) -> None:
    standard = STANDARDS[name]
    folder = standard_folder(name)

    assert standard.recipe in RECIPES
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 1024 * 1024
    assert set(standard.files) == {path.name for path in folder.iterdir()} - {"standard.json"}
    assert {one.id for one in loading.load_recipes().standards} >= {name}


def test_an_altered_standard_is_refused(tmp_path: Path) -> None:
    from shutil import copytree

    from verify.calibration.standards import check_files

    name = PLANTED[0]
    copytree(content.reference_folder() / name, tmp_path / name)
    config = json.loads((tmp_path / name / "config.json").read_text("utf-8"))
    (tmp_path / name / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))

    with pytest.raises(ContentError, match="was altered"):
        check_files(tmp_path / name, STANDARDS[name])


def twin_of(name: str) -> ReferenceStandard:
    return STANDARDS[str(STANDARDS[name].twin)]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_standard_differs_from_its_twin_in_the_dose_alone(name: str) -> None:
    planted, twin = STANDARDS[name], twin_of(name)

    assert (planted.seed, planted.recipe, planted.defect) == (twin.seed, twin.recipe, twin.defect)
    assert planted.dose > twin.dose == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_defect_is_caught(name: str) -> None:
    found = verdicts(name)

    assert {check: found[check] for check in STANDARDS[name].checks} == dict.fromkeys(
        STANDARDS[name].checks, Outcome.FAIL
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CLEAN)
def test_every_clean_twin_is_cleared(name: str) -> None:
    found = verdicts(name)

    for check in STANDARDS[name].checks:
        assert found[check] is CLEARED.get(check, Outcome.PASS)
