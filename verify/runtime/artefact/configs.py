"""The subject's JSON files: read within bounds, and freed of what could make a library run code.

transformers before 5.3 ran code through `_attn_implementation_internal` with remote code switched
off (CVE-2026-4372); so no key that begins with `_` and none that maps to code reaches the worker.
"""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from verify.errors import SubjectError
from verify.runtime.artefact.headers import unique_keys

MAX_CONFIG: Final = 4 * 2**20
MAX_TOKENIZER: Final = 256 * 2**20
_MAX_DEPTH: Final = 24
_MAX_NUMBER: Final = 2**40
_MAX_WIDTH: Final = 2**20
_MAX_LAYERS: Final = 10_000
_PACKING: Final = 8
"""Most elements that one stored element may stand for (4-bit weights packed into 32-bit words)."""

_QUIET: Final = {
    "_name_or_path",
    "_commit_hash",
    "_from_model_config",
    "_diffusers_version",
    "_attn_implementation_autoset",
}
"""Keys that every tool writes; dropped like all that begin with `_`, without a word."""
_CODE: Final = {"trust_remote_code", "custom_generate", "custom_pipelines", "attn_implementation", "kernel_config"}
_REMOTE: Final = re.compile(r"^[a-z][a-z0-9+.-]*://|^[\w.-]+/[\w.-]+--[\w.]+$|^[\w.-]+/[\w.-]+:[\w.]+$", re.IGNORECASE)
"""A URL, or `org/repository--module.Class` and `org/repository:kernel`, by which transformers fetches code."""
_FREE_TEXT: Final = {"chat_template", "content", "bos_token", "eos_token", "unk_token", "pad_token"}
_FREE_MAPS: Final = {"id2label", "label2id", "added_tokens_decoder"}
"""Maps whose keys are the subject's own words."""
_FLOAT: Final = "__float__"
_FLOATS: Final = {"Infinity", "-Infinity", "NaN"}
"""What transformers 5 writes as `{"__float__": "Infinity"}`, e.g. in the `time_step_limit` of Mamba 2."""


class CleanJson(NamedTuple):
    """A JSON file that is fit for the worker."""

    value: dict[str, Any]
    data: bytes
    warnings: tuple[str, ...]


def read_json(path: Path, *, limit: int = MAX_CONFIG) -> Any:
    """Read a JSON file within bounds.

    Raises:
        SubjectError: Too long, no UTF-8, no JSON, or a key twice.
    """
    size = path.stat().st_size
    if size > limit:
        raise SubjectError(f"{path}: {size} bytes; the limit for this file is {limit}")
    try:
        return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique_keys)
    except RecursionError:
        raise SubjectError(f"{path}: nested too deeply to be read") from None
    except ValueError as error:
        raise SubjectError(f"{path}: cannot be read as JSON ({error}); fetch the file again") from None


def clean_json(path: Path) -> CleanJson:
    """Read a configuration file and drop what a model has no need to say.

    Raises:
        SubjectError: It cannot be read, or is no JSON object.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise SubjectError(f"{path}: a JSON object was expected; fetch the file again")
    dropped: list[str] = []
    clean = _clean(value, path=path, place="", dropped=dropped)
    warnings = tuple(
        f"{path.name}: {key} was dropped (it can make a library load code); the library's own code is used"
        for key in sorted(dropped)
    )
    return CleanJson(clean, json.dumps(clean, ensure_ascii=True, indent=2).encode("ascii"), warnings)


def _clean(value: Any, *, path: Path, place: str, dropped: list[str]) -> Any:
    if place.count(".") > _MAX_DEPTH:
        raise SubjectError(f"{path}: nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, list):
        return [_clean(entry, path=path, place=place + ".", dropped=dropped) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MAX_NUMBER and not _is_no_limit(place):
        raise SubjectError(f"{path}: {place} is {value:.3g}; no model is that large")
    if not isinstance(value, dict) or _is_float(value):
        return value
    kept: dict[str, Any] = {}
    free = place.rsplit(".", 1)[-1] in _FREE_MAPS
    for key, entry in value.items():
        where = f"{place}.{key}" if place else key
        if not free and _is_code(key, entry):
            if key not in _QUIET:
                dropped.append(where[:80])
            continue
        kept[key] = _clean(entry, path=path, place=where, dropped=dropped)
    return kept


def _is_float(value: dict[str, Any]) -> bool:
    """Whether this stands for a number that JSON has no sign for."""
    return list(value) == [_FLOAT] and isinstance(value[_FLOAT], str) and value[_FLOAT] in _FLOATS


def _is_no_limit(place: str) -> bool:
    """Tokenizers write 10^30 for `no limit` here."""
    return place == "model_max_length"


def _is_code(key: str, entry: Any) -> bool:
    if key.startswith("_") or key in _CODE or key.endswith("_map"):
        return True
    return isinstance(entry, str) and key not in _FREE_TEXT and bool(_REMOTE.match(entry))


def check_size(config: dict[str, Any], *, path: Path, elements: int) -> None:
    """Compare what a configuration asks for with what the weights hold, before memory is taken for it.

    Args:
        config: Cleaned `config.json`.
        path: The file, for messages.
        elements: Elements of all weights files.

    Raises:
        SubjectError: The configuration describes a larger network than the weights.
    """
    parts = [config, *(part for part in config.values() if isinstance(part, dict))]
    for part in parts:
        width, words = _whole(part, "hidden_size", "d_model", "n_embd"), _whole(part, "vocab_size")
        layers = _whole(part, "num_hidden_layers", "num_layers", "n_layer")
        if width > _MAX_WIDTH or layers > _MAX_LAYERS:
            raise SubjectError(
                f"{path}: hidden size {width} and {layers} layers describe no real network; it is refused"
            )
        embedding = words * _whole(part, "embedding_size") if "embedding_size" in part else words * width
        if embedding > _PACKING * max(1, elements):
            raise SubjectError(
                f"{path}: the vocabulary alone would take {embedding} weights, the files hold {elements};"
                " configuration and weights do not belong together"
            )


def _whole(part: dict[str, Any], *names: str) -> int:
    for name in names:
        value = part.get(name)
        if isinstance(value, int):
            return value
    return 0
