"""What every record is, and how a record becomes bytes and a digest."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""An id that may become part of a path: lower case letters, digits, `.`, `_`, `-`; at most 64 characters."""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share in [0, 1], never per cent."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Record(BaseModel):
    """A value that is written to disk: frozen, closed, strict, without NaN.

    A field that is not declared is an error, never ignored: a typing mistake in
    a threshold must not leave the default threshold in force.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def to_json(self) -> dict[str, Any]:
        """This record as plain JSON values: tuples as lists, keys by alias."""
        return self.model_dump(mode="json", by_alias=True)

    def content_digest(self) -> str:
        """`sha256:` digest of the canonical JSON of what this record states.

        Fields that hold their default are left out (except a `kind`), so that a record gains an optional
        field without changing its digest, and bundles of earlier versions still audit. In return the
        default of a field never changes once it was released.
        """
        stated = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if "kind" in type(self).model_fields:
            stated["kind"] = getattr(self, "kind")  # noqa: B009  # not every record has one
        return digest_of(stated)


class Text(Record):
    """A text in the two languages of every report."""

    ko: str
    """Korean."""
    en: str
    """English."""

    def __getitem__(self, language: str) -> str:
        """The text in `language` (`"ko"` or `"en"`)."""
        return self.ko if language == "ko" else self.en


def canonical_json(value: object) -> bytes:
    """Bytes that depend on the value alone: keys sorted, no blanks, UTF-8, NaN refused.

    The escaping follows RFC 8785 (JCS) for the values that records hold; numbers are written as
    Python's shortest round-trip form.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest_of(value: object) -> str:
    """`sha256:` digest of the canonical JSON of a plain value."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


Tuple = BeforeValidator(_as_tuple)
"""Lets a JSON list become a tuple in a strict record: `Annotated[tuple[str, ...], Tuple]`."""

Strings = Annotated[tuple[str, ...], Tuple]
