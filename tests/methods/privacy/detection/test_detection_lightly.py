"""Looking for personal data loads neither torch nor transformers, and does not hinder others from doing so."""

import subprocess
import sys

SCRIPT = """
import sys
from verify.methods.privacy.detection import detector
found = detector().detect("신청인 김민수, 연락처 010-2345-6789")
assert {"KR_MOBILE"} <= {hit.type for hit in found}, found
assert not {"torch", "transformers"} & set(sys.modules)
import torch
assert torch.ones(1).item() == 1.0
"""


def test_detection_loads_no_engine_and_leaves_it_to_be_loaded_by_others() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
