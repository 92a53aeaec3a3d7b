"""What a failed check means in plain words: which data came out, in which situation, which clauses it concerns."""

from collections import Counter
from collections.abc import Iterable, Sequence

from verify.records import PlannedCheck
from verify.reporting.examples import CONDITIONS, Found
from verify.reporting.frameworks import KOREAN, FrameworkStanding
from verify.reporting.text import one_line
from verify.reporting.words import Words

_MOST = 8
"""Kinds, groups or clauses that a line names; the details are in the table and the list of clauses."""
_LONGEST = 200


def leaked(found: Found, check: PlannedCheck, *, words: Words) -> str:
    """The kinds of personal data that came out of a privacy check, with the number of items, most often first."""
    if check.concern != "privacy" or check.bound.at_most is None:  # what fails by being withheld did not come out
        return ""
    return _counted(found.leaked[check.name].most_common(), words=words)


def conditions(found: Found, check: PlannedCheck, *, words: Words) -> tuple[str, ...]:
    """The situations in which a privacy check found the defect, one line a facet, most often first."""
    if check.concern != "privacy":
        return ()
    lines = []
    for facet in CONDITIONS:
        groups = [(group, n) for (of, group), n in found.conditions[check.name].most_common() if of == facet]
        if groups:
            lines.append(f"{words.named(facet)}: {_counted(groups, words=words, facet=facet)}")
    return tuple(lines)


def clauses_of(check: str, standings: Iterable[FrameworkStanding], *, words: Words) -> tuple[str, ...]:
    """Titles of the Korean clauses that a check speaks to, one line a law, direct ones first.

    A law that is mostly about the check's suite comes before one that is about everything.
    """
    laws: list[tuple[tuple[bool, int, int], str, list[str]]] = []
    for standing in standings:
        coverage = {
            each.clause.title[words.language]: {link.coverage for link in each.links if link.check == check}
            for each in standing.clauses
        }
        titles = sorted((t for t in coverage if coverage[t]), key=lambda t: "direct" not in coverage[t])
        if titles and standing.framework.id.startswith(KOREAN):
            law = standing.framework.title[words.language]
            direct = sum("direct" in coverage[title] for title in titles)
            rank = (not _is_about(standing, check.partition(".")[0]), -direct, -len(titles))
            laws.append((rank, law, titles))
    laws.sort(key=lambda one: one[0])
    left, lines = _MOST, []
    for _, law, titles in laws:
        if left > 0:
            shown = ", ".join(one_line(title, limit=_LONGEST) for title in titles[:left])
            lines.append(f"{one_line(law, limit=_LONGEST)}: {shown}")
        left -= len(titles)
    return tuple(lines)


def _is_about(standing: FrameworkStanding, suite: str) -> bool:
    """Whether most of what the law is mapped to belongs to a suite; whatever was run."""
    patterns = [pattern for each in standing.clauses for mapping in each.clause.evidence for pattern in mapping.checks]
    return 2 * sum(pattern.startswith(f"{suite}.") for pattern in patterns) > len(patterns)


def _counted(groups: Sequence[tuple[str, int]], *, words: Words, facet: str = "") -> str:
    named: Counter[str] = Counter()
    for group, n in groups:  # a type and a label may have one name
        named[words.named(group, facet)] += n
    return ", ".join(f"{one_line(name)} ({n:,})" for name, n in named.most_common(_MOST))
