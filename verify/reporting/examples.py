"""Items that show the defect a check looks for, with what was asked and answered."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verify.records import (
    ClassifyAnswer,
    Concern,
    Failed,
    GenerateAnswer,
    ItemScore,
    KeptResponse,
    LogLikelihood,
    LogLikelihoodAnswer,
    PlannedItem,
    Request,
    Response,
    Scored,
    TokenLogProbsAnswer,
    canonical_json,
)
from verify.reporting.data import BundleLike
from verify.reporting.text import masked, number, one_line, visible

EXAMPLES = 3
"""Items that a report shows for a check."""
KINDS = ("label", "kind")
"""Facets of a privacy item that say what kind of value is at stake."""
CONDITIONS = ("form", "place", "prompt", "tier")
"""Facets that say in what situation it came out."""
EXCHANGES = 4
"""Exchanges that it shows for an item."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and what came back, fit to be shown."""

    asked: str
    answered: str


@dataclass(frozen=True, slots=True)
class Example:
    """An item with the defect."""

    item: str
    groups: tuple[tuple[str, str], ...]
    """Facet and group."""
    labels: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str], ...]
    """Entity type and masked value."""
    exchanges: tuple[Exchange, ...]
    more_exchanges: int
    content: str
    """The item's own fields, where no exchange was kept for it."""


@dataclass(slots=True)
class Found:
    """The scores that examples are made of, check by check."""

    defects: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Check -> items with the defect."""
    chosen: dict[str, list[ItemScore]] = field(default_factory=lambda: defaultdict(list))
    leaked: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Check -> type of personal data -> items with the defect that show it."""
    conditions: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    """Check -> facet and group -> items with the defect in it."""
    requests: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Check -> requests of its first item that has any: how the check is asked."""

    def wanted(self) -> frozenset[str]:
        """Requests whose exchanges a report needs."""
        shown = (digest for scores in self.chosen.values() for score in scores for digest in score.requests[:EXCHANGES])
        return frozenset(shown).union(*self.requests.values())


def find(scores: Iterable[ItemScore]) -> Found:
    """Count the items with a defect and choose a few of each check.

    Chosen is the smallest hash of each cluster in turn, so neither the order of a file nor the wording
    of an id decides what a reader sees, and three examples come from three sources where there are three.
    """
    found = Found()
    candidates: dict[str, dict[str, list[ItemScore]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if score.requests and score.check not in found.requests:
            found.requests[score.check] = tuple(score.requests)
        if isinstance(score.score, Scored) and score.score.defect:
            found.defects[score.check] += 1
            candidates[score.check][score.cluster].append(score)
            kinds = {each.type for each in score.score.findings if each.grade in ("", "likely-real")}
            found.leaked[score.check].update(kinds or {score.groups[f] for f in KINDS if f in score.groups})
            found.conditions[score.check].update((f, score.groups[f]) for f in CONDITIONS if f in score.groups)
    for check, clusters in candidates.items():
        first = [min(members, key=_rank) for members in clusters.values()]
        rest = [each for members in clusters.values() for each in members if each not in first]
        found.chosen[check] = (sorted(first, key=_rank) + sorted(rest, key=_rank))[:EXAMPLES]
    return found


def _rank(score: ItemScore) -> str:
    return hashlib.sha256(f"{score.check}\0{score.item}\0{score.repeat}".encode()).hexdigest()


def examples_of(
    bundle: BundleLike, found: Found, *, kept: Mapping[str, KeptResponse], concerns: Mapping[str, Concern]
) -> dict[str, tuple[Example, ...]]:
    """Check -> its examples; personal data in those of a privacy check is covered a second time.

    Args:
        bundle: Read for items, once.
        found: From `find`.
        kept: Exchanges of the requests that `found` wants, by digest.
        concerns: Check -> concern.
    """
    scores = [score for chosen in found.chosen.values() for score in chosen]
    keys = {(score.check, score.item) for score in scores}
    items = {key: line for line in bundle.items() if (key := (line.check, _id_of(line))) in keys}
    return {
        check: tuple(
            _example(score, kept, items.get((check, score.item)), private=concerns.get(check) == "privacy")
            for score in chosen
        )
        for check, chosen in found.chosen.items()
    }


def _id_of(line: PlannedItem) -> str:
    return str(line.item.get("id"))


def _example(score: ItemScore, kept: Mapping[str, KeptResponse], line: PlannedItem | None, *, private: bool) -> Example:
    def fit(text: str) -> str:
        return masked(visible(text)) if private else visible(text)

    scored = score.score if isinstance(score.score, Scored) else Scored(values={})
    exchanges = _by_context([kept[digest] for digest in score.requests[:EXCHANGES] if digest in kept])
    shown = sum(len(exchange) for exchange in exchanges)
    return Example(
        item=one_line(score.item),
        groups=tuple((one_line(facet), one_line(group)) for facet, group in sorted(score.groups.items())),
        labels=tuple((one_line(k), fit(one_line(v))) for k, v in sorted(scored.labels.items())),
        findings=tuple((one_line(each.type), one_line(each.masked)) for each in scored.findings[:5]),
        exchanges=tuple(
            Exchange(asked=fit(asked(each[0].request)), answered="\n".join(_reply(kept, fit=fit) for kept in each))
            for each in exchanges
        ),
        more_exchanges=max(0, len(score.requests) - shown) if exchanges else 0,
        content=fit(_content(line.item)) if line is not None and not exchanges else "",
    )


def _by_context(exchanges: Sequence[KeptResponse]) -> list[list[KeptResponse]]:
    """Exchanges one by one, but the options of one question together."""
    grouped: list[list[KeptResponse]] = []
    for each in exchanges:
        before = grouped[-1][0].request if grouped else None
        same = isinstance(each.request, LogLikelihood) and isinstance(before, LogLikelihood)
        if same and before is not None and asked(each.request) == asked(before):
            grouped[-1].append(each)
        else:
            grouped.append([each])
    return grouped


def _reply(kept: KeptResponse, *, fit: Callable[[str], str]) -> str:
    reply = answered(kept.response)
    if isinstance(kept.request, LogLikelihood):
        return f"{fit(kept.request.continuation.strip())} : {reply}"
    return fit(reply) if isinstance(kept.response, GenerateAnswer) else visible(reply)


def _content(item: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {_plain(value)}" for key, value in item.items() if value not in (None, "", [], {}))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def asked(request: Request) -> str:
    """A request as text; of a log-likelihood the context, which its options share."""
    match request.kind:
        case "loglikelihood":
            return request.context
        case "generate":
            if request.prompt is not None:
                return request.prompt
            return "\n".join(f"[{message.role}] {message.content}" for message in request.messages)
        case "predict":
            return canonical_json(request.row).decode()
        case "token_logprobs" | "classify":
            return request.text


def answered(response: Response) -> str:
    """A response as text."""
    match response:
        case GenerateAnswer():
            return response.text if response.finish == "stop" else response.text + " …"
        case LogLikelihoodAnswer():
            return f"log p = {number(response.logprob)} ({response.n_tokens})"
        case TokenLogProbsAnswer():
            return f"Σ log p = {number(sum(response.logprobs))} ({len(response.logprobs)})"
        case ClassifyAnswer():
            shares = sorted(response.probabilities.items(), key=lambda entry: -entry[1])
            return ", ".join(f"{label} {number(share)}" for label, share in shares)
        case Failed():
            return f"⟨{response.reason.value}⟩"
