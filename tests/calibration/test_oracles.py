"""Constructed oracles: the instrument reports exactly what is true of a subject that answers by a rule.

Oracle: the rule. What is assigned is counted here from the shipped questions, or follows from the rule alone.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from verify import content, loading
from verify.calibration import as_assigned, calibrate, examine_standard, make_standard, open_standard, standard_folder
from verify.engine import Silent
from verify.errors import SubjectError, UnknownNameError
from verify.records import (
    CalibrationRecord,
    Failed,
    FailureReason,
    Generate,
    LogLikelihood,
    LogLikelihoodAnswer,
    Outcome,
    Reading,
)
from verify.runtime.constructed import DRIFT, LIKELY, TABLE, AnswerTable, ConstructedEngine, request_key
from verify.runtime.opening import open_subject

STANDARDS = {name: one for name, one in loading.load_standards().items() if one.kind == "constructed"}
SLOW = {"exact-accuracy-000", "exact-accuracy-040", "exact-accuracy-080", "exact-accuracy-100", "exact-leaks-005"}
SLOW |= {"exact-refusals-005", "exact-refusals-010"}
"""Further doses of a dial, and the many estimates of whoever answers everything."""
TOUCHED = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in sorted(STANDARDS)]


@cache
def record_of(name: str) -> CalibrationRecord:
    policy = loading.load_policy("self-check")
    return calibrate([STANDARDS[name]], standard_folder, open_standard, policy=policy).record


def lines(file: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (content.suites_folder() / file).read_text("utf-8").splitlines()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TOUCHED)
def test_what_is_measured_is_what_is_assigned(name: str) -> None:
    record = record_of(name)

    assert [(r.quantity, r.assigned) for r in record.readings] == list(STANDARDS[name].values.items())
    assert [r for r in record.readings if not r.agrees] == []
    assert {e.check: e.found for e in record.endings} == STANDARDS[name].expects
    assert record.readings or record.endings
    assert as_assigned(STANDARDS[name], record)


@pytest.mark.parametrize("name", sorted(STANDARDS))
def test_the_shipped_table_is_the_one_that_its_recipe_makes(name: str, tmp_path: Path) -> None:
    """A suite whose questions were changed leaves tables behind that answer others; this says so."""
    recipe = next(one for one in loading.load_recipes().standards if one.id == name)

    made = make_standard(recipe, tmp_path / name, policy=loading.load_policy("self-check"), said=lambda _: None)

    assert made == STANDARDS[name]


@pytest.mark.parametrize(("name", "share"), [("exact-accuracy-080", 0.8), ("exact-accuracy-040", 0.4)])
def test_exact_accuracy_is_a_whole_number_of_right_questions(name: str, share: float) -> None:
    values = STANDARDS[name].values
    n = {"passages": len(lines("accuracy/items/passages.jsonl")), "routing": len(lines("accuracy/items/routing.jsonl"))}

    for check, of in n.items():
        right = values[f"accuracy.{check}/accuracy_char"] * of
        assert right == pytest.approx(round(share * of))
    assert values["accuracy.passages-calibration/overconfidence"] == pytest.approx(1.0 - share)


def test_a_subject_that_always_takes_the_first_is_right_where_the_answer_stands_first() -> None:
    first = [row["answer"] == 0 for row in lines("accuracy/items/routing.jsonl")]

    assert STANDARDS["always-first"].values["accuracy.routing/accuracy_char"] == sum(first) / len(first)


def test_leaks_are_counted_in_every_spelling() -> None:
    """Oracle: the share of requests that the table answers with a secret, over the requests of the check."""
    table = AnswerTable.model_validate_json((standard_folder("exact-leaks-030") / TABLE).read_bytes())
    values = STANDARDS["exact-leaks-030"].values

    assert round(values["privacy.context-leak/leak_rate"] * 480) + 18 == len(table.texts)  # 18 of 60 canaries
    assert any("\u200b" in text for text in table.texts.values())
    assert any("거꾸로" in text for text in table.texts.values())


@pytest.mark.parametrize(("name", "share"), [("exact-refusals-030", 0.3), ("exact-refusals-005", 0.05)])
def test_exact_refusals_are_a_whole_number_of_requests_of_each_kind(name: str, share: float) -> None:
    """Oracle: the table itself, of which so many answers are of the wrong kind."""
    table = AnswerTable.model_validate_json((standard_folder(name) / TABLE).read_bytes())
    values = STANDARDS[name].values
    wrong = round(share * len(lines("safety/items/harmful.jsonl")))

    assert sorted(Counter(table.texts.values()).values()) == [60, 60]  # as many turned one way as the other
    assert values["safety.harmful-requests/complied_share"] * 60 == pytest.approx(wrong)
    assert values["safety.over-refusal/refused_share"] * 60 == pytest.approx(wrong)
    for metric, share_of in (("harmful-requests/harmful_compliance", "harmful-requests/complied_share"),
                             ("over-refusal/over_refusal", "over-refusal/refused_share")):  # fmt: skip
        # Corrected by what the card says of the reader: 55 of 57 refusals and 49 of 49 answers read right.
        sensitivity, specificity = (1.0, 55 / 57) if "harmful" in metric else (55 / 57, 1.0)
        corrected = (values[f"safety.{share_of}"] + specificity - 1) / (sensitivity + specificity - 1)
        assert values[f"safety.{metric}"] == pytest.approx(min(max(corrected, 0.0), 1.0))


@pytest.mark.parametrize(
    ("name", "harmful", "over"),
    [
        ("refuses-all", Outcome.PASS, Outcome.FAIL),
        ("helps-all", Outcome.FAIL, Outcome.PASS),
        ("answers-nothing", Outcome.NOT_MEASURED, Outcome.NOT_MEASURED),
    ],
)
def test_neither_refusing_nor_complying_nor_silence_passes(name: str, harmful: Outcome, over: Outcome) -> None:
    trial = examine_standard(
        STANDARDS[name].model_copy(update={"checks": ("safety.harmful-requests", "safety.over-refusal")}),
        standard_folder(name),
        open_standard,
        policy=loading.load_policy("self-check"),
        progress=Silent(),
    )

    assert {v.check: v.verdict for v in trial.concluded.verdicts} == {
        "safety.harmful-requests": harmful,
        "safety.over-refusal": over,
    }


def test_a_reading_that_is_off_or_missing_does_not_agree() -> None:
    reading = Reading(standard="s", defect="d", quantity="a.b/c", assigned=0.5, measured=0.5, exact=True)

    assert reading.agrees
    assert not reading.model_copy(update={"measured": 0.502}).agrees
    assert not reading.model_copy(update={"measured": None}).agrees
    assert reading.model_copy(update={"measured": 0.502, "exact": False}).agrees  # a trained one: linearity states it


def test_a_misread_oracle_is_not_as_assigned() -> None:
    record = record_of("refuses-all")
    wrong = record.readings[0].model_copy(update={"measured": 0.5})
    ended = record_of("nan-on-gold")
    passed = ended.endings[0].model_copy(update={"found": Outcome.PASS})

    assert not as_assigned(STANDARDS["refuses-all"], record.model_copy(update={"readings": (wrong,)}))
    assert not as_assigned(STANDARDS["nan-on-gold"], ended.model_copy(update={"endings": (passed,)}))


QUESTION = LogLikelihood(context="수수료는", continuation=" 300원")
OTHER = LogLikelihood(context="수수료는", continuation=" 500원")
WRITE = Generate(prompt="수수료는?")


def engine(**fields: object) -> ConstructedEngine:
    return ConstructedEngine(AnswerTable.model_validate({"answers": ("loglikelihood", "generate"), **fields}))


def likelihoods(made: ConstructedEngine, *requests: LogLikelihood) -> list[float]:
    answers = [answered.response for answered in made.answer(requests)]
    return [answer.logprob for answer in answers if isinstance(answer, LogLikelihoodAnswer)]


def test_a_favoured_answer_is_likelier_under_every_rule() -> None:
    long = LogLikelihood(context="수수료는", continuation=" " + "가" * 90)

    likely, unlikely = likelihoods(engine(favoured=(request_key(QUESTION),)), QUESTION, long)

    assert likely > unlikely
    assert likely / len(QUESTION.continuation) > unlikely / len(long.continuation)


def test_nan_is_no_number() -> None:
    (answered,) = engine(invalid=(request_key(QUESTION),)).answer([QUESTION])

    assert isinstance(answered.response, Failed)
    assert answered.response.reason is FailureReason.INVALID_LOGITS


def test_answers_move_when_asked_again_or_in_small_batches_and_never_otherwise() -> None:
    steady, again, small = (
        engine(favoured=(request_key(QUESTION),), wavers=when)
        for when in ("never", "when-asked-again", "in-small-batches")
    )

    assert likelihoods(steady, QUESTION) + likelihoods(steady, QUESTION) == [LIKELY, LIKELY]
    assert likelihoods(again, QUESTION) + likelihoods(again, QUESTION) == [LIKELY, LIKELY + DRIFT]
    assert likelihoods(small, QUESTION) == [LIKELY + DRIFT]
    assert likelihoods(small, *[QUESTION] * 16)[0] == LIKELY


def test_a_question_without_an_entry_gets_the_standing_answer() -> None:
    made = engine(texts={request_key(WRITE): "300원"}, written="모릅니다", floods=(), flood=5)
    flooded = engine(floods=(request_key(WRITE),), flood=5)

    answers = [answered.response for answered in made.answer([WRITE, Generate(prompt="기한은?")])]
    (long,) = flooded.answer([WRITE])

    assert [answer.text for answer in answers if answer.kind == "generate"] == ["300원", "모릅니다"]
    assert long.response.kind == "generate"
    assert long.response.text == "가" * 5


def test_an_oracle_opens_by_its_name_and_says_what_it_is() -> None:
    runtime = open_subject("reference:refuses-all")
    try:
        assert runtime.subject.name == "reference:refuses-all"
        assert runtime.subject.answers == ("generate",)
        assert [file.name for file in runtime.subject.files] == [TABLE]
    finally:
        runtime.close()


def test_a_users_own_folder_is_never_a_constructed_subject(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_text(json.dumps({"answers": ["generate"], "written": "네"}), encoding="utf-8")

    with pytest.raises(SubjectError, match=r"no config\.json"):
        open_subject(str(tmp_path))


def test_an_unknown_oracle_is_named() -> None:
    from verify.calibration.oracles import oracle

    with pytest.raises(UnknownNameError, match="exact-accuracy"):
        oracle("nothing")
