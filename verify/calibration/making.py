"""Make the reference standards anew from their recipes: seeded, on the processor, a minute or two each."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from verify.calibration.recipes import recipe
from verify.calibration.training import Lesson, Trained, save, train
from verify.errors import VerifyError
from verify.loading import file_digest
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, PlannedExamination, make_plan
from verify.records import (
    AccessLevel,
    Policy,
    ReferenceRecipe,
    ReferenceStandard,
    Subject,
    digest_of,
)


def make_standard(
    one: ReferenceRecipe, folder: Path, *, policy: Policy, said: Callable[[str], None]
) -> ReferenceStandard:
    """Train a standard, accept or refuse it, and write its folder.

    Args:
        one: Recipe, dose, seed and the checks that it is for.
        folder: `models/reference/<id>`; written whole.
        policy: Policy of the plan that draws the items.
        said: Told of progress.

    Raises:
        VerifyError: The model did not learn its lessons; nothing is written.
    """
    material = recipe(one.recipe)(_examinations(one, policy), dose=one.dose, seed=one.seed)
    said(f"{one.id}: {len(material.lessons)} lessons, {material.shape.epochs} epochs")
    trained = train(material.lessons, shape=material.shape, seed=one.seed, alphabet=material.alphabet)
    folder.mkdir(parents=True, exist_ok=True)
    save(trained, folder)
    learnt = share_learnt(trained, [lesson for lesson in material.lessons if lesson.prompt])
    said(f"{one.id}: loss {trained.loss:.4f}, learnt {learnt:.3f}")
    if learnt < material.accepted:
        raise VerifyError(f"{one.id}: learnt only {learnt:.3f} of its lessons; give its recipe more epochs")
    for name, text in material.files.items():
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    standard = ReferenceStandard(
        id=one.id,
        title=one.title,
        kind="causal-lm",
        defect=one.defect,
        dose=one.dose,
        twin=one.twin,
        seed=one.seed,
        recipe=one.recipe,
        items=one.items,
        plan_seed=one.plan_seed,
        inputs={name: f"{name}.jsonl" for name in material.files},
        assigned={**material.assigned, "share_learnt": learnt},
        checks=one.checks,
        files={path.name: file_digest([path]) for path in sorted(folder.iterdir()) if path.name != "standard.json"},
    )
    text = json.dumps(standard.to_json(), ensure_ascii=False, indent=2) + "\n"
    (folder / "standard.json").write_text(text, encoding="utf-8")
    return standard


def share_learnt(trained: Trained, lessons: Sequence[Lesson]) -> float:
    """Share of lessons whose answer is the most likely one, token for token, by a plain forward pass."""
    import torch

    right = 0
    model, tokenizer = trained.model.float(), trained.tokenizer
    with torch.inference_mode():
        for lesson in lessons:
            prompt = tokenizer.encode(lesson.prompt, add_special_tokens=False)
            answer = tokenizer.encode(lesson.answer, add_special_tokens=False)
            logits = model(input_ids=torch.tensor([[*prompt, *answer[:-1]]])).logits[0, len(prompt) - 1 :]
            right += int(logits.argmax(-1).tolist() == answer)
    return right / len(lessons) if lessons else 1.0


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
