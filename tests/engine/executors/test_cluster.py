"""What an actor gets, and addresses that are wrong; no Ray is started here."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import here
from verify.engine.executors import Cluster, open_on_ray
from verify.engine.executors.cluster import Session, Share
from verify.errors import UsageError
from verify.runtime.opening import SubjectOptions


@pytest.mark.parametrize(
    ("asked", "resources", "actors", "gpus"),
    [
        pytest.param({}, {"CPU": 64, "GPU": 8}, 8, 1, id="an actor for each GPU"),
        pytest.param({"gpus_per_actor": 0.5}, {"CPU": 64, "GPU": 3}, 6, 0.5, id="two actors share a GPU"),
        pytest.param({"gpus_per_actor": 4}, {"CPU": 64, "GPU": 8}, 2, 4, id="several GPUs an actor"),
        pytest.param({"gpus_per_actor": 0.1}, {"CPU": 64, "GPU": 3}, 30, 0.1, id="a fraction that binary cannot hold"),
        pytest.param({}, {"CPU": 64}, 2, 0, id="two where there is no GPU"),
        pytest.param({}, {"CPU": 1}, 1, 0, id="one processor"),
        pytest.param({"actors": 3}, {"CPU": 64, "GPU": 8}, 3, 1, id="fewer than there could be"),
        pytest.param({"gpus_per_actor": 0, "actors": 5}, {"CPU": 8, "GPU": 1}, 5, 0, id="no GPU though there is one"),
    ],
)
def test_what_each_actor_gets(asked: dict[str, Any], resources: dict[str, float], actors: int, gpus: float) -> None:
    share = Share(Cluster(**asked), resources)

    assert (share.actors, share.gpus) == (actors, gpus)


@pytest.mark.parametrize(
    ("asked", "resources"),
    [
        pytest.param({"actors": 9}, {"CPU": 64, "GPU": 8}, id="more actors than GPUs"),
        pytest.param({"gpus_per_actor": 2}, {"CPU": 64, "GPU": 1}, id="more GPUs than there are"),
        pytest.param({"gpus_per_actor": 1}, {"CPU": 64}, id="a GPU where there is none"),
        pytest.param({"actors": 3}, {"CPU": 2}, id="more actors than processors"),
        pytest.param({}, {"CPU": 2, "GPU": 4}, id="more GPUs than processors"),
    ],
)
def test_a_cluster_that_is_too_small_is_refused(asked: dict[str, Any], resources: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="lower --actors"):
        Share(Cluster(**asked), resources)


@pytest.mark.parametrize("share", [-1.0, 1.5, 0.5 + 1])
def test_a_share_of_gpus_that_cannot_be_given_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="a fraction of one GPU, or a whole number"):
        Cluster(gpus_per_actor=share)


def test_an_address_at_which_nothing_answers_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(UsageError, match=f"{address}: nothing answers there"):
            Session(Cluster(address=address))


@pytest.mark.parametrize("address", ["somewhere", "ray://head:10001", "head:99999", "http://head:1/x"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="write HOST:PORT"):
        Session(Cluster(address=address))


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(UsageError) as caught:
        open_on_ray(str(tmp_path), SubjectOptions(), Cluster())

    assert "pip install 'ax-verify[ray]'" in str(caught.value)


def test_recorded_answers_are_not_sharded(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").touch()

    with pytest.raises(UsageError, match="leave out --executor ray"):
        open_on_ray(f"recorded:{tmp_path}/answers.jsonl", SubjectOptions(), Cluster())


def test_the_command_line_refuses_a_bad_address_and_options_of_the_other_executor() -> None:
    bad = here("run", "reference:clean-lm", "--executor", "ray", "--ray-address", "nonsense")
    other = here("run", "reference:clean-lm", "--actors", 2)

    assert (bad.code, other.code) == (2, 2)
    assert "write HOST:PORT" in bad.err
    assert "--actors: only with --executor ray" in other.err
