"""What a training of detection or segmentation may be told beside what the loop knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.image.augment import NONE, Augmentation, read_augmentation
from atoll_engines.image.spatial.placement import FITS
from atoll_engines.neural.plan import choice, number, read_plan, refuse_unknown, whole

OWN = (
    "column", "imageSize", "channels", "fit", "augment", "freeze", "backboneRate", "width", "size", "weights", "parityRows",
    "classNames", "ignore", "queries", "nmsThreshold",
)  # fmt: skip
USUAL = Augmentation(flip="horizontal", crop=0.1, zoom=0.2, brightness=0.2, contrast=0.2, saturation=0.2)


@dataclass(frozen=True)
class SpatialOptions:
    """Options with defaults; None leaves a value to the data or the algorithm."""

    column: str | None
    size: int | None
    channels: int | None
    fit: str
    augmentation: Augmentation
    freeze: int | str
    backbone_rate: float | None
    class_names: dict[str, str]
    # Values of a mask that are neither learnt nor judged; None leaves it to the data.
    ignore: tuple[str, ...] | None
    nms: float
    given: dict[str, Any]

    def overrides(self) -> dict[str, Any]:
        """Parameters of an algorithm that an option fixes."""
        readers = {"width": whole(4, 256), "queries": whole(5, 900)}
        found = {name: read(name, self.given[name]) for name, read in readers.items() if self.given.get(name) is not None}
        if self.given.get("size") is not None:
            found["size"] = str(self.given["size"])
        names = {"epochs": "epochs", "batchSize": "batch_size", "learningRate": "learning_rate", "weightDecay": "weight_decay"}
        plan = read_plan(self.given)
        return found | {field: getattr(plan, field) for name, field in names.items() if self.given.get(name) is not None}


def read_options(options: dict[str, Any], task: str) -> SpatialOptions:
    """Read and check; an unknown name is refused, because it would silently do nothing."""
    refuse_unknown(options, OWN, f"{task}")
    read_plan(options)
    for name in ("mixup", "labelSmoothing"):
        if options.get(name):
            raise BadInput(f"{name} is of one label for an image; a {task} has many. Leave it out.", parameter=name)
    freeze = options.get("freeze") or 0
    if freeze != "all":
        freeze = whole(0, 1000)("freeze", freeze)
    channels = options.get("channels")
    if channels not in (None, 1, 3):
        raise BadInput(f"channels is {channels!r}; it must be 1 (grey) or 3 (colour).", parameter="channels")
    names = options.get("classNames") or {}
    if not isinstance(names, dict) or not all(isinstance(one, str) and one for one in names.values()):
        raise BadInput('classNames must name the values of the masks, such as {"0": "ground", "1": "road"}.', parameter="classNames")
    ignore = options.get("ignore")
    if ignore is not None and not isinstance(ignore, list):
        raise BadInput("ignore must be a list of values of the masks, such as [255].", parameter="ignore")
    size, rate = options.get("imageSize"), options.get("backboneRate")
    size = None if size is None else whole(32, 1024)("imageSize", size)
    if size is not None and size % 32:
        raise BadInput(
            f"imageSize is {size}; it must be a multiple of 32, because the network halves it five times.", parameter="imageSize"
        )
    return SpatialOptions(
        column=options.get("column"),
        size=size,
        channels=channels,
        fit=choice(FITS)("fit", options.get("fit") or "pad"),
        augmentation=read_spatial_augmentation(options.get("augment")),
        freeze=freeze,
        backbone_rate=None if rate is None else number(0, 1)("backboneRate", rate),
        class_names={str(value): name for value, name in names.items()},
        ignore=None if ignore is None else tuple(str(value) for value in ignore),
        nms=number(0.1, 1)("nmsThreshold", options.get("nmsThreshold") or 0.6),
        given={name: value for name, value in options.items() if value is not None or name in ("clipNorm", "patience")},
    )


def read_spatial_augmentation(asked: Any) -> Augmentation:
    if asked is None or asked is True or asked == "auto":
        return USUAL
    return NONE if asked is False else read_augmentation(asked)
