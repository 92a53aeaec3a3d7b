"""The fixed toy model of the benchmark: 26 million parameters, 32,000 tokens, random weights, made on the fly."""

from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from verify.runtime.causal.loading import Loaded

VOCABULARY = 32_000
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
            device=torch.device("cpu"),
            dtype=torch.float32,
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


def make(*, seed: int = 0) -> Toy:
    """The toy; the same for the same seed."""
    words = make_words(seed=seed)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=8,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = LlamaForCausalLM(config).eval().requires_grad_(requires_grad=False)
    return Toy(model, make_tokenizer(words), words)
