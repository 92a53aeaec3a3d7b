"""How far the instrument can be trusted: measured on reference standards."""

from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Digest, Name, Record, Text, Tuple
from verify.records.estimates import Ends
from verify.records.verdicts import Outcome


class ReferenceRecipe(Record):
    """How a reference standard is made: one entry of `models/reference/recipes.yaml`."""

    id: Name
    title: Text
    defect: Name
    recipe: str
    dose: float = Field(ge=0.0)
    twin: Name | None = None
    seed: int
    items: int = Field(ge=1)
    plan_seed: int = 0
    checks: Annotated[tuple[str, ...], Tuple]


class ReferenceRecipes(Record):
    """`models/reference/recipes.yaml`."""

    standards: Annotated[tuple[ReferenceRecipe, ...], Tuple]


class ReferenceStandard(Record):
    """A small model with a known planted defect, or its clean twin: `models/reference/<id>/standard.json`."""

    id: Name
    title: Text
    kind: Literal["causal-lm", "classifier", "tabular"]
    defect: Name
    """Family of the defect, e.g. `memorised-pii`."""
    dose: float = Field(ge=0.0)
    """How much of the defect was planted; 0 is a clean twin."""
    twin: Name | None = None
    """Id of the clean twin, for a planted one."""
    seed: int
    recipe: str
    """Name of the recipe that trains it (`verify.calibration.recipes`)."""
    items: int = Field(ge=1)
    """Items of each check that it was made for; a calibration asks just these."""
    plan_seed: int = 0
    """Seed of the plan that draws those items."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Further inputs of the plan, e.g. `canaries` -> file in the standard's folder."""
    assigned: dict[str, float]
    """Truth by construction or by exhaustive enumeration: quantity -> value."""
    checks: Annotated[tuple[str, ...], Tuple]
    """`suite.check` names that must see this defect (planted) or stay quiet (twin)."""
    files: dict[str, Digest]
    """Weights, tokenizer and config -> digest."""


class Detection(Record):
    """How often a check saw what was planted."""

    check: str
    defect: str
    dose: float
    n: int = Field(ge=1)
    """Standards (seeds) at this dose."""
    detected: int = Field(ge=0)
    """Of these, how many the check failed."""
    interval: Ends
    """Clopper-Pearson 95 % of the rate."""
    outcomes: dict[str, Outcome]
    """Standard -> verdict."""


class CalibrationRecord(Record):
    """What `verify calibrate` found; every certificate cites it by digest."""

    schema_id: Literal["ax-verify/calibration/1"] = Field(default="ax-verify/calibration/1", alias="schema")
    made_with: dict[str, str]
    """Versions of the engine, of methods and suites (by digest)."""
    seed: int
    detections: Annotated[tuple[Detection, ...], Tuple]
    """Doses above 0: detection; dose 0: false alarms."""
    blind_spots: Annotated[tuple[Text, ...], Tuple] = ()
    """Known defects that the instrument does not see."""
