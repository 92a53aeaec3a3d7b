"""Make the reference standards anew from their recipes: seeded, on the processor, a minute or two each."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from verify.calibration.oracles import oracle
from verify.calibration.recipes import Material, Proof, recipe
from verify.calibration.training import Lesson, Trained, answered, likelihoods, save, train
from verify.errors import UnlearntError
from verify.korean.randomness import seeded
from verify.loading import file_digest
from verify.methods.catalogue import methods
from verify.methods.privacy.canaries import CanaryItem
from verify.methods.privacy.spaces import decoys
from verify.planning import PlanInputs, PlannedExamination, make_plan
from verify.records import (
    AccessLevel,
    Policy,
    ReferenceRecipe,
    ReferenceStandard,
    Subject,
    digest_of,
)
from verify.runtime.constructed import TABLE
from verify.statistics import exposure

DECOYS: Final = 127
"""Other secrets that an assigned exposure ranks a canary among, as many as the check does but others."""


def make_standard(
    one: ReferenceRecipe, folder: Path, *, policy: Policy, said: Callable[[str], None]
) -> ReferenceStandard:
    """Train or construct a standard, accept or refuse it, and write its folder.

    Args:
        one: Recipe, dose, seed and the checks that it is for.
        folder: `models/reference/<id>`; written whole.
        policy: Policy of the plan that draws the items.
        said: Told of progress.

    Raises:
        UnlearntError: The model did not learn its lessons; nothing is written.
    """
    standard = _construct(one, folder, policy) if one.kind == "constructed" else _train(one, folder, policy, said)
    files = {path.name: file_digest([path]) for path in sorted(folder.iterdir()) if path.name != "standard.json"}
    standard = standard.model_copy(update={"files": files})
    text = json.dumps(standard.to_json(), ensure_ascii=False, indent=2) + "\n"
    (folder / "standard.json").write_text(text, encoding="utf-8")
    said(f"{one.id}: made")
    return standard


def _construct(one: ReferenceRecipe, folder: Path, policy: Policy) -> ReferenceStandard:
    """Write the answer table of an oracle."""
    made = oracle(one.recipe)(_examinations(one, policy), dose=one.dose, seed=one.seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = json.dumps(made.table.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=0)
    (folder / TABLE).write_text(table + "\n", encoding="utf-8")
    return _standard(one, folder, made.files).model_copy(
        update={"values": dict(made.values), "expects": dict(made.expects)}
    )


def _train(one: ReferenceRecipe, folder: Path, policy: Policy, said: Callable[[str], None]) -> ReferenceStandard:
    """Train a model, accept or refuse it, and write its weights."""
    material = recipe(one.recipe)(_examinations(one, policy), dose=one.dose, seed=one.seed)
    said(f"{one.id}: {len(material.lessons)} lessons, {material.shape.epochs} epochs")
    trained = train(material.lessons, shape=material.shape, seed=one.seed, alphabet=material.alphabet)
    learnt = share_learnt(trained, [lesson for lesson in material.lessons if lesson.prompt])
    said(f"{one.id}: loss {trained.loss:.4f}, learnt {learnt:.3f}")
    if learnt < material.accepted:
        raise UnlearntError(f"{one.id}: learnt only {learnt:.3f} of its lessons; give its recipe more epochs")
    save(trained, folder)
    return _standard(one, folder, material.files).model_copy(
        update={
            "assigned": {**material.assigned, "share_learnt": learnt},
            "values": _values(trained, material, one),
            "concealed": {name: _proven(trained, proofs) for name, proofs in material.concealed.items()},
        }
    )


def _standard(one: ReferenceRecipe, folder: Path, files: Mapping[str, str]) -> ReferenceStandard:
    """The certificate without what is true of the subject; further inputs are written beside it."""
    for name, text in files.items():
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    shared = one.model_dump(exclude={"assigned", "inputs"})
    return ReferenceStandard(
        **{**shared, "title": one.title}, inputs={name: f"{name}.jsonl" for name in files}, assigned={}, files={}
    )


def share_learnt(trained: Trained, lessons: Sequence[Lesson]) -> float:
    """Share of lessons whose answer is the most likely one, token for token, by a plain forward pass."""
    return sum(answered(trained, lessons)) / len(lessons) if lessons else 1.0


def _values(trained: Trained, material: Material, one: ReferenceRecipe) -> dict[str, float]:
    """Assigned values: enumerated on the finished weights, by another way than the checks take."""
    values = {name: _proven(trained, proofs) for name, proofs in material.proofs.items()}
    values |= {name: _exposure(trained, secrets, seed=one.seed) for name, secrets in material.ranked.items()}
    return {name: value for name, value in values.items() if name.split("/")[0] in one.checks}


def _proven(trained: Trained, proofs: Sequence[Proof]) -> float:
    """Mean over the items of what the model's answers add up to."""
    lessons = list(dict.fromkeys(one.lesson for proof in proofs for one in proof))
    known = dict(zip(lessons, answered(trained, lessons), strict=True))
    total = math.fsum(one.weight for proof in proofs for one in proof if known[one.lesson])
    return round(total / len(proofs), 12) + 0.0


def _exposure(trained: Trained, secrets: Sequence[CanaryItem], *, seed: int) -> float:
    """Mean exposure of secrets, in bits, by plain forward passes and decoys that no plan draws."""
    bits = []
    for row in secrets:
        others = decoys(row.space, count=DECOYS, chance=seeded(seed, "assigned", row.id))
        own, *rest = likelihoods(trained, row.prefix, [row.secret, *others])
        bits.append(exposure(1 + sum(each >= own for each in rest), DECOYS))
    return sum(bits) / len(bits)


def _examinations(one: ReferenceRecipe, policy: Policy) -> tuple[PlannedExamination, ...]:
    """The items that the standard's own plan will draw, before the standard exists."""
    placeholder = Subject(
        name=one.id,
        kind="causal-lm",
        digest=digest_of(one.id),
        access=AccessLevel.WEIGHTS,
        answers=("loglikelihood", "token_logprobs", "generate"),
    )
    suites = sorted({check.split(".")[0] for check in one.checks})
    inputs = PlanInputs(policy=policy, suites=suites, seed=one.plan_seed, limit=one.items, only=frozenset(one.checks))
    return make_plan(placeholder, inputs, methods=methods(), frameworks={}).examinations
