"""What is measured, and how: seconds, tokens, memory, and the limit that no method can pass.

On a CPU the clock is the process's own processor time, which a shared machine disturbs least; on an
accelerator it is wall time, with the device's work done.
"""

import contextlib
import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch


class Cost(NamedTuple):
    """What a call cost."""

    result: Any
    seconds: float
    peak: int
    """Bytes above those at the start: resident memory, or allocated on the accelerator."""


def clock(device: torch.device) -> float:
    """Seconds, as this device is timed."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def measure(call: Callable[[], Any], *, device: torch.device) -> Cost:
    """Run a call."""
    gc.collect()
    watch = _watch_resident if device.type == "cpu" else _watch_allocated
    with watch() as peak:
        start = clock(device)
        result = call()
        seconds = clock(device) - start
    return Cost(result, seconds, peak[0])


@contextlib.contextmanager
def _watch_resident() -> Iterator[list[int]]:
    """Resident memory, sampled every 5 ms beside the call."""
    _give_memory_back()
    start, peak, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], _resident() - start)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


@contextlib.contextmanager
def _watch_allocated() -> Iterator[list[int]]:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    start, peak = torch.cuda.memory_allocated(), [0]
    yield peak
    peak[0] = torch.cuda.max_memory_allocated() - start


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
    device = model.device
    on_cpu = device.type == "cpu"
    with torch.inference_mode():
        length = max(32, min(2 * int(depth), int(model.config.max_position_embeddings)))
        batches = (1,) if on_cpu else (1, max(1, 16_384 // length))
        bodies = [
            _seconds(partial(_body, model, batch, length), device=device) / (batch * length)
            for batch in batches
            for _ in range(2 if on_cpu else 4)
        ]
        rows = (128, 256) if on_cpu else (256, 1024)
        heads = [_seconds(partial(_head, model, n), device=device) / n for n in rows for _ in range(2 if on_cpu else 4)]
    return Limit(min(bodies), min(heads))


def _seconds(call: Callable[[], Any], *, device: torch.device) -> float:
    start = clock(device)
    call()
    return clock(device) - start


def _body(model: Any, batch: int, length: int) -> Any:
    ids = torch.randint(3, int(model.config.vocab_size), (batch, length), device=model.device)
    return model.get_decoder()(input_ids=ids, use_cache=False)


def _head(model: Any, rows: int) -> torch.Tensor:
    hidden = torch.randn(rows, int(model.config.hidden_size), device=model.device, dtype=model.dtype)
    return torch.logsumexp(model.get_output_embeddings()(hidden).float(), dim=-1)


def work(config: Any, *, tokens: int, rows: int, depth: float) -> float:
    """Floating-point operations of a forward over tokens at a mean context, and of head rows (2 a multiplication)."""
    hidden, heads, groups = config.hidden_size, config.num_attention_heads, config.num_key_value_heads
    size = config.head_dim or hidden // heads
    layer = 2 * hidden * size * (2 * heads + 2 * groups) + 6 * hidden * config.intermediate_size
    attention = 4 * heads * size * depth
    return float(tokens * config.num_hidden_layers * (layer + attention) + rows * 2 * hidden * config.vocab_size)


def matrix_rate(device: torch.device) -> float:
    """Operations a second of a large bf16 matrix product on random data: what the accelerator really gives."""
    size = 8192
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = [_seconds(lambda: a @ b, device=device) for _ in range(13)]
    return 2 * size**3 / sorted(times[3:])[5]
