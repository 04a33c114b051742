"""The serving graph of an image network, and the check that it answers as the network does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from atoll_engines.image.networks.network import ImageNetwork, Served
from atoll_engines.image.setting import ImageSetting
from atoll_engines.media.export import export_checked
from atoll_engines.media.export import graph_of as graph_of_network
from atoll_engines.tabular.export import Export

if TYPE_CHECKING:
    from atoll_engines.image.pipeline import ImagePipeline

CHECKED = 256


def graph_of(network: ImageNetwork, setting: ImageSetting) -> bytes:
    """`image` uint8 [N, S, S, C] to `probabilities` and `embedding`, with any number of images."""
    sample = torch.randint(0, 256, (2, setting.size, setting.size, setting.channels), dtype=torch.uint8)
    return graph_of_network(Served(network, setting.task), sample, "image", ["probabilities", "embedding"])


def export(pipeline: ImagePipeline, images: np.ndarray, file: Path, tolerance: float, seed: int) -> Export:
    """Write the graph if it answers as the network does on training images, noise, and black and white ones."""
    random = np.random.default_rng(seed)
    chosen = images[np.sort(random.choice(len(images), min(CHECKED, len(images)), replace=False))]
    noise = random.integers(0, 256, (8, *images.shape[1:]), dtype=np.uint8)
    flat = np.stack([np.full(images.shape[1:], level, np.uint8) for level in (0, 255)])
    rows = np.concatenate([chosen, noise, flat])
    return export_checked(pipeline.model.to_onnx, rows, pipeline.predict_images, pipeline.labels, file, tolerance, "image")
