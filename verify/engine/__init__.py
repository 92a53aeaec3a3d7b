"""Rounds of requests: items of all checks to the runtime and back, journalled, resumable."""

from verify.engine.journal import Journal
from verify.engine.rounds import Gate, Progress, Silent, examine

__all__ = ["Gate", "Journal", "Progress", "Silent", "examine"]
