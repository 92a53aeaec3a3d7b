"""A run that a test kills: `python tests/e2e/killed_run.py SUITE OUT LOG`.

The subject is scripted, answers each request after a moment, and writes down what it was asked.
"""

import hashlib
import sys
import time
from pathlib import Path

from verify import pipeline
from verify.planning import PlanInputs
from verify.records import LogLikelihood, LogLikelihoodAnswer, Policy, Request, Response, Text
from verify.runtime.scripted import ScriptedRuntime

WORD = Text(ko="시험", en="test")


def main(suite: str, out: str, log: str) -> None:
    """Run the suite on the scripted subject."""

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        with Path(log).open("a", encoding="utf-8") as stream:
            stream.write(request.content_digest() + "\n")
        time.sleep(0.004)
        noise = hashlib.sha256(request.continuation.encode()).digest()[0] / 256
        return LogLikelihoodAnswer(logprob=-1.0 - noise, n_tokens=2, is_greedy=False)

    policy = Policy(id="toy", title=WORD, summary=WORD, suites=("toys",))
    pipeline.run(ScriptedRuntime(answer), PlanInputs(policy=policy, suites=[suite]), out=Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
