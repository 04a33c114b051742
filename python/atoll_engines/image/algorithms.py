"""The algorithms for images, by name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.image.model import ImageModel
from atoll_engines.image.networks.families import SIZES
from atoll_engines.image.setting import ImageSetting
from atoll_engines.tabular.algorithms.baseline import ALGORITHMS as BASELINE
from atoll_engines.tabular.algorithms.model import Algorithm, Setting, of_a_job

TASKS = ("binary", "multiclass", "multilabel")
RATE = {"learning_rate": {"float": [3e-4, 1e-2], "log": True}}
DECAY = {"weight_decay": {"float": [1e-4, 0.3], "log": True}}
FINE = {
    "epochs": 20, "batch_size": 64, "learning_rate": 1e-3, "weight_decay": 0.05, "warmup": 0.1, "label_smoothing": 0.1, "dropout": 0.1,
    "keep": "last",
}  # fmt: skip


ALGORITHMS = (
    Algorithm(
        "image_linear", "Coarse pixels and a linear model", TASKS, "image", of_a_job,
        defaults={"epochs": 15, "batch_size": 256, "learning_rate": 3e-3, "weight_decay": 1e-3, "keep": "last", "clip_norm": None},
        runtime="deep",
    ),
    Algorithm(
        "image_cnn", "Small convolutional network", TASKS, "image", of_a_job,
        defaults={
            "epochs": 10, "batch_size": 128, "learning_rate": 6e-3, "weight_decay": 0.02, "schedule": "one_cycle", "label_smoothing": 0.05,
            "dropout": 0.1, "width": 24, "blocks": 1, "keep": "last",
        },
        space=RATE | DECAY | {"width": {"choice": [16, 24, 32, 48]}, "dropout": {"float": [0.0, 0.4]}, "epochs": {"int": [6, 20]}},
        runtime="deep",
    ),
    Algorithm(
        "image_resnet", "ResNet", TASKS, "image", of_a_job,
        defaults=FINE | {"size": "18"}, space=RATE | DECAY | {"size": {"choice": ["10", "18", "34"]}}, runtime="deep",
    ),
    Algorithm(
        "image_efficientnet", "EfficientNet", TASKS, "image", of_a_job,
        defaults=FINE | {"size": "b0", "weight_decay": 0.01}, space=RATE | DECAY, runtime="deep",
    ),
    Algorithm(
        "image_convnext", "ConvNeXt", TASKS, "image", of_a_job,
        defaults=FINE | {"size": "atto"}, space=RATE | DECAY | {"size": {"choice": ["atto", "femto", "pico"]}}, runtime="deep",
    ),
    Algorithm(
        "image_vit", "Vision transformer", TASKS, "image", of_a_job,
        defaults=FINE | {"size": "tiny", "learning_rate": 5e-4}, space=RATE | DECAY, runtime="deep",
    ),
)  # fmt: skip
# Given weights want small steps: they are good already.
FROM_WEIGHTS = {"learning_rate": 2e-4, "epochs": 6}
BACKBONE_RATE = 0.3
# What `auto` tries, the baseline of images first.
PROMISE = ("image_linear", "image_cnn")


def chosen_algorithms(
    names: list[str], task: str, setting: ImageSetting | None, overrides: dict[str, Any], weights_kind: str | None = None
) -> list[Algorithm]:
    """The baseline, the linear model that others must beat, then those that the job asks for."""
    known = {one.name: one for one in ALGORITHMS}
    asked: list[str] = []
    for name in names or ["auto"]:
        if name == "auto":
            asked += [*PROMISE, *([weights_kind] if weights_kind else [])]
        elif name in known:
            asked.append(name)
        else:
            raise BadInput(
                f'There is no algorithm "{name}" for images. {what_exists(name, ["auto", *known], "algorithms")}', algorithm=name
            )
    ordered = list(dict.fromkeys(["image_linear", *asked] if len(set(asked)) > 1 else asked))
    return [BASELINE[0], *(built(known[name], setting, overrides) for name in ordered)]


def built(algorithm: Algorithm, setting: ImageSetting | None, overrides: dict[str, Any]) -> Algorithm:
    """The algorithm for this job: its options settled, its model made with the job's setting."""
    defaults, space = dict(algorithm.defaults), dict(algorithm.space)
    if setting is not None and setting.weights is not None and algorithm.name in SIZES:
        defaults |= FROM_WEIGHTS
        space.pop("size", None)
    if algorithm.name != "image_linear":
        for name, value in overrides.items():
            if name in defaults or name in ("mixup", "batch_size"):
                defaults[name] = value
                space.pop(name, None)
    return replace(algorithm, build=partial(of_setting, algorithm.name, setting), defaults=defaults, space=space)


def of_setting(name: str, setting: ImageSetting, params: dict[str, Any], base: Setting) -> ImageModel:
    return ImageModel(name, params, setting)
