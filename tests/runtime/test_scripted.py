from verify.records import AccessLevel, Failed, FailureReason, Generate, GenerateAnswer, LogLikelihood
from verify.runtime.scripted import ScriptedRuntime


def echo(request):
    return GenerateAnswer(text=request.prompt, finish="stop", n_tokens=1)


def test_each_request_is_answered_once_and_in_its_position():
    runtime = ScriptedRuntime(echo)

    answered = list(runtime.answer([Generate(prompt="가"), Generate(prompt="나")]))

    assert [(a.position, a.response.text) for a in answered] == [(0, "가"), (1, "나")]
    assert [request.prompt for request in runtime.asked] == ["가", "나"]


def test_a_kind_outside_the_access_is_unsupported_and_never_reaches_the_script():
    runtime = ScriptedRuntime(echo, access=AccessLevel.TEXT, answers=("generate",))

    (answered,) = runtime.answer([LogLikelihood(context="가", continuation="나")])

    assert isinstance(answered.response, Failed)
    assert answered.response.reason is FailureReason.UNSUPPORTED


def test_the_digest_follows_the_name():
    assert ScriptedRuntime(echo, name="a").subject.digest != ScriptedRuntime(echo, name="b").subject.digest
