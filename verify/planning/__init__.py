"""Suites, subject and policy become a plan: everything is named, hashed and checked before the first request."""

from verify.planning.items import ItemSet, build_items
from verify.planning.lint import check_inputs, lint_suite
from verify.planning.plan import PlanInputs, Planned, PlannedExamination, make_plan

__all__ = [
    "ItemSet",
    "PlanInputs",
    "Planned",
    "PlannedExamination",
    "build_items",
    "check_inputs",
    "lint_suite",
    "make_plan",
]
