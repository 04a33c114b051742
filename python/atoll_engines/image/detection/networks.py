"""Networks that find objects: centre points over a small pyramid, and transformers with queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from atoll_engines.errors import BadInput
from atoll_engines.image.networks.cnn import ConvNorm
from atoll_engines.image.spatial.encoder import Encoder, Pyramid
from atoll_engines.image.spatial.model import SpatialNetwork
from atoll_engines.neural.initialise import initialise

STRIDE = 4
MOST_FOUND = 100
# Of a fresh network every place is held to be empty (Lin et al. 2017).
PRIOR = -4.6


class CentreNet(SpatialNetwork):
    """A map of centres for each class, and at each place how far the box reaches (Zhou et al. 2019; Liu et al. 2020)."""

    def __init__(self, channels: int, size: int, classes: int, width: int) -> None:
        super().__init__()
        self.size, self.classes = size, classes
        self.backbone = Encoder(channels, width)
        inner = 2 * width
        self.pyramid = Pyramid(self.backbone.widths, inner, stop=1)
        self.centre = nn.Sequential(ConvNorm(inner, inner), nn.Conv2d(inner, classes, 1))
        self.reach = nn.Sequential(ConvNorm(inner, inner), nn.Conv2d(inner, 4, 1))
        initialise(self)
        nn.init.constant_(self.centre[-1].bias, PRIOR)
        nn.init.normal_(self.centre[-1].weight, std=0.01)
        nn.init.normal_(self.reach[-1].weight, std=0.01)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Margins of centres [N, C, H, W] and boxes [N, 4, H, W] in pixels of the square."""
        found = self.pyramid(self.backbone(self.normalised(pixels)))
        reach = functional.softplus(self.reach(found).float()) * 4 * STRIDE
        height, width = reach.shape[2:]
        y = (torch.arange(height, device=reach.device).float() + 0.5).reshape(1, -1, 1) * STRIDE
        x = (torch.arange(width, device=reach.device).float() + 0.5).reshape(1, 1, -1) * STRIDE
        boxes = torch.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], 1)
        return self.centre(found).float(), boxes

    def served(self, raw: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The highest peaks: a place counts if no neighbour is higher."""
        margins, boxes = raw
        heat = torch.sigmoid(margins)
        peaks = heat * (functional.max_pool2d(heat, 3, 1, 1) == heat)
        cells = heat.shape[2] * heat.shape[3]
        count = min(MOST_FOUND, cells * self.classes)
        score, place = torch.topk(peaks.flatten(1), count)
        cell = place % cells
        box = boxes.flatten(2).transpose(1, 2).gather(1, cell.unsqueeze(-1).expand(-1, -1, 4))
        kind = torch.div(place, cells, rounding_mode="floor").float()
        return torch.cat([kind.unsqueeze(-1), score.unsqueeze(-1), box], 2).flatten(1)


# Kinds of given weights, and whether their last class means "nothing here".
QUERY_KINDS = {
    "rt_detr": False, "rt_detr_v2": False, "d_fine": False, "deformable_detr": False, "conditional_detr": False,
    "detr": True, "yolos": True,
}  # fmt: skip
QUERY_SIZES: dict[str, dict[str, Any]] = {
    "small": {"d_model": 96, "layers": 3, "width": 32},
    "medium": {"d_model": 128, "layers": 4, "width": 48},
    "large": {"d_model": 256, "layers": 6, "width": 64},
}


class QueryNet(SpatialNetwork):
    """A transformer whose queries each find one object (Carion et al. 2020), as the transformers library writes it."""

    def __init__(self, config: dict[str, Any], classes: int, size: int, weights: Path | None = None) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModelForObjectDetection

        self.size, self.classes = size, classes
        labels = {"id2label": {k: str(k) for k in range(classes)}, "label2id": {str(k): k for k in range(classes)}}
        if weights is not None:
            try:
                self.network = AutoModelForObjectDetection.from_pretrained(
                    weights, local_files_only=True, use_safetensors=True, trust_remote_code=False,
                    ignore_mismatched_sizes=True, **labels,
                ).float()  # fmt: skip
            except (ValueError, OSError, KeyError, RuntimeError, ImportError) as error:
                raise BadInput(
                    f"The weights could not be read: {(str(error).splitlines() or [''])[0][:300]}", file="config.json"
                ) from error
        else:
            self.network = AutoModelForObjectDetection.from_config(AutoConfig.for_model(**config | labels))
            # The library draws weights for networks that go on from given ones: from the start they would let nothing through.
            for layer in self.network.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        self.settings = {name: value for name, value in self.network.config.to_dict().items() if name not in labels}
        self.has_nothing = QUERY_KINDS[self.network.config.model_type]

    @property
    def backbone(self) -> nn.Module:
        inner = getattr(self.network, "model", None) or self.network.vit
        return getattr(inner, "backbone", inner)

    def forward(self, pixels: torch.Tensor, labels: list[dict[str, torch.Tensor]] | None = None) -> Any:
        return self.network(pixel_values=self.normalised(pixels), labels=labels)

    def served(self, raw: Any) -> torch.Tensor:
        """The queries and classes with the highest scores."""
        logits = raw.logits.float()
        chances = torch.softmax(logits, -1)[..., :-1] if self.has_nothing else torch.sigmoid(logits)
        count = min(MOST_FOUND, chances.shape[1] * self.classes)
        score, place = torch.topk(chances.flatten(1), count)
        query = torch.div(place, self.classes, rounding_mode="floor")
        kind = (place % self.classes).float()
        x, y, w, h = raw.pred_boxes.float().unbind(-1)
        corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * self.size
        box = corners.gather(1, query.unsqueeze(-1).expand(-1, -1, 4))
        return torch.cat([kind.unsqueeze(-1), score.unsqueeze(-1), box], 2).flatten(1)


def new_query_config(size_name: str, channels: int, size: int, queries: int) -> dict[str, Any]:
    """RT-DETR (Zhao et al. 2024), small: queries begin at the likeliest places, and noisy boxes teach beside them."""
    if size_name not in QUERY_SIZES:
        raise BadInput(f'There is no size "{size_name}" of image_detr; there are: {", ".join(QUERY_SIZES)}.', parameter="size")
    about = QUERY_SIZES[size_name]
    width, inner = about["width"], about["d_model"]
    cells = sum((size // stride) ** 2 for stride in (8, 16, 32))
    return {
        "model_type": "rt_detr",
        "backbone_config": {
            "model_type": "rt_detr_resnet", "num_channels": channels, "embedding_size": width, "layer_type": "basic",
            "hidden_sizes": [width, 2 * width, 4 * width, 6 * width], "depths": [1, 1, 1, 1],
            "out_features": ["stage2", "stage3", "stage4"],
        },
        "freeze_backbone_batch_norms": False, "encoder_in_channels": [2 * width, 4 * width, 6 * width],
        "encoder_hidden_dim": inner, "encoder_ffn_dim": 2 * inner, "encoder_attention_heads": 4, "hidden_expansion": 0.5,
        "d_model": inner, "decoder_in_channels": [inner] * 3, "decoder_ffn_dim": 2 * inner, "decoder_layers": about["layers"],
        "decoder_attention_heads": 4, "num_queries": min(queries, cells), "num_denoising": min(queries, cells),
    }  # fmt: skip
