"""Whether a run may begin or go on with a vault: its answers are either all in it or none is."""

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from verify.errors import UsageError
from verify.evidence import layout
from verify.evidence.vault import Vault

MARK = "vault"
"""In `.run/`: says that the run keeps raw texts in a vault."""


class VaultPlace(NamedTuple):
    """Where raw texts of redacted answers go, and for whom they are encrypted."""

    file: Path
    key: X25519PublicKey


def check_place(place: VaultPlace, *, out: Path) -> None:
    """Refuse a vault that would lie in the bundle, or that cannot be written.

    Raises:
        UsageError: One of the two.
    """
    if place.file.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"{place.file}: lies inside the bundle {out}; raw texts belong elsewhere, give another --vault"
        )
    if not place.file.parent.is_dir() or place.file.is_dir():
        raise UsageError(f"{place.file}: no file can be made there; give a file in an existing folder as --vault")


def vault_for(place: VaultPlace | None, *, folder: Path, plan_digest: str) -> Vault | None:
    """The vault of a run that begins or is resumed, or None where it keeps none.

    Args:
        place: As the user gave it.
        folder: Of the bundle; its journal is locked by this process.
        plan_digest: Digest of the run's plan.

    Raises:
        UsageError: The run was begun with a vault and is resumed without it, or the other way round.
    """
    workings = folder / layout.WORKINGS
    mark, begun = workings / MARK, (workings / layout.CONDUCT).is_file()
    if place is None:
        if mark.is_file():
            raise UsageError(f"{folder}: this run keeps raw texts in a vault; give its --vault and --vault-key again")
        return None
    check_place(place, out=folder)
    if begun and not mark.is_file():
        raise UsageError(
            f"{folder}: begun without a vault, raw texts are gone; resume without --vault, or give another --out"
        )
    if begun and not place.file.is_file():
        raise UsageError(f"{place.file}: not the vault that this run was begun with; give that file as --vault")
    vault = Vault(place.file, key=place.key, plan_digest=plan_digest)
    mark.touch()
    return vault
