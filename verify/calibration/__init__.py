"""Reference standards: small models with a known defect, by which the instrument knows its own error."""

from verify.calibration.calibrate import Calibration, calibrate, calibration_record, examine_standard
from verify.calibration.making import make_standard
from verify.calibration.standards import standard_folder

__all__ = ["Calibration", "calibrate", "calibration_record", "examine_standard", "make_standard", "standard_folder"]
