"""Networks of the Llama family as GGUF: their settings and tensors under the names that readers know."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from atoll_engines.language.gguf.blocks import BLOCK, FILE_TYPES, decoded
from atoll_engines.language.gguf.file import Tensor, Value, real, whole, words, write_file
from atoll_engines.language.gguf.vocabulary import Unwritable, vocabulary
from atoll_engines.language.tokens import Tokens

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
INNER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def write_gguf(network: nn.Module, tokens: Tokens, path: Path, level: str, name: str) -> None:
    """Write the network at a level (`f32`, `f16`, `q8_0`, `q4_0`); Unwritable where the format has no place for it."""
    config = network.config.to_dict()
    values = settings(config, level, name) | vocabulary(tokens, network.get_input_embeddings().num_embeddings)
    tensors = tensors_of(network, config, level)
    factors = rope_factors(config)
    if factors is not None:
        tensors.insert(0, Tensor("rope_freqs.weight", factors.shape, "f32", lambda: factors))
    write_file(path, values, tensors)


def settings(config: dict[str, Any], level: str, name: str) -> dict[str, Value]:
    kind = config.get("model_type")
    architecture = ARCHITECTURES.get(str(kind))
    if architecture is None:
        raise Unwritable(f"Networks of the kind {kind} are not written as GGUF here; {', '.join(ARCHITECTURES)} are.")
    if config.get("hidden_act") not in (None, "silu"):
        raise Unwritable(f"The activation {config['hidden_act']} has no place in GGUF's {architecture}.")
    if kind == "llama" and config.get("mlp_bias"):
        raise Unwritable("Biases in the feed-forward layers have no place in GGUF's llama.")
    heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
    size = head_size(config)
    found = {
        "general.architecture": words(architecture),
        "general.name": words(name),
        "general.file_type": whole(FILE_TYPES[level]),
        "general.quantization_version": whole(2),
        f"{architecture}.context_length": whole(config["max_position_embeddings"]),
        f"{architecture}.embedding_length": whole(width),
        f"{architecture}.block_count": whole(config["num_hidden_layers"]),
        f"{architecture}.feed_forward_length": whole(config["intermediate_size"]),
        f"{architecture}.attention.head_count": whole(heads),
        f"{architecture}.attention.head_count_kv": whole(config.get("num_key_value_heads") or heads),
        f"{architecture}.attention.key_length": whole(size),
        f"{architecture}.attention.value_length": whole(size),
        f"{architecture}.attention.layer_norm_rms_epsilon": real(config["rms_norm_eps"]),
        f"{architecture}.rope.dimension_count": whole(size),
        f"{architecture}.rope.freq_base": real(rope(config).get("rope_theta") or config.get("rope_theta") or 10_000.0),
        f"{architecture}.vocab_size": whole(config["vocab_size"]),
    }
    scaling = rope(config)
    if scaling.get("rope_type") == "linear":
        found[f"{architecture}.rope.scaling.type"] = words("linear")
        found[f"{architecture}.rope.scaling.factor"] = real(scaling["factor"])
    elif scaling.get("rope_type") not in (None, "default", "llama3"):
        raise Unwritable(f"Positions scaled by {scaling['rope_type']} are not written as GGUF here.")
    if config.get("sliding_window") and config.get("use_sliding_window", kind == "mistral"):
        raise Unwritable("A sliding window of attention is not written as GGUF here.")
    return found


def tensors_of(network: nn.Module, config: dict[str, Any], level: str) -> list[Tensor]:
    heads = int(config["num_attention_heads"])
    shared = int(config.get("num_key_value_heads") or heads)
    made = []
    for name, tensor in network.state_dict().items():
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        target = named(name)
        turns = None
        if config["model_type"] in ("llama", "mistral"):
            turns = heads if ".q_proj." in name else shared if ".k_proj." in name else None

        def read(one: Any = tensor, turns: int | None = turns) -> np.ndarray:
            values = one.detach().cpu().float().numpy()
            return values if turns is None else interleaved(values, turns)

        made.append(Tensor(target, tuple(tensor.shape), level_of(tuple(tensor.shape), level), read))
    return made


def named(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if stem in OUTER:
        return f"{OUTER[stem]}.{kind}"
    found = re.fullmatch(r"model\.layers\.(\d+)\.(.+)", stem)
    if found and found[2] in INNER:
        return f"blk.{found[1]}.{INNER[found[2]]}.{kind}"
    raise Unwritable(f'The tensor "{name}" has no name in GGUF.')


def level_of(shape: tuple[int, ...], level: str) -> str:
    """Vectors stay as they are; rows that are no whole blocks are kept in half precision."""
    if len(shape) < 2:
        return "f32"
    return "f16" if level.startswith("q") and shape[-1] % BLOCK else level


def interleaved(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of queries and keys in the order of ggml's rotation: pairs lie side by side, not half a head apart."""
    return values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def head_size(config: dict[str, Any]) -> int:
    return int(config.get("head_dim") or int(config["hidden_size"]) // int(config["num_attention_heads"]))


def rope(config: dict[str, Any]) -> dict[str, Any]:
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


def rope_factors(config: dict[str, Any]) -> np.ndarray | None:
    """By how much each frequency is slowed down in Llama 3.1 and later."""
    said = rope(config)
    if said.get("rope_type") != "llama3":
        return None
    size = head_size(config)
    base = float(said.get("rope_theta") or config.get("rope_theta") or 10_000.0)
    low, high, old, factor = (
        float(said[name]) for name in ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings", "factor")
    )
    factors = []
    for at in range(0, size, 2):
        length = 2 * math.pi * base ** (at / size)
        smooth = (old / length - low) / (high - low)
        factors.append(1.0 if length < old / high else factor if length > old / low else 1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


def as_served(network: nn.Module, level: str) -> dict[str, Any]:
    """The network's weights as a reader of the file has them, to see what rounding does."""
    import torch

    state = network.state_dict()
    return {
        name: torch.from_numpy(decoded(one.detach().cpu().float().numpy(), level_of(tuple(one.shape), level)).copy())
        for name, one in state.items()
    }
