"""Estimate x bound becomes a verdict; verdicts become an outcome. Pure: no subject, no file, no clock."""

from verify.deciding.decide import EstimateAt, decide, overall
from verify.deciding.nonconformity import adjust, p_value

__all__ = ["EstimateAt", "adjust", "decide", "overall", "p_value"]
