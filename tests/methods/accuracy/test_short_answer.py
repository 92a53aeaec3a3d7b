import pytest

from tests.methods.accuracy.driving import estimates_of, examined, scored
from verify.methods.accuracy.abstention import Abstention, abstains
from verify.methods.accuracy.short_answer import ShortAnswer, ShortAnswerItem, answer_in
from verify.records import FailureReason, Generate, GenerateAnswer, Request, Response, Unscored

ITEM = ShortAnswerItem(id="i", passage="수수료는 1만 5천원이다.", question="수수료는?", answers=("15,000원",))
METHOD = ShortAnswer.make({}, seed=1)


def says(text: str, *, finish: str = "stop"):
    def answer(request: Request) -> Response:
        assert isinstance(request, Generate)
        return GenerateAnswer.model_validate({"text": text, "finish": finish, "n_tokens": 3})

    return answer


@pytest.mark.parametrize("text", ["15,000원", "만 오천 원입니다.", "정답: 1만5천원", "먼저 글을 보면\n답: 15000원"])
def test_the_same_amount_in_other_words_is_right(text: str) -> None:
    assert scored(examined(METHOD, ITEM, says(text))).values == {"exact_match": 1.0}


@pytest.mark.parametrize("text", ["150,000원", "5,000원", "무료", "1만 원에서 2만 원 사이"])
def test_another_amount_is_wrong_and_shows_as_an_example(text: str) -> None:
    score = scored(examined(METHOD, ITEM, says(text)))

    assert score.values == {"exact_match": 0.0}
    assert score.defect


@pytest.mark.parametrize(
    ("text", "finish", "reason"),
    [
        ("", "stop", FailureReason.EMPTY),
        (" \n.", "stop", FailureReason.EMPTY),
        ("15,000원", "length", FailureReason.TRUNCATED),
        ("가" * 90 + "\n나", "length", FailureReason.TRUNCATED),
        ("글을 읽었습니다.\n수수료가 있습니다.", "stop", FailureReason.UNPARSABLE),
    ],
    ids=["nothing", "punctuation only", "cut in the first line", "cut after a long line", "prose without an answer"],
)
def test_what_gives_no_answer_is_unscored_with_its_reason(text: str, finish: str, reason: FailureReason) -> None:
    score = examined(METHOD, ITEM, says(text, finish=finish))

    assert isinstance(score, Unscored)
    assert score.reason is reason


def test_a_first_line_that_ended_before_the_cut_is_complete() -> None:
    score = examined(METHOD, ITEM, says("15,000원\n\n글: 다른 글이 이어진다", finish="length"))

    assert scored(score).values == {"exact_match": 1.0}


@pytest.mark.parametrize("text", ["가" * 1_000_000, "15,000원\n" * 100_000, "\u200b\u3164", "\x00\ud800"])
def test_no_text_breaks_the_reading(text: str) -> None:
    answer = GenerateAnswer.model_construct(text=text, finish="stop", n_tokens=1, thinking="")

    assert isinstance(answer_in(answer), str | Unscored)


def test_a_question_without_answers_belongs_to_another_method() -> None:
    bare = ITEM.model_copy(update={"answers": ()})

    assert list(METHOD.check_row(bare))
    assert not list(METHOD.check_row(ITEM))
    assert list(METHOD.check_row(ITEM.model_copy(update={"answers": ("입니다.", " ")})))


@pytest.mark.parametrize(
    "text",
    ["글에 없음", "'글에 없음'입니다.", "없음", "본문에 나와 있지 않습니다.", "알 수 없습니다.", "해당 정보가 없습니다",
     "글에는 전화번호가 제시되지 않았습니다.", "확인할 수 없음", "죄송합니다. 그 요청은 도와드릴 수 없습니다.",
     "알려 드릴 수 없습니다.", "I'm sorry, but I can't help with that."],
)  # fmt: skip
def test_an_abstention_is_recognised(text: str) -> None:
    assert abstains(text)


@pytest.mark.parametrize(
    "text",
    [
        "15,000원",
        "수수료 없음",
        "없이",
        "3월 2일",
        "민원여권과",
        "글쓰기 교실",
        "안내 데스크",
        "신청할 수 없다",
        "도와드립니다",
    ],
)
def test_an_answer_is_no_abstention(text: str) -> None:
    assert not abstains(text)


ROWS = [ShortAnswerItem(id=f"i{i}", question=f"물음 {i}", answers=(f"{i}원",) if i % 2 else ()) for i in range(60)]


@pytest.mark.parametrize(
    ("subject", "invention", "false_abstention"),
    [(says("글에 없음"), 0.0, 1.0), (says("7,777원"), 1.0, 0.0)],
    ids=["always abstains", "always answers"],
)
def test_neither_silence_nor_talk_passes_both_sides(subject, invention: float, false_abstention: float) -> None:
    found = estimates_of(Abstention.make({}, seed=1), ROWS, subject)

    assert found["invention", None].value == invention
    assert found["false_abstention", None].value == false_abstention
    assert found["invention", None].n == found["false_abstention", None].n == 30


def test_the_two_kinds_of_question_cannot_be_told_apart_by_their_prompt() -> None:
    method = Abstention.make({}, seed=1)
    asked = []

    def keeps(request: Request) -> Response:
        asked.append(request)
        return says("글에 없음")(request)

    for answers in ((), ("1원",)):
        examined(method, ShortAnswerItem(id="i", passage="글", question="물음", answers=answers), keeps)

    assert asked[0] == asked[1]
