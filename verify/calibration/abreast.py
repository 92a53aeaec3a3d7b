"""Standards examined side by side, which end together when one of them fails or somebody stops the command."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from verify.runtime.base import Runtime

AT_ONCE: Final = 2
"""Standards that are examined at a time: each has a process of its own, and two cores are common."""


class Abreast(NamedTuple):
    """Threads, and what opens a standard in them."""

    pool: ThreadPoolExecutor
    open_folder: Callable[[Path], Runtime]


@contextmanager
def abreast(open_folder: Callable[[Path], Runtime]) -> Iterator[Abreast]:
    """Threads whose subjects are closed at once when the block is left by an error or an interruption.

    Otherwise whoever pressed Ctrl-C would wait until every standard had been asked to its end.

    Args:
        open_folder: Opens a folder as a subject; called in the threads.
    """
    opened: list[Runtime] = []
    left = Event()

    def opening(folder: Path) -> Runtime:
        runtime = open_folder(folder)
        opened.append(runtime)
        if left.is_set():  # meanwhile nobody waits for it any more
            runtime.close()
        return runtime

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield Abreast(pool, opening)
        except BaseException:
            left.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for runtime in opened:
                runtime.close()
            raise
