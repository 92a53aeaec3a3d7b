"""What can be asked of a subject. Few kinds, because each is a contract with every runtime."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from verify.records.base import Record, Strings, Tuple


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Record):
    """How tokens are drawn: temperature first, then the most likely `top_k`, then the least set that holds `top_p`."""

    temperature: float = Field(default=1.0, gt=0.0, le=5.0)
    top_k: int = Field(default=0, ge=0)
    """Tokens that may be drawn; 0 leaves all."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Probability that the tokens which may be drawn hold together; 1 leaves all."""


class LogLikelihood(Record):
    """Natural-log probability of `continuation` after `context`.

    Both are tokenised together and split as lm-eval does, so that a token that spans the boundary
    belongs to the continuation. An empty context means the beginning-of-sequence token.
    """

    kind: Literal["loglikelihood"] = "loglikelihood"
    context: str
    continuation: str = Field(min_length=1)
    sampling: Sampling | None = None
    """Probability of drawing the continuation in this way; a token that is never drawn makes it less than
    exp(-1000). None is the subject's own distribution."""


class TokenLogProbs(Record):
    """Log-probability of every token of a document, with the vocabulary's mean and variance there."""

    kind: Literal["token_logprobs"] = "token_logprobs"
    text: str = Field(min_length=1)


class Generate(Record):
    """Text that the subject writes after a prompt or a conversation; exactly one of the two is given."""

    kind: Literal["generate"] = "generate"
    prompt: str | None = None
    """Raw text to continue, without a chat template."""
    messages: Annotated[tuple[Message, ...], Tuple] = ()
    """A conversation, rendered with the subject's chat template where it has one."""
    max_tokens: int = Field(default=256, ge=1, le=32768)
    stop: Strings = ()
    """Strings that end the answer and are cut from it."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    """0 is greedy; then `seed` has no effect."""
    seed: int = 0

    def model_post_init(self, context: object, /) -> None:
        """Refuse a request with both or neither of prompt and messages."""
        del context
        if (self.prompt is None) == (not self.messages):
            raise ValueError("give either prompt or messages")


class Classify(Record):
    """Label probabilities of a text classifier."""

    kind: Literal["classify"] = "classify"
    text: str


class Predict(Record):
    """Class probabilities of a tabular model for one row."""

    kind: Literal["predict"] = "predict"
    row: dict[str, float | int | str | bool | None]
    """Column name -> value."""


Request: TypeAlias = Annotated[
    LogLikelihood | TokenLogProbs | Generate | Classify | Predict, Field(discriminator="kind")
]
RequestKind: TypeAlias = Literal["loglikelihood", "token_logprobs", "generate", "classify", "predict"]
