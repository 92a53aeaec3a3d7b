"""Personal data in Korean text: found, masked and redacted, with the finder's own error measured.

``detector().detect(text)`` finds, ``mask`` and ``redact`` hide; `calibration` measures recall and
precision on the synthetic `corpus`. Importing this package loads neither presidio nor Kiwi.
"""

from verify.methods.privacy.detection.detections import TYPES, Detection, canonical
from verify.methods.privacy.detection.detector import PiiDetector, detector
from verify.methods.privacy.detection.masking import Redacted, mask, redact

__all__ = ["TYPES", "Detection", "PiiDetector", "Redacted", "canonical", "detector", "mask", "redact"]
