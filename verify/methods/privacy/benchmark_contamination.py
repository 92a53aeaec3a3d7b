"""Class B: was a benchmark trained on in its published order? Exact under exchangeable examples."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from verify.korean.randomness import seeded
from verify.methods.base import Examination, Method, Metric, Parameters
from verify.methods.estimating import Estimator
from verify.methods.privacy import exposures
from verify.methods.privacy.units import one_a_cluster
from verify.records import (
    Estimand,
    Estimate,
    FailureReason,
    Item,
    ItemScore,
    Levels,
    LogLikelihood,
    LogLikelihoodAnswer,
    Scored,
    Tuple,
    Unscored,
)
from verify.statistics import exposure


class ShardItem(Item):
    """Consecutive examples of a benchmark, in their published order."""

    examples: Annotated[tuple[str, ...], Tuple] = Field(min_length=3)


class BenchmarkContaminationParameters(Parameters):
    """How each shard is shuffled."""

    permutations: int = Field(default=50, ge=19, le=1000)
    separator: str = "\n\n"


class BenchmarkContamination(Method[ShardItem, BenchmarkContaminationParameters]):
    """Rank of the published order among random orders of the same examples, by log-likelihood.

    Examples that were published in an arbitrary order are exchangeable, so that for a subject which never saw
    the file the rank of that order is uniform, exactly. Shards are independent and pooled as canaries are.

    References:
        Oren et al. (2023), https://arxiv.org/abs/2310.17623.
    """

    name = "benchmark-contamination"
    version = 2
    item_type = ShardItem
    parameters_type = BenchmarkContaminationParameters
    needs = frozenset({"loglikelihood"})
    needs_input = "benchmark"
    metrics = (
        Metric(
            name="order_exposure",
            better="lower",
            low=0.0,
            high=exposures.HIGHEST,
            ideal=exposures.CHANCE,
            meaning="Mean of -log2(rank / (permutations + 1)) of the published order over shards; 1.443 is chance.",
        ),
        Metric(
            name="order_p",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Exact p-value of 'the published order is one like any other', pooled over shards by Fisher.",
        ),
    )

    def check_row(self, row: ShardItem) -> Iterable[str]:
        """Examples that occur twice: permuting them changes nothing."""
        if len(set(row.examples)) != len(row.examples):
            yield "examples: one occurs twice, so that the order is not a rank"

    def examine(self, item: ShardItem) -> Examination:
        """Ask for the likelihood of the published and of random orders."""
        chance = seeded(self.seed_for("orders", item.id), "orders")
        orders = [list(item.examples)]
        for _ in range(self.parameters.permutations):
            shuffled = list(item.examples)
            chance.shuffle(shuffled)
            orders.append(shuffled)
        join = self.parameters.separator.join
        answers = yield [LogLikelihood(context="", continuation=join(order)) for order in orders]
        scores: list[float] = []
        for answer in answers:
            if not isinstance(answer, LogLikelihoodAnswer):
                return Unscored(reason=FailureReason.MALFORMED, detail="not a log-likelihood")
            if answer.truncated:
                return Unscored(
                    reason=FailureReason.CONTEXT_TOO_LONG, detail="the shard does not fit; make shards smaller"
                )
            scores.append(answer.logprob)
        others = len(scores) - 1
        rank = 1 + sum(score >= scores[0] for score in scores[1:])
        values = {"rank": float(rank), "decoys": float(others), "bits": exposure(rank, others)}
        return Scored(values=values, defect=rank <= (others + 1) / 20)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Mean exposure of the published order, and the pooled p-value; one shard a cluster counts."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        scored = [score.score.values for score in one_a_cluster(scores) if isinstance(score.score, Scored)]
        if not scored:
            return
        ranks, others = ([int(values[key]) for values in scored] for key in ("rank", "decoys"))
        bits = [values["bits"] for values in scored]
        yield estimator.given("order_exposure", exposures.mean_exposure(bits, decoys=max(others), levels=levels))
        yield estimator.given("order_p", exposures.pooled_p(ranks, others, levels=levels), display_only=True)
