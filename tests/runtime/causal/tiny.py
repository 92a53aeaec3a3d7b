"""Tiny random models of transformers' families, with a real tokenizer, saved as a user would have them.

folder = tiny.save("exaone4", tmp_path)          # config, safetensors, tokenizer.json
model = tiny.build("llama")                      # in memory
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedTokenizerFast,
)

KOREAN = (
    "주민등록등본은 가까운 주민센터나 정부24에서 발급받으실 수 있습니다.",
    "민원을 접수하신 뒤 처리 결과는 문자로 알려 드리며, 처리 기간은 휴일을 빼고 셉니다.",
    "질문: 여권을 재발급받으려면 무엇이 필요합니까? 답: 신분증과 여권용 사진 한 장이 필요합니다.",
    "다음 중 전입신고를 할 수 있는 기간으로 옳은 것은? A. 7일 B. 14일 C. 30일 D. 60일 정답: B",
    "재난지원금 신청은 온라인과 방문 접수가 모두 가능하고, 신청 기간이 지나면 받을 수 없습니다.",
    "공무원은 직무상 알게 된 비밀을 지켜야 하며 개인정보를 목적 밖으로 쓰지 않습니다.",
    "The office opens at nine and closes at six; bring your identification card and 1,000 won in change.",
)
"""Sentences of our own, on which the tokenizer is trained."""

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer(*, size: int = 400, template: str | None = None) -> PreTrainedTokenizerFast:
    """Byte-level BPE trained on Korean sentences: `<pad>` 0, `<s>` 1, `</s>` 2; `<think>` with a template."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(KOREAN, trainer)
    if template is not None:
        core.add_tokens(["<think>", "</think>"])
    made = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    if template is not None:
        made.chat_template = template
    return made


_WIDTH = {
    "hidden_size": 64, "n_embd": 64, "d_model": 64, "intermediate_size": 96, "ffn_dim": 96, "ffn_hidden_size": 96,
    "n_inner": 96, "decoder_ffn_dim": 96, "encoder_ffn_dim": 96, "d_ff": 96, "d_kv": 16, "word_embed_proj_dim": 64,
}  # fmt: skip
_DEPTH = {
    "num_hidden_layers": 4, "n_layer": 4, "n_layers": 4, "num_layers": 4, "decoder_layers": 4, "encoder_layers": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "decoder_attention_heads": 4,
    "encoder_attention_heads": 4, "num_key_value_heads": 2, "num_kv_heads": 2, "head_dim": 16,
}  # fmt: skip
_REST = {
    "vocab_size": 404, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0,
    "max_position_embeddings": 512, "n_positions": 512, "max_seq_len": 512,
    "max_encoder_position_embeddings": 512, "max_decoder_position_embeddings": 512,
    "initializer_range": 0.15, "init_std": 0.15, "initializer_factor": 0.6,
    "hidden_dropout": 0.0, "attention_dropout": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
    "dropout": 0.0, "dropout_rate": 0.0, "activation_dropout": 0.0,
}  # fmt: skip
_MOE = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 48, "n_group": 1, "topk_group": 1, "n_shared_experts": 1,
    "shared_expert_intermediate_size": 48, "first_k_dense_replace": 1, "expert_layer_period": 2,
    "expert_layer_offset": 1, "attn_layer_period": 2, "attn_layer_offset": 1, "moe_num_experts": 4, "moe_k": 2,
    "moe_topk": 2,
}  # fmt: skip
_MLA = {
    "q_lora_rank": 32, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "num_key_value_heads": 4, "head_dim": None,
}  # fmt: skip
_MAMBA = {
    "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_n_groups": 1, "mamba_expand": 2,
    "mamba_num_heads": 8, "mamba_head_dim": 16, "ssm_state_size": 16, "n_groups": 1, "state_size": 16,
    "num_heads": 8, "mamba_dt_rank": 4, "time_step_rank": 4, "conv_kernel": 4, "chunk_size": 16,
    "mamba_chunk_size": 16, "mamba_d_conv": 4, "expand": 2,
}  # fmt: skip
_DELTA = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
}  # fmt: skip
_WINDOW = {"sliding_window": 16}
_INDEX = {"index_topk": 16, "index_n_heads": 4, "index_head_dim": 16}
_YARN = {
    "rope_parameters": {
        "rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 48,
    },
}  # fmt: skip
_DYNAMIC = {
    "max_position_embeddings": 48,
    "rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0},
}
_LLAMA3 = {
    "rope_parameters": {
        "rope_type": "llama3", "factor": 8.0, "rope_theta": 10000.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 48,
    },
}  # fmt: skip


def _longrope(half: int) -> dict[str, Any]:
    """Two sets of rotary frequencies, told apart by the length of the longest row; `half` is half the rotated width."""
    return {
        "original_max_position_embeddings": 48,
        "rope_parameters": {
            "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * half, "long_factor": [4.0] * half,
            "original_max_position_embeddings": 48,
        },
    }  # fmt: skip


_ATTEND = ["linear_attention", "full_attention"] * 2

KOREAN_FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "exaone4": _WINDOW | {"sliding_window_pattern": 2},
    "exaone_moe": _WINDOW | _MOE | {"sliding_window_pattern": 2},
    "solar_open": _MOE,
    "axk1": _MOE | _MLA,
    "axk2": _MOE | _MLA,
    "hyperclovax": {},
}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    **KOREAN_FAMILIES,
    "llama": {}, "qwen2": {}, "qwen3": {}, "phi": {}, "granite": {}, "smollm3": {}, "gpt2": {}, "opt": {},
    "gptj": {"rotary_dim": 8}, "gpt_neox": {}, "bloom": {}, "mpt": {}, "starcoder2": {}, "stablelm": {},
    "falcon": {"new_decoder_architecture": False, "multi_query": True},
    "mistral+window": _WINDOW, "phi3+window": _WINDOW, "cohere2": _WINDOW, "olmo3": _WINDOW,
    "gemma2": _WINDOW | {"query_pre_attn_scalar": 16}, "gemma3_text": _WINDOW | {"query_pre_attn_scalar": 16},
    "gpt_oss": _WINDOW | _MOE, "mixtral": _MOE, "qwen3_moe": _MOE, "qwen2_moe": _MOE, "phimoe": _MOE,
    "glm4_moe": _MOE, "llama4_text": _MOE | {"attention_chunk_size": 16, "intermediate_size_mlp": 96},
    "deepseek_v2": _MOE | _MLA, "deepseek_v3": _MOE | _MLA,
    "deepseek_v32": _MOE | _MLA | _INDEX,
    "mamba": _MAMBA, "mamba2": _MAMBA | {"head_dim": 16}, "falcon_mamba": _MAMBA,
    "jamba": _MAMBA | _MOE | {"use_mamba_kernels": False}, "bamba": _MAMBA | {"attn_layer_indices": [1, 3]},
    "granitemoehybrid": _MAMBA | _MOE | {
        "layer_types": ["mamba", "attention"] * 2, "shared_intermediate_size": 48,
    },
    "falcon_h1": _MAMBA | {"mamba_d_ssm": 128},
    "zamba2": _MAMBA | {
        "num_mem_blocks": 1, "layers_block_type": ["linear_attention", "hybrid"] * 2, "hybrid_layer_ids": [1, 3],
        "use_mem_rope": True, "mamba_ngroups": 1, "n_mamba_heads": 8, "mamba_headdim": 16,
    },
    "nemotron_h": _MAMBA | {
        "layers_block_type": ["mamba", "attention", "mlp", "mamba"], "hybrid_override_pattern": "M*-M",
    },
    "qwen3_next": _DELTA | _MOE | {"layer_types": _ATTEND, "mlp_only_layers": [0, 1, 2, 3]},
    "qwen3_5_text": _DELTA | {"layer_types": _ATTEND},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "recurrent_gemma": {"lru_width": 64, "attention_window_size": 16, "num_hidden_layers": 3},
    "rwkv": {"attention_hidden_size": 64},
    "minimax": _MOE | {"layer_types": _ATTEND, "block_size": 16},
    "llama+dynamic": _DYNAMIC, "llama+yarn": _YARN, "llama+longrope": _longrope(8),
    "phi3+longrope": _longrope(8) | {"sliding_window": None}, "mistral+longrope": _WINDOW | _longrope(8),
    "minicpm3+longrope": _MLA | _longrope(4), "qwen2+dynamic": _DYNAMIC, "hyperclovax+dynamic": _DYNAMIC,
    "exaone4+dynamic": _WINDOW | {"sliding_window_pattern": 2} | _DYNAMIC,
    "exaone4+llama3": _WINDOW | {"sliding_window_pattern": 2} | _LLAMA3,
    "exaone_moe+yarn": _WINDOW | _MOE | {"sliding_window_pattern": 2} | _YARN, "solar_open+yarn": _MOE | _YARN,
    "axk1+yarn": _MOE | _MLA | _YARN, "axk2+index": _MOE | _MLA | _INDEX, "axk2+index+yarn": _MOE | _MLA | _INDEX | _YARN,
    "deepseek_v32+yarn": _MOE | _MLA | _INDEX | _YARN, "glm_moe_dsa": _MOE | _MLA | _INDEX,
    "qwen2+window": _WINDOW | {"use_sliding_window": True, "max_window_layers": 2}, "mixtral+window": _MOE | _WINDOW,
    "falcon+new": {"new_decoder_architecture": True}, "smollm3+nope": {"no_rope_layer_interval": 2},
    "gemma2+capped": _WINDOW | {
        "query_pre_attn_scalar": 16, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0,
    },
    "apertus": {}, "arcee": {}, "biogpt": {}, "bitnet": {}, "codegen": {"rotary_dim": 8}, "cohere": {}, "ctrl": {},
    "diffllama": {}, "doge": _MOE, "ernie4_5": {}, "gemma": {}, "glm": {}, "glm4": {}, "gpt_bigcode": {},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "window_size": 16}, "gpt_neox_japanese": {},
    "helium": {}, "hunyuan_v1_dense": {}, "internlm3": {}, "jais2": {}, "minicpm3": _MLA, "nanochat": {},
    "nemotron": {}, "olmo": {}, "olmo2": {}, "openai-gpt": {}, "persimmon": {}, "seed_oss": {}, "xglm": {},
    "youtu": _MOE | _MLA, "cwm": _WINDOW, "granite_swa": _WINDOW, "ministral": _WINDOW, "ministral3": _WINDOW,
    "modernbert-decoder": {}, "vaultgemma": _WINDOW,
    "afmoe": _MOE | _WINDOW, "cohere2_moe": _MOE | _WINDOW, "dots1": _MOE, "ernie4_5_moe": _MOE, "flex_olmo": _MOE,
    "glm4_moe_lite": _MOE | _MLA, "granitemoe": _MOE, "granitemoeshared": _MOE, "hunyuan_v1_moe": _MOE, "hy_v3": _MOE,
    "jetmoe": _MOE, "longcat_flash": _MOE | _MLA | {
        "head_dim": 8, "zero_expert_num": 2, "expert_ffn_hidden_size": 48, "ffn_hidden_size": 96, "num_layers": 2,
    },
    "mimo_v2_flash": _MOE | _WINDOW, "minimax_m2": _MOE, "olmoe": _MOE,
    "lfm2_moe": _MOE | {"layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1}, "lfm3": {},
    "olmo_hybrid": _DELTA | _MOE, "qwen3_5_moe_text": _DELTA | _MOE,
    "t5": {"num_layers": 2, "num_decoder_layers": 2}, "mt5": {"num_layers": 2, "num_decoder_layers": 2},
    "bart": {"decoder_layers": 2}, "mbart": {"decoder_layers": 2}, "pegasus": {"decoder_layers": 2},
    "umt5": {"num_layers": 2, "num_decoder_layers": 2}, "led": {"decoder_layers": 2, "attention_window": 16},
    "longt5": {"num_layers": 2, "num_decoder_layers": 2, "local_radius": 15, "global_block_size": 8},
    "switch_transformers": {"num_layers": 2, "num_decoder_layers": 2, "num_experts": 4},
    "m2m_100": {"decoder_layers": 2}, "marian": {"decoder_layers": 2}, "plbart": {"decoder_layers": 2},
    "blenderbot": {"decoder_layers": 2}, "blenderbot-small": {"decoder_layers": 2}, "mvp": {"decoder_layers": 2},
    "nllb-moe": {"decoder_layers": 2, "num_experts": 4}, "pegasus_x": {"decoder_layers": 2, "block_size": 16},
    "bigbird_pegasus": {"decoder_layers": 2, "block_size": 8, "num_random_blocks": 1},
}  # fmt: skip
"""Family (and variant) -> what its config needs besides the common sizes."""

SEQ2SEQ = frozenset(
    {
        "t5", "mt5", "umt5", "longt5", "switch_transformers", "bart", "mbart", "pegasus", "pegasus_x", "bigbird_pegasus",
        "led", "m2m_100", "marian", "plbart", "blenderbot", "blenderbot-small", "mvp", "nllb-moe",
    }
)  # fmt: skip


def _accepted(config_class: type) -> set[str]:
    names: set[str] = set()
    for kind in config_class.__mro__[:-1]:
        names |= set(getattr(kind, "__annotations__", {})) | set(inspect.signature(kind.__init__).parameters)
    return {name for name in names if not name.startswith("_")}


def config(name: str, **changes: Any) -> Any:
    """Config of a family at tiny size, with `changes`."""
    kind = CONFIG_MAPPING[name.split("+", maxsplit=1)[0]]
    wanted = {**_WIDTH, **_DEPTH, **_REST, **FAMILIES.get(name, {}), **changes}
    accepted = _accepted(kind)
    made = kind(**{key: value for key, value in wanted.items() if key in accepted and value is not None})
    if made.is_encoder_decoder:
        made.decoder_start_token_id = 0
    return made


def build(name: str, *, seed: int = 0, **changes: Any) -> Any:
    """A random model of a family in fp32, with weights large enough that a wrong mask shows."""
    torch.manual_seed(seed)
    family = AutoModelForSeq2SeqLM if name.split("+", maxsplit=1)[0] in SEQ2SEQ else AutoModelForCausalLM
    model = family.from_config(config(name, **changes)).eval().float()
    transformers.utils.logging.disable_progress_bar()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1 and float(weight.std()) < 0.05:
                torch.nn.init.normal_(weight, 0.0, 0.15)
    return model


def save(name: str, folder: Path, *, seed: int = 0, template: str | None = None, **changes: Any) -> Path:
    """Save a tiny model with its tokenizer under `folder/name`; returns that folder."""
    target = folder / name.replace("+", "-")
    build(name, seed=seed, **changes).save_pretrained(target)
    tokenizer(template=template).save_pretrained(target)
    return target
