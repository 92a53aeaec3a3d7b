"""What a run leaves and how it is trusted: digests, bundle, statement, audit, redaction."""

from verify.evidence.audit import Difference, Integrity, check_integrity, compare_results, compare_scores
from verify.evidence.bundle import Bundle, Evidence, read_bundle, write_bundle
from verify.evidence.claiming import claim
from verify.evidence.digests import file_digest, manifest_of, merkle_root, root_of
from verify.evidence.redaction import gate, scan_files
from verify.evidence.statement import (
    build_statement,
    key_id,
    load_public_key,
    load_signing_key,
    sign,
    verify_signature,
)

__all__ = [
    "Bundle",
    "Difference",
    "Evidence",
    "Integrity",
    "build_statement",
    "check_integrity",
    "claim",
    "compare_results",
    "compare_scores",
    "file_digest",
    "gate",
    "key_id",
    "load_public_key",
    "load_signing_key",
    "manifest_of",
    "merkle_root",
    "read_bundle",
    "root_of",
    "scan_files",
    "sign",
    "verify_signature",
    "write_bundle",
]
