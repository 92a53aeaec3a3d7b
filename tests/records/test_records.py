"""Records: closed, frozen, without NaN, and their digests depend on what they state alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from verify import records
from verify.records import (
    Bound,
    Estimate,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Record,
    Request,
    Text,
    canonical_json,
    digest_of,
)

RECORDS = [r for r in vars(records).values() if isinstance(r, type) and issubclass(r, Record)]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_every_record_is_closed_frozen_and_strict(record: type[Record]) -> None:
    config = record.model_config

    assert (config["frozen"], config["extra"], config["strict"], config["allow_inf_nan"]) == (
        True,
        "forbid",
        True,
        False,
    )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", '"1"', "true"])
def test_what_is_no_number_does_not_become_one(value: str) -> None:
    with pytest.raises(ValidationError):
        LogLikelihoodAnswer.model_validate_json(f'{{"logprob": {value}, "n_tokens": 1, "is_greedy": true}}')
    with pytest.raises(ValidationError):
        Bound.model_validate_json(f'{{"at_least": {value}}}')


def test_a_probability_above_1_is_no_log_probability() -> None:
    with pytest.raises(ValidationError):
        LogLikelihoodAnswer(logprob=0.01, n_tokens=1, is_greedy=False)


def test_a_bound_has_one_side() -> None:
    for sides in ({}, {"at_least": 0.1, "at_most": 0.2}):
        with pytest.raises(ValidationError, match="exactly one"):
            Bound(**sides)


@given(prompt=TEXTS, stop=st.lists(TEXTS, max_size=3), seed=st.integers(0, 2**31))
def test_a_request_is_read_back_as_it_was_with_the_same_digest(prompt: str, stop: list[str], seed: int) -> None:
    one = Generate(prompt=prompt, stop=tuple(stop), seed=seed)

    again = TypeAdapter(Request).validate_json(json.dumps(one.to_json()))

    assert again == one
    assert again.content_digest() == one.content_digest()


@given(a=TEXTS, b=TEXTS, c=TEXTS.filter(bool), d=TEXTS.filter(bool))
def test_other_requests_have_other_digests(a: str, b: str, c: str, d: str) -> None:
    one, other = LogLikelihood(context=a, continuation=c), LogLikelihood(context=b, continuation=d)

    assert (one == other) == (one.content_digest() == other.content_digest())


def test_the_kind_is_part_of_a_digest_though_it_is_a_default() -> None:
    text = GenerateAnswer(text="네", finish="stop", n_tokens=1)

    assert text.content_digest() == digest_of({"kind": "generate", "text": "네", "finish": "stop", "n_tokens": 1})


@given(st.dictionaries(TEXTS, st.integers() | TEXTS | st.booleans() | st.none(), max_size=6))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))

    assert canonical_json(value) == canonical_json(turned)
    assert json.loads(canonical_json(value)) == value


def test_nan_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest_of({"a": float("nan")})


def test_a_lone_surrogate_has_a_digest_of_its_own() -> None:
    assert digest_of("\ud800") != digest_of("\ud801")


def test_every_record_of_a_bundle_says_its_schema() -> None:
    for record in (records.Plan, records.Results, records.Manifest, records.Conduct):
        assert record.model_fields["schema_id"].alias == "schema"


def test_a_text_answers_in_both_languages() -> None:
    assert (Text(ko="가", en="a")["ko"], Text(ko="가", en="a")["en"]) == ("가", "a")


def test_an_estimate_without_an_interval_is_none() -> None:
    with pytest.raises(ValidationError):
        Estimate.model_validate({"check": "a.b", "metric": "m", "value": 0.5})
