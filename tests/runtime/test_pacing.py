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


def some(n):
    """Questions of several lengths with four options each, and some of another kind."""
    asked = [
        LogLikelihood(context=f"{'p' * (q % 50)} question {q}", continuation=f" {o}") for q in range(n) for o in "ABCD"
    ]
    return asked + [Generate(prompt=f"say {i}") for i in range(n)]


def test_a_round_is_cut_alike_whatever_order_its_requests_come_in():
    requests = some(200)
    limits = Limits(parts=4, part_requests=10)

    cut = [{requests[i].content_digest() for i in chunk} for chunk in chunks(requests, range(1000), limits=limits)]
    backwards = requests[::-1]
    again = [{backwards[i].content_digest() for i in chunk} for chunk in chunks(backwards, range(1000), limits=limits)]

    assert cut == again
    assert len(cut) >= 4


def test_a_shard_that_is_cut_whole_again_stays_as_it_is():
    """What an actor's runtime hands to its worker is what the local one would have handed over."""
    requests = some(300)
    for chunk in chunks(requests, range(len(requests)), limits=Limits(parts=5, part_requests=16)):
        shard = [requests[position] for position in chunk]

        assert list(chunks(shard, range(len(shard)), limits=Limits(parts=1))) == [list(range(len(shard)))]


def test_a_cut_leaves_the_options_of_a_question_together():
    requests = some(100)

    cut = list(chunks(requests, range(400), limits=Limits(parts=10, part_requests=10)))

    for question in range(100):
        assert sum(any(position // 4 == question for position in chunk) for chunk in cut) == 1


def test_a_small_round_is_left_whole():
    assert len(list(chunks(some(100), range(500), limits=Limits()))) == 1
