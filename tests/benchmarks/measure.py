"""What is measured, and how: processor seconds, tokens, memory, and the limit that no method can pass."""

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch


class Cost(NamedTuple):
    """What a call cost."""

    result: Any
    cpu: float
    """Processor seconds of this process: a shared machine disturbs them least."""
    wall: float
    peak: int
    """Bytes of resident memory above those at the start."""


def measure(call: Callable[[], Any]) -> Cost:
    """Run a call; memory is sampled every 5 ms beside it."""
    gc.collect()
    _give_memory_back()
    start, peak, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], _resident() - start)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    done.set()
    watcher.join()
    return Cost(result, cpu, wall, peak[0])


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _give_memory_back() -> None:
    """Let the allocator return freed pages, so that one side does not run in the other's."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Limit(NamedTuple):
    """Seconds that the bare network takes at its best batch shape."""

    token: float
    """For a token of the body, at a mean context of `depth` tokens."""
    row: float
    """For a row of the head, log-sum-exp included."""


def limit(model: Any, *, depth: float) -> Limit:
    """Best of a few shapes; attention to the context is charged, since no method can avoid it."""
    with torch.inference_mode():
        length = max(32, min(2 * int(depth), int(model.config.max_position_embeddings)))
        bodies = [_seconds(partial(_body, model, 1, length)) / length for _ in range(2)]
        heads = [_seconds(partial(_head, model, rows)) / rows for rows in (128, 256) for _ in range(2)]
    return Limit(min(bodies), min(heads))


def _seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _body(model: Any, batch: int, length: int) -> Any:
    ids = torch.randint(3, int(model.config.vocab_size), (batch, length))
    return model.get_decoder()(input_ids=ids, use_cache=False)


def _head(model: Any, rows: int) -> torch.Tensor:
    logits = model.get_output_embeddings()(torch.randn(rows, int(model.config.hidden_size)))
    return torch.logsumexp(logits, dim=-1)
