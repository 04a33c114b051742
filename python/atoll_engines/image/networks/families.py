"""ResNet, EfficientNet, ConvNeXt and ViT as the transformers library writes them, from given weights or from random numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from atoll_engines.errors import BadInput

# Sizes by name: what each adds to its library's configuration.
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "image_resnet": {
        "10": {"depths": [1, 1, 1, 1], "hidden_sizes": [32, 64, 128, 256], "embedding_size": 32, "layer_type": "basic"},
        "18": {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
        "34": {"depths": [3, 4, 6, 3], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
        "50": {"depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048], "layer_type": "bottleneck"},
    },
    "image_efficientnet": {
        "tiny": {"width_coefficient": 0.35, "depth_coefficient": 0.5, "hidden_dim": 448},
        "b0": {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280},
        "b1": {"width_coefficient": 1.0, "depth_coefficient": 1.1, "hidden_dim": 1280},
        "b2": {"width_coefficient": 1.1, "depth_coefficient": 1.2, "hidden_dim": 1408},
    },
    "image_convnext": {
        "femto": {"depths": [2, 2, 6, 2], "hidden_sizes": [48, 96, 192, 384]},
        "atto": {"depths": [2, 2, 6, 2], "hidden_sizes": [40, 80, 160, 320]},
        "pico": {"depths": [2, 2, 6, 2], "hidden_sizes": [64, 128, 256, 512]},
        "nano": {"depths": [2, 2, 8, 2], "hidden_sizes": [80, 160, 320, 640]},
        "tiny": {"depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]},
    },
    "image_vit": {
        "micro": {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 192},
        "tiny": {"hidden_size": 192, "num_hidden_layers": 12, "num_attention_heads": 3, "intermediate_size": 768},
        "small": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536},
        "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    },
}
USUAL_SIZE = {"image_resnet": "18", "image_efficientnet": "b0", "image_convnext": "atto", "image_vit": "tiny"}
TYPES = {
    "image_resnet": ("resnet",), "image_efficientnet": ("efficientnet",), "image_convnext": ("convnext", "convnextv2"),
    "image_vit": ("vit", "deit"),
}  # fmt: skip


def new_config(algorithm: str, size_name: str, side: int, channels: int) -> dict[str, Any]:
    """The configuration of a network of a named size, for images of a side."""
    sizes = SIZES[algorithm]
    if size_name not in sizes:
        raise BadInput(f'There is no size "{size_name}" of {algorithm}; there are: {", ".join(sizes)}.', parameter="size")
    config: dict[str, Any] = {"model_type": TYPES[algorithm][0], "num_channels": channels} | sizes[size_name]
    if algorithm == "image_efficientnet":
        config["image_size"] = side
    elif algorithm == "image_vit":
        config |= {"image_size": side, "patch_size": patch_of(side)}
    elif algorithm == "image_convnext":
        # Small images would be gone after four halvings.
        config["patch_size"] = 4 if side >= 96 else 2 if side >= 48 else 1
    return config


def patch_of(side: int) -> int:
    """A patch that divides the side into about 14 x 14 parts, at most 16 pixels."""
    fitting = [patch for patch in range(2, 17) if side % patch == 0]
    if not fitting:
        raise BadInput(f"imageSize {side} cannot be divided into patches; choose a multiple of 4, 8 or 16.", parameter="imageSize")
    return min(fitting, key=lambda patch: abs(side / patch - 14))


def read_config(folder: Path, algorithm: str) -> dict[str, Any]:
    """The configuration of given weights; refused where they are of another family."""
    for needed in ("config.json",):
        if not (folder / needed).is_file():
            raise BadInput(f'The weights have no file "{needed}".', file=needed)
    if not list(folder.glob("*.safetensors")):
        other = sorted(path.name for path in folder.glob("*.bin"))
        held = f" ({other[0]} is a pickle, which could run code)" if other else ""
        raise BadInput(f"The weights have no safetensors file{held}. Convert them to model.safetensors.", file="model.safetensors")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"config.json of the weights is not valid JSON: {error}.", file="config.json") from error
    kind = config.get("model_type")
    if kind not in TYPES[algorithm]:
        fitting = next((name for name, kinds in TYPES.items() if kind in kinds), None)
        help = f" Choose {fitting}." if fitting else ""
        raise BadInput(f'The weights are of the kind "{kind}", which {algorithm} is not.{help}', file="config.json", kind=kind)
    return config


class FamilyBackbone(nn.Module):
    """A library's network without its head, and its embedding."""

    def __init__(self, config: dict[str, Any], weights: Path | None = None) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        self.settings = {
            name: value for name, value in config.items() if name not in ("id2label", "label2id", "architectures", "torch_dtype", "dtype")
        }
        kind = config["model_type"]
        more = {"add_pooling_layer": False} if kind in ("vit", "deit") else {}
        if weights is not None:
            try:
                self.network = AutoModel.from_pretrained(
                    weights,
                    local_files_only=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    attn_implementation=attention(kind),
                    **more,
                ).float()
            except (ValueError, OSError, KeyError, RuntimeError) as error:
                raise BadInput(
                    f"The weights could not be read: {(str(error).splitlines() or [''])[0][:300]}", file="config.json"
                ) from error
        else:
            made = AutoConfig.for_model(**self.settings)
            self.network = AutoModel.from_config(made, attn_implementation=attention(kind), **more)
        self.kind = kind
        self.width = width_of(self.network.config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answered = self.network(pixel_values=x)
        if self.kind in ("vit", "deit"):
            return answered.last_hidden_state[:, 0]
        return answered.pooler_output.flatten(1)

    def blocks(self) -> list[nn.Module]:
        network = self.network
        first = network.embedder if hasattr(network, "embedder") else network.embeddings
        encoder = network.encoder if hasattr(network, "encoder") else network
        for name in ("stages", "blocks", "layer", "layers"):
            parts = getattr(encoder, name, None)
            if isinstance(parts, nn.ModuleList):
                return [first, *parts]
        return [first, encoder]


def attention(kind: str) -> str:
    return "sdpa" if kind in ("vit", "deit") else "eager"


def width_of(config: Any) -> int:
    if config.model_type in ("vit", "deit"):
        return int(config.hidden_size)
    if config.model_type == "efficientnet":
        return int(config.hidden_dim)
    return int(config.hidden_sizes[-1])
