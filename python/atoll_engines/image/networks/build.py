"""The network of an algorithm, with its parameters, for a job's images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atoll_engines.image.networks.cnn import SmallCnn
from atoll_engines.image.networks.families import USUAL_SIZE, FamilyBackbone, new_config, read_config
from atoll_engines.image.networks.linear import CoarsePixels
from atoll_engines.image.networks.network import ImageNetwork
from atoll_engines.image.setting import ImageSetting


def build_network(
    algorithm: str, params: dict[str, Any], setting: ImageSetting, mean: list[float], std: list[float], config: dict[str, Any] | None = None
) -> tuple[ImageNetwork, dict[str, Any]]:
    """The network, and what its record says of it; `config` is that of a network made before."""
    facts: dict[str, Any] = {"mean": mean, "std": std, "from": "random numbers"}
    if algorithm == "image_linear":
        backbone: Any = CoarsePixels(setting.channels, setting.size)
    elif algorithm == "image_cnn":
        width, blocks = int(params.get("width", 32)), int(params.get("blocks", 1))
        backbone = SmallCnn(setting.channels, setting.size, width, blocks, params.get("widths"), params.get("hidden"))
    else:
        weights = setting.weights if config is None else None
        if config is None:
            size = str(params.get("size") or USUAL_SIZE[algorithm])
            config = read_config(weights, algorithm) if weights else new_config(algorithm, size, setting.size, setting.channels)
        backbone = FamilyBackbone(config, weights)
        facts["config"] = backbone.settings
        if weights:
            mean, std = scale_of_weights(weights) or (mean, std)
            facts |= {"mean": mean, "std": std, "from": "given weights", "name": config.get("_name_or_path")}
    network = ImageNetwork(backbone, len(setting.classes), mean, std, float(params.get("dropout", 0.0)))
    facts |= {"parameters": sum(one.numel() for one in network.parameters()), "embedding": backbone.width}
    return network, facts


def scale_of_weights(folder: Path) -> tuple[list[float], list[float]] | None:
    """The mean and spread that given weights were trained with."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return None
    about = json.loads(path.read_text("utf-8"))
    mean, std = about.get("image_mean"), about.get("image_std")
    return (mean, std) if mean and std else None
