"""Tests; they mirror `verify/`."""
