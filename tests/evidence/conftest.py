from pathlib import Path

import pytest

from tests.evidence.small_run import make_evidence
from verify.evidence import Evidence, write_bundle


@pytest.fixture
def evidence() -> Evidence:
    return make_evidence()


@pytest.fixture
def sealed(tmp_path: Path, evidence: Evidence) -> Path:
    folder = tmp_path / "bundle"
    write_bundle(folder, evidence)
    return folder
