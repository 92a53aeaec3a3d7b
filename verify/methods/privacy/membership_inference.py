"""Class B: can a document's membership in the training data be read off the subject's probabilities?"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from pydantic import Field

from verify.errors import NotEnoughDataError
from verify.methods.base import Examination, Method, Metric, Parameters
from verify.methods.estimating import Estimator, Measured
from verify.methods.privacy.blind import BlindAuc, blind_aucs, hashed_words
from verify.methods.privacy.membership import ATTACKS, attack_scores
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
    TokenLogProbs,
    TokenLogProbsAnswer,
    Unscored,
)
from verify.statistics import roc_auc, tpr_at_fpr

RATES = {"tpr_at_1_fpr": 0.01, "tpr_at_01_fpr": 0.001}
Attack = Literal["loss", "zlib", "min_k", "min_k_plus", "recall", "reference"]


class MembershipItem(Item):
    """A document and whether the subject was trained on it."""

    text: str = Field(min_length=20)
    member: bool
    """Drawn at random before training, else no claim can be made; the blind baseline looks for traces of that."""
    day: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    """Date of the document, where known."""
    prefix: str = ""
    """A text that is no member, put before this one for ReCaLL; empty: that of the parameters, where there is one."""
    reference: float | None = Field(default=None, le=0.0)
    """log p of the whole text under a reference model, in nats, where one was run."""


class MembershipInferenceParameters(Parameters):
    """Which attack decides."""

    attack: Attack = "min_k_plus"
    """Declared before the run: the best of several would need a correction."""
    share: float = Field(default=0.2, gt=0.0, le=1.0)
    """k of Min-K%, as a share of the tokens."""
    prefix: str = ""
    """A text that is no member, for ReCaLL; empty leaves that attack out."""


class _Documents(NamedTuple):
    members: list[Scored]
    others: list[Scored]


class MembershipInference(Method[MembershipItem, MembershipInferenceParameters]):
    """Five attacks (six with a reference model); true-positive rate at low false-positive rates first, AUC second.

    If a blind baseline tells members from non-members, every estimate is for display only and no verdict rests
    on it: the split was not random, and the attack may have found the split.

    References:
        Carlini et al. (2022), https://arxiv.org/abs/2112.03570; Das et al. (2024), https://arxiv.org/abs/2406.16201.
    """

    name = "membership-inference"
    version = 2
    item_type = MembershipItem
    parameters_type = MembershipInferenceParameters
    needs = frozenset({"token_logprobs"})
    takes_failures = True
    needs_input = "membership"
    metrics = (
        Metric(
            name="tpr_at_1_fpr",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="Share of members above the threshold that 1 % of non-members exceed; blind guessing reaches 0.01.",
        ),
        Metric(
            name="tpr_at_01_fpr",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="The same at 0.1 % of non-members, where there are at least 1,000 of them.",
        ),
        Metric(
            name="auc",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.5,
            meaning="Probability that a member scores above a non-member; 0.5 is blind guessing.",
        ),
        Metric(
            name="blind_auc",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.5,
            meaning="AUC of the best classifier that does not ask the subject; above 0.5 the design is invalid.",
        ),
    )

    def check_row(self, row: MembershipItem) -> Iterable[str]:
        """Days that are none."""
        if row.day:
            try:
                date.fromisoformat(row.day)
            except ValueError:
                yield f"day {row.day!r} is no date"

    def examine(self, item: MembershipItem) -> Examination:
        """Ask for the token log-probabilities, and once more after the prefix."""
        requests: list[TokenLogProbs | LogLikelihood] = [TokenLogProbs(text=item.text)]
        if prefix := item.prefix or self.parameters.prefix:
            requests.append(LogLikelihood(context=prefix, continuation=item.text))
        answers = yield requests
        tokens = answers[0]
        if not isinstance(tokens, TokenLogProbsAnswer):
            reason = getattr(tokens, "reason", FailureReason.MALFORMED)
            return Unscored(reason=reason, detail="no token log-probabilities")
        after = answers[1] if len(answers) > 1 else None
        try:
            scores = attack_scores(
                tokens,
                text=item.text,
                share=self.parameters.share,
                after_prefix=after.logprob if isinstance(after, LogLikelihoodAnswer) and not after.truncated else None,
                reference=item.reference,
            )
        except NotEnoughDataError as error:
            return Unscored(reason=FailureReason.EMPTY, detail=str(error))
        values = {**scores, "member": float(item.member), "length": float(len(item.text))}
        if item.day:
            values["day"] = float(date.fromisoformat(item.day).toordinal())
        return Scored(values=values, labels={"words": hashed_words(item.text)})

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Rates and AUC of the deciding attack, of each attack by name, and the blind baseline.

        Pieces of one document are not independent, and a blind classifier would know them again across its folds:
        of the rows that share a cluster one member and one non-member count.
        """
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        units = one_a_cluster(scores, kind=lambda scored: scored.values["member"])
        # The folds of the blind baseline go by place: ordered by what they hold, documents may be listed as they like.
        scored = sorted((score.score for score in units if isinstance(score.score, Scored)), key=_content)
        sources = len({unit.cluster for unit in units})
        try:
            blind = self._blind(scored, confidence=levels.confidence)
        except NotEnoughDataError:
            return  # too few documents to see whether the split is random: nothing is claimed
        yield _blind_estimate(estimator, blind, len(scored), sources)
        for attack in ATTACKS:
            having = [s for s in scored if attack in s.values]
            documents = _Documents(
                [s for s in having if s.values["member"] == 1.0], [s for s in having if s.values["member"] == 0.0]
            )
            for metric, measured in _measures(documents, attack, levels, sources=sources):
                estimate = estimator.given(metric, measured, display_only=blind.beats_chance)
                yield estimate.model_copy(update={"group": f"attack={attack}"})
                if attack == self.parameters.attack:
                    yield estimate

    def _blind(self, scored: Sequence[Scored], *, confidence: float) -> BlindAuc:
        return blind_aucs(
            [s.labels["words"] for s in scored],
            [s.values["length"] for s in scored],
            [s.values.get("day") for s in scored],
            members=[s.values["member"] == 1.0 for s in scored],
            seed=self.seed_for("folds"),
            confidence=confidence,
        )[0]


def _content(document: Scored) -> tuple[str, float, float, float]:
    values = document.values
    return document.labels["words"], values["length"], values.get("day", -1.0), values["member"]


def _measures(documents: _Documents, attack: str, levels: Levels, *, sources: int) -> Iterable[tuple[str, Measured]]:
    inside, outside = ([s.values[attack] for s in side] for side in documents)
    n = len(inside) + len(outside)
    n_clusters = min(n, sources)  # a source may have a document on either side
    confidences = (levels.confidence, 1.0 - 2.0 * levels.alpha)
    for metric, rate in RATES.items():
        with contextlib.suppress(NotEnoughDataError):  # too few non-members for this rate
            shown, decided = (tpr_at_fpr(inside, outside, fpr=rate, confidence=c) for c in confidences)
            yield (
                metric,
                Measured(shown.tpr, shown.tpr_interval, decided.tpr_interval, "clopper-pearson", n, n_clusters),
            )
    with contextlib.suppress(NotEnoughDataError):
        area, bounded = (roc_auc(inside, outside, confidence=c) for c in confidences)
        yield "auc", Measured(area.value, area.interval, bounded.interval, "newcombe-auc", n, n_clusters)


def _blind_estimate(estimator: Estimator, blind: BlindAuc, n: int, sources: int) -> Estimate:
    verdict = "design-invalid" if blind.beats_chance else "design-ok"
    method = f"newcombe-auc, {blind.feature}, {verdict}"
    measured = Measured(blind.value, blind.interval, blind.interval, method, n, min(n, sources))
    return estimator.given("blind_auc", measured, display_only=True)
