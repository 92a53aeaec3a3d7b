"""Oracles: RFC 6962 values as published, and a recursive reading of its definition."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.evidence import manifest_of, merkle_root, root_of


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


@pytest.mark.parametrize(
    ("leaves", "start", "end"),
    [
        pytest.param([], "e3b0c442", "b855", id="no leaves"),
        pytest.param([b""], "6e340b9c", "a01d", id="one empty leaf"),
        pytest.param([b"a", b"b", b"c"], "36642e73", "21ec1", id="three leaves"),
    ],
)
def test_root_is_the_published_one(leaves: list[bytes], start: str, end: str) -> None:
    root = merkle_root(leaves).hex()

    assert root.startswith(start)
    assert root.endswith(end)


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_root_follows_the_definition(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == defined_root(leaves)


def test_an_inner_node_is_no_leaf() -> None:
    left, right = (hashlib.sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))

    assert merkle_root([left + right]) != merkle_root([b"a", b"b"])


@given(st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=6), min_size=2, max_size=6))
def test_manifest_root_depends_on_every_name_and_digest_but_not_on_order(files: dict[str, str]) -> None:
    backwards = dict(reversed(files.items()))
    name = next(iter(files))
    renamed = {(key + "x" * 9 if key == name else key): value for key, value in files.items()}

    assert root_of(files) == root_of(backwards)
    assert root_of(files) != root_of({**files, name: files[name] + "x"})
    assert root_of(files) != root_of(renamed)


def test_manifest_lists_paths_in_order() -> None:
    digest = "sha256:" + "0" * 64

    assert list(manifest_of({"b": digest, "a": digest}).files) == ["a", "b"]
