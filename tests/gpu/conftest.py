"""These tests are marked `gpu` and skip where there is no accelerator: run them with `make slow` or `-m gpu`."""

import pytest
import torch


@pytest.fixture(autouse=True)
def accelerator() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no accelerator")
