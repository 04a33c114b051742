"""The network of a training: weights that were given, or a small Llama from random numbers; whole, or with an adapter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput
from atoll_engines.language.options import LanguageOptions
from atoll_engines.language.tokens import Tokens, read_tokens
from atoll_engines.text.weights import refuse_incomplete, weights_folder

USUAL_LENGTH = 512
# Threads of a network smaller than this wait for each other longer than they work.
ONE_THREAD_BELOW = 4_000_000


@dataclass(frozen=True)
class Base:
    """What a training begins with. `folder` is None where it begins with nothing."""

    folder: Path | None
    tokens: Tokens
    config: dict[str, Any]

    @property
    def context(self) -> int:
        return int(self.config.get("max_position_embeddings") or USUAL_LENGTH)


class Learner(nn.Module):
    """A causal model as the loop of all networks sees it: ids in, margins of the next token out.

    Its state is what learns: of a model with an adapter the adapter alone, which is what checkpoints and the best weights hold.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.network(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits

    def learning(self) -> set[str]:
        return {name for name, one in self.named_parameters() if one.requires_grad}

    def state_dict(self, *arguments: Any, **named: Any) -> dict[str, torch.Tensor]:
        whole = super().state_dict(*arguments, **named)
        learning = self.learning()
        return {name: tensor for name, tensor in whole.items() if name in learning}

    def load_state_dict(self, state: Any, strict: bool = True, assign: bool = False) -> Any:
        missing = self.learning() - set(state)
        if strict and (missing or set(state) - self.learning()):
            raise KeyError(f"The state is of another network: {sorted(missing)[:3]}.")
        return super().load_state_dict(state, strict=False, assign=assign)


def open_base(job: Job) -> Base | None:
    """The weights that the job begins with, checked, or None."""
    folder = weights_folder(job)
    if folder is None:
        return None
    config = refuse_incomplete(folder)
    if (folder / "adapter_config.json").is_file():
        raise BadInput(
            "The weights hold an adapter (adapter_config.json) beside whole weights, so what they are is not clear. "
            "Merge it, or leave its files out.",
            file="adapter_config.json",
        )
    return Base(folder, read_tokens(folder), config)


def small_config(params: dict[str, Any], tokens: Tokens, length: int) -> dict[str, Any]:
    """A Llama (Touvron et al. 2023) small enough to learn on a processor."""
    width, heads = int(params["width"]), int(params["heads"])
    if width % heads or (width // heads) % 2:
        raise BadInput(
            f"A width of {width} cannot be divided among {heads} heads of an even size; "
            f"choose a width of {2 * heads * max(1, width // (2 * heads))}.",
            parameter="options.width",
        )
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": tokens.count, "hidden_size": width,
        "intermediate_size": 32 * -(-width * 8 // 96), "num_hidden_layers": int(params["layers"]), "num_attention_heads": heads,
        "num_key_value_heads": heads, "head_dim": width // heads, "max_position_embeddings": length, "tie_word_embeddings": True,
        "rms_norm_eps": 1e-5, "bos_token_id": tokens.begin, "eos_token_id": tokens.ends[0], "pad_token_id": tokens.pad,
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "rope_parameters": {"rope_theta": 10_000.0, "rope_type": "default"},
    }  # fmt: skip


def load_network(base: Base, seed: int) -> nn.Module:
    """The network with its weights, in float32; from random numbers where there are none."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    if base.folder is None:
        config = AutoConfig.for_model(**base.config)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    try:
        network = AutoModelForCausalLM.from_pretrained(
            base.folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise BadInput(
            f"The weights could not be read as a causal language model: {str(error).splitlines()[0][:300]}.", file="config.json"
        ) from error
    if network.get_input_embeddings().num_embeddings < base.tokens.count:
        raise BadInput(
            f"The tokenizer has {base.tokens.count} tokens, the weights have {network.get_input_embeddings().num_embeddings}: "
            "they are not of the same model.",
            file="tokenizer.json",
        )  # fmt: skip
    return network


def adapted(network: nn.Module, params: dict[str, Any], options: LanguageOptions, seed: int) -> nn.Module:
    """The network with a low-rank adapter (Hu et al. 2021) in its linear layers; nothing else of it learns."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    targets = options.targets if isinstance(options.targets, str) else list(options.targets)
    config = LoraConfig(
        r=int(params["rank"]), lora_alpha=float(params["alpha"]), lora_dropout=float(params["adapter_dropout"]), target_modules=targets,
        task_type="CAUSAL_LM", bias="none",
    )  # fmt: skip
    try:
        return get_peft_model(network, config)
    except ValueError as error:
        raise BadInput(f"The adapter fits no layer: {str(error).splitlines()[0][:200]}.", parameter="options.targets") from error


def merged(network: nn.Module) -> nn.Module:
    """The network with its adapter added to its weights."""
    return network.merge_and_unload() if hasattr(network, "merge_and_unload") else network


def save_network(network: nn.Module, tokens: Tokens, folder: Path) -> None:
    """A folder that the transformers library reads as it is: one safetensors file, settings, tokenizer, template."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = network.state_dict()
    if network.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(
        {name: one.detach().cpu().contiguous().clone() for name, one in state.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    config = network.config.to_dict()
    config["architectures"] = [type(network).__name__]
    write(folder / "config.json", {name: value for name, value in config.items() if not name.startswith("_")})
    ends = list(tokens.ends)
    write(
        folder / "generation_config.json",
        {"bos_token_id": tokens.begin, "eos_token_id": ends if len(ends) > 1 else ends[0], "pad_token_id": tokens.pad},
    )
    tokens.save(folder)


def save_adapter(network: nn.Module, folder: Path) -> dict[str, Any]:
    """The adapter by itself; what it is in words.

    Not under the names that peft gives it: libraries that find those beside merged weights would add the adapter a second time.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    state = get_peft_model_state_dict(network)
    save_file({name: one.detach().cpu().contiguous().clone() for name, one in state.items()}, folder / "lora.safetensors")
    config = network.peft_config["default"].to_dict()
    write(folder / "lora.json", {name: list(value) if isinstance(value, set) else value for name, value in config.items()})
    return {"parameters": int(sum(one.numel() for one in state.values())), "targets": sorted(map(str, config["target_modules"]))}


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True, default=str), "utf-8")


def use_threads(network: nn.Module, threads: int) -> int:
    """As many threads as the network has work for."""
    fitting = 1 if parameters_of(network) < ONE_THREAD_BELOW else threads
    torch.set_num_threads(fitting)
    return fitting


def parameters_of(network: nn.Module) -> int:
    return int(sum(one.numel() for one in network.parameters()))
