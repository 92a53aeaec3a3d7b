"""Safetensors headers, checked before any library sees them.

safetensors 0.8 accepts duplicate keys and a header of 1.5 million empty tensors (1.6 GB of memory);
format: https://github.com/huggingface/safetensors#format.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any, Final, NamedTuple

from verify.errors import SubjectError

MAX_HEADER: Final = 8 * 2**20
MAX_TENSORS: Final = 50_000
_MAX_DIMENSIONS: Final = 16
_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip
_AGAIN: Final = "fetch the file again from its source"


class Header(NamedTuple):
    """What a weights file says that it holds."""

    tensors: frozenset[str]
    elements: int


def read_header(path: Path) -> Header:
    """Read and check the header of one safetensors file.

    Raises:
        SubjectError: The file is truncated, or its header is none that a well-meaning tool writes.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            raise SubjectError(f"{path}: truncated, the file has {size} bytes; {_AGAIN}")
        (length,) = struct.unpack("<Q", start)
        if length > MAX_HEADER:
            raise SubjectError(f"{path}: a header of {length} bytes is refused (limit {MAX_HEADER}); {_AGAIN}")
        if 8 + length > size:
            raise SubjectError(f"{path}: truncated inside its header, {size} of at least {8 + length} bytes; {_AGAIN}")
        raw = stream.read(length)
    entries = _entries(path, raw)
    if len(entries) > MAX_TENSORS:
        raise SubjectError(f"{path}: {len(entries)} tensors in one file are refused (limit {MAX_TENSORS})")
    spans = sorted(_span(path, name, entry) for name, entry in entries.items())
    end = 0
    for span in spans:
        if span.begin != end:
            raise SubjectError(f"{path}: tensor {span.name!r} starts at {span.begin}, not at {end}; {_AGAIN}")
        end = span.end
    wanted = 8 + length + end
    if size < wanted:
        raise SubjectError(f"{path}: truncated, {size} of {wanted} bytes are there; {_AGAIN}")
    if size > wanted:
        raise SubjectError(f"{path}: {size - wanted} bytes that belong to no tensor follow the weights; {_AGAIN}")
    return Header(frozenset(entries), sum(span.elements for span in spans))


class _Span(NamedTuple):
    begin: int
    end: int
    name: str
    elements: int


def _entries(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise SubjectError(f"{path}: the header is no safetensors header ({error}); {_AGAIN}") from None
    if not isinstance(header, dict):
        raise SubjectError(f"{path}: the header is no JSON object; {_AGAIN}")
    header.pop("__metadata__", None)
    return header


def _span(path: Path, name: str, entry: Any) -> _Span:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if dtype in _BITS:
            sizes_ok = len(shape) <= _MAX_DIMENSIONS and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        case _:
            sizes_ok = False
    if not sizes_ok:
        raise SubjectError(f"{path}: the entry of tensor {name!r:.100} is not understood; {_AGAIN}")
    elements = math.prod(shape)
    if begin < 0 or (end - begin) * 8 != elements * _BITS[dtype]:
        raise SubjectError(
            f"{path}: tensor {name!r:.100} claims {end - begin} bytes for shape {shape} of {dtype}; {_AGAIN}"
        )
    return _Span(begin, end, name, elements)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without duplicate keys: two readers must not see two different files.

    Raises:
        ValueError: A key occurs twice.
    """
    seen = dict(pairs)
    if len(seen) != len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice!r:.60} occurs twice")
    return seen
