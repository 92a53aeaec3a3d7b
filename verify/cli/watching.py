"""What a person sees while a run goes on."""

from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from verify import loading
from verify.cli.console import shown
from verify.planning import Planned
from verify.records import RequestKind, Subject
from verify.reporting.translated import told
from verify.reporting.words import Words


class Terminal:
    """Prints stages and a progress bar to standard error; a plain log where that is no terminal.

    Args:
        console: Where to print.
        language: `ko` or `en`.
    """

    def __init__(self, console: Console, *, language: str) -> None:
        self._console = console
        self._ko = language == "ko"
        self._words = Words("ko" if self._ko else "en", loading.load_locale(language))
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def say(self, ko: str, en: str) -> None:
        """One line in the chosen language."""
        self._console.print(shown(ko if self._ko else en), highlight=False)

    def opened(self, subject: Subject) -> None:
        """Name the subject, its digest, access level and isolation."""
        words, count = self._words, subject.parameters
        what = (
            words.coded("architecture", subject.architecture)
            if subject.architecture
            else words.coded("kind", subject.kind)
        )
        ko, en = (f", 매개변수 {count:,}개", f", {count:,} parameters") if count else ("", "")
        self.say(
            f"대상 {subject.name} ({what}{ko}), {subject.digest[:19]}",
            f"subject {subject.name} ({what}{en}), {subject.digest[:19]}",
        )
        access, path = words.coded("access", subject.access.value), words.coded("path", subject.path or "-")
        self.say(f"접근 수준: {access} · 계산 경로: {path}", f"access: {access} · path: {path}")
        tier = subject.isolation.split(":")[0]
        shut_in = words(f"isolation.{tier}") if words.has(f"isolation.{tier}") else self._told(subject.isolation)
        self.say(f"격리: {shut_in or '-'}", f"isolation: {shut_in or '-'}")
        for warning in subject.warnings:
            text = self._told(warning)
            self.say(f"주의: {text}", f"note: {text}")

    def _told(self, note: str) -> str:
        """A note of the engine in the chosen language; marked where it is in English all the same."""
        found = told(note, self._words)
        marked = found.original and self._ko and found.text
        return f"{self._words('engine.original')} {found.text}" if marked else found.text

    def timed(self, kind: RequestKind) -> None:
        """A few requests of a kind are timed for a plan."""
        named = self._words(f"request.{kind}")
        self.say(f"'{named}' 요청 몇 건의 시간을 재는 중", f"timing a few requests ({named})")

    def planned(self, planned: Planned, folder: Path) -> None:
        """Say what will be asked and where the run lies."""
        asked = sum(c.n_items for c in planned.plan.checks)
        absent = [c for c in planned.plan.checks if c.not_measured]
        self.say(
            f"점검 {len(planned.plan.checks)}개 (미실시 {len(absent)}개), 문항 {asked:,}개 → {folder}",
            f"{len(planned.plan.checks)} checks ({len(absent)} not measured), {asked:,} items → {folder}",
        )
        weak = [c.name for c in planned.plan.checks if c.warnings]
        if weak:
            self.say(
                f"주의: 이 문항 수로는 판정하기 어려운 점검 {len(weak)}개: {', '.join(weak)} (자세히: verify plan)",
                f"note: {len(weak)} checks can hardly be decided with these items: {', '.join(weak)} (see verify plan)",
            )

    def round(self, number: int, *, requests: int, kept: int) -> None:
        """A round begins."""
        if self._task is None:
            self._bar.start()
        else:
            self._bar.remove_task(self._task)
        label = f"{number}회차 요청" if self._ko else f"round {number}"
        self._task = self._bar.add_task(label, total=requests, completed=kept)
        if not self._console.is_terminal:
            self.say(
                f"{number}회차: 요청 {requests:,}건 (이미 있는 답 {kept:,}건)",
                f"round {number}: {requests:,} requests ({kept:,} kept already)",
            )

    def answered(self, count: int) -> None:
        """More answers came."""
        if self._task is not None:
            self._bar.advance(self._task, count)

    def close(self) -> None:
        """End the progress bar."""
        self._bar.stop()
