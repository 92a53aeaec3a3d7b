from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import UnknownNameError, UsageError
from verify.korean.randomness import seeded
from verify.methods.privacy.canaries import (
    CanaryItem,
    commitment,
    faults,
    from_jsonl,
    make_canaries,
    to_jsonl,
    training_lines,
)
from verify.methods.privacy.spaces import KINDS, SecretSpace, decoys


def test_the_same_seed_gives_the_same_kit_and_another_seed_another() -> None:
    assert make_canaries(7, per_tier=5) == make_canaries(7, per_tier=5)
    assert make_canaries(7, per_tier=5).commitment != make_canaries(8, per_tier=5).commitment


def test_each_secret_stands_as_often_as_its_dose_and_controls_not_at_all() -> None:
    kit = make_canaries(1, per_tier=6, tiers=(0, 1, 4))

    counts = Counter(training_lines(kit.rows, seed=3))

    assert {row.prefix + row.secret: row.dose for row in kit.rows if row.dose} == dict(counts)


def test_no_prefix_is_used_twice() -> None:
    rows = make_canaries(1, per_tier=200).rows

    assert len({row.prefix for row in rows}) == len(rows) == 800


@pytest.mark.parametrize("change", ["secret", "salt", "order"])
def test_a_commitment_binds_rows_salt_and_order(change: str) -> None:
    kit = make_canaries(1, per_tier=3)
    rows, salt = list(kit.rows), kit.salt
    assert commitment(rows, salt=salt) == kit.commitment

    if change == "secret":
        rows[0] = rows[0].model_copy(update={"secret": "010-0000-0000"})
    elif change == "salt":
        salt = salt[:-1] + ("0" if salt[-1] != "0" else "1")
    else:
        rows.reverse()

    assert commitment(rows, salt=salt) != kit.commitment


def test_the_file_of_the_auditor_reads_back() -> None:
    rows = make_canaries(5, per_tier=4, kinds=KINDS[:3]).rows

    assert from_jsonl(to_jsonl(rows)) == rows


def test_a_secret_outside_its_space_is_refused_with_its_line() -> None:
    row = make_canaries(5, per_tier=1, tiers=(1,)).rows[0].model_copy(update={"secret": "010-1234-567x"})

    with pytest.raises(UsageError, match=r"line 1: secret .* not in its declared space"):
        from_jsonl(to_jsonl([row]))


def test_a_broken_line_is_named() -> None:
    with pytest.raises(UsageError, match="line 2, prefix"):
        from_jsonl('\n{"id": "a"}\n')


def test_unknown_kinds_list_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="mobile"):
        make_canaries(1, kinds=("phone",))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_secrets_that_are_in_their_space(kind: str) -> None:
    rows = make_canaries(2, per_tier=20, tiers=(1,), kinds=(kind,)).rows

    assert not [fault for row in rows for fault in faults(row)]


@pytest.mark.parametrize(
    "space",
    [
        SecretSpace(kind="name"),
        SecretSpace(kind="mobile"),
        SecretSpace(mask="#-#"),
        SecretSpace(choices=("가", "나", "다")),
    ],
    ids=["names", "mobile numbers", "a mask", "a list"],
)
def test_an_index_stands_for_one_text_only(space: SecretSpace) -> None:
    size = min(space.size, 3000)

    assert len({space.at(index) for index in range(size)}) == size


def test_decoys_are_uniform_over_the_space() -> None:
    drawn = Counter(decoys(SecretSpace(mask="#"), count=20_000, chance=seeded(1, "test")))

    assert set(drawn) == set("0123456789")
    # Chi-squared with 9 degrees of freedom exceeds 27.9 with probability 0.001.
    assert sum((n - 2000) ** 2 / 2000 for n in drawn.values()) < 27.9


@given(st.text(max_size=6))
def test_a_mask_holds_exactly_the_texts_of_its_shape(text: str) -> None:
    space = SecretSpace(mask="0#-#")

    assert space.holds(text, index=None) == (text in {space.at(index) for index in range(100)})


@pytest.mark.parametrize(
    "declared",
    [{}, {"kind": "rrn", "mask": "#"}, {"kind": "nothing"}, {"choices": ["a", "a"]}, {"mask": "none"}],
    ids=["nothing", "two ways", "unknown kind", "equal choices", "no digit"],
)
def test_a_space_that_is_not_uniform_or_not_declared_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SecretSpace.model_validate(declared)


def test_a_kind_without_an_index_cannot_be_checked_and_is_refused() -> None:
    row = CanaryItem(id="a", prefix="전화 ", secret="010-0123-4567", space=SecretSpace(kind="mobile"), dose=1)

    assert "index is missing" in next(iter(faults(row)))
