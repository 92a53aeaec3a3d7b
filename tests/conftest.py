"""What holds for all tests."""

from hypothesis import settings

# A machine that others use too is slow at times; how long a thing takes is measured in `make bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
