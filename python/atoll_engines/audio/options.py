"""What a training of sounds may be told beside the parameters that every training knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.audio.augment import Augmentation, read_augmentation
from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import number, read_plan, refuse_unknown, whole

OWN = (
    "column", "sampleRate", "seconds", "mels", "augment", "freeze", "backboneRate", "refit", "size", "width", "dropout", "embedding",
    "margin", "scale", "weights", "parityRows", "speakerColumn",
)  # fmt: skip


@dataclass(frozen=True)
class AudioOptions:
    """Options with defaults; None leaves a value to the data or the algorithm."""

    column: str | None
    rate: int | None
    seconds: float | None
    mels: int | None
    # None: the usual of the algorithm.
    augmentation: Augmentation | None
    # Blocks from the input on that stay as they came; "all" learns the head alone.
    freeze: int | str
    backbone_rate: float | None
    refit: bool
    speaker_column: str | None
    # As given: the loop reads its own.
    given: dict[str, Any]

    def overrides(self) -> dict[str, Any]:
        """Parameters of an algorithm that an option fixes."""
        readers = {"width": whole(4, 1024), "dropout": number(0, 0.9), "embedding": whole(4, 1024)}
        readers |= {"margin": number(0, 1), "scale": number(1, 200)}
        found = {name: read(name, self.given[name]) for name, read in readers.items() if self.given.get(name) is not None}
        if self.given.get("size") is not None:
            found["size"] = str(self.given["size"])
        names = {
            "epochs": "epochs", "batchSize": "batch_size", "learningRate": "learning_rate", "weightDecay": "weight_decay",
            "labelSmoothing": "label_smoothing", "mixup": "mixup",
        }  # fmt: skip
        plan = read_plan(self.given)
        return found | {field: getattr(plan, field) for name, field in names.items() if self.given.get(name) is not None}


def read_options(options: dict[str, Any], more: tuple[str, ...] = ()) -> AudioOptions:
    """Read and check; an unknown name is refused, because it would silently do nothing. `more`: those that the caller reads."""
    refuse_unknown(options, [*OWN, *more], "sounds")
    read_plan(options)
    freeze = options.get("freeze") or 0
    if freeze != "all":
        freeze = whole(0, 1000)("freeze", freeze)
    refit = options.get("refit", False)
    if not isinstance(refit, bool):
        raise BadInput(f"refit is {refit!r}; it must be true or false.", parameter="refit")

    def optional(name: str, read: Any) -> Any:
        return None if options.get(name) is None else read(name, options[name])

    asked = options.get("augment")
    return AudioOptions(
        column=options.get("column"),
        rate=optional("sampleRate", whole(4000, 48000)),
        seconds=optional("seconds", number(0.3, 60)),
        mels=optional("mels", whole(16, 128)),
        augmentation=None if asked in (None, True, "auto") else read_augmentation(asked),
        freeze=freeze,
        backbone_rate=optional("backboneRate", number(0, 1)),
        refit=refit,
        speaker_column=options.get("speakerColumn"),
        given={
            name: value for name, value in options.items() if name not in more and (value is not None or name in ("clipNorm", "patience"))
        },
    )
