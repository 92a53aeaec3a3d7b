"""Seeded choice: the one place of this package where a pseudo-random source is made."""

import random


def seeded(seed: int, *labels: str) -> random.Random:
    """A source that depends on the seed and the labels only, the same on every platform.

    Labels keep the draws of two uses apart: with one seed, the typos of a text do not depend on
    whether its spacing was disturbed before.

    Args:
        seed: Any integer.
        labels: What the draws are for.
    """
    key = "\x1f".join((str(seed), *labels)).encode("utf-8", "surrogatepass")
    return random.Random(key)  # noqa: S311 - reproducibility, not secrecy, is what the callers need
