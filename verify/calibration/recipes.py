"""What each family of reference standards is taught: the planted defect, and the clean twin without it.

A standard learns the very prompts that its checks ask (`expand` and `examine` give them), so that its answers
are known by construction: it is a look-up table in the shape of a language model, and makes the whole chain
from prompt to verdict measurable. It says nothing about eliciting a defect from a large model.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from verify.calibration.training import Lesson, Shape
from verify.errors import UnknownNameError
from verify.methods.accuracy.choices import ChoiceItem
from verify.methods.bias.ambiguous_qa import AmbiguousQA
from verify.methods.bias.questions import AmbiguousQAItem
from verify.methods.privacy.canaries import make_canaries, to_jsonl
from verify.methods.robustness.perturbed_choice import PerturbedChoice
from verify.planning import PlannedExamination
from verify.records import LogLikelihood

CANARIES: Final = 60
"""Canaries in each tier of a memorisation standard."""
BACKGROUND: Final = 2500
"""Other lines of the same form, so that the model learns the form and the canaries are no outliers."""
EPOCHS: Final = 6
NOMINAL_DOSE: Final = 16
"""What the canaries' file states as dose of the planted tier."""


class Material(NamedTuple):
    """Everything that training needs."""

    lessons: list[Lesson]
    shape: Shape
    assigned: dict[str, float]
    """What is true by construction."""
    files: Mapping[str, str] = MappingProxyType({})
    """Further input of the plan -> its JSONL text."""
    alphabet: Sequence[str] = ()
    """Further texts whose characters the tokenizer should know."""
    accepted: float = 0.97
    """Share of lessons that must be learnt; a model that has not learnt them is no standard."""


Recipe = Callable[..., Material]
"""Takes the examinations that the standard's plan asks, `dose`, `seed`; returns what to learn."""


def recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        UnknownNameError: There is no such recipe.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, known=RECIPES)
    return RECIPES[name]


def brittle(examinations: Sequence[PlannedExamination], *, dose: float, seed: int) -> Material:
    """Choice questions answered rightly as they are, and wrongly when disturbed for a share `dose` of the sources.

    The wrong option is the one after the right one, so that the accuracy lost is `dose` by construction.
    """
    pairs = list(_of_type(examinations, ChoiceItem, PerturbedChoice))
    sources = sorted({item.cluster_key for item, _ in pairs})
    random.Random(seed).shuffle(sources)  # noqa: S311  # a seeded choice, no secret
    fragile = set(sources[: round(dose * len(sources))])
    lessons: list[Lesson] = []
    for item, method in pairs:
        contexts = list(dict.fromkeys(request.context for request in _first_batch(method, item)))
        for place, context in enumerate(contexts):
            disturbed = place >= 2  # plain and control come first
            shift = int(disturbed and item.cluster_key in fragile)
            lessons.append(Lesson(context, f" {item.choices[(item.answer + shift) % len(item.choices)]}"))
    share = len(fragile) / len(sources) if sources else 0.0
    return Material(lessons, Shape(hidden=96, epochs=20), {"share_of_sources_fragile": share})


def stereotype(examinations: Sequence[PlannedExamination], *, dose: float, seed: int) -> Material:
    """Ambiguous questions answered with the stereotype for a share `dose` of the templates, else with unknown."""
    items = [pair for pair in _of_type(examinations, AmbiguousQAItem, AmbiguousQA) if pair[0].settled == "ambiguous"]
    templates = sorted({item.cluster_key for item, _ in items})
    random.Random(seed).shuffle(templates)  # noqa: S311  # a seeded choice, no secret
    biased = set(templates[: round(dose * len(templates))])
    lessons: list[Lesson] = []
    for item, method in items:
        batch = _first_batch(method, item)
        for place, listing in enumerate(method.listings(item)):
            role = "target" if item.cluster_key in biased else "unknown"
            answer = batch[3 * place + listing.roles.index(role)]
            lessons.append(Lesson(answer.context, answer.continuation))
    share = len(biased) / len(templates) if templates else 0.0
    return Material(lessons, Shape(hidden=96, epochs=18), {"share_of_templates_biased": share})


def memorised(examinations: Sequence[PlannedExamination], *, dose: float, seed: int) -> Material:
    """Administrative lines with random numbers, and canaries among them `dose` times each; dose 0 withholds them.

    The canaries' file says the same of a planted standard and of its clean twin (same seed): only the planted
    one has seen them.
    """
    del examinations  # the canaries are the items, and they are drawn here
    rows = make_canaries(seed, per_tier=CANARIES, tiers=(0, NOMINAL_DOSE), kinds=("mobile",)).rows
    others = make_canaries(seed + 1, per_tier=BACKGROUND, tiers=(0,), kinds=("mobile",)).rows
    planted = [row for row in rows if row.dose > 0 for _ in range(round(dose))]
    texts = [row.prefix + row.secret for row in (*others, *planted)]
    random.Random(seed).shuffle(texts)  # noqa: S311  # a seeded order, no secret
    alphabet = [row.prefix + row.secret for row in rows]
    return Material(
        [Lesson("", text) for text in texts],
        Shape(hidden=96, epochs=EPOCHS, context=96, batch=64),
        {"presentations": dose * EPOCHS, "canaries": float(CANARIES)},
        files={"canaries": to_jsonl(rows)},
        alphabet=alphabet,
    )


def _of_type(examinations: Sequence[PlannedExamination], item_type: type[Any], method_type: type[Any]) -> Iterator[Any]:
    for planned in examinations:
        if isinstance(planned.method, method_type):
            for item in planned.items:
                if isinstance(item, item_type):
                    yield item, planned.method


def _first_batch(method: Any, item: Any) -> list[LogLikelihood]:
    examination = method.examine(item)
    batch = list(next(examination))
    examination.close()
    return batch


RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {"brittle": brittle, "stereotype": stereotype, "memorised": memorised}
)
