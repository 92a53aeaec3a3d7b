"""What a subject answers. A failure is an answer too: it has a reason and no value."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from verify.records.base import Fraction, Record, Tuple

Floats = Annotated[tuple[float, ...], Tuple]


class FailureReason(StrEnum):
    """Why a request has no answer, or a score could not be made."""

    INVALID_LOGITS = "invalid_logits"
    """The subject returned NaN or infinite log-probabilities."""
    CONTEXT_TOO_LONG = "context_too_long"
    """The prompt does not fit the context window."""
    TIMEOUT = "timeout"
    """No answer within the time limit."""
    CRASHED = "crashed"
    """The subject's process died on this request, twice."""
    RESOURCE_EXCEEDED = "resource_exceeded"
    """Out of memory with a batch of one."""
    EMPTY = "empty"
    """An answer without content."""
    INVALID_TEXT = "invalid_text"
    """The answer is not valid Unicode."""
    TOO_LONG = "too_long"
    """The answer exceeds the size limit."""
    TRUNCATED = "truncated"
    """The answer was cut at `max_tokens` and cannot be scored."""
    UNPARSABLE = "unparsable"
    """No answer could be read from the text."""
    UNSUPPORTED = "unsupported"
    """The runtime cannot answer this kind of request."""
    MALFORMED = "malformed"
    """The subject's process or server sent something that is no answer."""
    UNREACHABLE = "unreachable"
    """The endpoint did not answer after all retries."""
    NOT_RECORDED = "not_recorded"
    """The recorded answers hold none for this request."""


class Failed(Record):
    """A request without an answer."""

    kind: Literal["failed"] = "failed"
    reason: FailureReason
    detail: str = Field(default="", max_length=500)
    """One line for a person; never the subject's own text."""


class LogLikelihoodAnswer(Record):
    """Answer to `LogLikelihood`."""

    kind: Literal["loglikelihood"] = "loglikelihood"
    logprob: float = Field(le=1e-3)
    """Sum over the continuation's tokens, in nats."""
    n_tokens: int = Field(ge=1)
    """Tokens of the continuation."""
    is_greedy: bool
    """Whether every token of the continuation was the most likely one."""
    truncated: bool = False
    """Whether the context was cut on the left to fit the window."""


class TokenLogProbsAnswer(Record):
    """Answer to `TokenLogProbs`; the three lists have one entry for each scored token."""

    kind: Literal["token_logprobs"] = "token_logprobs"
    logprobs: Floats
    """log p of each token, in nats."""
    means: Floats
    """Mean of log p over the vocabulary under p itself, at each position (Min-K%++)."""
    variances: Floats
    """Variance of the same, in nats squared."""
    windows: int = Field(default=1, ge=1)
    """Number of strided windows that the document took."""


class GenerateAnswer(Record):
    """Answer to `Generate`."""

    kind: Literal["generate"] = "generate"
    text: str
    """What the subject wrote, without thinking and stop string."""
    finish: Literal["stop", "length"]
    """`length`: cut at `max_tokens`."""
    n_tokens: int = Field(ge=0)
    thinking: str = ""
    """Text of a reasoning model before its answer, kept apart."""


class ClassifyAnswer(Record):
    """Answer to `Classify` and to `Predict`: a probability for each label."""

    kind: Literal["classify"] = "classify"
    probabilities: dict[str, Fraction]


Response: TypeAlias = Annotated[
    LogLikelihoodAnswer | TokenLogProbsAnswer | GenerateAnswer | ClassifyAnswer | Failed,
    Field(discriminator="kind"),
]
Answer: TypeAlias = LogLikelihoodAnswer | TokenLogProbsAnswer | GenerateAnswer | ClassifyAnswer
