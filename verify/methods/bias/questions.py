"""Questions about two people, one of whom a stereotype names: the items of both question methods."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import Field

from verify.errors import UsageError
from verify.korean.josa import fill, slots
from verify.records import Item

Role: TypeAlias = Literal["target", "other", "unknown"]
Kind: TypeAlias = Literal["ambiguous", "stereotype", "counter"]

RIGHT: Final[dict[Kind, Role]] = {"ambiguous": "unknown", "stereotype": "target", "counter": "other"}
"""The right answer: unknown where the text does not say, else what it says."""

_SETTLED: Final[tuple[Kind, Kind]] = ("stereotype", "counter")
_CONTEXT: Final = frozenset({"A", "B"})
_EVIDENCE: Final = frozenset({"X", "Y"})


class AmbiguousQAItem(Item):
    """A question about two people, or a template for eight of them.

    A *template* (`kind: template`) is written in the notation of `verify.korean.josa`: `context` with
    `{A}` and `{B}`, the people in the order in which they are mentioned, and `evidence` with `{X}`, whom
    `question` asks for, and `{Y}`, whom `reverse` asks for. A finished question is asked as it stands.
    """

    kind: Literal["template", "ambiguous", "stereotype", "counter"] = "template"
    """`ambiguous`: the text does not say; `stereotype`, `counter`: it names the target, or the other one."""
    context: str = Field(min_length=1)
    """What is told of the two; decides nothing unless the kind says so."""
    question: str = Field(min_length=1)
    target: str = Field(min_length=1)
    """The answer to `question` that the stereotype gives."""
    other: str = Field(min_length=1)
    """The other person."""
    evidence: str = ""
    """Templates only: the sentence that settles who is who."""
    reverse: str = ""
    """Templates only: the question whose stereotyped answer is `other`, so that a mere liking for one of
    the two words does not pass for a stereotype."""
    assumption: str = ""
    """The stereotype that the template assumes, for the reader; an assumption of the test, not a fact."""
    first: Literal["target", "other"] | None = None
    """Finished questions only: who is listed first before rotation; drawn by seed where not given."""

    @property
    def settled(self) -> Kind:
        """The kind of a finished question.

        Raises:
            UsageError: The item is still a template.
        """
        if self.kind == "template":
            raise UsageError(f"item {self.id!r} is a template; expand it before asking")
        return self.kind


class Listing(NamedTuple):
    """One way to list the three options."""

    roles: tuple[Role, Role, Role]
    wording: str
    """How the unknown option is worded."""

    def options(self, item: AmbiguousQAItem) -> tuple[str, ...]:
        """The options' texts, in the order of the listing."""
        texts = {"target": item.target, "other": item.other, "unknown": self.wording}
        return tuple(texts[role] for role in self.roles)


def expand(row: AmbiguousQAItem) -> Iterator[AmbiguousQAItem]:
    """The questions of a template: four ambiguous ones (both questions, both orders), four settled ones.

    A settled pair (stereotype, counter) shares order and question, so that their difference is due to
    the evidence alone; whom the stereotype names is mentioned first in one of the two pairs and second
    in the other.
    """
    if row.kind != "template":
        yield row
        return
    for reverse in (False, True):
        for swapped in (False, True):
            yield _finished(row, "ambiguous", reverse=reverse, swapped=swapped)
        for kind in _SETTLED:
            yield _finished(row, kind, reverse=reverse, swapped=False)


def faults(row: AmbiguousQAItem) -> Iterator[str]:
    """What a row's types cannot express."""
    if row.target == row.other:
        yield "target and other are the same"
    if row.kind != "template":
        if row.evidence or row.reverse:
            yield "evidence and reverse belong to templates; put the whole text into context"
        return
    if not row.evidence or not row.reverse:
        yield "a template needs evidence and reverse"
        return
    if row.question == row.reverse:
        yield "question and reverse are the same"
    for field, text, wanted in (
        ("context", row.context, _CONTEXT), ("evidence", row.evidence, _EVIDENCE),
        ("question", row.question, frozenset()), ("reverse", row.reverse, frozenset()),
    ):  # fmt: skip
        try:
            found = slots(text)
        except UsageError as error:
            yield f"{field}: {error}"
            continue
        if found != wanted:
            yield f"{field}: needs the slots {sorted(wanted)}, has {sorted(found)}"


def listings(item: AmbiguousQAItem, wordings: tuple[str, ...], *, every: bool, draw: int) -> tuple[Listing, ...]:
    """The listings in which an item is asked: three rotations, or all six orders.

    Each role stands equally often in each place. The wording of the unknown option changes from listing
    to listing, starting at a drawn one, so that wording and place are not confounded over the items.

    Args:
        item: A finished question.
        wordings: Wordings of the unknown option.
        every: All six orders instead of the three rotations.
        draw: A random number >= 0.
    """
    first = item.first or ("target", "other")[draw % 2]
    base: tuple[Role, Role, Role] = (first, "other" if first == "target" else "target", "unknown")
    rotations = (base, (base[1], base[2], base[0]), (base[2], base[0], base[1]))
    orders: Iterable[tuple[Role, ...]] = permutations(base) if every else rotations
    start = draw // 2
    return tuple(
        Listing((a, b, c), wordings[(start + place) % len(wordings)]) for place, (a, b, c) in enumerate(orders)
    )


def _finished(row: AmbiguousQAItem, kind: Kind, *, reverse: bool, swapped: bool) -> AmbiguousQAItem:
    people = (row.other, row.target) if swapped else (row.target, row.other)
    text = fill(row.context, A=people[0], B=people[1])
    # To the reverse question the stereotype answers with the other person; both readings of the kind
    # are about the person who is asked for, so the evidence follows the question.
    target, other = (row.other, row.target) if reverse else (row.target, row.other)
    if kind != "ambiguous":
        asked, rest = (target, other) if kind == "stereotype" else (other, target)
        x, y = (rest, asked) if reverse else (asked, rest)
        text = f"{text} {fill(row.evidence, X=x, Y=y)}"
    return AmbiguousQAItem(
        id=f"{row.id}/{kind}-{'reverse' if reverse else 'question'}-{'swapped' if swapped else 'straight'}",
        cluster=row.cluster_key,
        groups={**row.groups, "context": kind},
        kind=kind,
        context=text,
        question=row.reverse if reverse else row.question,
        target=target,
        other=other,
        assumption=row.assumption,
        first="target" if people[0] == target else "other",
    )
