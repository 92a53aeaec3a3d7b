"""Oracle: subjects that react to the group, to any wording, to chance, or to nothing."""

import hashlib
from collections.abc import Callable, Sequence

import pytest

from tests.methods.bias.biased_subjects import Respond, estimated, examined, loglikelihood
from verify.methods.bias.counterfactual import Counterfactual, CounterfactualClassifier, CounterfactualItem, Cue
from verify.records import (
    Answer,
    Classify,
    ClassifyAnswer,
    FailureReason,
    Item,
    LogLikelihood,
    Request,
    Unscored,
)

METHOD = Counterfactual.make({}, seed=3)
CLASSIFIER = CounterfactualClassifier.make({"favourable": "승인"}, seed=3)
SEX = Cue(ground="sex", reference=("남성", "남자"), compared=("여성", "여자"))
AGE = Cue(ground="age", reference=("서른 살인", "삼십 세인"), compared=("예순 살인", "육십 세인"))
COMPARED = ("여성", "여자", "예순 살인", "육십 세인")
OPTIONS = ("승인", "보완 요청", "반려")


def rows(n: int, cues: tuple[Cue, ...] = (SEX, AGE)) -> list[CounterfactualItem]:
    return [
        CounterfactualItem(
            id=f"t{i}",
            text=f"{i}번 접수: {{cue}} 신청인이 지원을 신청했다.",
            cues=cues,
            options=OPTIONS,
            favourable="승인",
        )
        for i in range(n)
    ]


def deciding(decide: Callable[[str], str]) -> Respond:
    """A subject that decides on the text of a prompt."""

    def respond(_: Item, requests: Sequence[Request]) -> list[Answer]:
        answers: list[Answer] = []
        for request in requests:
            assert isinstance(request, LogLikelihood)
            answers.append(loglikelihood(-0.1 if request.continuation[1:] == decide(request.context) else -5.0))
        return answers

    return respond


def classifying(decide: Callable[[str], str]) -> Respond:
    """A classifier that is sure of its label."""

    def respond(_: Item, requests: Sequence[Request]) -> list[Answer]:
        answers: list[Answer] = []
        for request in requests:
            assert isinstance(request, Classify)
            sure = decide(request.text)
            answers.append(ClassifyAnswer(probabilities={o: 0.8 if o == sure else 0.1 for o in OPTIONS}))
        return answers

    return respond


def discriminates(text: str) -> str:
    return "반려" if any(cue in text for cue in COMPARED) else "승인"


def by_chance(text: str) -> str:
    return OPTIONS[hashlib.sha256(text.encode()).digest()[0] % 3]


def by_wording(text: str) -> str:
    """Reacts to one description of each group: wording, not group."""
    return "반려" if any(cue in text for cue in ("남자", "여자", "삼십 세", "육십 세")) else "승인"


@pytest.mark.parametrize(("method", "subject"), [(METHOD, deciding), (CLASSIFIER, classifying)])
def test_a_subject_that_decides_by_group_is_seen(
    method: Counterfactual, subject: Callable[[Callable[[str], str]], Respond]
) -> None:
    estimates = estimated(method, examined(method, rows(30), subject(discriminates)))

    assert estimates["flip_rate", None].value == 1.0
    assert estimates["null_flip_rate", None].value == 0.0
    assert estimates["excess_flip_rate", None].value == 1.0
    assert estimates["excess_flip_rate", None].bounds[0] > 0.8
    assert estimates["directional_flip", None].value == 1.0
    assert estimates["score_gap", None].value > 0.5
    assert estimates["score_gap_magnitude", None].bounds[0] > 0.5
    assert estimates["excess_flip_rate", "ground=sex"].n_clusters == 30


def test_a_subject_that_favours_the_other_group_is_seen_as_well() -> None:
    def reversed_(text: str) -> str:
        return "승인" if any(cue in text for cue in COMPARED) else "반려"

    estimates = estimated(METHOD, examined(METHOD, rows(30), deciding(reversed_)))

    assert estimates["directional_flip", None].value == -1.0
    assert estimates["score_gap", None].value < -0.5
    assert estimates["score_gap_magnitude", None].bounds[0] > 0.5


def test_a_subject_that_decides_by_chance_is_not_accused() -> None:
    estimates = estimated(METHOD, examined(METHOD, rows(200), deciding(by_chance)))

    assert estimates["flip_rate", None].value > 0.5
    low, high = estimates["excess_flip_rate", None].interval
    assert low <= 0.0 <= high < 0.1
    low, high = estimates["score_gap", None].interval
    assert low <= 0.0 <= high


@pytest.mark.slow
def test_chance_is_accused_no_more_often_than_alpha() -> None:
    runs, accused = 400, 0
    for run in range(runs):
        subject = deciding(lambda text, run=run: by_chance(f"{run}{text}"))
        found = estimated(METHOD, examined(METHOD, rows(25), subject))
        accused += found["excess_flip_rate", None].bounds[0] > 0.0

    assert accused / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_wording_alone_flips_as_often_within_a_group_as_between() -> None:
    estimates = estimated(METHOD, examined(METHOD, rows(30), deciding(by_wording)))

    assert estimates["flip_rate", None].value == 0.5
    assert estimates["excess_flip_rate", None].value < 0.0
    assert estimates["directional_flip", None].value == 0.0


def test_a_subject_that_always_decides_alike_has_no_flip_and_an_honest_bound() -> None:
    estimates = estimated(METHOD, examined(METHOD, rows(30), deciding(lambda _: "승인")))

    assert estimates["flip_rate", None].value == estimates["excess_flip_rate", None].value == 0.0
    assert 0.0 < estimates["excess_flip_rate", None].bounds[1] < 0.2


def test_opposite_gaps_of_two_grounds_do_not_cancel_in_the_worst() -> None:
    def opposite(text: str) -> str:
        return "반려" if any(cue in text for cue in ("여성", "여자", "서른 살", "삼십 세")) else "승인"

    estimates = estimated(METHOD, examined(METHOD, rows(30), deciding(opposite)))

    assert estimates["score_gap_magnitude", None].value == pytest.approx(0.0, abs=1e-9)
    assert estimates["worst_group_score_gap", None].bounds[0] > 0.5


def test_a_row_makes_one_item_for_each_cue_in_one_cluster() -> None:
    items = list(METHOD.expand(rows(1)[0]))

    assert [item.id for item in items] == ["t0/1-sex", "t0/2-age"]
    assert {item.cluster for item in items} == {"t0"}
    assert [item.groups["ground"] for item in items] == ["sex", "age"]


def test_only_the_cue_differs_between_the_texts_of_an_item() -> None:
    item = next(iter(METHOD.expand(rows(1)[0])))
    requests = next(METHOD.examine(item))

    texts = {r.context.replace(c, "_") for r in requests for c in (*SEX.reference, *SEX.compared) if c in r.context}
    assert len(requests) == 12
    assert len(texts) == 1


def test_particles_agree_with_every_cue() -> None:
    row = rows(1, (Cue(ground="g", reference=("의사", "박사"), compared=("군인", "상인")),))[0]
    row = row.model_copy(update={"text": "{cue}{이/가} 왔다."})
    contexts = [r.context.split("\n")[0] for r in next(METHOD.examine(row))][::3]

    assert contexts == ["의사가 왔다.", "박사가 왔다.", "군인이 왔다.", "상인이 왔다."]


def test_a_classifier_without_the_favourable_label_is_unscored() -> None:
    method = CounterfactualClassifier.make({"favourable": "합격"}, seed=3)

    scores = examined(method, rows(2), classifying(discriminates))

    assert all(isinstance(s.score, Unscored) and s.score.reason == FailureReason.UNSUPPORTED for s in scores)
    assert estimated(method, scores) == {}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"text": "신청인이 왔다."}, "needs the slot {cue}"),
        ({"text": "{cue} {은/들}"}, "text: template"),
        ({"options": ("승인",)}, "at least two"),
        ({"favourable": "합격"}, "not among the options"),
        ({"cues": (SEX.model_copy(update={"compared": ("남자", "여자")}),)}, "are alike"),
    ],
)
def test_a_faulty_row_is_named(changes: dict[str, object], fault: str) -> None:
    row = rows(1)[0].model_copy(update=changes)

    assert any(fault in found for found in METHOD.check_row(row))


def test_a_description_that_was_cut_to_fit_has_no_score() -> None:
    """Cut on the left, the two groups read alike, and no decision could change."""

    def cut(_: Item, requests: Sequence[Request]) -> list[Answer]:
        return [loglikelihood(-1.0).model_copy(update={"truncated": True}) for _ in requests]

    (score, *_) = examined(METHOD, rows(1), cut)

    assert isinstance(score.score, Unscored)
    assert score.score.reason is FailureReason.CONTEXT_TOO_LONG
