"""Is this bundle what was sealed, and do its results follow from its responses?

The pipeline re-derives (it knows methods and rules) and hands both results to `compare_results`.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verify.errors import EvidenceError
from verify.evidence import layout
from verify.evidence.bundle import Bundle, read_bundle, read_record
from verify.evidence.digests import file_digest
from verify.evidence.statement import build_statement, read_envelope, signed_payload, verify_signature
from verify.records import Estimate, ItemScore, Record, ReportManifest, Results, Verdict

TOLERANCE = 1e-9
"""Relative difference that two numeric libraries may have in an interval's end; verdicts have none."""

RecordT = TypeVar("RecordT", bound=Record)


class Difference(Record):
    """A place at which a bundle states something else than its responses give."""

    place: str
    """Where, e.g. `estimates[privacy.extraction/rate].value`."""
    stated: str
    derived: str

    def __str__(self) -> str:
        return f"{self.place}: stated {self.stated}, derived {self.derived}"


class Integrity(Record):
    """What `check_integrity` could confirm."""

    files: int
    """Files whose digest agrees."""
    root: str
    signed: bool
    """Whether the bundle carries a signature."""
    signature_checked: bool
    """Whether it was checked with a given key; False means nobody is vouched for."""
    report_checked: bool
    """Whether a rendered report is there and shows this bundle unaltered."""


def check_integrity(folder: Path, *, keys: Sequence[Ed25519PublicKey] = ()) -> Integrity:
    """Check digests, root, statement, signature and the rendered report.

    Args:
        folder: The bundle.
        keys: Public keys that are trusted; with any given, an unsigned bundle is refused.

    Raises:
        EvidenceError: Something is missing, altered, or contradicts; the message names it.
    """
    bundle = read_bundle(folder)
    _check_statement(bundle)
    _check_responses(bundle)
    envelope = folder / layout.ENVELOPE
    signed = envelope.exists()
    if signed:
        value = read_envelope(envelope)
        payload = verify_signature(value, keys=keys) if keys else signed_payload(value)
        if payload != (folder / layout.STATEMENT).read_bytes():
            raise EvidenceError(f"{envelope}: the signature is about another statement")
    elif keys:
        raise EvidenceError(f"{folder}: the bundle is not signed, but a public key was given")
    return Integrity(
        files=len(bundle.manifest.files),
        root=bundle.manifest.root,
        signed=signed,
        signature_checked=signed and bool(keys),
        report_checked=_check_report(bundle),
    )


def _check_statement(bundle: Bundle) -> None:
    own = (layout.STATEMENT, layout.ENVELOPE)
    files = {name: digest for name, digest in bundle.manifest.files.items() if name not in own}
    expected = build_statement(plan=bundle.plan, subject=bundle.subject, results=bundle.results, files=files)
    # As they lie on the disk: a later version's records may have fields that this bundle was made without.
    expected["predicate"]["results"] = _plain(bundle.folder / layout.RESULTS)
    path = bundle.folder / layout.STATEMENT
    if _plain(path) != expected:
        raise EvidenceError(f"{path}: does not follow from the bundle's own results and files")
    if bundle.results.plan != bundle.plan.content_digest():
        raise EvidenceError(f"{bundle.folder / layout.RESULTS}: cites another plan than {layout.PLAN}")
    if bundle.results.subject.digest != bundle.subject.digest:
        raise EvidenceError(f"{bundle.folder / layout.RESULTS}: is about another subject")
    cited = bundle.calibration.content_digest() if bundle.calibration else None
    if bundle.results.calibration != cited:
        raise EvidenceError(f"{bundle.folder / layout.RESULTS}: cites another calibration record than the bundle holds")


def _check_responses(bundle: Bundle) -> None:
    """Each answer stands with the very request that its digest names, once: the report shows both."""
    seen: set[str] = set()
    path = bundle.folder / layout.RESPONSES
    for number, kept in enumerate(bundle.responses(), start=1):
        if kept.request.content_digest() != kept.digest:
            raise EvidenceError(f"{path}:{number}: the request is not the one that its digest names; it was altered")
        if kept.digest in seen:
            raise EvidenceError(f"{path}:{number}: a second answer to a request that was answered before")
        seen.add(kept.digest)
    cited = {digest for score in bundle.scores() for digest in score.requests}
    if stray := sorted(seen - cited):
        raise EvidenceError(f"{path}: {len(stray)} answers belong to no score ({stray[0]}); they were added")


def _plain(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{path}: no JSON ({error})") from error


def _check_report(bundle: Bundle) -> bool:
    path = bundle.folder / layout.REPORT / layout.MANIFEST
    if not path.is_file():
        return False
    stated = read_record(path, ReportManifest)
    if stated.bundle != bundle.manifest.root:
        raise EvidenceError(f"{path}: the report shows another bundle; render it again: verify report")
    for name, digest in stated.files.items():
        file = path.parent / name
        if not file.is_file() or file_digest(file) != digest:
            raise EvidenceError(f"{file}: was altered after rendering; render it again: verify report")
    return True


def compare_results(stated: Results, derived: Results) -> tuple[Difference, ...]:
    """Where stated and re-derived results differ; empty when they agree.

    Order does not matter; numbers agree within 1e-9 relative; texts, counts and verdicts exactly.
    """
    differences: list[Difference] = []
    for name in ("outcome", "subject", "plan", "calibration"):
        _compare(name, getattr(stated, name), getattr(derived, name), into=differences)
    _compare_all("estimates", stated.estimates, derived.estimates, key=_estimate_key, into=differences)
    _compare_all("verdicts", stated.verdicts, derived.verdicts, key=_verdict_key, into=differences)
    return tuple(differences)


def compare_scores(stated: Iterable[ItemScore], derived: Iterable[ItemScore]) -> tuple[Difference, ...]:
    """Where stated and re-derived scores differ, item by item and repeat by repeat."""
    differences: list[Difference] = []
    _compare_all("scores", tuple(stated), tuple(derived), key=_score_key, into=differences)
    return tuple(differences)


def _estimate_key(estimate: Estimate) -> str:
    group = f"/{estimate.group}" if estimate.group is not None else ""
    return f"{estimate.check}/{estimate.metric}{group}"


def _verdict_key(verdict: Verdict) -> str:
    return f"{verdict.check}/{verdict.metric}"


def _score_key(score: ItemScore) -> str:
    return f"{score.check}/{score.item}/{score.repeat}"


def _compare_all(
    place: str,
    stated: Sequence[RecordT],
    derived: Sequence[RecordT],
    *,
    key: Callable[[RecordT], str],
    into: list[Difference],
) -> None:
    left, right = {key(each): each for each in stated}, {key(each): each for each in derived}
    for name, count in sorted(Counter(map(key, stated)).items()):
        if count > 1:
            into.append(Difference(place=f"{place}[{name}]", stated=f"{count} times", derived="once"))
    for name in sorted({*left, *right}):
        here = f"{place}[{name}]"
        if name not in right:
            into.append(Difference(place=here, stated="present", derived="absent"))
        elif name not in left:
            into.append(Difference(place=here, stated="absent", derived="present"))
        else:
            _compare(here, left[name], right[name], into=into)


def _compare(place: str, stated: object, derived: object, *, into: list[Difference]) -> None:
    before = stated.to_json() if isinstance(stated, Record) else stated
    after = derived.to_json() if isinstance(derived, Record) else derived
    _walk(place, before, after, into=into)


def _walk(place: str, before: Any, after: Any, *, into: list[Difference]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            _walk(f"{place}.{name}", before.get(name), after.get(name), into=into)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            _walk(f"{place}[{index}]", left, right, into=into)
    elif not _same(before, after):
        into.append(Difference(place=place, stated=str(before), derived=str(after)))


def _same(before: object, after: object) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return math.isclose(before, after, rel_tol=TOLERANCE, abs_tol=1e-12)
    return type(before) is type(after) and before == after
