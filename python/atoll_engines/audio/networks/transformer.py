"""The audio spectrogram transformer as the transformers library writes it, from given weights or from random numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from atoll_engines.errors import BadInput

SIZES: dict[str, dict[str, int]] = {
    "micro": {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 192},
    "tiny": {"hidden_size": 192, "num_hidden_layers": 12, "num_attention_heads": 3, "intermediate_size": 768},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}
KIND = "audio-spectrogram-transformer"
PATCH = 16
# What the published weights were trained with.
USUAL_MEAN, USUAL_STD = -4.2677393, 4.5689974


def new_config(size: str, mels: int, frames: int) -> dict[str, Any]:
    """The configuration of a transformer of a named size over patches that do not overlap."""
    if size not in SIZES:
        raise BadInput(f'There is no size "{size}" of audio_ast; there are: {", ".join(SIZES)}.', parameter="size")
    strides = {"patch_size": PATCH, "frequency_stride": PATCH, "time_stride": PATCH}
    return {"model_type": KIND, "num_mel_bins": mels, "max_length": frames} | strides | SIZES[size]


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of given weights; refused where they are of another kind, or a pickle."""
    if not list(folder.glob("*.safetensors")):
        other = sorted(path.name for path in folder.glob("*.bin"))
        held = f" ({other[0]} is a pickle, which could run code)" if other else ""
        raise BadInput(f"The weights have no safetensors file{held}. Convert them to model.safetensors.", file="model.safetensors")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"config.json of the weights is not valid JSON: {error}.", file="config.json") from error
    if config.get("model_type") != KIND:
        raise BadInput(f'The weights are of the kind "{config.get("model_type")}", which audio_ast is not.', file="config.json")
    return config


def scale_of_weights(folder: Path) -> tuple[float, float]:
    """Mean and spread by which given weights want spectrograms normalised: the library divides by twice the spread."""
    path = folder / "preprocessor_config.json"
    about = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return float(about.get("mean", USUAL_MEAN)), 2 * float(about.get("std", USUAL_STD))


class TransformerBackbone(nn.Module):
    """The library's network without its head."""

    def __init__(self, config: dict[str, Any], frames: int, weights: Path | None = None) -> None:
        super().__init__()
        from transformers import ASTConfig, ASTModel

        left_out = ("id2label", "label2id", "architectures", "torch_dtype", "dtype", "model_type")
        self.settings = {name: value for name, value in config.items() if name not in left_out} | {"max_length": frames}
        self.network = ASTModel._from_config(ASTConfig(**self.settings), attn_implementation="sdpa")
        if weights is not None:
            self.take(ASTModel, weights)
        self.settings |= {"model_type": KIND}
        self.width = int(self.network.config.hidden_size)

    def take(self, kind: Any, weights: Path) -> None:
        """Given weights, the places of their spectrogram cut to the length of ours (Gong et al. 2021)."""
        try:
            given = kind.from_pretrained(weights, local_files_only=True, use_safetensors=True, trust_remote_code=False).float()
        except (ValueError, OSError, KeyError, RuntimeError) as error:
            raise BadInput(f"The weights could not be read: {(str(error).splitlines() or [''])[0][:300]}", file="config.json") from error
        state = given.state_dict()
        name = "embeddings.position_embeddings"
        (high, wide), (_, ours) = grid_of(given.config), grid_of(self.network.config)
        if ours > wide:
            raise BadInput(
                f"The weights hear at most {given.config.max_length / 100:.1f} s, and the job asks for longer. Set options.seconds.",
                parameter="seconds",
            )
        special, places = state[name][:, :2], state[name][:, 2:].reshape(1, high, wide, -1)
        begin = (wide - ours) // 2
        state[name] = torch.cat([special, places[:, :, begin : begin + ours].reshape(1, high * ours, -1)], 1)
        self.network.load_state_dict(state)

    def forward(self, features: torch.Tensor, is_sound: torch.Tensor) -> torch.Tensor:
        return self.network(input_values=(features * is_sound).transpose(1, 2)).pooler_output

    def blocks(self) -> list[nn.Module]:
        encoder = self.network.encoder if hasattr(self.network, "encoder") else self.network
        return [self.network.embeddings, *(getattr(encoder, "layer", None) or encoder.layers)]


def grid_of(config: Any) -> tuple[int, int]:
    """Patches by frequency and by time."""
    high = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
    return high, (config.max_length - config.patch_size) // config.time_stride + 1
