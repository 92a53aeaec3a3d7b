"""Subjects behind an OpenAI-compatible server: vLLM, SGLang, `transformers serve`, hosted models.

bodies    requests as bodies of the API, bodies as responses (pure)
token_ids log-likelihoods by token ids, in the shapes of vLLM and SGLang (pure)
client    HTTP with retries, rates and caps
scoring   log-likelihoods by the exactest way that a server has
probing   what the server can do, judged by what it sends
runtime   all of it as a `Runtime`
"""

from verify.runtime.endpoint.client import EndpointLimits
from verify.runtime.endpoint.runtime import EndpointRuntime

__all__ = ["EndpointLimits", "EndpointRuntime"]
