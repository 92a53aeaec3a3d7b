"""A folder becomes a network and a tokenizer, or a refusal that says what would fit."""

import importlib.util
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
import transformers
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
)
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

from verify.errors import SubjectError

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_HEADER_LIMIT: Final = 100 * 1024 * 1024
_WORKING_SPACE: Final = 1.15
"""What caches and activations of a batch of one need, as a factor of the weights."""

_QUANTISERS: Final = {
    "bitsandbytes": "bitsandbytes",
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "compressed-tensors": "compressed_tensors",
    "gptq": "gptqmodel",
    "awq": "gptqmodel",
    "torchao": "torchao",
    "hqq": "hqq",
    "quanto": "optimum.quanto",
    "aqlm": "aqlm",
    "vptq": "vptq",
    "eetq": "eetq",
    "auto-round": "auto_round",
}
"""`quant_method` of a config -> the module that reads such weights; others need transformers alone, or say so."""
_PACKAGES: Final = {"compressed_tensors": "compressed-tensors", "optimum.quanto": "optimum-quanto"}
"""Module -> what to install, where the names differ."""


class Loaded(NamedTuple):
    """A subject in memory."""

    model: Any
    tokenizer: Any
    config: Any
    device: torch.device
    """Where inputs go; with several devices, where the embedding lies."""
    dtype: torch.dtype
    parameters: int
    is_seq2seq: bool
    warnings: tuple[str, ...]


def load(folder: Path, *, dtype: str | None = None, device: str | None = None, family: Any = None) -> Loaded:
    """Load config, tokenizer and safetensors from a local folder; no code of the subject is run.

    Args:
        folder: Where the files lie.
        dtype: One of `DTYPES`; by default bfloat16 on an accelerator, float32 on a CPU.
        device: Where the model goes; by default an accelerator where there is one.
        family: A class of transformers with `from_pretrained`; by default the language model that the config names.

    Raises:
        SubjectError: Unreadable or incomplete files, an unknown architecture, or too little memory.
    """
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    where = _device(device)
    kind = _dtype(dtype, where)
    _refuse_unknown(folder)
    config = _guarded("config.json", lambda: AutoConfig.from_pretrained(folder, **_LOCAL))
    _refuse_without_quantiser(folder, config)
    refuse_if_too_large(folder, config=config, dtype=kind, device=where)
    tokenizer = _guarded("the tokenizer", lambda: AutoTokenizer.from_pretrained(folder, **_LOCAL))
    seq2seq = bool(getattr(config, "is_encoder_decoder", False))
    family = family or (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM)
    placing = _placing(folder, config=config, dtype=kind, device=where)
    model, info = _guarded(
        "the weights",
        lambda: family.from_pretrained(
            folder, dtype=kind, use_safetensors=True, output_loading_info=True, **placing, **_LOCAL
        ),
    )
    if info["missing_keys"]:
        names = ", ".join(sorted(info["missing_keys"])[:3])
        raise SubjectError(
            f"{folder.name}: {len(info['missing_keys'])} tensors are missing from the safetensors ({names}, ...); "
            "fetch the weights again, or name the complete folder"
        )
    if not placing:
        model = model.to(where)
    model.eval().requires_grad_(requires_grad=False)
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        config=config,
        device=model.get_input_embeddings().weight.device,
        dtype=kind,
        parameters=model.num_parameters(),  # counts packed weights of 4 bits as what they stand for
        is_seq2seq=seq2seq,
        warnings=tuple(f"weights not used by this architecture: {k}" for k in sorted(info["unexpected_keys"])[:3]),
    )


def _refuse_unknown(folder: Path) -> None:
    """Name an architecture that transformers lacks; its own words recommend an upgrade or remote code."""
    config, _ = _guarded("config.json", lambda: PreTrainedConfig.get_config_dict(folder, local_files_only=True))
    named = config.get("model_type")
    if isinstance(named, str) and named not in CONFIG_MAPPING:
        raise SubjectError(
            f"config.json: transformers {transformers.__version__} has no architecture {named!r:.80}, and code of the"
            " subject is not run; have it served and test that: verify run endpoint:http://HOST/v1#MODEL"
        )


def _refuse_without_quantiser(folder: Path, config: Any) -> None:
    """Name the package that quantised weights need, where it is not installed."""
    given = getattr(config, "quantization_config", None)
    if given is None:
        return
    method = given.get("quant_method") if isinstance(given, dict) else getattr(given, "quant_method", None)
    method = str(getattr(method, "value", method))
    if method not in AUTO_QUANTIZER_MAPPING and method != "bitsandbytes":  # would be read as plain numbers
        raise SubjectError(
            f"{folder.name}: its weights are quantised by {method!r:.80}, which transformers {transformers.__version__}"
            " does not know; have it served and test that: verify run endpoint:http://HOST/v1#MODEL"
        )
    module = _QUANTISERS.get(method)
    if module is None or _is_installed(module):
        return
    package = _PACKAGES.get(module, module)
    raise SubjectError(
        f"{folder.name}: its weights are quantised ({method:.40}) and {package} is not installed: pip install"
        f" {package}, or name the folder of the weights before quantisation, which is a subject of its own"
    )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not there
        return False


_LOCAL: Final[dict[str, Any]] = {"local_files_only": True, "trust_remote_code": False}


def _guarded(what: str, call: Any) -> Any:
    """Run a loader of transformers; whatever it raises becomes one line that names the file."""
    try:
        return call()
    except MemoryError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise SubjectError(f"{what} cannot be loaded: {type(error).__name__}: {text}") from error


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SubjectError(f"device {name!r} cannot be used here; leave it out, or name one of cpu, cuda") from error
    return device


def _dtype(name: str | None, device: torch.device) -> torch.dtype:
    if name is None:
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise SubjectError(f"dtype {name!r} is not known; there are: {', '.join(DTYPES)}")
    return DTYPES[name]


def weight_bytes(folder: Path, *, dtype: torch.dtype, as_stored: bool) -> int:
    """Bytes that the weights take once loaded, from the safetensors headers alone.

    Args:
        folder: Where the `*.safetensors` lie.
        dtype: What floating tensors are converted to.
        as_stored: True for quantised weights, which stay as they are.

    Raises:
        SubjectError: No safetensors, or a header that is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise SubjectError(
            f"{folder.name}: no *.safetensors; other formats can run code when they are read and are refused: "
            "convert them with transformers' save_pretrained"
        )
    return sum(_tensor_bytes(entry, dtype=dtype, as_stored=as_stored) for file in files for entry in _entries(file))


def _entries(file: Path) -> Iterable[dict[str, Any]]:
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(min(length, _HEADER_LIMIT)))
        return [entry for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, struct.error, AttributeError) as error:
        raise SubjectError(f"{file.name} is no complete safetensors file ({error}); fetch it again") from error


def _tensor_bytes(entry: dict[str, Any], *, dtype: torch.dtype, as_stored: bool) -> int:
    start, end = entry["data_offsets"]
    floating = str(entry["dtype"]) in {"F64", "F32", "F16", "BF16"}
    if as_stored or not floating:
        return int(end) - int(start)
    count = 1
    for size in entry["shape"]:
        count *= int(size)
    return count * dtype.itemsize


def refuse_if_too_large(
    folder: Path, *, config: Any, dtype: torch.dtype, device: torch.device, free: int | None = None
) -> None:
    """Refuse, before anything is loaded, what the machine cannot hold.

    Args:
        folder: The subject's folder.
        config: Its transformers config.
        dtype: The dtype that it would be loaded in.
        device: Where it would go.
        free: Bytes that are free there; measured by default.

    Raises:
        SubjectError: With what is needed, what is free, and what would fit.
    """
    quantised = getattr(config, "quantization_config", None) is not None
    needed = int(_WORKING_SPACE * weight_bytes(folder, dtype=dtype, as_stored=quantised))
    available = free_memory(device) if free is None else free
    if needed <= available:
        return
    smaller = {
        name: needed * size / dtype.itemsize
        for name, size in (("bfloat16", 2.0), ("8 bit", 1.0), ("4 bit", 0.55))
        if not quantised and size < dtype.itemsize
    }
    fitting = [f"{name} {_gb(size)}" for name, size in smaller.items() if size <= available]
    raise SubjectError(
        f"{folder.name} needs {_gb(needed)} in {str(dtype).removeprefix('torch.')} and {_gb(available)} are free on "
        f"{device.type}; {'would fit: ' + ', '.join(fitting) if fitting else 'no quantisation of it fits either'}; "
        "or serve it elsewhere and name it as endpoint:URL#MODEL"
    )


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f} GB"


def free_memory(device: torch.device) -> int:
    """Bytes that a subject may take: all accelerators together and main memory, or main memory alone."""
    free = _free_main_memory()
    if device.type == "cuda":
        free += sum(torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count()))
    return free


def _free_main_memory() -> int:
    limits = [_number(Path("/sys/fs/cgroup/memory.max"))]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))
    except (OSError, StopIteration):
        pass
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else 2**63


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _placing(folder: Path, *, config: Any, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """`device_map="auto"` where one accelerator cannot hold the model; quantised weights cannot be moved later."""
    quantised = getattr(config, "quantization_config", None) is not None
    if device.type != "cuda":
        return {"device_map": {"": device}} if quantised else {}
    needed = _WORKING_SPACE * weight_bytes(folder, dtype=dtype, as_stored=quantised)
    alone = needed <= torch.cuda.mem_get_info(device)[0]
    return {"device_map": {"": device}} if alone else {"device_map": "auto"}
