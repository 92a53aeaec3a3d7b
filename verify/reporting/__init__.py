"""Verdicts made readable; nothing is decided here."""

from verify.reporting.data import BundleLike
from verify.reporting.frameworks import ClauseStanding, Force, FrameworkStanding, Standing, stand
from verify.reporting.page import Page, build_page
from verify.reporting.rendering import FORMATS, render
from verify.reporting.terminal import summary
from verify.reporting.words import LANGUAGES, Language, Words

__all__ = [
    "FORMATS",
    "LANGUAGES",
    "BundleLike",
    "ClauseStanding",
    "Force",
    "FrameworkStanding",
    "Language",
    "Page",
    "Standing",
    "Words",
    "build_page",
    "render",
    "stand",
    "summary",
]
