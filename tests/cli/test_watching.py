"""What stands on the terminal before a run asks anything."""

import io
import re

import pytest
from rich.console import Console

from tests.toys import adds_right
from verify.cli.watching import Terminal
from verify.runtime.scripted import ScriptedRuntime

RECORDED = "answers were recorded elsewhere; under which conditions was not verified"


def opened(language: str, **changes: object) -> str:
    stream = io.StringIO()
    subject = ScriptedRuntime(adds_right).subject.model_copy(update=changes)
    Terminal(Console(file=stream, width=400), language=language).opened(subject)
    return stream.getvalue()


def test_a_korean_run_names_its_subject_in_korean() -> None:
    text = opened(
        "ko",
        name="{모델}",
        architecture="constructed",
        parameters=260_032,
        path="shared-prefix",
        isolation="T2: seccomp",
        warnings=(RECORDED,),
    )

    assert "{모델} (규칙으로 답하는 표준, 매개변수 260,032개)" in text
    assert "가중치까지 접근" in text and "앞부분 공유 계산" in text and "T2: 사용자" in text
    assert re.search("[a-z]{3,} [a-z]{3,}", text) is None


def test_a_subject_that_runs_elsewhere_is_said_to_in_korean() -> None:
    text = opened("ko", isolation="nothing of the subject runs here")

    assert "nothing" not in text
    assert "격리: -" in opened("ko", isolation="")


def test_a_note_that_nobody_translated_is_marked_as_english() -> None:
    assert "영문 기록: something new was seen" in opened("ko", warnings=("something new was seen",))


@pytest.mark.parametrize("architecture", ["llama", None])
def test_what_is_not_ours_to_name_keeps_its_name(architecture: str | None) -> None:
    assert ("llama" in opened("ko", architecture=architecture, kind="causal-lm")) == (architecture is not None)
    assert ("언어모델" in opened("ko", architecture=architecture, kind="causal-lm")) == (architecture is None)
