"""The trie and the schedule, without a network: every node once, whatever the order of arrival."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.runtime.causal.ledger import Ledger
from verify.runtime.causal.schedule import Batch, Enter, Leave, Limits, forwarded, schedule
from verify.runtime.causal.tokens import Piece
from verify.runtime.causal.trie import Trie, grow

LIMITS = Limits(row_tokens=192, batch_tokens=1024, cache_tokens=40_000, call_tokens=16, packs=True)


def _pieces(sequences: list[list[int]], starts: list[int] | None = None) -> list[Piece]:
    starts = starts or [1] * len(sequences)
    return [Piece(np.array(s, np.int32), start) for s, start in zip(sequences, starts, strict=True)]


def _grow(pieces: list[Piece]) -> tuple[Trie, Ledger]:
    ledger = Ledger([p.n_scored for p in pieces], moments=[False] * len(pieces))
    return grow(pieces, ledger, range(len(pieces))), ledger


def _prefixes(pieces: list[Piece]) -> set[tuple[int, ...]]:
    """Oracle: the nodes of the trie, as Python's own tuples."""
    return {tuple(p.tokens[:n].tolist()) for p in pieces for n in range(1, len(p.tokens))}


def _runs(trie: Trie, limits: Limits) -> list[tuple[int, ...]]:
    """Oracle: which prefixes a schedule runs, by walking its steps one token at a time."""
    ran, depth = list[tuple[int, ...]](), [0]
    for step in schedule(trie, limits):
        if isinstance(step, Enter):
            assert step.start == depth[-1]
            tokens = trie.inputs[step.line].tolist()
            ran += [tuple(tokens[: n + 1]) for n in range(step.start, step.end)]
            depth.append(step.end)
        elif isinstance(step, Leave):
            depth.pop()
        elif isinstance(step, Batch):
            for row in step.rows:
                assert row.depth == depth[-1]
                for index in range(row.low, row.high):
                    tokens = trie.inputs[index].tolist()
                    start = row.depth if index == row.low else int(trie.common[index])
                    ran += [tuple(tokens[: n + 1]) for n in range(start, len(tokens))]
    assert depth == [0]
    return ran


sequences = st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=30), min_size=1, max_size=25)


@given(sequences, st.booleans(), st.sampled_from([0, 2, 24]), st.sampled_from([4, 16, 192]))
@settings(max_examples=300, deadline=None)
def test_a_schedule_runs_every_node(found, packs, call, row):
    pieces = _pieces(found)
    trie, _ = _grow(pieces)
    limits = LIMITS._replace(packs=packs, call_tokens=call, row_tokens=row, batch_tokens=64)

    ran = _runs(trie, limits)

    assert set(ran) == _prefixes(pieces)
    assert trie.unique == len(set(ran))
    assert forwarded(schedule(trie, limits)) >= len(ran)


@given(sequences)
@settings(max_examples=200, deadline=None)
def test_a_node_of_the_trie_is_a_distinct_prefix(found):
    pieces = _pieces(found)
    trie, ledger = _grow(pieces)

    assert trie.unique == len(_prefixes(pieces))
    path_of = {}
    for index, tokens in enumerate(trie.inputs):
        for depth, node in enumerate(trie.nodes(index, 0, len(tokens)).tolist()):
            assert path_of.setdefault(node, tuple(tokens[: depth + 1].tolist())) == tuple(tokens[: depth + 1].tolist())
    asked = {
        (path_of[n], t, s) for n, t, s in zip(trie.node.tolist(), trie.target.tolist(), trie.slot.tolist(), strict=True)
    }
    wanted = {
        (tuple(p.tokens[:at].tolist()), int(p.tokens[at]), int(ledger.first[i]) + at - p.start)
        for i, p in enumerate(pieces)
        for at in range(p.start, len(p.tokens))
    }
    assert asked == wanted


@given(sequences, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_arrival_changes_nothing(found, rng):
    shuffled = list(found)
    rng.shuffle(shuffled)

    first, second = (_runs(_grow(_pieces(one))[0], LIMITS) for one in (found, shuffled))

    assert first == second


def test_prefixes_inside_each_other_stay_within_the_cache():
    chain = [[*range(5, 5 + n), 1, 2] for n in range(10, 1000, 10)]
    trie, _ = _grow(_pieces(chain))
    limits = LIMITS._replace(cache_tokens=2000, row_tokens=16, call_tokens=0)

    live, most = [0], 0
    for step in schedule(trie, limits):
        if isinstance(step, Enter):
            live.append(live[-1] + step.end)
        elif isinstance(step, Leave):
            live.pop()
        most = max(most, live[-1])

    assert most <= 2000
    assert set(_runs(trie, limits)) == _prefixes(_pieces(chain))


def _kmmlu_like(questions: int, *, subjects: int) -> list[Piece]:
    rng = np.random.default_rng(0)
    prefixes = [rng.integers(3, 30_000, size=650) for _ in range(subjects)]
    pieces = []
    for at in range(questions):
        question = rng.integers(3, 30_000, size=int(rng.integers(90, 170)))
        whole = np.concatenate([prefixes[at % subjects], question]).astype(np.int32)
        pieces.append(Piece(np.append(whole, np.int32(at % 4)), len(whole)))
    return pieces


@pytest.mark.slow
def test_35000_requests_are_planned_in_two_seconds():
    pieces = _kmmlu_like(35_000, subjects=45)

    start = time.process_time()
    trie, _ = _grow(pieces)
    cost = forwarded(schedule(trie, LIMITS))
    seconds = time.process_time() - start

    assert cost / trie.unique <= 1.10
    assert seconds < 2.0


@pytest.mark.parametrize("packs", [True, False])
def test_forwarded_tokens_stay_near_the_unique_ones(packs):
    rng = random.Random(0)

    def words(count: int) -> list[int]:
        return [rng.randint(3, 30_000) for _ in range(count)]

    shots = words(700)
    choice = [[*shots, *words(rng.randint(80, 140)), letter] for letter in (1, 1, 1) for _ in range(30)]
    options = [
        c + words(rng.randint(10, 20)) for c in [words(rng.randint(80, 120)) for _ in range(40)] for _ in range(4)
    ]
    variants = []
    for _ in range(4):
        body = words(120)
        variants += [[*shots, *body[:at], 1, *body[at + 1 :], 2] for at in rng.sample(range(60, 118), 12)]
    for round_ in (choice, options, variants):
        trie, _ = _grow(_pieces(round_, [len(s) - 1 for s in round_]))
        assert forwarded(schedule(trie, LIMITS._replace(packs=packs))) / trie.unique <= 1.10
