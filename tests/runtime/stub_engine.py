"""An engine without a model, for tests of the process runtime: the prompt says what to do.

`Generate(prompt="say X")` is answered with X; other words do what a hostile or broken subject may do.
"""

import os
import signal
import sys
import time
from pathlib import Path

from verify.records import GenerateAnswer, LogLikelihoodAnswer
from verify.runtime.base import Answered
from verify.runtime.facts import EngineFacts, TokenCount
from verify.runtime.frames import AnswerFrame, pack


class Panic(BaseException):
    """As pyo3's PanicException: no Exception."""


class StubEngine:
    def __init__(self, folder: Path, **options):
        self.folder, self.options = folder, options
        self.facts = EngineFacts(
            answers=("generate", "loglikelihood"), architecture="stub", device="cpu", environment={"stub": "1"}
        )

    def answer(self, requests):
        for position, request in enumerate(requests):
            if request.kind == "loglikelihood":
                yield Answered(position, LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=True))
                continue
            text = self.do(*request.prompt.partition(" ")[::2])
            if text is not None:
                yield Answered(position, GenerateAnswer(text=text, finish="stop", n_tokens=1))

    def count(self, requests):
        for request in requests:
            if request.prompt.startswith("count"):
                self.do(*request.prompt.removeprefix("count ").partition(" ")[::2])
        return TokenCount(read=10 * len(requests), unique=5 * len(requests), written=len(requests))

    def do(self, verb, rest):
        return getattr(self, "do_" + verb, str)(rest)

    def do_say(self, rest):
        return rest

    def do_slowly(self, rest):
        time.sleep(0.02)
        return rest

    def do_print(self, rest):
        sys.stdout.write(rest + "\n")
        sys.stderr.write("\x1b]0;owned\x07" + rest * 10_000)
        return "printed"

    def do_abort(self, rest):
        os.abort()

    def do_kill(self, rest):
        os.kill(os.getpid(), signal.SIGSEGV)

    def do_kill_once(self, rest):
        marker = Path(os.environ["TMPDIR"]) / "killed"
        if not marker.exists():
            marker.touch()
            os._exit(9)
        return "alive"

    def do_hang(self, rest):
        time.sleep(3600)

    def do_stop(self, rest):
        os.kill(os.getpid(), signal.SIGSTOP)
        return "continued"

    def do_raise(self, rest):
        raise ValueError("the subject's own text")

    def do_panic(self, rest):
        raise Panic("called `Result::unwrap()` on an `Err` value")

    def do_exit(self, rest):
        sys.exit(0)

    def do_memory(self, rest):
        return str(len(bytearray(int(rest))))

    def do_surrogate(self, rest):
        return "a\ud800b"

    def do_long(self, rest):
        return "x" * int(rest)

    def do_skip(self, rest):
        return None

    def do_environment(self, rest):
        return "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))

    def do_python(self, rest):
        scope = {}
        exec(rest, scope)  # noqa: S102  # the subject is hostile in these tests
        return str(scope["result"])

    def do_frame(self, rest):
        """Write straight to the protocol pipe, which hostile code in the process can find."""
        descriptor = int(sys.argv[sys.argv.index("--write") + 1])
        match rest:
            case "rubbish":
                data = b"\x00\x00\x00\x05hello"
            case "huge":
                data = b"\xff\xff\xff\xff"
            case "unknown":
                data = pack(AnswerFrame(id=10**9, response=GenerateAnswer(text="", finish="stop", n_tokens=0)))
            case "kind":
                answer = LogLikelihoodAnswer(logprob=-1.0, n_tokens=1, is_greedy=True)
                data = b"".join(pack(AnswerFrame(id=n, response=answer)) for n in range(100))
            case "nan":
                body = b'{"type":"answer","id":0,"response":{"kind":"loglikelihood","logprob":NaN}}'
                data = len(body).to_bytes(4, "big") + body
            case "ready":
                body = b'{"type":"ready","facts":{"answers":[]},"isolation":"T9"}'
                data = len(body).to_bytes(4, "big") + body
        os.write(descriptor, data)
        return "sent"


def open_stub(folder, **options):
    if options.get("refuse"):
        raise ValueError(options["refuse"])
    if options.get("panic"):
        raise Panic(options["panic"])
    if options.get("die"):
        os.abort()
    if options.get("hang"):
        time.sleep(3600)
    return StubEngine(folder, **options)
