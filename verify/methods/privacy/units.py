"""Independent units: exact tests and rank intervals count every row as independent, so that a cluster gives one.

Rows that share a cluster (pieces of one document, one secret after several prefixes, repeats of one item) say
nearly the same thing several times; counted one by one they make p-values too small and intervals too narrow. One
row a cluster keeps every test exact whatever the dependence is, and keeps the estimand a row. It is the first by
id, fixed before anything was asked. The price is power: give each source a row of its own where possible.
"""

from collections.abc import Callable, Hashable, Sequence

from verify.records import ItemScore, Scored


def _alike(score: Scored) -> Hashable:
    del score
    return None


def one_a_cluster(scores: Sequence[ItemScore], *, kind: Callable[[Scored], Hashable] = _alike) -> list[ItemScore]:
    """The first scored row of each cluster, by id, in the order given.

    Args:
        scores: Scores of a check; unscored ones are left out.
        kind: Rows of one cluster that differ in it are kept both, such as a member and its held-out twin.
    """
    first: dict[Hashable, tuple[str, int]] = {}
    for score in scores:
        if isinstance(score.score, Scored):
            key, place = (score.cluster, kind(score.score)), (score.item, score.repeat)
            first[key] = min(first.get(key, place), place)
    kept = set(first.items())
    return [
        score
        for score in scores
        if isinstance(score.score, Scored) and ((score.cluster, kind(score.score)), (score.item, score.repeat)) in kept
    ]
