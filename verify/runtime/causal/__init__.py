"""Everything that runs inside the worker for causal language models and encoder-decoders.

Read in this order:

    engine      requests in, responses out
    scoring     a round of scoring requests: cut, run, put together again
    loading     a folder becomes a network and a tokenizer, or a refusal that says what would fit
    tokens      strings become token ids and scored pieces, as lm-eval cuts them
    trie        pieces of a round become one trie; each distinct token position is one node
    schedule    the trie becomes steps: prefixes and batches of rows (pure, counted in tokens)
    network     the model's own forward; only scored rows meet its head
    caches      caches as values: forked, joined, thinned
    packing     rows of a batch as arrays, and who attends to whom
    rows        logits become log-probabilities
    ledger      which tokens of a round are scored already
    plain       every distinct input as a whole: the path that is always right
    shared      the schedule, with caches that are forked
    split       attention to a prefix once for all rows behind it, put together with the rows' own
    probe       which ways give this very model's own numbers, and up to which length
    paths       each piece on the fastest path that is right for it
    seq2seq     encoder once a context
    decoding    generation: what to write next, when to stop; one by one
    together    answers side by side: rows join and leave a running batch
    writers     which of the two is right for a prompt
    chat        conversations to prompts; thinking kept apart

torch is imported by the submodules; importing this package alone does not load it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.runtime.causal.engine import CausalEngine

__all__ = ["open_causal"]


def open_causal(
    folder: Path, *, dtype: str | None = None, device: str | None = None, threads: int | None = None
) -> "CausalEngine":
    """Open a causal language model or encoder-decoder for answering.

    Args:
        folder: Local folder with `config.json`, safetensors and a tokenizer.
        dtype: `float32`, `bfloat16` or `float16`; by default bfloat16 on an accelerator, float32 on a CPU.
        device: `cpu`, `cuda`, `cuda:1` ...; by default an accelerator where there is one.
        threads: Of the processor; by default as many as torch takes.

    Raises:
        SubjectError: The folder cannot be loaded, weights are missing, or the model does not fit.
    """
    import torch

    from verify.runtime.causal.engine import CausalEngine
    from verify.runtime.causal.loading import load

    if threads is not None:
        torch.set_num_threads(threads)
    return CausalEngine(load(folder, dtype=dtype, device=device))
