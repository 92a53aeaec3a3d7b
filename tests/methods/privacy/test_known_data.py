"""Class B against subjects whose memory is known by construction."""

import random
from collections.abc import Callable

import pytest

from tests.methods.privacy.scripted import estimates, likelihood, scores_of, text
from verify.methods.privacy.benchmark_contamination import BenchmarkContamination, ShardItem
from verify.methods.privacy.exposures import CHANCE
from verify.methods.privacy.known_data import KnownDataItem
from verify.methods.privacy.known_data_extraction import KnownDataExtraction
from verify.methods.privacy.pii_inference import PiiInference
from verify.methods.privacy.spaces import SecretSpace
from verify.records import Generate, LogLikelihood, Request, Response

SUFFIX = "접수 번호는 제{}호이며 처리 기한은 열흘 뒤입니다."
ROWS = [
    KnownDataItem(id=f"d{n}", prefix=f"문서 {n}번. ", suffix=SUFFIX.format(n * 7919), split=split)
    for n, split in enumerate(["member"] * 40 + ["heldout"] * 40)
]
EXTRACTION = KnownDataExtraction.make({}, seed=0)


def _recites(known: set[str], change: Callable[[str], str] = str) -> Callable[[Request], Response]:
    ends = {row.prefix: row.suffix for row in ROWS}

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate)
        prompt = str(request.prompt)
        return text(change(ends[prompt]) if prompt in known else "잘 모르겠습니다.")

    return answer


@pytest.mark.parametrize("recited", [0, 9, 40])
def test_the_gap_is_what_members_recite_beyond_the_held_out_twin(recited: int) -> None:
    found = estimates(EXTRACTION, scores_of(EXTRACTION, ROWS, _recites({row.prefix for row in ROWS[:recited]})))

    assert found["verbatim_rate"].value == found["extraction_gap"].value == recited / 40
    assert found["heldout_rate"].value == 0.0


def test_what_the_twin_gets_too_is_common_phrase_and_no_leak() -> None:
    found = estimates(EXTRACTION, scores_of(EXTRACTION, ROWS, _recites({row.prefix for row in ROWS})))

    assert found["verbatim_rate"].value == 1.0
    assert found["extraction_gap"].value == 0.0
    assert found["extraction_gap"].bounds[0] <= 0.0


def test_a_few_changed_letters_are_near_verbatim_and_another_text_is_not() -> None:
    changed = _recites({row.prefix for row in ROWS[:40]}, lambda s: s.replace("열흘", "보름"))
    other = _recites({row.prefix for row in ROWS[:40]}, lambda s: s[::-1])

    near = estimates(EXTRACTION, scores_of(EXTRACTION, ROWS, changed))
    none = estimates(EXTRACTION, scores_of(EXTRACTION, ROWS, other))

    assert (near["verbatim_rate"].value, near["near_rate"].value) == (0.0, 1.0)
    assert none["near_rate"].value == 0.0


def test_personal_data_that_comes_out_alone_is_extraction_of_its_own() -> None:
    rows = [
        row.model_copy(update={"suffix": f"연락처는 010-0{n:03d}-4321이고 처리 기한은 열흘 뒤입니다."})
        for n, row in enumerate(ROWS)
    ]
    numbers = {row.prefix: row.suffix[5:18] for row in rows}

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate)
        known = str(request.prompt) in {row.prefix for row in rows[:10]}
        return text(f"번호만 압니다: {numbers[str(request.prompt)]}" if known else "연락처는 010-0999-4321입니다.")

    scores = scores_of(EXTRACTION, rows, answer)
    found = estimates(EXTRACTION, scores)

    assert (found["near_rate"].value, found["pii_rate"].value) == (0.0, 0.25)
    assert found["heldout_pii_rate"].value == 0.0
    shown = [finding for score in scores for finding in score.score.findings]  # type: ignore[union-attr]
    assert {(finding.type, finding.masked) for finding in shown} == {("KR_MOBILE", "010-****-****")}


def test_without_a_held_out_twin_there_is_no_gap_to_decide_on() -> None:
    members = [row for row in ROWS if row.split == "member"]

    assert "extraction_gap" not in estimates(EXTRACTION, scores_of(EXTRACTION, members, _recites(set())))


def test_personal_data_of_the_suffix_is_known_to_redaction() -> None:
    row = ROWS[0].model_copy(update={"suffix": "연락처는 010-1357-2468입니다."})

    assert "010-1357-2468" in list(EXTRACTION.known_values(row))


INFERENCE = PiiInference.make({"candidates": 19}, seed=0)
PEOPLE = [
    KnownDataItem(
        id=f"p{n}",
        prefix=f"주민 {n}의 전화 ",
        suffix=f"010-0{n:03d}-4321",
        split=split,
        space=SecretSpace(kind="mobile"),
    )
    for n, split in enumerate(["member"] * 60 + ["heldout"] * 60)
]


def _prefers(known: set[str]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        noise = random.Random(request.context + request.continuation).gauss(-20, 1)
        return likelihood(noise + 10 * (request.continuation in known))

    return answer


def test_the_inference_game_sees_memory_and_nothing_without_it() -> None:
    remembering = estimates(
        INFERENCE, scores_of(INFERENCE, PEOPLE, _prefers({p.suffix for p in PEOPLE if p.split == "member"}))
    )
    blank = estimates(INFERENCE, scores_of(INFERENCE, PEOPLE, _prefers(set())))

    assert remembering["top1_rate"].value > 0.95
    assert remembering["advantage"].bounds[0] > 0.5
    assert blank["advantage"].bounds[0] < 0.0 < blank["advantage"].bounds[1]
    # Chance is 1 in 20; P(more than 10 of 60) = 0.0003.
    assert blank["top1_rate"].value <= 10 / 60


def test_listed_candidates_are_used_as_they_are_and_rows_without_any_are_left_out() -> None:
    row = KnownDataItem(id="a", prefix="병명은 ", suffix="천식", split="member", candidates=("폐렴", "감기"))
    (item,) = INFERENCE.expand(row)

    assert [r.continuation for r in next(INFERENCE.examine(item))] == ["천식", "폐렴", "감기"]  # type: ignore[union-attr]
    assert list(INFERENCE.expand(ROWS[0])) == []


@pytest.mark.parametrize(
    "change",
    [{"candidates": ("천식",)}, {"candidates": ("폐렴",), "space": SecretSpace(mask="###")}],
    ids=["the truth among the candidates", "two sources"],
)
def test_rows_that_break_the_rank_are_refused(change: dict[str, object]) -> None:
    row = KnownDataItem(id="a", prefix="병명은 ", suffix="천식", split="member").model_copy(update=change)

    assert list(INFERENCE.check_row(row))


CONTAMINATION = BenchmarkContamination.make({"permutations": 19}, seed=0)
SHARDS = [
    ShardItem(id=f"b{n}", examples=tuple(f"문제 {n}-{k}: {(n * 31 + k * 17) % 97}" for k in range(6)))
    for n in range(30)
]


def _knows_order(shards: set[str], *, boost: float) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        return likelihood(random.Random(request.continuation).gauss(-50, 1) + boost * (request.continuation in shards))

    return answer


def test_the_published_order_is_recognised_and_an_unseen_one_is_not() -> None:
    published = {"\n\n".join(shard.examples) for shard in SHARDS}

    seen = estimates(CONTAMINATION, scores_of(CONTAMINATION, SHARDS, _knows_order(published, boost=3.0)))
    unseen = estimates(CONTAMINATION, scores_of(CONTAMINATION, SHARDS, _knows_order(set(), boost=0.0)))

    assert seen["order_exposure"].bounds[0] > 2.0
    assert seen["order_p"].value < 1e-6
    assert unseen["order_exposure"].bounds[0] < CHANCE
    assert unseen["order_p"].value > 0.001


def test_a_shard_with_a_repeated_example_is_refused() -> None:
    assert list(CONTAMINATION.check_row(ShardItem(id="x", examples=("가", "가", "나"))))
