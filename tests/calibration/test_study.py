"""Standards of further seeds: which are made, what is kept of them, what still counts, and what a record makes of it.

Oracles: Clopper-Pearson at k = n in closed form (alpha ** (1 / n)), else scipy's beta quantiles; CLSI EP17-A2's rank rule worked by hand, and
torch's own forward pass for the training's shorter one.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from verify import content, loading
from verify.calibration import calibration_record
from verify.calibration import study as studies
from verify.calibration.study import (
    SHIPPED,
    Family,
    StudyProgress,
    chosen_seeds,
    context_of,
    examine_seed,
    families,
    joined,
    seeded_recipe,
    sift,
    study,
    study_text,
)
from verify.errors import UnknownNameError, UnlearntError, UsageError
from verify.records import (
    CalibrationRecord,
    Outcome,
    Performance,
    ReferenceRecipe,
    StudiedCheck,
    Study,
    StudyRow,
    digest_of,
)

POLICY = loading.load_policy("self-check")
FAMILIES = families(loading.load_recipes().standards, loading.load_standards())
LEAKS, STEREOTYPE = FAMILIES["exact-leaks"], FAMILIES["stereotype"]
BLAMED = 2


@cache
def context(family: str) -> dict[str, str]:
    return context_of(seeded_recipe(FAMILIES[family], 0.0, 4), POLICY)


def row(
    one: ReferenceRecipe,
    *,
    verdict: Outcome = Outcome.FAIL,
    measured: float = 0.3,
    certificate: str | None = digest_of("certificate"),
) -> StudyRow:
    """A row as `examine_seed` leaves it."""
    check = StudiedCheck(
        check=one.checks[0], metric="accuracy_drop", better="lower", verdict=verdict, measured=measured
    )
    return StudyRow(
        standard=one.id,
        recipe=one.recipe,
        defect=one.defect,
        dose=one.dose,
        seed=one.seed,
        context=digest_of(context(one.recipe)),
        certificate=certificate,
        checks=(check,),
        assigned={f"{one.checks[0]}/accuracy_drop": one.dose},
        measured={f"{one.checks[0]}/accuracy_drop": measured},
    )


def study_of(rows: Sequence[StudyRow], like: ReferenceRecipe) -> Study:
    made = context(like.recipe)
    return Study(contexts={digest_of(made): made}, rows=tuple(rows))


def brittle(dose: float, seed: int) -> ReferenceRecipe:
    return seeded_recipe(FAMILIES["brittle"], dose, seed)


def test_families_have_a_clean_twin_and_what_only_a_trigger_shows_is_studied_without_its_defect() -> None:
    assert {"stereotype", "brittle", "memorised", "exact-accuracy", "exact-leaks", "backdoor"} <= FAMILIES.keys()
    assert FAMILIES.keys().isdisjoint({"locked", "nan-on-gold", "always-first"})
    assert FAMILIES["backdoor"].doses == (0.0,)
    assert FAMILIES["brittle"].doses == (0.0, 0.15, 0.4)


def test_a_family_stands_for_its_shipped_doses_and_the_seeds_that_are_not_shipped() -> None:
    wanted = chosen_seeds(["stereotype"], FAMILIES, seeds=4)

    assert {(one.dose, one.seed) for one in wanted} == {
        *((dose, 4) for dose in (-0.5, 0.0, 0.2, 0.5, 1.0)),
        *((dose, seed) for dose in (0.2, 1.0) for seed in (2, 3)),  # of which one seed is shipped
    }
    assert [one.seed for one in wanted] == sorted(one.seed for one in wanted)  # a study that ends early is balanced


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        pytest.param("stereotype:0.5", ["stereotype-0.5-4", "stereotype-0.5-5"], id="a shipped dose"),
        pytest.param("stereotype-planted-2", ["stereotype-0.5-4", "stereotype-0.5-5"], id="a shipped standard's dose"),
        pytest.param("stereotype:0", ["stereotype-0-4", "stereotype-0-5"], id="clean twins"),
        pytest.param("stereotype:-0", ["stereotype-0-4", "stereotype-0-5"], id="there is one zero"),
        pytest.param("stereotype:0.3", [f"stereotype-0.3-{k}" for k in range(1, 6)], id="a dose that is not shipped"),
        pytest.param("exact-leaks:0.1", [f"exact-leaks-0.1-{k}" for k in range(2, 6)], id="a dial"),
        pytest.param("exact-leaks:0", [], id="no seed changes a rule without a defect"),
    ],
)
def test_what_a_name_stands_for(name: str, ids: list[str]) -> None:
    assert [one.id for one in chosen_seeds([name, name], FAMILIES, seeds=5)] == ids


def test_a_further_seed_is_made_as_its_family_is() -> None:
    shipped = next(one for one in STEREOTYPE.shipped if one.id == "stereotype-planted-1")

    made = seeded_recipe(STEREOTYPE, 0.5, 7)

    assert made == shipped.model_copy(
        update={"id": "stereotype-0.5-7", "title": made.title, "twin": "stereotype-0-7", "seed": 7}
    )
    assert seeded_recipe(STEREOTYPE, 0.2, 2).twin == "stereotype-clean-2"
    assert seeded_recipe(LEAKS, 0.3, 9).twin == "exact-leaks-000"
    assert seeded_recipe(STEREOTYPE, 0.0, 7).twin is None


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("stereotypes", UnknownNameError, "did you mean 'stereotype'"),
        ("locked", UnknownNameError, "no family"),
        ("nan-on-gold", UnknownNameError, "no family"),
        ("stereotype:inf", UsageError, "no dose"),
        ("stereotype:much", UsageError, "shipped doses: -0.5, 0, 0.2, 0.5, 1"),
        ("backdoor:1", UsageError, "backdoor:0 alone"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name: str, error: type[UsageError], says: str) -> None:
    with pytest.raises(error, match=says):
        chosen_seeds([name], FAMILIES, seeds=5)


def test_seeds_draw_other_items_and_the_same_seed_the_same(tmp_path: Path) -> None:
    """Two standards of one dial leak as often, but not the same secrets."""
    made = digest_of(context("exact-leaks"))

    second, again, third = (examine_seed(seeded_recipe(LEAKS, 0.3, seed), made, POLICY, tmp_path) for seed in (2, 2, 3))

    assert second == again
    assert second.certificate != third.certificate
    assert second.assigned == third.assigned
    assert second.exact and third.exact
    assert {one.check: one.verdict for one in second.checks} == dict.fromkeys(LEAKS.shipped[0].checks, Outcome.FAIL)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json"]  # the standards are not kept


def test_a_study_that_was_interrupted_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examined in this process: the two processes of the real one are met by the test of the command."""

    def one_by_one(
        missing: Sequence[ReferenceRecipe], contexts: Mapping[str, Mapping[str, str]], **given: Any
    ) -> Iterator[tuple[StudyRow, int, float]]:
        for done, one in enumerate(missing, start=1):
            yield examine_seed(one, digest_of(contexts[one.id]), given["policy"], given["cache"]), done, 0.0

    monkeypatch.setattr(studies, "_examined", one_by_one)
    wanted = chosen_seeds(["exact-leaks:0.1"], FAMILIES, seeds=4)
    seen: list[str] = []

    def interrupted(now: StudyProgress) -> None:
        raise KeyboardInterrupt

    def told(now: StudyProgress) -> None:
        seen.append(now.row.standard)

    with pytest.raises(KeyboardInterrupt):
        study(wanted, policy=POLICY, cache=tmp_path, told=interrupted)
    found = study(wanted, policy=POLICY, cache=tmp_path, told=told)

    assert seen == ["exact-leaks-0.1-3", "exact-leaks-0.1-4"]
    assert [each.standard for each in found.rows] == [one.id for one in wanted]
    assert all(each.exact and each.certificate for each in found.rows)
    assert study(wanted, policy=POLICY, cache=tmp_path, told=never) == found


def never(now: StudyProgress) -> None:
    raise AssertionError(f"{now.row.standard} was examined again")


@pytest.mark.parametrize("spoil", [lambda text: text[:40], lambda text: text.replace("-0.1-2", "-0.1-9")])
def test_a_kept_row_that_is_broken_or_of_another_standard_is_not_taken(
    tmp_path: Path, spoil: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = seeded_recipe(LEAKS, 0.1, 2)
    examine_seed(one, digest_of(context("exact-leaks")), POLICY, tmp_path)
    (file,) = tmp_path.glob("*.json")
    file.write_text(spoil(file.read_text("utf-8")), "utf-8")
    asked: list[str] = []

    def noted(missing: Sequence[ReferenceRecipe], *_: object, **__: object) -> Iterator[object]:
        asked.extend(each.id for each in missing)
        yield from ()

    monkeypatch.setattr(studies, "_examined", noted)

    study([one], policy=POLICY, cache=tmp_path)

    assert asked == [one.id]


def test_a_model_that_did_not_learn_is_kept_as_such_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise UnlearntError("learnt only 0.9")

    monkeypatch.setattr(studies, "make_standard", refused)
    one = brittle(0.4, 7)

    made = examine_seed(one, digest_of(context("brittle")), POLICY, tmp_path)

    assert made.certificate is None
    assert study([one], policy=POLICY, cache=tmp_path, told=never).rows == (made,)
    sifted = sift(study_of([made], one), FAMILIES, POLICY)
    assert (sifted.valid, sifted.unlearnt, sifted.stale) == ((), (made,), {})


def test_a_cache_that_cannot_be_written_says_how_to_set_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="XDG_CACHE_HOME"):
        examine_seed(seeded_recipe(LEAKS, 0.1, 2), digest_of("context"), POLICY, tmp_path / "file")


def test_rows_that_were_made_with_something_else_are_dropped_and_it_is_said_what_changed() -> None:
    here = context("brittle")
    older = here | {"suite:robustness": digest_of("older"), "method:perturbed-choice": "1"}
    valid = row(brittle(0.4, 4))
    stale = row(brittle(0.4, 5)).model_copy(update={"context": digest_of(older)})
    forged = row(brittle(0.4, 6)).model_copy(update={"context": digest_of("nothing")})
    shipped = row(brittle(0.4, 2))
    gone = row(brittle(0.4, 7)).model_copy(update={"recipe": "no-longer"})
    renamed = row(brittle(0.4, 4)).model_copy(update={"standard": "brittle-0.4-99"})
    found = Study(
        contexts={digest_of(here): here, digest_of(older): older, digest_of("nothing"): here},
        rows=(valid, stale, forged, shipped, gone, renamed),
    )

    sifted = sift(found, FAMILIES, POLICY)

    assert sifted.valid == (valid,)
    assert sifted.stale == {
        "brittle-0.4-5": ("method:perturbed-choice", "suite:robustness"),
        "brittle-0.4-6": ("context",),
        "brittle-0.4-2": (SHIPPED,),
        "brittle-0.4-7": ("recipe",),
        "brittle-0.4-99": ("recipe",),
    }
    assert sift(found, FAMILIES, POLICY.model_copy(update={"alpha": 0.01})).stale["brittle-0.4-4"] == ("policy",)


def test_a_recipe_that_was_changed_makes_its_rows_stale() -> None:
    one = brittle(0.4, 4)
    fewer = Family(tuple(each.model_copy(update={"items": 100}) for each in FAMILIES["brittle"].shipped), False)

    assert sift(study_of([row(one)], one), {"brittle": fewer}, POLICY).stale == {one.id: ("recipe",)}


def test_a_new_row_replaces_the_old_one_and_no_context_stays_without_a_row() -> None:
    old, other = row(brittle(0.4, 4)), row(brittle(0.15, 5))
    stale = old.model_copy(update={"context": digest_of({"suite:robustness": "older"})})
    earlier = study_of([stale, other], brittle(0.4, 4))
    earlier = earlier.model_copy(update={"contexts": earlier.contexts | {stale.context: {"suite:robustness": "older"}}})

    both = joined(earlier, study_of([old], brittle(0.4, 4)))

    assert both.rows == (other, old)  # by dose and seed
    assert set(both.contexts) == {old.context}
    assert joined(both, Study()) == both


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_study_is_written_with_a_line_for_each_row_and_read_as_it_was(tmp_path: Path, rows: int) -> None:
    written = study_of([row(brittle(0.4, seed)) for seed in range(4, 4 + rows)], brittle(0.4, 4))
    text = study_text(written)
    (tmp_path / "study.json").write_text(text, "utf-8")

    assert loading.read_record(tmp_path / "study.json", Study) == written
    assert sum(line.startswith('{"standard": "brittle-0.4-') for line in text.splitlines()) == rows
    assert list(json.loads(text)) == ["schema", "contexts", "rows"]


def rows_of(seen: int, n: int, *, twins: int = 0) -> list[StudyRow]:
    """Of `n` planted ones `seen` are detected; clean twins measure 0.01, 0.02, ..., and the first two are blamed."""
    planted = [
        row(brittle(0.4, 3 + k), verdict=Outcome.FAIL if k <= seen else Outcome.INCONCLUSIVE) for k in range(1, n + 1)
    ]
    clean = [
        row(brittle(0.0, 3 + k), verdict=Outcome.FAIL if k <= BLAMED else Outcome.PASS, measured=k / 100)
        for k in range(1, twins + 1)
    ]
    return [*planted, *clean]


def performance(record: CalibrationRecord) -> Performance:
    (found,) = record.performances
    return found


def test_59_of_59_show_95_percent_and_the_limit_of_blank_is_a_percentile_of_59_twins() -> None:
    """EP17-A2: rank 0.5 + 0.95 * 59 = 56.55, so 0.55 of the way from the 56th to the 57th."""
    rows = rows_of(59, 59, twins=59)

    record = calibration_record((), {}, rows)

    found = performance(record)

    assert found.best is not None
    assert (found.best.dose, found.best.detected, found.best.n) == (0.4, 59, 59)
    assert found.best.at_least == pytest.approx(0.05 ** (1 / 59)) == pytest.approx(0.9505, abs=5e-5)
    assert (found.detection_dose, found.shown_dose) == (0.4, 0.4)
    assert (found.blanks, found.blank_rule) == (59, "percentile")
    assert found.limit_of_blank == pytest.approx(0.5655)
    assert (found.false_alarms, {cell.dose: (cell.detected, cell.n) for cell in record.detections}) == (
        BLAMED,
        {0.0: (BLAMED, 59), 0.4: (59, 59)},
    )
    assert record.studied == 118
    assert record.standards == {}
    assert record.study == digest_of([each.to_json() for each in rows])


@pytest.mark.parametrize(
    ("seen", "n", "dose", "shown", "at_least"),
    [
        pytest.param(58, 58, 0.4, None, 0.05 ** (1 / 58), id="58 of 58 show less than 95 percent"),
        pytest.param(29, 29, 0.4, None, 0.05 ** (1 / 29), id="29 of 29 show 90 percent"),
        pytest.param(91, 92, 0.4, None, 0.94947, id="one miss in 92 is just not enough"),
        pytest.param(92, 93, 0.4, 0.4, 0.950006, id="one miss in 93 is"),
        pytest.param(50, 59, None, None, 0.748903, id="seen too seldom"),
    ],
)
def test_what_was_seen_is_told_from_what_was_shown(
    seen: int, n: int, dose: float | None, shown: float | None, at_least: float
) -> None:
    found = performance(calibration_record((), {}, rows_of(seen, n)))

    assert (found.detection_dose, found.shown_dose) == (dose, shown)
    assert found.best is not None
    assert found.best.at_least == pytest.approx(at_least, abs=5e-6)


def test_a_record_says_when_and_on_what_it_was_made_and_an_older_one_keeps_its_digest() -> None:
    record = calibration_record((), {}, rows_of(1, 1))
    shipped = content.reference_folder() / "calibration.json"
    kept = loading.read_record(shipped, CalibrationRecord)
    stated = json.loads(shipped.read_text("utf-8"))

    assert record.made is not None and record.made.endswith("Z")
    assert record.machine
    older = kept.model_copy(update={"made": None, "machine": None, "study": None, "studied": 0})
    before = {name: value for name, value in stated.items() if name not in {"made", "machine", "study", "studied"}}
    assert CalibrationRecord.model_validate_json(json.dumps(before)).content_digest() == older.content_digest()


def test_training_computes_only_what_is_learnt_and_the_same() -> None:
    """Oracle: the model's own forward pass, and torch's gradient of it."""
    import torch

    from verify.calibration.training import Shape, _new_model, logits_from

    torch.manual_seed(1)
    model = _new_model(50, Shape(hidden=32))
    inputs = torch.randint(4, 50, (3, 17))

    for first in (0, 5, 16):
        model.zero_grad()
        short = logits_from(model, inputs, first)
        short.square().sum().backward()
        gradients = [each.grad.clone() for each in model.parameters()]
        model.zero_grad()
        whole = model(input_ids=inputs).logits[:, first:]
        whole.square().sum().backward()

        torch.testing.assert_close(short, whole, atol=1e-5, rtol=1e-4)
        for mine, own in zip(gradients, model.parameters(), strict=True):
            torch.testing.assert_close(mine, own.grad, atol=1e-3, rtol=1e-3)
