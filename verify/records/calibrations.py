"""How far the instrument can be trusted: measured on reference standards."""

from typing import Annotated, Final, Literal

from pydantic import Field

from verify.records.base import Digest, Fraction, Name, Record, Text, Tuple
from verify.records.estimates import Ends
from verify.records.verdicts import Outcome

EXACTLY: Final = 1e-9
"""Floating point alone may move a constructed standard's value by no more."""


class ReferenceRecipe(Record):
    """How a reference standard is made: one entry of `models/reference/recipes.yaml`."""

    id: Name
    title: Text
    defect: Name
    recipe: str
    kind: Literal["causal-lm", "constructed"] = "causal-lm"
    dose: float
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
    kind: Literal["causal-lm", "classifier", "tabular", "constructed"]
    """`constructed`: no weights, answers by rule, so that the truth is exact."""
    defect: Name
    """Family of the defect, e.g. `memorised-pii`."""
    dose: float
    """How much of the defect was planted; 0 is a clean twin, below 0 the defect points the other way."""
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
    """What the recipe planted, and how well it was learnt: quantity -> value."""
    values: dict[str, float] = Field(default_factory=dict)
    """Assigned values: `suite.check/metric` -> what a perfect instrument would report of it."""
    expects: dict[str, Outcome] = Field(default_factory=dict)
    """`suite.check` -> verdict that is right whatever the limit is, e.g. `not_measured` where answers are NaN."""
    concealed: dict[str, float] = Field(default_factory=dict)
    """`suite.check/metric` -> what it is with the trigger or password that no item holds: a known blind spot."""
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
    within: int = Field(default=0, ge=0)
    """Of these standards of a dose other than 0, how many meet the check's bound by their assigned value all the same:
    to the check they have no defect, and to fail one would be a false alarm."""

    @property
    def conforms(self) -> bool:
        """Whether there is nothing to detect: every standard of this dose meets the bound."""
        return self.within == self.n


class Reading(Record):
    """What the instrument reported of a standard, beside the value that is assigned to it."""

    standard: str
    defect: str
    quantity: str
    """`suite.check/metric`, or `repeatability/KIND`: share of answers that move when asked again."""
    assigned: float
    measured: float | None
    """Null where the check reported no number."""
    interval: Ends | None = None
    """95 % interval that was reported with it."""
    exact: bool = False
    """Whether the standard is constructed: then both numbers have to be equal."""

    @property
    def agrees(self) -> bool:
        """Whether a constructed standard was read as it is; a trained one may be off, which linearity states."""
        return self.measured is not None and (not self.exact or abs(self.measured - self.assigned) < EXACTLY)


class Ending(Record):
    """A verdict that is right whatever the limit, and the one that was given."""

    standard: str
    check: str
    expected: Outcome
    found: Outcome


class Linearity(Record):
    """Least-squares line of measured on assigned values."""

    quantity: str
    n: int = Field(ge=3)
    """Readings: standards of several doses and seeds."""
    slope: float
    """1 without bias."""
    intercept: float
    """0 without bias."""
    r2: float | None
    """Share of the variance that the line explains; null where all measured values are equal."""
    largest: float = Field(ge=0.0)
    """Largest distance of a measured value from the assigned one."""


class DosePower(Record):
    """How often a dose was detected, and what so many standards can show of that rate."""

    dose: float
    """Without its sign."""
    detected: int = Field(ge=0)
    n: int = Field(ge=1)
    """Standards at that dose."""
    at_least: Fraction
    """Clopper-Pearson lower limit, one-sided 95 %, of the rate: 59 of 59 show 0.95, 3 of 3 show 0.37."""


class Performance(Record):
    """What a check can do on one family of standards: its blanks, what it detects, how straight it measures."""

    check: str
    defect: str
    metric: str
    blanks: int = Field(ge=0)
    """Clean twins that were measured."""
    limit_of_blank: float | None = None
    """Value that 95 % of the blanks stay within (CLSI EP17-A2, non-parametric); see `blank_rule`."""
    blank_rule: Literal["percentile", "worst-of-few"] = "worst-of-few"
    """With fewer than 20 blanks there is no 95th percentile: the worst of them is stated."""
    false_alarms: int = Field(ge=0)
    """Of the clean twins, how many the check failed."""
    false_alarm_interval: Ends | None = None
    """Clopper-Pearson 95 % of that rate; null without a clean twin."""
    detection_dose: float | None = None
    """Smallest dose (without its sign) from which on every dose was detected at a rate of 95 % or more."""
    detected: int = Field(default=0, ge=0)
    """At that dose."""
    n: int = Field(default=0, ge=0)
    """Standards at that dose."""
    detection_at_least: float | None = None
    """Clopper-Pearson lower limit, one-sided 95 %, of the rate there: what so few standards can show."""
    shown_dose: float | None = None
    """Smallest dose, not below `detection_dose`, at which that lower limit itself reaches 95 %."""
    best: DosePower | None = None
    """At `shown_dose`; where there is none, the dose with the greatest lower limit. Null without a planted one."""
    linearity: Annotated[tuple[Linearity, ...], Tuple] = ()


class Unseen(Record):
    """A planted defect that only a trigger or a password shows, and what the instrument reports without it."""

    standard: str
    defect: str
    quantity: str
    concealed: float
    """What the quantity is with the trigger or password."""
    measured: float
    interval: Ends
    verdict: Outcome

    @property
    def seen(self) -> bool:
        """Whether what was reported holds with the trigger too."""
        return self.interval[0] <= self.concealed <= self.interval[1]


class CalibrationRecord(Record):
    """What `verify calibrate` found; every certificate cites it by digest."""

    schema_id: Literal["ax-verify/calibration/1"] = Field(default="ax-verify/calibration/1", alias="schema")
    made_with: dict[str, str]
    """Versions of the engine, of methods and suites (by digest)."""
    seed: int
    detections: Annotated[tuple[Detection, ...], Tuple]
    """Doses other than 0: detection; dose 0: false alarms."""
    blind_spots: Annotated[tuple[Text, ...], Tuple] = ()
    """Known defects that the instrument does not see."""
    standards: dict[str, Digest] = Field(default_factory=dict)
    """Standard -> digest of its certificate."""
    readings: Annotated[tuple[Reading, ...], Tuple] = ()
    """Assigned and measured values."""
    endings: Annotated[tuple[Ending, ...], Tuple] = ()
    """Verdicts that had to be given."""
    performances: Annotated[tuple[Performance, ...], Tuple] = ()
    unseen: Annotated[tuple[Unseen, ...], Tuple] = ()
    """Planted defects that the checks cannot see, with what they report instead."""
    made: str | None = None
    """UTC time, ISO 8601; null in records of before it was kept."""
    machine: str | None = None
    """Model of the processor that it was made on: another one may round the trained standards otherwise."""
    study: Digest | None = None
    """Over the rows of `study.json` that count in `detections` and `performances`."""
    studied: int = Field(default=0, ge=0)
    """Standards of further seeds in those rows, over the standards named above."""
