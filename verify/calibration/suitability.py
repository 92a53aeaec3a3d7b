"""System suitability: before a run, does the instrument see a planted defect, and only where it is?

The laboratory's habit (ISO/IEC 17025, 7.7): what does not see the reference standard of today measures nothing
today. A pass is kept by the digest of everything that it depends on, so that the next run need not wait.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from verify import __version__, content
from verify.calibration.abreast import abreast
from verify.calibration.calibrate import OpenFolder, examine_standard
from verify.calibration.standards import standard_folder
from verify.engine import Silent
from verify.errors import UnsuitableError
from verify.loading import file_digest
from verify.methods.catalogue import methods
from verify.records import (
    Outcome,
    Policy,
    ReferenceStandard,
    Suitability,
    SuitabilityCase,
    digest_of,
)

BUDGET_SECONDS: Final = 60.0
"""No further pair is begun that would not end within this time, going by those before."""
SHARE: Final = 0.5
"""Part of a standard's items that is asked: enough to see the dose that was planted."""
_LIBRARIES: Final = ("torch", "transformers", "tokenizers", "scipy", "numpy")


class Pair(NamedTuple):
    """A planted standard and its clean twin, and the checks that they are examined for."""

    planted: ReferenceStandard
    clean: ReferenceStandard
    checks: tuple[str, ...]


def cache_folder() -> Path:
    """Where passes are kept: `ax-verify` under `XDG_CACHE_HOME`, or under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ax-verify"


def pairs_for(checks: Collection[str], standards: Mapping[str, ReferenceStandard]) -> tuple[Pair, ...]:
    """The fewest pairs by which the checks are tried: for each, the greatest dose that was planted for it, either way.

    Trained standards come before constructed ones, whose weights are none; what only a trigger shows tries nothing.

    Args:
        checks: `suite.check` names.
        standards: All reference standards by id.
    """
    chosen: dict[str, list[str]] = {}
    for check in sorted(checks):
        fitting = [
            one
            for one in standards.values()
            if one.dose
            and not one.concealed
            and check in one.checks
            and one.twin in standards
            and check in standards[str(one.twin)].checks
        ]
        if fitting:
            best = min(fitting, key=lambda one: (one.kind == "constructed", -abs(one.dose), -one.dose, one.id))
            chosen.setdefault(best.id, []).append(check)
    return tuple(
        Pair(standards[name], standards[str(standards[name].twin)], tuple(own)) for name, own in chosen.items()
    )


def check_suitability(
    checks: Collection[str],
    standards: Mapping[str, ReferenceStandard],
    open_folder: OpenFolder,
    *,
    policy: Policy,
    cache: Path | None,
    budget: float = BUDGET_SECONDS,
) -> Suitability:
    """Examine a planted standard and its clean twin for every check that has some.

    Args:
        checks: `suite.check` names that the plan will measure.
        standards: All reference standards by id.
        open_folder: Opens a folder of weights as a subject.
        policy: Confidence and alpha of the verdicts.
        cache: Folder in which passes are kept; None keeps none.
        budget: Seconds after which no further pair is begun.

    Raises:
        UnsuitableError: A planted defect was not seen, or a clean twin was blamed: the run would be void.
        ContentError: A standard's files are not those that were certified.
    """
    pairs = pairs_for(checks, standards)
    keys = _keys(pairs, policy)
    kept = [_kept(cache, key) for key in keys]
    found = [part for part in kept if part is not None]
    not_run: list[str] = []
    began, longest = time.monotonic(), 0.0
    for pair, key in ((pair, key) for pair, key, part in zip(pairs, keys, kept, strict=True) if part is None):
        before = time.monotonic()
        if before - began + longest > budget:
            not_run.extend(pair.checks)
            continue
        part = Suitability(key=key, made=_now(), cases=_examine(pair, open_folder, policy=policy))
        refuse_unsuitable(part.cases)
        _keep(cache, part)
        found.append(part)
        longest = max(longest, time.monotonic() - before)
    cases = sorted((case for part in found for case in part.cases), key=lambda case: case.check)
    return Suitability(
        key=digest_of(keys),
        made=min((part.made for part in found), default=_now()),
        cases=tuple(cases),
        uncovered=tuple(sorted(set(checks) - {check for pair in pairs for check in pair.checks})),
        not_run=tuple(sorted(not_run)),
    )


def refuse_unsuitable(cases: Iterable[SuitabilityCase]) -> None:
    """End the run where the instrument does not see what is there, or sees what is not.

    Raises:
        UnsuitableError: With every check concerned.
    """
    faults = [
        f"{case.check}: {case.planted} (planted) ended {case.planted_verdict.value}, expected fail"
        if case.planted_verdict is not Outcome.FAIL
        else f"{case.check}: {case.clean} (clean twin) ended {case.clean_verdict.value}"
        for case in cases
        if not case.suitable
    ]
    if faults:
        raise UnsuitableError(
            "the instrument does not measure as it should, so that this run would be void: "
            + "; ".join(faults)
            + ". Look for changed methods, suites or libraries (`verify calibrate`); `--no-suitability` runs all the "
            "same, and the report says so"
        )


def _examine(pair: Pair, open_folder: OpenFolder, *, policy: Policy) -> tuple[SuitabilityCase, ...]:
    """Both standards side by side: each has a worker process of its own."""
    standards = [
        one.model_copy(update={"items": max(1, round(SHARE * one.items)), "checks": pair.checks})
        for one in (pair.planted, pair.clean)
    ]

    with abreast(open_folder) as both:

        def verdicts(one: ReferenceStandard) -> dict[str, Outcome]:
            folder = standard_folder(one.id)
            trial = examine_standard(one, folder, both.open_folder, policy=policy, progress=Silent())
            return {verdict.check: verdict.verdict for verdict in trial.concluded.verdicts}

        planted, clean = both.pool.map(verdicts, standards)
    return tuple(
        SuitabilityCase(
            check=check,
            planted=pair.planted.id,
            clean=pair.clean.id,
            planted_verdict=planted[check],
            clean_verdict=clean[check],
        )
        for check in pair.checks
    )


def _keys(pairs: Sequence[Pair], policy: Policy) -> list[str]:
    """For each pair the digest of all that its pass depends on: code, libraries, methods, suites, standards, policy."""
    if not pairs:
        return []
    common = {
        "ax-verify": __version__,
        "code": file_digest(sorted(Path(content.__file__).parent.rglob("*.py"))),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "methods": {method.name: method.version for method in methods().values()},
        "policy": policy.content_digest(),
    }
    return [
        digest_of(
            {
                **common,
                "suites": {
                    name: _suite_digest(name) for name in sorted({check.split(".")[0] for check in pair.checks})
                },
                "standards": [pair.planted.content_digest(), pair.clean.content_digest()],
                "checks": list(pair.checks),
            }
        )
        for pair in pairs
    ]


def _suite_digest(name: str) -> str:
    return file_digest(path for path in sorted((content.suites_folder() / name).rglob("*")) if path.is_file())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _kept(cache: Path | None, key: str) -> Suitability | None:
    if cache is None:
        return None
    try:
        found = Suitability.model_validate_json(_file(cache, key).read_bytes())
    except (OSError, ValidationError):  # none, or not readable: it is made anew
        return None
    return found if found.key == key and all(case.suitable for case in found.cases) else None


def _keep(cache: Path | None, found: Suitability) -> None:
    if cache is None:
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = _file(cache, found.key).with_suffix(f".{os.getpid()}.partial")
        temporary.write_text(found.model_dump_json(), encoding="utf-8")
        temporary.replace(_file(cache, found.key))
    except OSError:  # a cache that cannot be written costs the next run a minute, nothing else
        return


def _file(cache: Path, key: str) -> Path:
    return cache / f"suitability-{key.removeprefix('sha256:')[:32]}.json"
