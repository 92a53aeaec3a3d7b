"""The naive reference: one request, one sequence, one plain forward, nothing shared, nothing clever."""

from typing import Any

import torch

from verify.records import LogLikelihood


def prefix(tokenizer: Any) -> int:
    """BOS, else EOS: what lm-eval puts where a context is empty."""
    bos = tokenizer.bos_token_id
    return int(bos if bos is not None else tokenizer.eos_token_id)


def pair(tokenizer: Any, request: LogLikelihood) -> tuple[list[int], list[int]]:
    """Context and continuation as lm-eval 0.4.13 cuts them (`TemplateLM.loglikelihood`, `_encode_pair`)."""
    if request.context == "":
        return [prefix(tokenizer)], tokenizer.encode(request.continuation, add_special_tokens=False)
    spaces = len(request.context) - len(request.context.rstrip())
    context = request.context[: len(request.context) - spaces]
    continuation = request.context[len(context) :] + request.continuation
    whole = tokenizer.encode(context + continuation)
    left = tokenizer.encode(context)
    return left, whole[len(left) :]


def token_logprobs(model: Any, left: list[int], right: list[int], *, window: int) -> torch.Tensor:
    """log p of each token of `right` after `left`, from one plain forward; too long ones lose their left end."""
    ids = (left + right)[-(window + 1) :]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids[:-1]]), use_cache=False).logits[0].double()
    table = torch.log_softmax(logits, -1)[-len(right) :]
    return table.gather(-1, torch.tensor(right)[:, None])[:, 0]


def moments(model: Any, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of log p under p at every position that predicts one of `ids[1:]`."""
    with torch.inference_mode():
        table = torch.log_softmax(model(input_ids=torch.tensor([ids[:-1]]), use_cache=False).logits[0].double(), -1)
    p = table.exp()
    mean = (p * table).sum(-1)
    return mean, (p * (table - mean[:, None]) ** 2).sum(-1)


def seq2seq_logprobs(model: Any, tokenizer: Any, request: LogLikelihood) -> torch.Tensor:
    """log p of a continuation under an encoder-decoder, through the model's own `labels`."""
    context = request.context.rstrip()
    continuation = request.context[len(context) :] + request.continuation
    left = tokenizer.encode(context) if request.context else [prefix(tokenizer)]
    right = torch.tensor([tokenizer.encode(continuation, add_special_tokens=False)])
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([left]), labels=right).logits[0].double()
    return torch.log_softmax(logits, -1).gather(-1, right[0][:, None])[:, 0]


def greedy(model: Any, ids: list[int], *, count: int) -> list[int]:
    """What `model.generate` writes, greedily, alone."""
    with torch.inference_mode():
        given = torch.tensor([ids])
        out = model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, num_beams=1, max_new_tokens=count
        )[0].tolist()
    return out if model.config.is_encoder_decoder else out[len(ids) :]
