from hypothesis import given
from hypothesis import strategies as st

from verify.records import Generate, LogLikelihood, Predict
from verify.runtime.pacing import Limits, Pace, _common, chunks, text_of


@given(st.lists(st.text(max_size=20), max_size=60), st.integers(1, 7))
def test_every_request_is_in_exactly_one_chunk(texts, size):
    requests = [Generate(prompt=text) for text in texts]

    cut = list(chunks(requests, range(len(requests)), limits=Limits(chunk_requests=size)))

    assert sorted(position for chunk in cut for position in chunk) == list(range(len(requests)))
    assert all(1 <= len(chunk) <= size for chunk in cut)


def test_a_shared_prefix_is_spread_over_two_chunks_at_most():
    requests = [LogLikelihood(context=f"prefix {n % 10} question", continuation=f"{n}") for n in range(100)]

    cut = list(chunks(requests, range(100), limits=Limits(chunk_requests=16)))

    for prefix in range(10):
        assert sum(any(position % 10 == prefix for position in chunk) for chunk in cut) <= 2


def test_a_chunk_is_bounded_in_characters_but_holds_one_request_at_least():
    requests = [Generate(prompt="x" * 50) for _ in range(4)]

    cut = list(chunks(requests, range(4), limits=Limits(chunk_characters=20)))

    assert cut == [[0], [1], [2], [3]]


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_the_common_beginning_is_found(shared, one, other):
    a, b = shared + one, shared + other
    expected = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

    assert _common(a, b) == expected


def test_the_limit_grows_with_tokens_and_steps():
    pace = Pace(Limits(base_s=1, per_token_s=0.1), shared=False)

    assert pace.limit([Generate(prompt="x" * 99, max_tokens=1)]) < pace.limit(
        [Generate(prompt="x" * 999, max_tokens=1)]
    )
    assert pace.limit([Generate(prompt="x", max_tokens=1)]) < pace.limit([Generate(prompt="x", max_tokens=100)])
    assert pace.limit([Predict(row={"a": 1})]) >= 1


def test_a_shared_prefix_is_allowed_its_time_once():
    requests = [LogLikelihood(context="p" * 1000, continuation=str(n)) for n in range(100)]
    limits = Limits(base_s=0, per_token_s=1)

    assert Pace(limits, shared=True).limit(requests) < 0.02 * Pace(limits, shared=False).limit(requests)


def test_experience_tightens_the_limit_and_never_loosens_it():
    requests = [Generate(prompt="x" * 1000, max_tokens=1)]
    limits = Limits(base_s=1, per_token_s=1)
    pace = Pace(limits, shared=False)
    before = pace.limit(requests)

    pace.observe(requests, seconds=0.1)
    tight = pace.limit(requests)
    pace.observe(requests, seconds=1e6)

    assert tight < before / 100
    assert tight > 1 + 0.1
    assert pace.limit(requests) == before


def test_the_text_of_a_conversation_is_all_of_it():
    request = Generate(messages=({"role": "system", "content": "가"}, {"role": "user", "content": "나"}))

    assert "가" in text_of(request)
    assert "나" in text_of(request)


def test_silence_is_bounded_by_the_heaviest_request_and_not_by_the_whole_chunk():
    """A hang is noticed long before all that was handed over could have been answered, yet no single one is cut."""
    requests = [Generate(prompt=f"질문 {n}", max_tokens=512) for n in range(4096)]
    pace = Pace(Limits(), shared=False)

    assert pace.silence(requests) < 0.03 * pace.limit(requests)
    assert pace.silence(requests) > 16 * pace.limit(requests[:1])
    assert pace.silence(requests[:1]) == pace.limit(requests[:1])
    assert pace.silence([]) == Limits().base_s
