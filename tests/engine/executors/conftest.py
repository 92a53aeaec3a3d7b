"""One Ray for the tests of the executor; what it starts is gone when they end."""

import os
import tempfile
from collections.abc import Iterator

import psutil
import pytest

pytest.importorskip("ray")


@pytest.fixture(scope="package")
def ray_here() -> Iterator[object]:
    """A local Ray without a GPU; four processors, so that a second pair of actors fits beside the first."""
    kept = {
        name: os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED", "RAY_ADDRESS", "TMPDIR")
    }
    os.environ.pop("RAY_ADDRESS", None)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_TOKEN": "a1" * 32}
    import ray

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder  # an actor that is killed leaves its files here
        ray.init(
            address="local", num_cpus=4, num_gpus=0, include_dashboard=False, object_store_memory=80 * 2**20,
            log_to_driver=False, configure_logging=False, _temp_dir=folder,
        )  # fmt: skip
        started = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
        yield ray
        ray.shutdown()
        _, alive = psutil.wait_procs(started, timeout=20)
    for name, value in kept.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    assert not alive
