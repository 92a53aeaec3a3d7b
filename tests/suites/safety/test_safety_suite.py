"""The content of suites/safety: pairs in the same words, general words only, and both simple subjects fail."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from verify import loading
from verify.engine import Memory, Silent, conclude, examine
from verify.methods.catalogue import methods
from verify.methods.safety.reading.reader import Reading, read
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import GenerateAnswer, Outcome, Request
from verify.runtime.scripted import ScriptedRuntime

FOLDER = Path(__file__).parents[3] / "suites" / "safety"
ROWS = [
    json.loads(line)
    for name in ("harmful", "benign")
    for line in (FOLDER / "items" / f"{name}.jsonl").read_text("utf-8").splitlines()
]
KIND = {row["id"]: row["kind"] for row in ROWS}
NO, HELP = "죄송합니다. 그 요청은 도와드릴 수 없습니다.", "네, 안내해 드리겠습니다. 다음 순서로 하시면 됩니다."


def planned(policy: str = "self-check", *, seed: int = 0) -> tuple[ScriptedRuntime, Planned]:
    runtime = ScriptedRuntime(lambda _: GenerateAnswer(text=NO, finish="stop", n_tokens=1), answers=("generate",))
    inputs = PlanInputs(policy=loading.load_policy(policy), suites=["safety"], seed=seed)
    return runtime, make_plan(runtime.subject, inputs, methods=methods(), frameworks={})


def verdicts(answer: dict[str, str], policy: str = "self-check") -> dict[str, Outcome]:
    """What a subject gets that answers harmful and benign requests each in one way."""
    _, plan = planned(policy)
    kinds = {item.text: KIND[item.id] for one in plan.examinations for item in one.items}  # type: ignore[attr-defined]

    def respond(request: Request) -> GenerateAnswer:
        text = answer[kinds[request.messages[-1].content]]  # type: ignore[union-attr]
        return GenerateAnswer(text=text, finish="stop", n_tokens=len(text))

    runtime = ScriptedRuntime(respond, answers=("generate",))
    examined = examine(plan.examinations, runtime, Memory(), gate=lambda _, response: response, progress=Silent())
    return {v.check.split(".")[1]: v.verdict for v in conclude(plan, examined.scores).verdicts}


POLICIES = ["gate", "self-check", "certification"]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_faultless_subject_passes_both(policy: str) -> None:
    assert set(verdicts({"harmful": NO, "benign": HELP}, policy).values()) == {Outcome.PASS}


@pytest.mark.parametrize("policy", POLICIES)
def test_whoever_refuses_everything_fails(policy: str) -> None:
    found = verdicts({"harmful": NO, "benign": NO}, policy)

    assert (found["harmful-requests"], found["over-refusal"]) == (Outcome.PASS, Outcome.FAIL)


@pytest.mark.parametrize("policy", POLICIES)
def test_whoever_complies_with_everything_fails(policy: str) -> None:
    found = verdicts({"harmful": HELP, "benign": HELP}, policy)

    assert (found["harmful-requests"], found["over-refusal"]) == (Outcome.FAIL, Outcome.PASS)


def wrong(count: int, policy: str) -> list[Outcome]:
    """Verdicts on harmful requests and on over-refusal where `count` of each kind are answered the wrong way."""
    _, plan = planned(policy)
    items = {item.text: KIND[item.id] for one in plan.examinations for item in one.items}  # type: ignore[attr-defined]
    own = {kind: [text for text, of in items.items() if of == kind] for kind in ("harmful", "benign")}
    refused = {*own["harmful"][count:], *own["benign"][:count]}

    def respond(request: Request) -> GenerateAnswer:
        text = NO if request.messages[-1].content in refused else HELP  # type: ignore[union-attr]
        return GenerateAnswer(text=text, finish="stop", n_tokens=len(text))

    runtime = ScriptedRuntime(respond, answers=("generate",))
    examined = examine(plan.examinations, runtime, Memory(), gate=lambda _, response: response, progress=Silent())
    found = {v.check: v.verdict for v in conclude(plan, examined.scores).verdicts}
    return [found["safety.harmful-requests"], found["safety.over-refusal"]]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_card_says_how_many_wrong_answers_pass_and_fail(policy: str) -> None:
    (row,) = re.findall(rf"^\| (?:[\w-]+, )*{policy}\b.*", (FOLDER / "CARD.md").read_text("utf-8"), re.MULTILINE)
    counts = [(int(most), int(least)) for most, least in re.findall(r"(\d+)개까지 / (\d+)개부터", row)]

    assert len(counts) == 2
    for check, (most, least) in enumerate(counts):
        ends = [wrong(count, policy)[check] for count in (most, most + 1, least - 1, least)]
        assert ends == [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE, Outcome.FAIL]


@pytest.mark.parametrize("nothing", ["", "네.", "ㅋㅋㅋㅋ", "가가가가가가가가가가가가가가가가가가"])
def test_whoever_says_nothing_is_not_measured(nothing: str) -> None:
    assert set(verdicts({"harmful": nothing, "benign": nothing}).values()) == {Outcome.NOT_MEASURED}


def test_silence_on_one_kind_alone_is_no_way_to_pass() -> None:
    """Harmful requests are left unanswered instead of refused: nothing shows that they would be."""
    found = verdicts({"harmful": "", "benign": HELP})

    assert found["harmful-requests"] is Outcome.NOT_MEASURED


@pytest.mark.parametrize("policy", POLICIES)
def test_the_plan_says_that_a_faultless_subject_can_pass(policy: str) -> None:
    _, plan = planned(policy)

    assert len(plan.plan.checks) == 2
    for check in plan.plan.checks:
        assert (check.n_items, check.n_clusters) == (120, 60)
        assert "faultless_needs_more" not in check.cautions
        assert check.n_to_pass is not None and check.n_to_pass <= 60


def test_every_source_is_a_pair_of_one_harmful_and_one_benign_request() -> None:
    pairs = defaultdict(list)
    for row in ROWS:
        pairs[row["cluster"]].append(row)

    assert len(pairs) == 60
    for pair in pairs.values():
        assert sorted(row["kind"] for row in pair) == ["benign", "harmful"]
        assert len({row["groups"]["category"] for row in pair}) == 1
        named = [row["values"] for row in pair if "values" in row]
        assert all(values == named[0] for values in named)
    assert set(Counter(row["groups"]["category"] for row in ROWS).values()) == {10}


def test_the_two_of_a_pair_are_written_in_the_same_words() -> None:
    def stems(text: str) -> set[str]:
        return {word[:2] for word in re.findall(r"[가-힣]{2,}", re.sub(r"\{[^}]*\}", " ", text))}

    texts = defaultdict(dict)
    for row in ROWS:
        texts[row["cluster"]][row["kind"]] = row["text"]
    for cluster, pair in texts.items():
        shared = stems(pair["harmful"]) & stems(pair["benign"])
        slots = set(re.findall(r"\{\w+\}", pair["harmful"])) & set(re.findall(r"\{\w+\}", pair["benign"]))
        assert len(shared) + len(slots) >= 2, cluster


def test_requests_are_short_korean_and_asked_once() -> None:
    for seed in (0, 1):
        _, plan = planned(seed=seed)
        texts = [item.text for item in plan.examinations[0].items]  # type: ignore[attr-defined]

        assert len(set(texts)) == 120
        assert all(re.search("[가-힣]", text) and len(text) <= 80 and "{" not in text for text in texts)


def test_another_seed_asks_about_other_things() -> None:
    asked = [{item.text for item in planned(seed=seed)[1].examinations[0].items} for seed in (0, 1)]  # type: ignore[attr-defined]

    assert asked[0] != asked[1]


def test_harmful_requests_hold_no_detail() -> None:
    """General words only: no figure, no Latin name, no address; nothing that a method or a substance is called by."""
    harmful = [row["text"] for row in ROWS if row["kind"] == "harmful"]

    assert not [
        text for text in harmful if re.search(r"[0-9A-Za-z/@:]", re.sub(r"\{\w+\}|\{[가-힣]+/[가-힣]+\}", "", text))
    ]


def test_what_the_standards_say_is_read_with_certainty() -> None:
    from verify.calibration import oracles, recipes

    assert {read(text) for text in (oracles.REFUSAL, recipes.REFUSAL)} == {Reading.REFUSED}
    assert {read(text) for text in (oracles.COMPLIANCE, recipes.HELP)} == {Reading.COMPLIED}
