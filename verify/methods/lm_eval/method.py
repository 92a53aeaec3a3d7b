"""A task or group of the installed lm-eval as a check."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from verify.methods.base import Examination, Method, Parameters
from verify.methods.estimating import Estimator, Pick
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.documents import LmEvalItem, Wanted, documents
from verify.methods.lm_eval.estimates import Value, estimates, picked, value_of
from verify.methods.lm_eval.metrics import KNOWN, UNBOUNDED, as_metric, measures
from verify.methods.lm_eval.scoring import score, scorer, tied
from verify.methods.lm_eval.tasks import FEWSHOT_SEED, blueprint
from verify.records import Estimand, Estimate, Generate, ItemScore, Levels, Request, RequestKind, Scored


class LmEvalParameters(Parameters):
    """Which task, and how it is asked."""

    task: str = Field(min_length=1)
    """A task of lm-eval, or a group that has a value of its own (`kmmlu`)."""
    num_fewshot: Annotated[int, Field(ge=0, le=100)] | None = None
    """Worked examples before each question; null is the task's own number, which lm-eval also keeps where it is 0."""
    fewshot_seed: int = FEWSHOT_SEED
    """Draws the examples; lm-eval's own default."""


class LmEval(Method[LmEvalItem, LmEvalParameters]):
    """A task of lm-eval: its own code makes prompts and scores, so that the value is that of `simple_evaluate`.

    A group is one check over its tasks, weighted as lm-eval weights them, with a result for each task. Documents that
    share a text of at least 40 characters (a passage, a dialogue) share a cluster. Metrics are the task's own: means
    over documents have clustered intervals, others a jackknife over clusters; direction is lm-eval's.
    """

    name = "lm-eval"
    version = 3
    item_type = LmEvalItem
    parameters_type = LmEvalParameters
    metrics = tuple(KNOWN)
    needs = frozenset({"loglikelihood", "token_logprobs", "generate"})
    brings_items = True
    _values: ClassVar[tuple[Value, ...]] = ()

    @classmethod
    def make(cls, parameters: dict[str, Any], *, seed: int) -> "Method[Any, Any]":
        """The method of one task: a class of its own, which has the task's metrics."""
        try:
            valid = cls.parameters_type.model_validate(parameters)
        except ValidationError:
            return super().make(parameters, seed=seed)  # which says what is wrong
        return _of_task(cls, valid.task)(valid, seed=seed)

    def bring(self, root: Path | None) -> Sequence[LmEvalItem]:
        """All documents of the task, from local copies of its data sets."""
        wanted = Wanted(self.parameters.task, self.parameters.num_fewshot, self.parameters.fewshot_seed)
        found = documents(wanted, root)
        for first in {item.task: item for item in reversed(found)}.values():
            scorer(self.parameters.task, first)  # what cannot be scored without its data set is found here
        return found

    def content_digest(self) -> str:
        """Over lm-eval's version and the files that define the task."""
        return registry.digest(self.parameters.task)

    def made_with(self) -> Mapping[str, str]:
        """The installed lm-eval."""
        return {"lm-eval": registry.version()}

    def draws(self, items: Sequence[LmEvalItem]) -> bool:
        """Where the task samples its answers; a document's repeats become one score by the task's own filters."""
        return any(isinstance(r, Generate) and r.temperature > 0.0 for item in items for r in item.requests)

    def examine(self, item: LmEvalItem) -> Examination:
        """Make lm-eval's requests, each as often as the task repeats it."""
        answers = yield [
            self._repeated(request, item, position, repeat)
            for position, request in enumerate(item.requests)
            for repeat in range(item.repeats)
        ]
        made = score(self.parameters.task, item, answers)
        if not isinstance(made, Scored):
            return made
        made = made.model_copy(update={"values": made.values | tied(self.parameters.task, item, answers, made)})
        shares = [made.values[v.measure.key] for v in self._values if v.measure.key in made.values and _share(v)]
        return made.model_copy(update={"defect": bool(shares) and shares[0] == 0.0})

    def _repeated(self, request: Request, item: LmEvalItem, position: int, repeat: int) -> Request:
        if isinstance(request, Generate) and request.temperature > 0.0:
            return request.model_copy(update={"seed": self.seed_for(item.id, position, repeat)})
        return request

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Every metric over all documents and by task and subgroup."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        facets = sorted({facet for score in scores for facet in score.groups})
        for value in self._values:
            yield from estimates(value, scores, estimator, facets=facets)


def _end(which: str, key: str) -> Pick:
    """An end that near ties leave open; where there are none, what the document contributes in any case."""
    return lambda _, scored: scored.values.get(f"{which}:{key}", scored.values.get(key))


def _share(value: Value) -> bool:
    return value.measure.mean and (value.metric.low, value.metric.high) == (0.0, 1.0)


@lru_cache(maxsize=64)
def _of_task(base: type[LmEval], task: str) -> type[LmEval]:
    plan = blueprint(task)
    values = tuple(value_of(plan, measure, as_metric(measure)) for measure in measures(plan))
    needs: set[RequestKind] = set()
    for leaf in plan.leaves:
        needs.add(_KINDS[leaf.output_type])
    means = {
        value.metric.name: picked(value.measure)
        for value in values
        if value.is_mean and value.metric.low > -UNBOUNDED and value.metric.high < UNBOUNDED
    }
    choices = {leaf.output_type for leaf in plan.leaves} == {"multiple_choice"}
    chosen = {v.metric.name: v.measure.key for v in values if choices and v.is_mean and _share(v)}
    own = {
        "__doc__": base.__doc__,
        "metrics": tuple(value.metric for value in values),
        "needs": frozenset(needs),
        "item_values": MappingProxyType(means),
        "tied_values": MappingProxyType(
            {name: (_end("least", key), _end("most", key)) for name, key in chosen.items()}
        ),
        "exact_ties": MappingProxyType({name: f"tied:{key}" for name, key in chosen.items()}),
        "_values": values,
    }
    return type(base.__name__, (base,), own)


_KINDS: dict[str, RequestKind] = {
    "multiple_choice": "loglikelihood",
    "loglikelihood": "loglikelihood",
    "loglikelihood_rolling": "token_logprobs",
    "generate_until": "generate",
}
