"""Where a run's requests are computed when not in this machine's own worker: on the actors of a Ray cluster."""

from verify.engine.executors.cluster import Cluster
from verify.engine.executors.distributed import RayRuntime, open_on_ray

__all__ = ["Cluster", "RayRuntime", "open_on_ray"]
