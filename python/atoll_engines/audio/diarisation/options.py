"""What a training of diarisation may be told beside what every training of sounds knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.audio.options import AudioOptions, read_options
from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import number, whole

OWN = ("turnsColumn", "window", "step", "collar", "speakers", "threshold", "conversations", "localSpeakers")


@dataclass(frozen=True)
class DiarisationOptions:
    """Options with defaults; None leaves a value to the data."""

    audio: AudioOptions
    turns_column: str | None
    window: float
    step: float
    collar: float
    # The number of speakers where it is known, and the threshold where it is not to be searched for.
    speakers: int | None
    threshold: float | None
    # How many conversations are made of recordings of one speaker each.
    conversations: int
    # Names of speakers mean somebody within their recording alone.
    local_speakers: bool


def read_diarisation_options(options: dict[str, Any]) -> DiarisationOptions:
    audio = read_options(options, OWN)

    def optional(name: str, read: Any, usual: Any) -> Any:
        return usual if options.get(name) is None else read(name, options[name])

    local = options.get("localSpeakers", False)
    if not isinstance(local, bool):
        raise BadInput(f"localSpeakers is {local!r}; it must be true or false.", parameter="localSpeakers")
    window = optional("window", number(0.4, 10), 1.5)
    step = optional("step", number(0.05, 10), window / 3)
    if step > window:
        raise BadInput(f"step is {step:g} s; it must not be longer than the window of {window:g} s.", parameter="step")
    return DiarisationOptions(
        audio=audio,
        turns_column=options.get("turnsColumn"),
        window=window,
        step=step,
        collar=optional("collar", number(0, 2), 0.0),
        speakers=optional("speakers", whole(1, 100), None),
        threshold=optional("threshold", number(0, 2), None),
        conversations=optional("conversations", whole(2, 500), 16),
        local_speakers=local,
    )
