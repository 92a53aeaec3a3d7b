"""Whoever stops a calibration does not wait until every standard has been asked to its end."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from verify.calibration.abreast import abreast
from verify.errors import WorkerError
from verify.records import Request, Subject
from verify.runtime.base import Answered, Runtime


class Patient:
    """A subject that answers nothing for a minute, unless it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    @property
    def subject(self) -> Subject:
        raise NotImplementedError

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        del requests
        if self.closed.wait(60.0):
            raise WorkerError("the runtime was closed")
        yield from ()

    def close(self) -> None:
        self.closed.set()


def test_an_interruption_closes_the_subjects_and_drops_what_waits() -> None:
    asked: list[str] = []
    ready = threading.Barrier(3)
    began = time.monotonic()

    def examine(name: str, open_folder: Callable[[Path], Runtime]) -> None:
        asked.append(name)
        runtime = open_folder(Path(name))
        ready.wait(10.0)
        list(runtime.answer([]))

    def interrupted() -> None:
        with abreast(lambda _: Patient()) as both:
            for name in ("planted", "clean", "another"):
                both.pool.submit(examine, name, both.open_folder)
            ready.wait(10.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert time.monotonic() - began < 20.0
    assert sorted(asked) == ["clean", "planted"]


def test_what_is_still_being_opened_is_closed_as_soon_as_it_is_open() -> None:
    begun, go_on = threading.Event(), threading.Event()
    late = Patient()

    def slowly(_: Path) -> Runtime:
        begun.set()
        go_on.wait(10.0)
        return late

    def interrupted() -> None:
        with abreast(slowly) as both:
            both.pool.submit(both.open_folder, Path("late"))
            begun.wait(10.0)
            threading.Timer(0.2, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert late.closed.is_set()
