"""Joining a Ray cluster, or starting one on this machine; Ray is imported here and in `fleet` only."""

import importlib
import os
import re
import secrets
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from verify.errors import UsageError

_ADDRESS: Final = "RAY_ADDRESS"
_REACHABLE_S: Final = 5.0
"""Seconds to wait for a cluster's port; Ray itself would try for minutes and then end the process."""
_STORE_BYTES: Final = 128 * 2**20
"""Object store of a Ray that is started here: answers are small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which actors a run wants, and where.

    Raises:
        UsageError: No actor, a negative share of a GPU, or a share above 1 that is not whole.
    """

    address: str | None = None
    """`HOST:PORT` of the cluster's head, or `auto`; None takes RAY_ADDRESS, and without it starts a local Ray."""
    actors: int | None = None
    """How many; None for as many as the cluster's GPUs allow, and two where it has none."""
    gpus_per_actor: float | None = None
    """A fraction of one GPU, or a whole number of them; None is 1 where the cluster has GPUs, else 0."""

    def __post_init__(self) -> None:
        if self.actors is not None and self.actors < 1:
            raise UsageError(f"--actors {self.actors}: a run needs one at least")
        share = self.gpus_per_actor
        if share is not None and not (0 <= share <= 1 or share == int(share) > 0):
            raise UsageError(f"--gpus-per-actor {share:g}: write a fraction of one GPU, or a whole number of them")


class Share:
    """What each actor of a run gets, now that the cluster is known.

    Args:
        cluster: What was asked for.
        resources: What the cluster has in all, as Ray names it.

    Raises:
        UsageError: The cluster is too small.
    """

    def __init__(self, cluster: Cluster, resources: dict[str, float]) -> None:
        gpus, processors = resources.get("GPU", 0.0), resources.get("CPU", 0.0)
        self.gpus = (1.0 if gpus else 0.0) if cluster.gpus_per_actor is None else cluster.gpus_per_actor
        """GPUs of each actor."""
        most = int(gpus / self.gpus + 1e-9) if self.gpus else int(processors)
        self.actors = cluster.actors or (max(1, most) if self.gpus else min(2, max(1, most)))
        """How many actors."""
        if self.actors > most or self.actors > processors:
            wanted = f"{self.actors} actors of {self.gpus:g} GPU and 1 CPU"
            raise UsageError(
                f"the cluster has {gpus:g} GPU and {processors:g} CPU in all, too little for {wanted}; lower --actors"
                " or --gpus-per-actor"
            )


class Session:
    """A connection to a cluster; a Ray that this process uses already is joined and left running.

    Args:
        cluster: Where.

    Raises:
        UsageError: The package is missing, the address is wrong, or nothing answers there.
    """

    def __init__(self, cluster: Cluster) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported: nothing about a run leaves the machine
        self.ray = _imported()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._is_mine = not self.ray.is_initialized()
        if not self._is_mine:
            return
        address = cluster.address or os.environ.get(_ADDRESS)
        try:
            if address:
                _check_reachable(address)
                self._init(address=address)
            else:
                self._start(cluster)
        except UsageError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  # Ray ends in both ways; the user needs one line
            self.close()
            said = next(iter(str(error).split("\n")), "")
            raise UsageError(
                f"--ray-address {address or 'local'}: cannot be joined ({type(error).__name__}: {said[:200]}); check"
                " the address, that its Python and Ray are those of this machine, and its token (RAY_AUTH_TOKEN)"
            ) from None

    def _start(self, cluster: Cluster) -> None:
        """A Ray of our own: its token is known to its own processes only, its folder goes when it ends."""
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        self._folder = tempfile.TemporaryDirectory(prefix="ax-ray-", ignore_cleanup_errors=True)
        self._init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, cluster.actors or 2),
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            _temp_dir=self._folder.name,
        )

    def _init(self, **options: Any) -> None:
        self.ray.init(log_to_driver=False, configure_logging=False, **options)

    @property
    def folder(self) -> str | None:
        """Folder of a Ray that was started here; it goes when the session is closed."""
        return self._folder.name if self._folder else None

    def nodes(self) -> int:
        """Machines of the cluster that are alive."""
        return sum(bool(node["Alive"]) for node in self.ray.nodes())

    def close(self) -> None:
        """Leave the cluster, or end the Ray that was started here; may be called twice."""
        if self._is_mine:
            self._is_mine = False
            self.ray.shutdown()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _imported() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise UsageError("--executor ray needs the package ray: pip install 'ax-verify[ray]'") from None


def _check_reachable(address: str) -> None:
    """Refuse an address at which nothing answers, before Ray tries."""
    if address in {"auto", "local"}:
        return
    found = re.fullmatch(r"\[?([\w.:-]+?)\]?:(\d{1,5})", address)
    if found is None or int(found.group(2)) > 65535:
        raise UsageError(
            f"--ray-address {address}: write HOST:PORT of the cluster's head (ray start --head prints it), on a machine"
            " of the cluster; ray:// is no such address"
        )
    host, port = found.group(1), int(found.group(2))
    with suppress(OSError), socket.create_connection((host, port), timeout=_REACHABLE_S):
        return
    raise UsageError(f"--ray-address {address}: nothing answers there; start it (ray start --head), or leave it out")
