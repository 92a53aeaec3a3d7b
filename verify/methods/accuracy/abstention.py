"""Does the subject say so when the passage does not hold the answer, or does it make one up?"""

import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final

from verify.korean.answers import same_answer, stripped
from verify.methods.accuracy.short_answer import (
    ShortAnswerItem,
    ShortAnswerParameters,
    answer_in,
    faults,
    prompt_for,
)
from verify.methods.base import Examination, Method, Metric
from verify.methods.estimating import Estimator
from verify.records import Estimand, Estimate, ItemScore, Levels, Scored, Unscored

_RULE: Final = "설명 없이 답만 짧게 쓰시오. 글에 답이 없으면 '글에 없음'이라고만 쓰시오."
_ABSTAINS: Final = re.compile(
    r"^없(?:음|다|습니다|어요)?$"
    r"|(?:글|본문|지문|안내문|공고문?|내용|제시문)(?:에|에는|에서|에서는|상)?\s?.{0,12}없"
    r"|알\s?수\s?없|확인할\s?수\s?없|찾을\s?수\s?없|답할\s?수\s?없|판단할\s?수\s?없|모르겠|모릅니다"
    r"|(?:나와|나타나|적혀|쓰여|제시되어|언급되어|명시되어|안내되어|기재되어|포함되어)\s?있지\s?않"
    r"|(?:제시|언급|명시|안내|기재|포함)되지\s?않|(?:정보|언급|설명|안내)(?:가|이|는|은)?\s?없"
    r"|(?:도와\s?드릴|답변\s?드릴|답해\s?드릴|알려\s?드릴|말씀\s?드릴)\s?수\s?없"
    r"|\b(?:can't|cannot|unable to|not able to)\s(?:help|assist|answer|provide)",
    re.IGNORECASE,
)
"""Saying that the text does not tell; also declining to answer, which helps as little and invents as little."""


def abstains(answer: str) -> bool:
    """Whether an answer says that the passage does not tell, or declines to answer.

    Examples:
        >>> abstains("글에 없음"), abstains("본문에 나와 있지 않습니다."), abstains("5,000원")
        (True, True, False)
    """
    return bool(_ABSTAINS.search(stripped(answer)))


class Abstention(Method[ShortAnswerItem, ShortAnswerParameters]):
    """The same prompt for questions with and without an answer in the passage.

    Both kinds belong in one check: a subject that abstains from everything invents nothing and helps nobody,
    which `false_abstention` shows.
    """

    name = "abstention"
    version = 2
    item_type = ShortAnswerItem
    parameters_type = ShortAnswerParameters
    needs = frozenset({"generate"})
    metrics = (
        Metric(
            name="invention",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="Share of questions without an answer in the passage that were answered all the same.",
        ),
        Metric(
            name="false_abstention",
            better="lower",
            low=0.0,
            high=1.0,
            ideal=0.0,
            meaning="Share of questions with an answer in the passage that the subject denied or declined to answer.",
        ),
        Metric(
            name="exact_match",
            better="higher",
            low=0.0,
            high=1.0,
            ideal=1.0,
            meaning="Share of questions with an answer in the passage that were answered right, under this prompt.",
        ),
    )

    item_values = MappingProxyType({name: name for name in ("invention", "false_abstention", "exact_match")})

    def check_row(self, row: ShortAnswerItem) -> Iterable[str]:
        """An accepted answer that says nothing, or that is itself an abstention."""
        yield from faults(row, required=False)
        for text in row.answers:
            if abstains(text):
                yield f"answers: {text!r} would be read as saying that the passage does not tell"

    def concerns(self, metric: str, item: ShortAnswerItem) -> bool:
        """Inventions are about questions without an answer, all else is about those with one."""
        return bool(item.answers) is (metric != "invention")

    def examine(self, item: ShortAnswerItem) -> Examination:
        """Ask once, greedily; the prompt says how to abstain."""
        (response,) = yield [prompt_for(item, rule=_RULE, max_tokens=self.parameters.max_tokens)]
        given = answer_in(response)
        if isinstance(given, Unscored):
            return given
        silent = abstains(given)
        labels = {"answer": item.answers[0] if item.answers else "", "given": given[:200]}
        if not item.answers:
            return Scored(values={"invention": float(not silent)}, labels=labels, defect=not silent)
        right = not silent and same_answer(given, item.answers)
        values = {"false_abstention": float(silent), "exact_match": float(right)}
        return Scored(values=values, labels=labels, defect=silent)

    def estimate(self, scores: Sequence[ItemScore], *, levels: Levels, estimand: Estimand) -> Iterable[Estimate]:
        """Over all items and by facet; each metric over the kind of item that it is about."""
        estimator = Estimator(scores, levels=levels, estimand=estimand)
        facets = sorted({facet for score in scores for facet in score.groups})
        for metric in ("invention", "false_abstention", "exact_match"):
            yield from estimator.proportion(metric, metric)
            for facet in facets:
                yield from estimator.proportion(metric, metric, by=facet)
