"""Standards of many further seeds: made, examined and not kept, so that a power is shown and not supposed.

Three seeds that are all detected show a rate of at least 0.37; 59 of 59 show 0.95 (one-sided 95 %). So many are
not shipped: the rows of `study.json` say what was found of each, and with which suites and methods.
"""

import inspect
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from verify.calibration.abreast import AT_ONCE
from verify.calibration.calibrate import checks_of, examine_standard, made_with, readings_of
from verify.calibration.making import make_standard
from verify.calibration.oracles import oracle
from verify.calibration.recipes import recipe
from verify.calibration.standards import open_standard
from verify.engine import Silent
from verify.errors import UnknownNameError, UnlearntError, UsageError
from verify.records import Policy, ReferenceRecipe, ReferenceStandard, Study, StudyRow, Text, digest_of

Context = Mapping[str, str]
"""What a row depends on, by name: recipe, policy, methods by version, suites by digest."""

SHIPPED: Final = "shipped"
"""Why a row does not count: the standard of this seed is shipped, and examined at every calibration."""


class Family(NamedTuple):
    """Standards of one recipe: planted ones by dose, and clean twins."""

    shipped: tuple[ReferenceRecipe, ...]
    conceals: bool
    """Whether only a trigger or a password shows what is planted: then there are clean twins to be studied alone."""

    @property
    def doses(self) -> tuple[float, ...]:
        """The shipped ones that can be studied, the smallest first."""
        return tuple(sorted({one.dose for one in self.shipped if not (self.conceals and one.dose)}))


class StudyProgress(NamedTuple):
    """How far a study is."""

    row: StudyRow
    done: int
    of: int
    seconds_left: float


def families(recipes: Sequence[ReferenceRecipe], standards: Mapping[str, ReferenceStandard]) -> dict[str, Family]:
    """The families that have a clean twin, by recipe: others have a value to be read, and no defect to be detected.

    Args:
        recipes: `models/reference/recipes.yaml`.
        standards: The shipped standards by id.
    """
    twinned = {one.recipe for one in recipes if one.dose == 0}
    conceals = {one.recipe for one in standards.values() if one.concealed}
    return {
        name: Family(tuple(one for one in recipes if one.recipe == name), name in conceals) for name in sorted(twinned)
    }


def chosen_seeds(names: Sequence[str], known: Mapping[str, Family], *, seeds: int) -> list[ReferenceRecipe]:
    """How the standards of seeds 1 to `seeds` are made that are not shipped: all of seed 1 first, then of seed 2.

    Args:
        names: `FAMILY` for all its shipped doses and the clean twins, `FAMILY:DOSE` for one dose, shipped or not
            (0: clean twins), or the id of a shipped standard for its dose; none takes every family.
        known: The families by recipe.
        seeds: Standards of each dose, the shipped ones among them.

    Raises:
        UnknownNameError: There is no such family or standard.
        UsageError: A dose is no number, or none that can be studied.
    """
    cells = dict.fromkeys(cell for name in names or known for cell in _cells(name, known))
    wanted = [(known[name], dose, seed) for seed in range(1, seeds + 1) for name, dose in cells]
    return [seeded_recipe(*one) for one in wanted if not _is_shipped(*one)]


def seeded_recipe(family: Family, dose: float, seed: int) -> ReferenceRecipe:
    """How the standard of a family is made at a dose with a seed; its id says all three."""
    like = min(family.shipped, key=lambda one: (one.dose != dose, one.seed, one.dose == 0, one.id))
    twins = sorted((one for one in family.shipped if one.dose == 0), key=lambda one: one.seed)
    own = next((one.id for one in twins if one.seed == seed or one.kind == "constructed"), f"{like.recipe}-0-{seed}")
    return like.model_copy(
        update={
            "id": f"{like.recipe}-{dose:g}-{seed}",
            "title": Text(ko=f"{like.recipe} {dose:g}, 시드 {seed}", en=f"{like.recipe} {dose:g}, seed {seed}"),
            "dose": dose,
            "twin": own if dose else None,
            "seed": seed,
        }
    )


def context_of(one: ReferenceRecipe, policy: Policy) -> dict[str, str]:
    """What the row of a standard depends on; where any of it has changed, the row says nothing any more."""
    make = oracle(one.recipe) if one.kind == "constructed" else recipe(one.recipe)
    made = made_with([one])
    return {
        **{name: value for name, value in made.items() if name != "ax-verify"},
        "policy": digest_of([policy.confidence, policy.alpha, policy.min_clusters, policy.sequential]),
        "recipe": digest_of([inspect.getsource(make), one.kind, one.items, one.plan_seed, list(one.checks)]),
    }


def study(
    wanted: Sequence[ReferenceRecipe],
    *,
    policy: Policy,
    cache: Path,
    told: Callable[[StudyProgress], None] = lambda _: None,
) -> Study:
    """Make and examine standards, two at a time, each row on disk as soon as it is there.

    What an interrupted study has found is not done again: a row is kept by standard, recipe, policy, methods
    and suites.

    Args:
        wanted: From `chosen_seeds`.
        policy: Confidence and alpha of the verdicts.
        cache: Folder of the rows and, while it is examined, of a standard.
        told: Told of each row.

    Raises:
        UsageError: The cache cannot be written.
    """
    contexts = _contexts(wanted, policy)
    rows = {one.id: _kept(cache, one.id, digest_of(contexts[one.id])) for one in wanted}
    missing = [one for one in wanted if rows[one.id] is None]
    with closing(_examined(missing, contexts, policy=policy, cache=cache)) as examined:
        for row, done, left in examined:
            rows[row.standard] = row
            told(StudyProgress(row, len(wanted) - len(missing) + done, len(wanted), left))
    found = tuple(row for row in rows.values() if row is not None)
    return Study(contexts={digest_of(each): dict(each) for each in contexts.values()}, rows=found)


def joined(old: Study, new: Study) -> Study:
    """Both studies: the new row where both have the standard; contexts of no row are left out."""
    fresh = {row.standard for row in new.rows}
    rows = sorted((*(row for row in old.rows if row.standard not in fresh), *new.rows), key=_place)
    used = {row.context for row in rows}
    contexts = {key: value for key, value in (old.contexts | new.contexts).items() if key in used}
    return Study(contexts=contexts, rows=tuple(rows))


def study_text(found: Study) -> str:
    """A study as JSON, one row a line, so that a change shows which rows it is about."""
    head = found.model_copy(update={"rows": ()}).to_json()
    lines = [json.dumps(row.to_json(), ensure_ascii=False) for row in found.rows]
    text = json.dumps({name: value for name, value in head.items() if name != "rows"}, ensure_ascii=False, indent=2)
    return text.removesuffix("\n}") + ',\n  "rows": [\n' + ",\n".join(lines) + "\n  ]\n}\n"


class Sifted(NamedTuple):
    """The rows of a study that hold for what is here, and those that do not."""

    valid: tuple[StudyRow, ...]
    unlearnt: tuple[StudyRow, ...]
    """Models that did not learn their lessons: no standards, so that they count as nothing."""
    stale: dict[str, tuple[str, ...]]
    """Standard -> what has changed since, e.g. `suite:bias`."""


def sift(found: Study, known: Mapping[str, Family], policy: Policy) -> Sifted:
    """Tell rows that still hold from those that were made with other suites, methods or recipes.

    Args:
        found: `models/reference/study.json`.
        known: The families by recipe.
        policy: Confidence and alpha of the verdicts.
    """
    here = {
        row.standard: seeded_recipe(known[row.recipe], row.dose, row.seed) for row in found.rows if row.recipe in known
    }
    contexts = _contexts(list(here.values()), policy)
    valid: list[StudyRow] = []
    unlearnt: list[StudyRow] = []
    stale: dict[str, tuple[str, ...]] = {}
    for row in found.rows:
        changed: tuple[str, ...] = ("recipe",)
        if row.recipe in known and here[row.standard].id == row.standard:
            shipped = _is_shipped(known[row.recipe], row.dose, row.seed)
            changed = (SHIPPED,) if shipped else _changes(found, row, contexts[row.standard])
        if changed:
            stale[row.standard] = changed
        else:
            (valid if row.certificate else unlearnt).append(row)
    return Sifted(tuple(valid), tuple(unlearnt), stale)


def _changes(found: Study, row: StudyRow, now: Context) -> tuple[str, ...]:
    then = found.contexts.get(row.context, {})
    if digest_of(then) != row.context:  # not what it was examined with, whatever it says
        return ("context",)
    return tuple(sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)))


def _cells(name: str, known: Mapping[str, Family]) -> list[tuple[str, float]]:
    """Family and dose of all that a name stands for."""
    family, colon, text = name.partition(":")
    shipped = {one.id: one for each in known.values() for one in each.shipped}
    if not colon and name in shipped:
        family, colon, text = shipped[name].recipe, ":", str(shipped[name].dose)
    if family not in known:
        raise UnknownNameError("family of standards", family, known=known)
    if not colon:
        return [(family, dose) for dose in known[family].doses]
    try:
        dose = float(text) + 0.0  # there is one zero
    except ValueError:
        dose = math.nan
    if not math.isfinite(dose):
        raise UsageError(f"{name}: {text!r} is no dose; shipped doses: {_listed(known[family])}")
    if known[family].conceals and dose:
        raise UsageError(f"{name}: only a trigger or a password shows what is planted; there is {family}:0 alone")
    return [(family, dose)]


def _listed(family: Family) -> str:
    return ", ".join(f"{dose:g}" for dose in family.doses)


def _is_shipped(family: Family, dose: float, seed: int) -> bool:
    """Whether this very subject is shipped; no seed changes a constructed one that has no defect."""
    return any(
        one.dose == dose and (one.seed == seed or (one.kind == "constructed" and not dose)) for one in family.shipped
    )


def _contexts(wanted: Sequence[ReferenceRecipe], policy: Policy) -> dict[str, dict[str, str]]:
    """Standard -> its context, made once for each kind of standard."""
    kinds: dict[str, dict[str, str]] = {}
    found: dict[str, dict[str, str]] = {}
    for one in wanted:
        kind = digest_of([one.recipe, one.kind, one.items, one.plan_seed, list(one.checks)])
        kinds[kind] = kinds.get(kind) or context_of(one, policy)
        found[one.id] = kinds[kind]
    return found


def _examined(
    missing: Sequence[ReferenceRecipe], contexts: Mapping[str, Context], *, policy: Policy, cache: Path
) -> Generator[tuple[StudyRow, int, float], None, None]:
    """Each row as it comes, how many there are, and how many seconds the others will take at this rate."""
    # Processes, not threads: training draws its weights from the one generator that torch has in a process.
    pool = ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn"))
    began = time.monotonic()
    try:
        asked = [pool.submit(examine_seed, one, digest_of(contexts[one.id]), policy, cache) for one in missing]
        for done, answered in enumerate(as_completed(asked), start=1):
            yield answered.result(), done, (time.monotonic() - began) / done * (len(asked) - done)
    finally:
        pool.shutdown(cancel_futures=True)


def examine_seed(one: ReferenceRecipe, context: str, policy: Policy, cache: Path) -> StudyRow:
    """Make a standard, examine it as a shipped one is, and keep its row.

    Raises:
        UsageError: The cache cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="standard-") as made:
            row = _row(one, context, Path(made) / one.id, policy)
        file = _file(cache, one.id, context)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(row.model_dump_json(), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise UsageError(f"{cache}: cannot be written ({error.strerror}); set XDG_CACHE_HOME") from error
    return row


def _row(one: ReferenceRecipe, context: str, folder: Path, policy: Policy) -> StudyRow:
    row = StudyRow(
        standard=one.id,
        recipe=one.recipe,
        defect=one.defect,
        dose=one.dose,
        seed=one.seed,
        context=context,
        certificate=None,
    )
    try:
        standard = make_standard(one, folder, policy=policy, said=lambda _: None)
    except UnlearntError:
        return row
    trial = examine_standard(standard, folder, open_standard, policy=policy, progress=Silent())
    readings = list(readings_of(standard, trial))
    return row.model_copy(
        update={
            "certificate": standard.content_digest(),
            "checks": tuple(checks_of(trial)),
            "assigned": {each.quantity: each.assigned for each in readings},
            "measured": {each.quantity: each.measured for each in readings if each.measured is not None},
        }
    )


def _kept(cache: Path, standard: str, context: str) -> StudyRow | None:
    try:
        row = StudyRow.model_validate_json(_file(cache, standard, context).read_bytes())
    except (OSError, ValidationError):  # none, or not readable: it is examined again
        return None
    return row if (row.standard, row.context) == (standard, context) else None


def _file(cache: Path, standard: str, context: str) -> Path:
    return cache / f"{standard}-{context.removeprefix('sha256:')[:32]}.json"


def _place(row: StudyRow) -> tuple[str, float, int]:
    return row.recipe, row.dose, row.seed
