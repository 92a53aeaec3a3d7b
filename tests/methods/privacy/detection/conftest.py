import pytest

from verify.methods.privacy.detection import TYPES, PiiDetector


@pytest.fixture(scope="session")
def by_form() -> PiiDetector:
    """Everything but names: without Kiwi, which takes seconds to load."""
    return PiiDetector(types=frozenset(TYPES) - {"PERSON"})
