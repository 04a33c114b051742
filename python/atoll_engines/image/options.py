"""What a training of images may be told beside the parameters that every training knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.image.augment import Augmentation, read_augmentation
from atoll_engines.image.preprocess import FITS
from atoll_engines.neural.plan import choice, number, read_plan, refuse_unknown, whole

OWN = (
    "column", "imageSize", "channels", "fit", "augment", "freeze", "unfreezeEvery", "backboneRate", "refit", "size", "width", "blocks",
    "dropout", "weights", "parityRows",
)  # fmt: skip


@dataclass(frozen=True)
class ImageOptions:
    """Options with defaults; None leaves a value to the data or the algorithm."""

    column: str | None
    size: int | None
    channels: int | None
    fit: str
    augmentation: Augmentation
    # Blocks from the input on that stay as they came; "all" learns the head alone.
    freeze: int | str
    unfreeze_every: int
    backbone_rate: float | None
    refit: bool
    # As given: the loop reads its own.
    given: dict[str, Any]

    def overrides(self) -> dict[str, Any]:
        """Parameters of an algorithm that an option fixes."""
        readers = {"width": whole(4, 512), "blocks": whole(0, 8), "dropout": number(0, 0.9)}
        found = {name: read(name, self.given[name]) for name, read in readers.items() if self.given.get(name) is not None}
        if self.given.get("size") is not None:
            found["size"] = str(self.given["size"])
        names = {
            "epochs": "epochs", "batchSize": "batch_size", "learningRate": "learning_rate", "weightDecay": "weight_decay",
            "labelSmoothing": "label_smoothing", "mixup": "mixup",
        }  # fmt: skip
        plan = read_plan(self.given)
        return found | {field: getattr(plan, field) for name, field in names.items() if self.given.get(name) is not None}


def read_options(options: dict[str, Any]) -> ImageOptions:
    """Read and check; an unknown name is refused, because it would silently do nothing."""
    refuse_unknown(options, OWN, "images")
    read_plan(options)
    freeze = options.get("freeze") or 0
    if freeze != "all":
        freeze = whole(0, 1000)("freeze", freeze)
    channels = options.get("channels")
    if channels not in (None, 1, 3):
        raise BadInput(f"channels is {channels!r}; it must be 1 (grey) or 3 (colour).", parameter="channels")
    refit = options.get("refit", False)
    if not isinstance(refit, bool):
        raise BadInput(f"refit is {refit!r}; it must be true or false.", parameter="refit")
    rate = options.get("backboneRate")
    size = options.get("imageSize")
    return ImageOptions(
        column=options.get("column"),
        size=None if size is None else whole(8, 1024)("imageSize", size),
        channels=channels,
        fit=choice(FITS)("fit", options.get("fit") or "crop"),
        augmentation=read_augmentation(options.get("augment")),
        freeze=freeze,
        unfreeze_every=whole(0, 1000)("unfreezeEvery", options.get("unfreezeEvery") or 0),
        backbone_rate=None if rate is None else number(0, 1)("backboneRate", rate),
        refit=refit,
        given={name: value for name, value in options.items() if value is not None or name in ("clipNorm", "patience")},
    )
