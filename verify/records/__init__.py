"""The nouns of AX Verify: frozen, strict values that are written to disk, one file a noun."""

from verify.records.base import (
    Digest,
    Fraction,
    Name,
    Record,
    Strings,
    Text,
    Tuple,
    canonical_json,
    digest_of,
)
from verify.records.bundles import Manifest, Results, SubjectBrief
from verify.records.calibrations import CalibrationRecord, Detection, ReferenceStandard
from verify.records.checks import Bound, BoundOverride, Check, Concern, Policy, Suite
from verify.records.estimates import Estimand, Estimate, Levels
from verify.records.frameworks import Clause, Framework, Mapping
from verify.records.items import Item
from verify.records.plans import Plan, PlannedCheck, PlannedSuite
from verify.records.requests import (
    Classify,
    Generate,
    LogLikelihood,
    Message,
    Predict,
    Request,
    RequestKind,
    TokenLogProbs,
)
from verify.records.responses import (
    Answer,
    ClassifyAnswer,
    Failed,
    FailureReason,
    GenerateAnswer,
    LogLikelihoodAnswer,
    Response,
    TokenLogProbsAnswer,
)
from verify.records.scores import Finding, ItemScore, Score, Scored, Unscored
from verify.records.subjects import AccessLevel, FileDigest, Profile, ServerOption, Subject
from verify.records.verdicts import Outcome, Reason, Verdict

__all__ = [
    "AccessLevel",
    "Answer",
    "Bound",
    "BoundOverride",
    "CalibrationRecord",
    "Check",
    "Classify",
    "ClassifyAnswer",
    "Clause",
    "Concern",
    "Detection",
    "Digest",
    "Estimand",
    "Estimate",
    "Failed",
    "FailureReason",
    "FileDigest",
    "Finding",
    "Fraction",
    "Framework",
    "Generate",
    "GenerateAnswer",
    "Item",
    "ItemScore",
    "Levels",
    "LogLikelihood",
    "LogLikelihoodAnswer",
    "Manifest",
    "Mapping",
    "Message",
    "Name",
    "Outcome",
    "Plan",
    "PlannedCheck",
    "PlannedSuite",
    "Policy",
    "Predict",
    "Profile",
    "Reason",
    "Record",
    "ReferenceStandard",
    "Request",
    "RequestKind",
    "Response",
    "Results",
    "Score",
    "Scored",
    "ServerOption",
    "Strings",
    "Subject",
    "SubjectBrief",
    "Suite",
    "Text",
    "TokenLogProbs",
    "TokenLogProbsAnswer",
    "Tuple",
    "Unscored",
    "Verdict",
    "canonical_json",
    "digest_of",
]
