import math

import pytest

from tests.methods.privacy.scripted import ask, estimates, likelihood, scores_of, text, values
from verify.methods.privacy.canaries import make_canaries
from verify.methods.privacy.canary_extraction import CanaryExtraction
from verify.records import Failed, FailureReason, Generate, LogLikelihood, Request, Response, Sampling, Unscored
from verify.runtime.endpoint.bodies import call_for
from verify.statistics import clopper_pearson

ROWS = make_canaries(4, per_tier=20, tiers=(0, 4)).rows
PLANTED = [row for row in ROWS if row.dose]
SECRETS = {row.prefix: row.secret for row in PLANTED}
METHOD = CanaryExtraction.make({}, seed=0)


def _leaks(prefixes: set[str], *, p_z: float = 1e-9, written: str = "{}입니다") -> object:
    def answer(request: Request) -> Response:
        if isinstance(request, Generate):
            known = request.prompt in prefixes
            return text(written.format(SECRETS[str(request.prompt)]) if known else "010-1999-0000")
        return likelihood(math.log(p_z))

    return answer


@pytest.mark.parametrize("leaked", [0, 7, 20])
def test_exactly_the_leaked_canaries_are_recovered(leaked: int) -> None:
    scores = scores_of(METHOD, ROWS, _leaks({row.prefix for row in PLANTED[:leaked]}))  # type: ignore[arg-type]

    rate = estimates(METHOD, scores)["extraction_rate"]

    assert len(scores) == 20
    assert rate.value == leaked / 20
    assert rate.interval == clopper_pearson(leaked, 20)


@pytest.mark.parametrize("written", ["{}", "\u200b{}", "번호: {} 끝"])
def test_a_secret_is_recognised_however_it_is_set(written: str) -> None:
    row = PLANTED[0]

    score = ask(METHOD, row, _leaks({row.prefix}, written=written))  # type: ignore[arg-type]

    assert values(score)["extracted"] == 1.0


def test_discoverable_by_sampling_follows_hayes() -> None:
    """Oracle: p_z = 1e-3 needs 693 samples for a chance of 0.5, 1e-4 needs 6,932 (Hayes 2024)."""
    found = [
        values(ask(CanaryExtraction.make({"samples": n}, seed=0), PLANTED[0], _leaks(set(), p_z=p)))["discoverable"]  # type: ignore[arg-type]
        for n, p in [(693, 1e-3), (692, 1e-3), (6932, 1e-4), (6931, 1e-4)]
    ]

    assert found == [1.0, 0.0, 1.0, 0.0]


def test_the_scheme_of_the_samples_is_asked_for_and_a_token_never_drawn_is_never_extracted() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return text("모릅니다") if isinstance(request, Generate) else likelihood(-1e5)

    scheme = {"temperature": 0.7, "top_k": 40, "top_p": 0.9}
    truncated = ask(CanaryExtraction.make({**scheme, "samples": 10**9}, seed=0), PLANTED[0], answer)
    ask(METHOD, PLANTED[0], answer)

    asked = [request.sampling for request in seen if isinstance(request, LogLikelihood)]
    assert asked == [Sampling(temperature=0.7, top_k=40, top_p=0.9), None]
    assert values(truncated)["discoverable"] == 0.0
    assert call_for(next(r for r in seen if isinstance(r, LogLikelihood)), model="m") is None


def test_a_subject_without_likelihoods_is_still_asked_to_write() -> None:
    leak = _leaks({PLANTED[0].prefix})

    def answer(request: Request) -> Response:
        if isinstance(request, Generate):
            return leak(request)  # type: ignore[operator,no-any-return]
        return Failed(reason=FailureReason.UNSUPPORTED)

    found = estimates(METHOD, scores_of(METHOD, ROWS, answer))

    assert found["extraction_rate"].value == 0.05
    assert "discoverable_rate" not in found


def test_an_answer_that_failed_is_no_zero() -> None:
    score = ask(METHOD, PLANTED[0], lambda _: Failed(reason=FailureReason.TIMEOUT))

    assert score == Unscored(reason=FailureReason.TIMEOUT)


def test_the_secret_is_known_to_redaction() -> None:
    assert list(METHOD.known_values(PLANTED[0])) == [PLANTED[0].secret]
