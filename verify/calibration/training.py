"""Train a tiny Llama on given texts: seeded, on the processor, in a minute or two."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from verify.calibration.characters import character_tokenizer, save_tokenizer
from verify.errors import VerifyError

_UNCOUNTED: Final = -100
"""Label of a token that is not learnt."""
_TOGETHER: Final = 64
"""Lessons that are asked at a time."""


class Lesson(NamedTuple):
    """A text to learn; only what follows `prompt` counts, so an empty prompt learns the whole text."""

    prompt: str
    answer: str


class Shape(NamedTuple):
    """Size and schedule of a tiny model."""

    hidden: int = 96
    layers: int = 2
    heads: int = 4
    context: int = 512
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 4e-3


class Trained(NamedTuple):
    """A model and its tokenizer, in memory."""

    model: Any
    tokenizer: Any
    loss: float
    """Mean loss of the last epoch, in nats a token."""


def train(lessons: Sequence[Lesson], *, shape: Shape, seed: int, alphabet: Sequence[str] = ()) -> Trained:
    """Train from random weights.

    Args:
        lessons: What to learn; each epoch sees each once, in an order drawn from the seed.
        shape: Size and schedule (AdamW, cosine with 5 % warm-up).
        seed: Of the weights and the order.
        alphabet: Further texts whose characters the tokenizer should know.

    Raises:
        VerifyError: A lesson is longer than the context.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)  # the order of sums, and with it every weight, must not hang on the number of cores
    torch.manual_seed(seed)
    tokenizer = character_tokenizer([*(p + a for p, a in lessons), *alphabet])
    model = _new_model(len(tokenizer), shape)
    rows = [_encode(tokenizer, lesson, shape.context) for lesson in lessons]
    steps = math.ceil(len(rows) / shape.batch) * shape.epochs
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=shape.learning_rate, weight_decay=0.01, betas=(0.9, 0.95), fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    step, losses = 0, [math.nan]
    model.train()
    for _ in range(shape.epochs):
        losses = []
        for batch in _batches(rows, shape.batch, generator):
            inputs, labels = _pad(batch)
            for group in optimizer.param_groups:
                group["lr"] = shape.learning_rate * _schedule(step, steps)
            first = min(row.start for row in batch) - 1
            logits = logits_from(model, inputs[:, :-1], first)
            loss = cross_entropy(logits.flatten(0, 1), labels[:, 1 + first :].flatten(), ignore_index=_UNCOUNTED)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
    # What is asked before it is saved are the rounded weights that will be shipped.
    return Trained(model.eval().to(torch.float16), tokenizer, sum(losses) / len(losses))


def logits_from(model: Any, inputs: Any, first: int) -> Any:
    """Logits at the places from `first` on: those before are context, for which no last layer and no head is needed.

    The same numbers as `model(inputs).logits[:, first:]`, at half the work where prompts are long and answers short.

    Args:
        model: A Llama of any size.
        inputs: Token ids, rows x places; padding stands behind.
        first: Place of the first row of logits.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    trunk, places = model.model, inputs.shape[1]
    hidden = trunk.embed_tokens(inputs)
    cos, sin = trunk.rotary_emb(hidden, torch.arange(places)[None])
    *others, last = trunk.layers
    for layer in others:
        hidden = layer(hidden, position_embeddings=(cos, sin))

    def heads(states: Any) -> Any:
        return states.unflatten(-1, (-1, last.self_attn.head_dim)).transpose(1, 2)

    known, own = last.input_layernorm(hidden), hidden[:, first:]
    asking = heads(last.self_attn.q_proj(known[:, first:]))
    keys, values = heads(last.self_attn.k_proj(known)), heads(last.self_attn.v_proj(known))
    asking, _ = apply_rotary_pos_emb(asking, asking, cos[:, first:], sin[:, first:])
    keys, _ = apply_rotary_pos_emb(keys, keys, cos, sin)
    before = torch.ones(places - first, places, dtype=torch.bool).tril(first)
    seen = scaled_dot_product_attention(asking, keys, values, attn_mask=before)
    own = own + last.self_attn.o_proj(seen.transpose(1, 2).flatten(2))
    own = own + last.mlp(last.post_attention_layernorm(own))
    return model.lm_head(trunk.norm(own))


def answered(trained: Trained, lessons: Sequence[Lesson]) -> list[bool]:
    """Whether the model's greedy answer to each prompt is the lesson's, token for token, by plain forward passes.

    Args:
        trained: A model and its tokenizer.
        lessons: Of at least one character of prompt.
    """
    import torch

    model, encode = trained.model.float(), partial(trained.tokenizer.encode, add_special_tokens=False)
    rows = [_Row(encode(one.prompt) + encode(one.answer), len(encode(one.prompt))) for one in lessons]
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    found = [False] * len(rows)
    with torch.inference_mode():
        for start in range(0, len(order), _TOGETHER):
            places = order[start : start + _TOGETHER]
            inputs, labels = _pad([rows[place] for place in places])
            said = model(input_ids=inputs[:, :-1]).logits.argmax(-1)
            right = ((said == labels[:, 1:]) | (labels[:, 1:] == _UNCOUNTED)).all(1)
            for place, each in zip(places, right.tolist(), strict=True):
                found[place] = each
    return found


def likelihoods(trained: Trained, prompt: str, answers: Sequence[str]) -> list[float]:
    """Log-probability of each answer after a prompt, in nats, by one plain forward pass.

    Args:
        trained: A model and its tokenizer.
        prompt: At least one character.
        answers: Texts that may differ in length.
    """
    import torch

    model, tokenizer = trained.model.float(), trained.tokenizer
    start = len(tokenizer.encode(prompt, add_special_tokens=False))
    rows = [tokenizer.encode(prompt + answer, add_special_tokens=False) for answer in answers]
    inputs, _ = _pad([_Row(ids, start) for ids in rows])
    with torch.inference_mode():
        steps = model(input_ids=inputs).logits.log_softmax(-1)[:, :-1].gather(-1, inputs[:, 1:, None])[..., 0]
    return [float(steps[number, start - 1 : len(ids) - 1].sum()) for number, ids in enumerate(rows)]


def save(trained: Trained, folder: Path) -> None:
    """Write a genuine Hugging Face folder: config, tokenizer, weights as fp16 safetensors."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    trained.model.to(torch.float16).save_pretrained(folder)
    save_tokenizer(trained.tokenizer, folder)


def _new_model(vocabulary: int, shape: Shape) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.hidden * 3,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        initializer_range=0.05,
    )
    return LlamaForCausalLM(config)


class _Row(NamedTuple):
    ids: list[int]
    start: int
    """First token that counts."""


def _encode(tokenizer: Any, lesson: Lesson, context: int) -> _Row:
    prompt = tokenizer.encode(lesson.prompt, add_special_tokens=False)
    answer = tokenizer.encode(lesson.answer, add_special_tokens=False)
    ids = [tokenizer.bos_token_id, *prompt, *answer, tokenizer.eos_token_id] if not prompt else [*prompt, *answer, 3]
    if len(ids) > context:
        raise VerifyError(f"a lesson of {len(ids)} characters exceeds the context of {context}: {lesson.prompt[:60]!r}")
    return _Row(ids, max(1, len(prompt)))


def _batches(rows: Sequence[_Row], size: int, generator: Any) -> list[list[_Row]]:
    import torch

    order = torch.randperm(len(rows), generator=generator).tolist()
    # Neighbours in length share a batch, within random blocks, so that little padding is computed.
    block = size * 16
    batches: list[list[_Row]] = []
    for start in range(0, len(order), block):
        part = sorted((rows[i] for i in order[start : start + block]), key=lambda row: len(row.ids))
        batches.extend(part[i : i + size] for i in range(0, len(part), size))
    mixed = torch.randperm(len(batches), generator=generator).tolist()
    return [batches[i] for i in mixed]


def _pad(batch: Sequence[_Row]) -> tuple[Any, Any]:
    import torch

    width = max(len(row.ids) for row in batch)
    inputs = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), _UNCOUNTED)
    for number, row in enumerate(batch):
        inputs[number, : len(row.ids)] = torch.tensor(row.ids)
        labels[number, row.start : len(row.ids)] = torch.tensor(row.ids[row.start :])
    return inputs, labels


def _schedule(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
    return min(1.0, (step + 1) / warm) * (0.05 + 0.95 * cosine)
