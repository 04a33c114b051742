"""Changed copies of sounds: other levels, moments and noise; spectrograms lose bands and moments (SpecAugment, Park et al. 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import torch

from atoll_engines.errors import BadInput, what_exists


@dataclass(frozen=True)
class Augmentation:
    """How far sounds may be changed."""

    # Decibels either way.
    gain: float = 6.0
    # Chance of white noise, 15 to 40 dB below the sound.
    noise: float = 0.3
    # Later or earlier by up to this share of the length that the network hears.
    shift: float = 0.1
    # Up to so much of the sound is taken off, at random from both ends.
    crop: float = 0.0
    # The widest band, and the longest moment, that the spectrogram loses, as shares of it.
    frequency_mask: float = 0.15
    time_mask: float = 0.15


NONE = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
MOST = {"gain": 40.0, "noise": 1.0, "shift": 0.9, "crop": 0.9, "frequency_mask": 0.8, "time_mask": 0.8}
OPTION_NAMES = {"frequencyMask": "frequency_mask", "timeMask": "time_mask"}


def read_augmentation(asked: Any, usual: Augmentation | None = None) -> Augmentation:
    """`true` (the usual), `false`, or an object of the changes that are wanted; those not named are not made."""
    if asked is None or asked is True or asked == "auto":
        return usual or Augmentation()
    if asked is False or asked == "none":
        return NONE
    names = [one.name for one in fields(Augmentation) if one.name not in OPTION_NAMES.values()] + list(OPTION_NAMES)
    if not isinstance(asked, dict):
        raise BadInput(f'augment is {asked!r}; it must be true, false or an object such as {{"gain": 6}}.', parameter="augment")
    values = dict.fromkeys(MOST, 0.0)
    for name, value in asked.items():
        if name not in names:
            raise BadInput(f'augment has no "{name}". {what_exists(str(name), names, "changes")}', parameter="augment")
        field = OPTION_NAMES.get(name, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST[field]:
            raise BadInput(f"augment.{name} is {value!r}; it must be a number from 0 to {MOST[field]:g}.", parameter=f"augment.{name}")
        values[field] = float(value)
    return Augmentation(**values)


def changed(sounds: torch.Tensor, plan: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """float32 [N, samples], changed in time and level; what was filled with zeros stays silent."""
    if plan == NONE:
        return sounds
    count, length = sounds.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    if plan.noise:
        level = sounds.square().mean(1, keepdim=True).sqrt() * torch.pow(10.0, -uniform(15, 40) / 20)
        is_noisy = (torch.rand(count, 1, generator=generator) < plan.noise).float()
        drawn = torch.randn(count, length, generator=generator)
        sounds = sounds + drawn * level * is_noisy * (sounds != 0)
    if plan.crop or plan.shift:
        times = torch.arange(length)[None]
        heard = length - torch.argmax((sounds != 0).flip(1).int(), 1, keepdim=True)
        kept = (heard * (1 - plan.crop * torch.rand(count, 1, generator=generator))).long().clamp(min=1)
        begin = ((heard - kept) * torch.rand(count, 1, generator=generator)).long()
        later = (plan.shift * length * uniform(-1, 1)).long()
        source = times - later + begin
        inside = (source >= begin) & (source < begin + kept)
        sounds = torch.gather(sounds, 1, source.clamp(0, length - 1)) * inside
    if plan.gain:
        sounds = sounds * torch.pow(10.0, uniform(-plan.gain, plan.gain) / 20)
    return sounds


def draw_masks(count: int, plan: Augmentation, generator: torch.Generator) -> torch.Tensor | None:
    """Where each spectrogram is emptied: [N, 4], the ends of a band and of a moment, as shares."""
    if not plan.frequency_mask and not plan.time_mask:
        return None
    wide = torch.rand(count, 2, generator=generator) * torch.tensor([plan.frequency_mask, plan.time_mask])
    begin = torch.rand(count, 2, generator=generator) * (1 - wide)
    return torch.stack([begin[:, 0], begin[:, 0] + wide[:, 0], begin[:, 1], begin[:, 1] + wide[:, 1]], 1)


def masked(features: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Normalised spectrograms with a band and a moment at the mean of all."""
    high, wide = features.shape[1:]
    band = (torch.arange(high, device=features.device) + 0.5) / high
    moment = (torch.arange(wide, device=features.device) + 0.5) / wide
    low, top, first, last = masks.to(features.device).T[:, :, None]
    in_band = (band[None] >= low) & (band[None] < top)
    in_moment = (moment[None] >= first) & (moment[None] < last)
    return features * ~(in_band[:, :, None] | in_moment[:, None, :])


def mixed_share(alpha: float, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Pairs of sounds and the share of the first: a Beta variate from two of Gamma, drawn by a generator of ours."""
    if not alpha or count < 2 or not math.isfinite(alpha):
        return {}
    first, second = (torch._standard_gamma(torch.tensor([alpha], dtype=torch.float64), generator=generator) for _ in range(2))
    return {"share": (first / (first + second)).float(), "partner": torch.randperm(count, generator=generator)}
