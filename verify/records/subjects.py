"""The model under test: how it is described before a run, and what was found when it was opened."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from verify.records.base import Digest, Name, Record, Strings, Text, Tuple
from verify.records.requests import RequestKind


class AccessLevel(StrEnum):
    """How much of the subject can be seen; each level holds the ones below it."""

    WEIGHTS = "weights"
    LOGPROBS = "logprobs"
    TEXT = "text"
    RECORDED = "recorded"


class ServerOption(Record):
    """A server for a model, and what of it makes its log-probabilities exact.

    An endpoint is asked this way wherever the probe sees that it works; the profile only says how to start the server.
    """

    server: Literal["vllm", "sglang", "openai"]
    """`openai`: any other with the OpenAI API."""
    start: str
    """Command line for the machine that holds the weights; the number of GPUs is a proposal."""
    port: int = Field(ge=1, le=65535)
    option: str
    """What the requests ask for."""
    why: Text


class Profile(Record):
    """A known model: one YAML file in `models/profiles/`."""

    id: Name
    title: str
    provider: str
    source: str
    """Hub id, `ORG/NAME`."""
    revision: str | None = None
    """Pinned commit of the hub; null means that none was pinned when this was written."""
    kind: Literal["causal-lm", "vision-lm", "classifier"] = "causal-lm"
    architecture: str | None = None
    """`model_type` in transformers; null where transformers has none."""
    reach: Literal["weights", "endpoint-only"]
    """Whether this runtime can load the weights, or an endpoint has to serve them."""
    parameters_total: int | None = Field(default=None, ge=1)
    parameters_active: int | None = Field(default=None, ge=1)
    context: int | None = Field(default=None, ge=1)
    """Context window in tokens."""
    licence: str
    reasoning: Literal["none", "optional", "always"]
    """Whether the model writes its thinking before an answer; a test condition that the report records."""
    remote_code: bool = False
    """Whether the model's own repository asks to run Python of its own."""
    served: Annotated[tuple[ServerOption, ...], Tuple] = ()
    notes: Text
    source_checked: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """Day on which these facts were read."""
    source_confidence: Literal["H", "M", "L"]


class FileDigest(Record):
    """A file of the subject."""

    name: str
    size: int = Field(ge=0)
    sha256: Digest


class Subject(Record):
    """What was tested: `subject.json` of the bundle."""

    name: str
    """What the user called it."""
    kind: Literal["causal-lm", "classifier", "tabular", "endpoint", "recorded"]
    digest: Digest
    """Over the digests of all files, or over what identifies an endpoint."""
    digest_covers: Literal["files", "endpoint-identity", "recorded-answers"] = "files"
    files: Annotated[tuple[FileDigest, ...], Tuple] = ()
    access: AccessLevel
    answers: Annotated[tuple[RequestKind, ...], Tuple]
    """Kinds of request that it can answer."""
    architecture: str | None = None
    parameters: int | None = Field(default=None, ge=1)
    context: int | None = Field(default=None, ge=1)
    dtype: str | None = None
    device: str | None = None
    path: str | None = None
    """How the runtime computes: `shared-prefix` or `plain`, found by the probe at load."""
    path_reason: str = ""
    isolation: str = ""
    """Sandbox tier that the worker reached."""
    has_chat_template: bool = False
    profile: str | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions of what computes."""
    warnings: Strings = ()
