"""Digests of files, and one digest over many: a Merkle tree as in Certificate Transparency."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from verify.records import Manifest, canonical_json

CHUNK = 1 << 20


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of the Merkle tree over `leaves`, 32 bytes.

    A leaf is hashed with the prefix 0x00 and a node with 0x01, so that no inner node can be passed off
    as a leaf. The left subtree is the largest full one. No leaves give the SHA-256 of nothing.

    References:
        RFC 6962, section 2.1.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        # The node without a partner moves up unhashed: the same tree as "largest power of two on the left".
        level = paired + level[2 * len(paired) :]
    return level[0]


def file_digest(path: Path) -> str:
    """`sha256:` digest of the bytes of a file, read in pieces.

    Raises:
        OSError: The file cannot be read.
    """
    running = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            running.update(piece)
    return "sha256:" + running.hexdigest()


def root_of(files: Mapping[str, str]) -> str:
    """`sha256:` Merkle root over path -> digest; one leaf a file, sorted by path.

    A leaf is the canonical JSON of `[path, digest]`, so that neither a name nor a digest can run into
    the other.
    """
    leaves = [canonical_json([path, files[path]]) for path in sorted(files)]
    return "sha256:" + merkle_root(leaves).hex()


def manifest_of(files: Mapping[str, str]) -> Manifest:
    """The manifest over path -> digest."""
    return Manifest(files=dict(sorted(files.items())), root=root_of(files))
