"""Intervals, tests and plans: pure numbers in, pure numbers out, nothing read or written."""

from verify.statistics.clusters import (
    MIN_CLUSTERS_FOR_VERDICT,
    ClusteredEstimate,
    clustered_mean,
    clustered_proportion,
)
from verify.statistics.groups import (
    clustered_difference,
    koopman_ratio,
    miettinen_nurminen,
    newcombe_difference,
)
from verify.statistics.intervals import (
    Interval,
    Side,
    clopper_pearson,
    clopper_pearson_bound,
    finite_population_correction,
    hypergeometric,
    jeffreys,
    wilson,
)
from verify.statistics.multiplicity import benjamini_hochberg, holm
from verify.statistics.paired import (
    Equivalence,
    McNemar,
    equivalence,
    mcnemar,
    newcombe_paired,
    noninferiority,
    paired_difference,
    tango,
)

__all__ = [
    "MIN_CLUSTERS_FOR_VERDICT",
    "ClusteredEstimate",
    "Equivalence",
    "Interval",
    "McNemar",
    "Side",
    "benjamini_hochberg",
    "clopper_pearson",
    "clopper_pearson_bound",
    "clustered_difference",
    "clustered_mean",
    "clustered_proportion",
    "equivalence",
    "finite_population_correction",
    "holm",
    "hypergeometric",
    "jeffreys",
    "koopman_ratio",
    "mcnemar",
    "miettinen_nurminen",
    "newcombe_difference",
    "newcombe_paired",
    "noninferiority",
    "paired_difference",
    "tango",
    "wilson",
]
