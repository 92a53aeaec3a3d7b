"""Every error that AX Verify raises, in one tree.

    VerifyError                      exit code 2 unless a subclass says otherwise
    ├── UsageError                   the command line or an argument is wrong
    │   ├── UnknownNameError         a name that nothing has; lists the names that there are
    │   └── NotComparableError       two bundles that were not measured alike; names how they differ
    ├── ContentError                 a suite, profile, policy or framework file is wrong: file, line, field
    ├── SubjectError                 the subject cannot be used: missing, truncated, refused, unreadable
    │   └── SubjectUnavailableError  it lies on a hub or host that cannot be reached from here
    ├── StatisticsError              numbers that no statistic is defined for
    │   └── NotEnoughDataError       too little was scored; becomes "not measured", never a number
    ├── UnlearntError                a model did not learn its lessons: it is no reference standard
    ├── EvidenceError                a bundle is incomplete, altered, or does not re-derive
    ├── RunError                     the run itself broke; the same command resumes it (exit code 4)
    │   ├── JournalError             the journal is locked, damaged, or cannot be written
    │   ├── WorkerError              the subject's process could not be kept alive
    │   └── UnsuitableError          the instrument did not see a planted defect; the run is void

What a *subject* does badly (NaN, a hang, 10 MB of output) is never an exception: it is a
`Failed` response, and becomes an `Unscored` with its reason.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class VerifyError(Exception):
    """Base of all errors of AX Verify; the message names the place and the next step."""

    exit_code = 2


class UsageError(VerifyError):
    """The command line, or an argument of a public function, is wrong."""


class UnknownNameError(UsageError):
    """A name that nothing has.

    Args:
        kind: What was looked for, e.g. ``"suite"``.
        name: The name as given.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, *, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        listed = ", ".join(names) or "none"
        super().__init__(f"no {kind} {name!r}{hint}; there are: {listed}")
        self.kind, self.name, self.known = kind, name, tuple(names)


class NotComparableError(UsageError):
    """Two bundles between which nothing can be compared.

    Args:
        differences: What differs: name, before, after; the whole of it where the last two are None.
    """

    def __init__(self, differences: Iterable[tuple[str, str | None, str | None]]) -> None:
        self.differences = tuple(differences)
        named = "; ".join(" ".join((name, _sides(before, after))).strip() for name, before, after in self.differences)
        super().__init__(f"the bundles cannot be compared: {named}; run both releases with the same command")


def _sides(before: str | None, after: str | None) -> str:
    sides = ((before, "before"), (after, "after"))
    named = ", ".join(f"{value} {side}" for value, side in sides if value is not None)
    return f"({named})" if named else ""


class ContentError(VerifyError):
    """A content file is wrong.

    Args:
        file: The file, as the user can open it.
        problem: What is wrong and what was expected.
        line: Line of the fault, counted from 1, where known.
        field: Dotted path of the field, where the fault lies in one.
    """

    def __init__(self, file: object, problem: str, *, line: int | None = None, field: str | None = None) -> None:
        place = f"{file}:{line}" if line is not None else f"{file}"
        where = f"{place}: {field}" if field else place
        super().__init__(f"{where}: {problem}")
        self.file, self.line, self.field, self.problem = str(file), line, field, problem


class SubjectError(VerifyError):
    """The subject cannot be used: missing, truncated, refused or unreadable."""


class SubjectUnavailableError(SubjectError):
    """The subject lies where this machine cannot reach it."""


class StatisticsError(VerifyError):
    """Numbers for which a statistic is not defined (NaN, negative counts, a probability of 2)."""


class NotEnoughDataError(StatisticsError):
    """Too little was scored for a number; the caller reports it as not measured."""


class UnlearntError(VerifyError):
    """A model did not learn what its recipe teaches, so that it is no reference standard."""


class EvidenceError(VerifyError):
    """A bundle is incomplete, was altered, or does not re-derive to what it states."""


class RunError(VerifyError):
    """The run itself broke; the same command resumes it."""

    exit_code = 4


class JournalError(RunError):
    """The journal is locked by another process, damaged, or cannot be written."""


class WorkerError(RunError):
    """The subject's process could not be started or kept alive."""


class UnsuitableError(RunError):
    """System suitability failed: the instrument did not see a planted defect; the run is void."""
