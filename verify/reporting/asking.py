"""How a subject was asked: kinds of request with their settings, read off the kept exchanges in one pass."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from verify.records import Generate, KeptResponse, RequestKind
from verify.reporting.words import Words


@dataclass(slots=True)
class Asked:
    """All requests of one kind."""

    n: int = 0
    temperatures: set[float] = field(default_factory=set)
    """Of texts that were to be written; empty for other kinds."""
    tokens: int = 0
    """Most tokens that an answer was allowed; 0 for other kinds."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of the exchanges gives."""

    kept: Mapping[str, KeptResponse]
    """Digest of a request -> its exchange, of those that were wanted."""
    asked: Mapping[RequestKind, Asked]


def survey(responses: Iterable[KeptResponse], *, wanted: Collection[str]) -> Survey:
    """Read all exchanges once.

    Args:
        responses: Of a bundle.
        wanted: Digests of the requests whose exchanges are needed.
    """
    kept: dict[str, KeptResponse] = {}
    asked: dict[RequestKind, Asked] = {}
    for each in responses:
        request = each.request
        kind = asked.setdefault(request.kind, Asked())
        kind.n += 1
        if isinstance(request, Generate):
            kind.temperatures.add(request.temperature)
            kind.tokens = max(kind.tokens, request.max_tokens)
        if each.digest in wanted:
            kept[each.digest] = each
    return Survey(kept=kept, asked=asked)


def asked_lines(found: Survey, *, words: Words) -> tuple[str, ...]:
    """One line a kind of request: how many, at which temperature, how long an answer might be."""
    lines = []
    for kind, asked in sorted(found.asked.items()):
        parts = [words("asking.count", n=f"{asked.n:,}")]
        if asked.temperatures:
            low, high = (f"{at:g}" for at in (min(asked.temperatures), max(asked.temperatures)))
            parts.append(
                words("asking.temperature", low=low)
                if low == high
                else words("asking.temperatures", low=low, high=high)
            )
            parts.append(words("asking.tokens", tokens=f"{asked.tokens:,}"))
        lines.append(f"{words(f'request.{kind}')}: {' · '.join(parts)}")
    return tuple(lines)
