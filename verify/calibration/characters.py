"""A tokenizer of single characters, saved as a genuine `tokenizer.json`: jamo-safe, and small."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

PAD, UNKNOWN, BEGIN, END = "<pad>", "<unk>", "<s>", "</s>"
SPECIAL = (PAD, UNKNOWN, BEGIN, END)


def character_tokenizer(texts: Iterable[str]) -> Any:
    """A tokenizer (`PreTrainedTokenizerFast`) whose tokens are the characters of `texts`.

    It adds no special tokens of its own; a character that it has never seen becomes `<unk>`.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    characters = sorted({character for text in texts for character in text})
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *characters))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, bos_token=BEGIN, eos_token=END
    )


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` into `folder`."""
    tokenizer.save_pretrained(folder)
