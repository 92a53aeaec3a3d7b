import pytest

from tests.methods.accuracy.driving import (
    chance,
    choosing,
    estimates_of,
    examined,
    likely,
    options_in,
    scored,
)
from verify.errors import UsageError
from verify.korean.perturbations import PERTURBATIONS
from verify.korean.protection import negations
from verify.methods.accuracy.choices import ChoiceItem
from verify.methods.robustness.perturbed_choice import PerturbedChoice
from verify.records import Estimate, Failed, FailureReason, LogLikelihood, Request, Response, Unscored

WORDS = ("세무과", "도로과", "보건소", "청소과")
TEXTS = {
    "세무과": "자동차에 매긴 세금 고지서를 다시 받고 싶습니다.",
    "도로과": "골목길 바닥이 깊게 패여 지나가기 위험합니다.",
    "보건소": "독감 예방 주사를 어디에서 맞을 수 있습니까?",
    "청소과": "골목에 쌓인 쓰레기를 며칠째 치우지 않습니다.",
}
ROWS = [
    ChoiceItem(
        id=f"i{i}",
        cluster=f"c{i // 2}",
        groups={"kind": "routing"},
        passage=f"{i}번 민원입니다. {TEXTS[WORDS[i % 4]]}",
        question="담당 부서는 어디입니까?",
        choices=WORDS[i // 4 % 4 :] + WORDS[: i // 4 % 4],
        answer=(i % 4 - i // 4 % 4) % 4,
    )
    for i in range(160)
]
METHOD = PerturbedChoice.make({"style": "compact"}, seed=3)
PLAIN = {row.passage: row.choices[row.answer] for row in ROWS}


def number(context: str) -> int:
    """What a reader sees through all disturbances: the digits, in any width."""
    head = context.split("보기:", maxsplit=1)[0].split("번", maxsplit=1)[0]
    return int("".join(c for c in head if c.isdecimal()))


def truth(context: str) -> str:
    return WORDS[number(context) % 4]


def robust(context: str) -> str:
    return truth(context)


def brittle(context: str) -> str:
    """Right on texts that it knows by heart, else the option that follows the right one."""
    options = options_in(context)
    right = truth(context)
    known = any(context.startswith(passage) for passage in PLAIN)
    return right if known else options[(options.index(right) + 1) % 4]


def decided(subject, **parameters: object) -> dict[tuple[str, str | None], Estimate]:
    return estimates_of(PerturbedChoice.make({"style": "compact", **parameters}, seed=3), ROWS, subject)


def test_a_brittle_subject_is_seen_and_its_robust_twin_cleared() -> None:
    planted, twin = decided(choosing(brittle)), decided(choosing(robust))

    assert planted["accuracy_plain", None].value == twin["accuracy_plain", None].value == 1.0
    assert planted["accuracy_drop", None].bounds[0] > 0.5
    assert planted["consistency", None].bounds[1] < 0.5
    assert twin["accuracy_drop", None].value == 0.0
    assert twin["accuracy_drop", None].bounds[1] < 0.05
    assert twin["worst_family_drop", None].bounds[1] < 0.05
    assert twin["consistency", None].value == 1.0
    assert not planted["accuracy_drop", None].display_only


def test_one_bad_family_is_named_and_is_the_worst() -> None:
    def without_spaces(context: str) -> str:
        options = options_in(context)
        passage = context.split("\n", maxsplit=1)[0].split("번", 1)[1]
        stuck = passage.count(" ") < 3
        return options[(options.index(truth(context)) + stuck) % 4]

    found = decided(choosing(without_spaces), severity=3)

    assert found["accuracy_drop", "family=spacing.remove"].bounds[0] > 0.8
    assert found["accuracy_drop", "family=typo.drop"].value == 0.0
    worst = found["worst_family_drop", None]
    assert worst.value == found["accuracy_drop", "family=spacing.remove"].value
    assert worst.bounds[0] > 0.8
    assert found["accuracy_drop", None].bounds[0] > 0.0


@pytest.mark.slow
def test_the_worst_family_of_mere_noise_does_not_stand_out() -> None:
    """Oracle: every disturbed answer is wrong with probability 0.1, whatever the family (drop 0.1 each).

    The largest of eight drops is above 0.1 by selection; its lower bound must not be.
    """
    above = 0
    for seed in range(20):

        def noisy(context: str, seed: int = seed) -> str:
            options = options_in(context)
            known = any(context.startswith(passage) for passage in PLAIN)
            slip = not known and chance(seed, context) < 0.1
            return options[(options.index(truth(context)) + slip) % 4]

        worst = decided(choosing(noisy))["worst_family_drop", None]
        assert worst.value > 0.1
        above += worst.bounds[0] > 0.1

    assert above <= 3  # P(more than 3 of 20 at 0.05) = 0.016, and Bonferroni stays below 0.05


def test_a_subject_that_guesses_has_nothing_to_lose_and_decides_nothing() -> None:
    found = decided(choosing(lambda context: options_in(context)[0]))

    assert found["accuracy_drop", None].value == 0.0
    assert found["accuracy_drop", None].display_only
    assert found["worst_family_drop", None].display_only
    assert not found["accuracy_perturbed", None].display_only


def test_the_control_separates_layout_from_spelling() -> None:
    """This subject fails on blank lines alone."""

    def hates_blank_lines(context: str) -> str:
        options = options_in(context)
        return options[(options.index(truth(context)) + ("\n\n" in context)) % 4]

    found = decided(choosing(hates_blank_lines))

    assert found["control_drop", None].value == 1.0
    assert found["accuracy_drop", None].value == 0.0
    assert found["excess_drop", None].value == -1.0


def test_ties_are_not_consistent() -> None:
    values = scored(examined(METHOD, ROWS[0], lambda _: likely(-1.0))).values

    assert values["plain"] == values["perturbed"] == values["same"] == 0.0


def test_options_and_facts_stay_as_they_are() -> None:
    item = ChoiceItem(
        id="i",
        passage="접수는 3월 2일 18시까지이며 세 가지 서류를 내지 않으면 12,000원 이상을 못 받는다. 담당은 도로과.",
        question="옳지 않은 것은?",
        choices=("도로과", "세무과"),
        answer=1,
        protected=("담당은",),
    )
    everything = sorted(PERTURBATIONS)
    for severity in (1, 2, 3):
        method = PerturbedChoice.make({"families": everything, "severity": severity}, seed=5)

        variants = method.variants(item)

        assert set(variants) == set(everything)
        for variant in variants.values():
            assert variant.choices == item.choices
            for fact in ("3월", "2일", "18시", "세 가지", "12,000원", "이상", "도로과", "담당은"):
                assert fact in variant.passage, fact
        for name, variant in variants.items():
            if not PERTURBATIONS[name].pure_encoding:
                assert negations(variant.passage) == negations(item.passage)
                assert negations(variant.question) == negations(item.question)


def test_variants_depend_on_the_seed_and_the_item_alone() -> None:
    again = PerturbedChoice.make({"style": "compact"}, seed=3)
    other = PerturbedChoice.make({"style": "compact"}, seed=4)

    assert METHOD.variants(ROWS[0]) == again.variants(ROWS[0])
    assert METHOD.variants(ROWS[0]) != other.variants(ROWS[0])


def test_a_text_that_nothing_may_change_has_no_variants_and_no_drop() -> None:
    item = ChoiceItem(id="i", question="1 + 1", choices=("2", "3"), answer=0)
    method = PerturbedChoice.make({"style": "compact", "families": ["typo.drop"]}, seed=3)

    values = scored(examined(method, item, choosing(lambda _: "2"))).values

    assert values["plain"] == 1.0
    assert "perturbed" not in values


def test_the_sample_takes_about_its_share_and_always_the_same_lines() -> None:
    method = PerturbedChoice.make({"sample": 0.25}, seed=3)

    taken = [row.id for row in ROWS if list(method.expand(row))]

    assert 20 <= len(taken) <= 60
    assert taken == [row.id for row in ROWS if list(PerturbedChoice.make({"sample": 0.25}, seed=3).expand(row))]


@pytest.mark.parametrize(
    "parameters",
    [{"families": ["typo.none"]}, {"families": ["typo.drop", "typo.drop"]}, {"families": []}, {"severity": 4}],
    ids=["unknown family", "named twice", "none", "severity 4"],
)
def test_wrong_parameters_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        PerturbedChoice.make(parameters, seed=1)


def test_an_invalid_answer_to_any_variant_leaves_the_item_unscored() -> None:
    def fails_on_variants(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        known = any(request.context.startswith(passage) for passage in PLAIN)
        return likely(-1.0) if known else Failed(reason=FailureReason.INVALID_LOGITS)

    assert isinstance(examined(METHOD, ROWS[0], fails_on_variants), Unscored)


def test_near_ties_of_disturbed_texts_alone_leave_the_plain_answer_as_it_is() -> None:
    """Oracle: right and sure on known texts; elsewhere the right option leads by less than the tolerance."""

    def subject(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        options = options_in(request.context)
        place = (options.index(request.continuation[1:]) - options.index(truth(request.context))) % 4
        known = any(request.context.startswith(passage) for passage in PLAIN)
        gap = 5.0 if known else 0.5e-3 if place < 2 else 1.0
        return likely(-len(request.continuation[1:]) * (1.0 + gap * place))

    for row in ROWS[:8]:
        values = scored(examined(METHOD, row, subject)).values
        variants = METHOD.variants(row).values()
        near = sum(not shown.passage.startswith(row.passage) for shown in variants) / len(variants)

        assert near > 0.5
        assert (values["least:plain"], values["most:plain"], values["perturbed"]) == (1.0, 1.0, 1.0)
        assert values["least:perturbed"] == values["least:same"] == pytest.approx(1.0 - near)
        assert values["most:perturbed"] == values["most:same"] == 1.0
