"""The models of the benchmark, with random weights made on the fly.

toy   26 million parameters in fp32, 32,000 tokens: the fixed yardstick on a CPU
8b    the shape of an 8-billion-parameter Llama 3.1 in bf16, 128,256 tokens: for an accelerator
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from verify.runtime.causal.loading import Loaded

VOCABULARY = 32_000
"""Of the tokenizer, and of the toy."""
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "toy": {
        "vocab_size": VOCABULARY,
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 8,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
    },
    "8b": {
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
    },
}
_SYLLABLES = 350
_WORDS = 30_000


class Toy(NamedTuple):
    """Model, tokenizer, and the words that texts are made of."""

    model: Any
    tokenizer: Any
    words: list[str]

    def loaded(self) -> Loaded:
        """As the engine takes it, without the way over a folder."""
        return Loaded(
            model=self.model,
            tokenizer=self.tokenizer,
            config=self.model.config,
            device=self.model.device,
            dtype=self.model.dtype,
            parameters=sum(p.numel() for p in self.model.parameters()),
            is_seq2seq=False,
            warnings=(),
        )


def make_words(*, seed: int = 0) -> list[str]:
    """Pseudo-Korean words of one to four syllables."""
    rng = np.random.default_rng(seed)
    syllables = [chr(0xAC00 + int(i)) for i in rng.choice(11_172, size=_SYLLABLES, replace=False)]
    made = {"".join(rng.choice(syllables, size=int(rng.integers(1, 5)))) for _ in range(_WORDS)}
    return sorted(made)


def make_tokenizer(words: list[str]) -> Any:
    """Byte-level BPE over the words; most of them end up as one or two tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator([f" {word}" for word in words], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def make(*, shape: str = "toy", device: str = "cpu", seed: int = 0) -> Toy:
    """A model of one of the shapes; the same for the same seed and device."""
    words = make_words(seed=seed)
    torch.manual_seed(seed)
    config = LlamaConfig(**SHAPES[shape], pad_token_id=0, bos_token_id=1, eos_token_id=2)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if device == "cpu" else torch.bfloat16)
    try:
        with torch.device(device):
            model = LlamaForCausalLM(config).eval().requires_grad_(requires_grad=False)
    finally:
        torch.set_default_dtype(before)
    return Toy(model, make_tokenizer(words), words)
