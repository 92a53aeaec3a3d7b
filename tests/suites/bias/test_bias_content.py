"""The bias suite's content: particles, balance, certainty, coverage; and KoBBQ's rows through our scorer."""

import csv
import json
import re
from ast import literal_eval
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.methods.bias.biased_subjects import choosing, estimated, examined, right, unknown_of
from verify.errors import UsageError
from verify.korean.josa import PARTICLES, Ending, ending
from verify.methods.bias.ambiguous_qa import UNKNOWN, AmbiguousQA, AmbiguousQAText
from verify.methods.bias.counterfactual import Counterfactual, CounterfactualItem
from verify.methods.bias.questions import AmbiguousQAItem
from verify.records import LogLikelihood, Scored

ROOT = Path(__file__).resolve().parents[3]
SUITE = ROOT / "suites" / "bias"
KOBBQ = ROOT.parent / "shared" / "data" / "kobbq" / "KoBBQ_test_samples.tsv"

GROUNDS = {
    "sex", "religion", "disability", "age", "social-status", "region", "nationality", "ethnicity", "appearance",
    "marital-status", "pregnancy", "family", "race", "skin-colour", "opinion", "spent-conviction",
    "sexual-orientation", "education", "medical-history",
}  # fmt: skip
"""The 19 grounds of the National Human Rights Commission Act, article 2(3)."""

QUESTIONS = AmbiguousQA.make({}, seed=0)
DECISIONS = Counterfactual.make({}, seed=0)
TEMPLATES = [
    AmbiguousQAItem.model_validate_json(line)
    for file in sorted((SUITE / "items" / "questions").glob("*.jsonl"))
    for line in file.read_text("utf-8").splitlines()
]
CASES = [
    CounterfactualItem.model_validate_json(line)
    for line in (SUITE / "items" / "substitutions.jsonl").read_text("utf-8").splitlines()
]
ITEMS = [item for row in TEMPLATES for item in QUESTIONS.expand(row)]
COMPARISONS = [item for row in CASES for item in DECISIONS.expand(row)]


def test_every_ground_has_enough_templates_for_a_verdict() -> None:
    questions = Counter(row.groups["ground"] for row in TEMPLATES)
    substitutions = Counter(item.groups["ground"] for item in COMPARISONS)

    assert set(questions) == set(substitutions) == GROUNDS
    assert min(questions.values()) >= 12
    assert min(substitutions.values()) >= 8
    assert len(CASES) >= 60
    assert min(len(row.cues) for row in CASES) >= 2


def test_the_content_has_no_fault() -> None:
    faults = [f"{row.id}: {fault}" for row in TEMPLATES for fault in QUESTIONS.check_row(row)]
    faults += [f"{row.id}: {fault}" for row in CASES for fault in DECISIONS.check_row(row)]

    assert faults == []


def test_ids_and_texts_are_unique() -> None:
    ids = [item.id for item in (*ITEMS, *COMPARISONS)]
    asked = [(item.context, item.question, item.first) for item in ITEMS]
    contexts = [(row.context, row.target, row.other) for row in TEMPLATES]

    assert len(set(ids)) == len(ids)
    assert len(set(asked)) == len(asked)
    assert len(set(contexts)) == len(contexts)
    assert len({row.text for row in CASES}) == len(CASES)


def test_every_template_says_which_stereotype_it_assumes() -> None:
    assert [row.id for row in TEMPLATES if len(row.assumption) < 5] == []


def test_the_order_of_mention_and_the_target_are_balanced() -> None:
    kinds = Counter((item.kind, item.first) for item in ITEMS)
    places: Counter[tuple[str, int]] = Counter()
    wordings: Counter[tuple[str, int]] = Counter()
    for item in ITEMS:
        for listing in QUESTIONS.listings(item):
            places.update((role, place) for place, role in enumerate(listing.roles))
            wordings[listing.wording, listing.roles.index("unknown")] += 1

    for kind in ("ambiguous", "stereotype", "counter"):
        assert kinds[kind, "target"] == kinds[kind, "other"]
    assert len(set(places.values())) == 1
    assert max(wordings.values()) < 1.2 * min(wordings.values())


def test_both_people_of_a_template_are_the_target_equally_often() -> None:
    for row in TEMPLATES:
        targets = Counter((item.kind, item.target) for item in QUESTIONS.expand(row))
        for kind in ("ambiguous", "stereotype", "counter"):
            assert targets[kind, row.target] == targets[kind, row.other]


def test_the_ambiguous_text_names_both_and_answers_neither_question() -> None:
    for item in ITEMS:
        assert item.context.count(item.target) >= 1 <= item.context.count(item.other)
        if item.kind == "ambiguous":
            asked = set(re.findall(r"[가-힣]{2,}", item.question.removesuffix("은?").removesuffix("는?")))
            told = set(re.findall(r"[가-힣]{2,}", item.context)) - set(item.target.split()) - set(item.other.split())
            # Words that a question shares with the text may set the scene; all of them would answer it.
            assert not (asked - {"사람", *item.target.split(), *item.other.split()} <= told), item.id


def test_what_settles_a_text_differs_between_the_two_readings_only_in_the_people() -> None:
    for row in TEMPLATES:
        settled = {item.id.split("/")[1]: item for item in QUESTIONS.expand(row) if item.kind != "ambiguous"}
        one, two = settled["stereotype-question-straight"], settled["counter-question-straight"]
        assert one.context != two.context
        assert settled["stereotype-reverse-straight"].context == one.context
        assert settled["counter-reverse-straight"].context == two.context


def test_the_questions_are_about_what_the_evidence_says() -> None:
    stems = re.compile(r"[가-힣]{2,}")
    for row in TEMPLATES:
        evidence = row.evidence
        for question in (row.question, row.reverse):
            words = [word for word in stems.findall(question) if word[:2] in evidence]
            assert words, f"{row.id}: {question} shares no word with {evidence}"


@pytest.mark.parametrize("texts", [[item.context for item in ITEMS]], ids=["questions"])
def test_particles_agree_with_the_people(texts: Sequence[str]) -> None:
    people = sorted({name for row in TEMPLATES for name in (row.target, row.other)}, key=len, reverse=True)
    pairs = [PARTICLES[spelling] for spelling in ("은/는", "이/가", "을/를", "과/와", "이었/였")]
    after = re.compile(
        f"({'|'.join(map(re.escape, people))})"
        r"(이었|였|은|는|이|가|을|를|과|와)(?=[ 고.])"
    )
    seen = 0
    for text in texts:
        for name, particle in after.findall(text):
            closed, open_ = next(pair for pair in pairs if particle in pair)
            assert particle == (open_ if ending(name) is Ending.VOWEL else closed), text
            seen += 1

    assert seen > 3 * len(texts) / 2


def test_no_slot_is_left_in_any_text() -> None:
    texts = [item.context + item.question for item in ITEMS]
    texts += [r.context for item in COMPARISONS for r in next(DECISIONS.examine(item)) if isinstance(r, LogLikelihood)]

    assert [text for text in texts if re.search(r"[{}@]|/[는가를와]", text)] == []


def test_prompts_are_short() -> None:
    lengths = [
        len(request.context)
        for item in ITEMS
        for request in next(QUESTIONS.examine(item))
        if isinstance(request, LogLikelihood)
    ]

    assert max(lengths) <= 180
    assert sum(length <= 150 for length in lengths) / len(lengths) > 0.95


def test_the_right_answers_score_perfectly_and_always_unknown_does_not() -> None:
    perfect = estimated(QUESTIONS, examined(QUESTIONS, TEMPLATES, choosing(right)))
    silent = estimated(QUESTIONS, examined(QUESTIONS, TEMPLATES, choosing(unknown_of)))

    assert perfect["bias_magnitude", None].bounds[1] <= 0.1
    assert perfect["worst_group_bias", None].bounds[1] <= 0.3
    assert perfect["accuracy_disambiguated", None].bounds[0] >= 0.7
    assert perfect["settled_bias_magnitude", None].bounds[1] <= 0.1
    assert perfect["s_dis", None].value == 0.0
    assert silent["accuracy_disambiguated", None].bounds[1] < 0.7


def test_no_person_is_also_a_wording_of_unknown() -> None:
    assert not {name for row in TEMPLATES for name in (row.target, row.other)} & set(UNKNOWN)


def test_the_card_counts_what_there_is() -> None:
    card = (SUITE / "CARD.md").read_text("utf-8")
    questions = Counter(row.groups["ground"] for row in TEMPLATES)
    substitutions = Counter(item.groups["ground"] for item in COMPARISONS)

    for ground in GROUNDS:
        assert re.search(rf"\| `{ground}` \| {questions[ground]} \| {substitutions[ground]} \|", card), ground
    for row in TEMPLATES:
        assert row.assumption in card, row.id


def kobbq_items() -> list[AmbiguousQAItem]:
    with KOBBQ.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    items = []
    for row in rows:
        named = [choice for choice in literal_eval(row["choices"]) if choice != "알 수 없음"]
        target = row["biased_answer"]
        kind = "ambiguous" if row["answer"] == "알 수 없음" else "stereotype" if row["answer"] == target else "counter"
        items.append(
            AmbiguousQAItem.model_validate(
                {
                    "id": row["sample_id"],
                    "cluster": "-".join(row["sample_id"].split("-")[:2]).rstrip("abcd"),
                    "groups": {"ground": row["sample_id"].rsplit("-", 4)[0]},
                    "kind": kind,
                    "context": row["context"],
                    "question": row["question"],
                    "target": target,
                    "other": next(choice for choice in named if choice != target),
                    "first": "target" if named[0] == target else "other",
                }
            )
        )
    return items


@pytest.mark.shared_data
@pytest.mark.skipif(not KOBBQ.exists(), reason="KoBBQ does not lie beside the repository")
def test_kobbqs_own_rows_get_kobbqs_scores() -> None:
    items = kobbq_items()
    # Scripted: 30 % of the ambiguous items in file order get the biased answer, 10 % the other one.
    number = {item.id: place for place, item in enumerate(i for i in items if i.kind == "ambiguous")}

    def decide(item: AmbiguousQAItem, options: Sequence[str]) -> str:
        if item.kind == "stereotype":
            return item.target
        if item.kind == "counter":
            return item.other if len(item.id) % 2 else item.target
        place = number[item.id] % 10
        return item.target if place < 3 else item.other if place == 3 else unknown_of(item, options)

    scores = examined(QUESTIONS, items, choosing(decide))
    estimates = estimated(QUESTIONS, scores)

    ambiguous = len(number)
    biased = sum(place % 10 < 3 for place in range(ambiguous)) / ambiguous
    counter = sum(place % 10 == 3 for place in range(ambiguous)) / ambiguous
    kept = [len(item.id) % 2 for item in items if item.kind == "counter"]
    assert len(items) == 2280 and ambiguous == 1140
    assert estimates["diff_bias_ambiguous", None].value == pytest.approx(biased - counter)
    assert estimates["accuracy_ambiguous", None].value == pytest.approx(1 - biased - counter)
    assert estimates["diff_bias_disambiguated", None].value == pytest.approx(1 - sum(kept) / len(kept))
    # The bounds that the paper proves: |diff_bias_a| <= 1 - acc_a and |diff_bias_d| <= 1 - |2 acc_d - 1|.
    assert abs(biased - counter) <= 1 - estimates["accuracy_ambiguous", None].value + 1e-9
    settled = estimates["accuracy_disambiguated", None].value
    assert abs(estimates["diff_bias_disambiguated", None].value) <= 1 - abs(2 * settled - 1) + 1e-9


@pytest.mark.shared_data
@pytest.mark.skipif(not KOBBQ.exists(), reason="KoBBQ does not lie beside the repository")
def test_no_text_of_ours_is_kobbqs() -> None:
    theirs = {item.context for item in kobbq_items()} | {item.question for item in kobbq_items()}

    assert not theirs & ({item.context for item in ITEMS} | {item.question for item in ITEMS})


def test_written_and_scored_questions_are_the_same_items() -> None:
    written = AmbiguousQAText.make({}, seed=0)

    for row in TEMPLATES[:5]:
        assert list(written.expand(row)) == list(QUESTIONS.expand(row))
    assert all(isinstance(score.score, Scored) for score in examined(QUESTIONS, TEMPLATES[:2], choosing(right)))


def test_an_unexpanded_template_cannot_be_asked() -> None:
    with pytest.raises(UsageError, match="expand it"):
        assert TEMPLATES[0].settled


def test_every_line_is_one_json_object() -> None:
    for file in (SUITE / "items").rglob("*.jsonl"):
        for line in file.read_text("utf-8").splitlines():
            assert isinstance(json.loads(line), dict)
