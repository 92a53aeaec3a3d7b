"""Property tests of numbers: how long one example takes says nothing on a shared machine."""

from hypothesis import settings

settings.register_profile("numbers", deadline=None)
settings.load_profile("numbers")
