"""Networks that say of each pixel what it belongs to: a small U-Net, and SegFormer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.errors import BadInput
from atoll_engines.image.networks.cnn import ConvNorm
from atoll_engines.image.spatial.encoder import Encoder
from atoll_engines.image.spatial.model import SpatialNetwork
from atoll_engines.neural.initialise import initialise


class MaskNetwork(SpatialNetwork):
    """Margins [N, classes, h, w]; the graph says the number of the largest at each pixel of the square."""

    size: int

    def full(self, margins: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(margins.float(), size=(self.size, self.size), mode="bilinear", align_corners=False)

    def served(self, raw: torch.Tensor) -> torch.Tensor:
        return self.full(raw).argmax(1).to(torch.int32).flatten(1)


class UNet(MaskNetwork):
    """What was seen on the way down is joined on the way up (Ronneberger et al. 2015), to half the size."""

    def __init__(self, channels: int, size: int, classes: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.backbone = Encoder(channels, width)
        widths = self.backbone.widths
        self.up = nn.ModuleList(ConvNorm(coarse + fine, fine) for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.head = nn.Conv2d(widths[0], classes, 1)
        initialise(self)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found = self.backbone(self.normalised(pixels))
        x = found[-1]
        for join, fine in zip(self.up, found[-2::-1], strict=True):
            x = join(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), fine], 1))
        return self.head(x)


SEGFORMER_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_sizes": [16, 32, 64, 96], "depths": [1, 1, 1, 1], "decoder_hidden_size": 64},
    "b0": {"hidden_sizes": [32, 64, 160, 256], "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
    "b1": {"hidden_sizes": [64, 128, 320, 512], "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
}


class SegFormer(MaskNetwork):
    """Xie et al. 2021, as the transformers library writes it."""

    def __init__(self, config: dict[str, Any], classes: int, size: int, weights: Path | None = None) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModelForSemanticSegmentation

        self.size = size
        labels = {"id2label": {k: str(k) for k in range(classes)}, "label2id": {str(k): k for k in range(classes)}}
        if weights is not None:
            try:
                self.network = AutoModelForSemanticSegmentation.from_pretrained(
                    weights, local_files_only=True, use_safetensors=True, trust_remote_code=False,
                    ignore_mismatched_sizes=True, **labels,
                ).float()  # fmt: skip
            except (ValueError, OSError, KeyError, RuntimeError) as error:
                raise BadInput(
                    f"The weights could not be read: {(str(error).splitlines() or [''])[0][:300]}", file="config.json"
                ) from error
        else:
            self.network = AutoModelForSemanticSegmentation.from_config(AutoConfig.for_model(**config | labels))
        self.settings = {name: value for name, value in self.network.config.to_dict().items() if name not in labels}

    @property
    def backbone(self) -> nn.Module:
        return self.network.segformer

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixel_values=self.normalised(pixels)).logits


def new_segformer_config(size_name: str, channels: int) -> dict[str, Any]:
    if size_name not in SEGFORMER_SIZES:
        raise BadInput(f'There is no size "{size_name}" of image_segformer; there are: {", ".join(SEGFORMER_SIZES)}.', parameter="size")
    return {"model_type": "segformer", "num_channels": channels} | SEGFORMER_SIZES[size_name]
