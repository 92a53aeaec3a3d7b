"""Rounds of requests: items of all checks to the runtime and back, journalled, resumable."""

from verify.engine.conclude import Concluded, conclude
from verify.engine.journal import Journal, Keeper, Memory
from verify.engine.rounds import Examined, Gate, Progress, Silent, examine
from verify.engine.stopping import Decided, decided_by

__all__ = [
    "Concluded",
    "Decided",
    "Examined",
    "Gate",
    "Journal",
    "Keeper",
    "Memory",
    "Progress",
    "Silent",
    "conclude",
    "decided_by",
    "examine",
]
