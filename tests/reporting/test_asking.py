"""How a subject was asked, as the kept exchanges show it."""

from collections.abc import Mapping
from typing import Any

from verify.records import Failed, FailureReason, Generate, KeptResponse, LogLikelihood, Request
from verify.reporting import Words
from verify.reporting.asking import asked_lines, survey


def kept(request: Request) -> KeptResponse:
    return KeptResponse.of(request, Failed(reason=FailureReason.TIMEOUT))


def test_each_kind_is_counted_with_its_settings(locales: Mapping[str, Mapping[str, Any]]) -> None:
    first = kept(Generate(prompt="a", max_tokens=32))
    others = [
        kept(Generate(prompt="b", max_tokens=64, temperature=0.7)),
        kept(LogLikelihood(context="", continuation="c")),
    ]

    found = survey([first, *others], wanted={first.digest})

    assert dict(found.kept) == {first.digest: first}
    assert asked_lines(found, words=Words("en", locales["en"])) == (
        "Writing an answer: 2 asked · temperature 0 to 0.7 · at most 64 tokens an answer",
        "Likelihood of an option: 1 asked",
    )


def test_one_temperature_is_told_as_one(locales: Mapping[str, Mapping[str, Any]]) -> None:
    found = survey([kept(Generate(prompt="a", max_tokens=8))], wanted=())

    assert asked_lines(found, words=Words("ko", locales["ko"])) == ("답변 쓰기: 1건 · 온도 0 · 답 한 개에 최대 8토큰",)
