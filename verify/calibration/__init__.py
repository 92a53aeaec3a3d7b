"""Reference standards: small models with a known defect, by which the instrument knows its own error."""

from verify.calibration.calibrate import (
    Calibration,
    as_assigned,
    calibrate,
    calibration_record,
    examine_standard,
    made_with,
)
from verify.calibration.making import make_standard
from verify.calibration.standards import open_standard, standard_folder

__all__ = [
    "Calibration",
    "as_assigned",
    "calibrate",
    "calibration_record",
    "examine_standard",
    "made_with",
    "make_standard",
    "open_standard",
    "standard_folder",
]
