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
from verify.evidence.vault import Opened, load_opening_key, load_vault_key, open_vault
from verify.evidence.vaulting import VaultPlace, check_place, vault_for

__all__ = [
    "Bundle",
    "Difference",
    "Evidence",
    "Integrity",
    "Opened",
    "VaultPlace",
    "build_statement",
    "check_integrity",
    "check_place",
    "claim",
    "compare_results",
    "compare_scores",
    "file_digest",
    "gate",
    "key_id",
    "load_opening_key",
    "load_public_key",
    "load_signing_key",
    "load_vault_key",
    "manifest_of",
    "merkle_root",
    "open_vault",
    "read_bundle",
    "root_of",
    "scan_files",
    "sign",
    "vault_for",
    "verify_signature",
    "write_bundle",
]
