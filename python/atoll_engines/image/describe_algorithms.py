"""The algorithms as the platform shows them: `python -m atoll_engines.image.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.image.algorithms import ALGORITHMS, PROMISE
from atoll_engines.image.detection.part import Detection
from atoll_engines.image.segmentation.part import Segmentation

ABOUT = {
    "image_linear": "Images shrunk to 12 x 12 and one weight for each pixel. What every network has to beat.",
    "image_cnn": "A small residual network learned from the start. Good for small images and for a processor.",
    "image_resnet": "Residual networks of 10 to 50 layers. Fine-tuned from given weights, or learned from the start.",
    "image_efficientnet": "Depth-wise convolutions in balanced sizes: much quality for few weights.",
    "image_convnext": "Convolutions built like a transformer. Strong on a GPU, and with given weights.",
    "image_vit": "A transformer over patches. Wants given weights or many images.",
    "image_centernet": "Finds the centre of each object and how far it reaches. Learns from the start, from a few hundred images.",
    "image_detr": "A transformer whose queries each find one object. Fine-tuned from given weights, or small from the start.",
    "image_unet": "Joins what it saw at each size. Learns from the start, from a few hundred images.",
    "image_segformer": "A transformer over several sizes. Fine-tuned from given weights, or small from the start.",
}


def describe() -> dict[str, Any]:
    """Every algorithm for images, the linear baseline first."""
    promising = (*PROMISE, *Detection.promise, *Segmentation.promise)
    return {
        "algorithms": [
            {
                "name": one.name,
                "title": one.title,
                "family": "image",
                "runtime": "deep",
                "needs": ["image"],
                "auto": one.name in promising,
                "tasks": list(one.tasks),
                "about": ABOUT[one.name],
                "space": one.space,
                "served": "onnx",
            }
            for one in (*ALGORITHMS, *Detection.algorithms, *Segmentation.algorithms)
        ]
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
