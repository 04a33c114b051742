"""Changed copies of images: what changes is drawn on the processor, the change itself is made where the images are."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch.nn import functional

from atoll_engines.errors import BadInput, what_exists

FLIPS = ("none", "horizontal", "vertical", "both")


@dataclass(frozen=True)
class Augmentation:
    """How far images may be changed. Shares are of the side or of full scale."""

    flip: str = "horizontal"
    # Shift by up to this share of a side, as a crop out of a padded image.
    crop: float = 0.1
    # Sizes between 1 - zoom and 1 + zoom.
    zoom: float = 0.0
    # Degrees either way.
    rotate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    # Chance that a random rectangle is erased (Zhong et al. 2020).
    erase: float = 0.0

    @property
    def moves(self) -> bool:
        return self.flip != "none" or self.crop > 0 or self.zoom > 0 or self.rotate > 0

    @property
    def colours(self) -> bool:
        return self.brightness > 0 or self.contrast > 0 or self.saturation > 0


NONE = Augmentation(flip="none", crop=0.0)
MOST = {"crop": 0.5, "zoom": 0.9, "rotate": 180.0, "brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "erase": 1.0}


def read_augmentation(asked: Any) -> Augmentation:
    """`true` (the usual), `false`, or an object of the changes that are wanted; those not named are not made."""
    if asked is None or asked is True or asked == "auto":
        return Augmentation()
    if asked is False or asked == "none":
        return NONE
    names = [one.name for one in fields(Augmentation)]
    if not isinstance(asked, dict):
        raise BadInput(f'augment is {asked!r}; it must be true, false or an object such as {{"flip": "horizontal"}}.', parameter="augment")
    values: dict[str, Any] = {}
    for name, value in asked.items():
        if name not in names:
            raise BadInput(f'augment has no "{name}". {what_exists(str(name), names, "changes")}', parameter="augment")
        if name == "flip":
            if value not in FLIPS:
                raise BadInput(f"augment.flip is {value!r}; it must be one of: {', '.join(FLIPS)}.", parameter="augment.flip")
            values[name] = value
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST[name]:
            raise BadInput(f"augment.{name} is {value!r}; it must be a number from 0 to {MOST[name]:g}.", parameter=f"augment.{name}")
        else:
            values[name] = float(value)
    return Augmentation(**({"flip": "none", "crop": 0.0} | values))


def draw(plan: Augmentation, count: int, generator: torch.Generator, mixup: float = 0.0) -> dict[str, torch.Tensor]:
    """What happens to each of `count` images."""

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    drawn: dict[str, torch.Tensor] = {}
    if plan.moves:
        angle = (uniform(count) * 2 - 1) * math.radians(plan.rotate)
        size = 1 + (uniform(count) * 2 - 1) * plan.zoom
        shift = (uniform(count, 2) * 2 - 1) * 2 * plan.crop
        mirror = torch.ones(count, 2)
        for axis, kinds in enumerate((("horizontal", "both"), ("vertical", "both"))):
            if plan.flip in kinds:
                mirror[:, axis] = torch.where(uniform(count) < 0.5, -1.0, 1.0)
        turn = torch.stack([angle.cos() / size, -angle.sin() / size, angle.sin() / size, angle.cos() / size], 1).reshape(count, 2, 2)
        drawn["map"] = torch.cat([turn * mirror[:, None, :], shift[:, :, None]], 2)
    if plan.colours:
        factors = torch.stack([1 + (uniform(count) * 2 - 1) * share for share in (plan.brightness, plan.contrast, plan.saturation)], 1)
        drawn["colour"] = factors
    if plan.erase:
        side = 0.15 + 0.3 * uniform(count, 2)
        corner = uniform(count, 2) * (1 - side)
        drawn["erase"] = torch.cat([corner, corner + side], 1) * (uniform(count, 1) < plan.erase)
    if mixup and count > 1:
        # A Beta variate from two of Gamma, drawn by a generator of ours.
        first, second = (torch._standard_gamma(torch.tensor([mixup], dtype=torch.float64), generator=generator) for _ in range(2))
        drawn["share"] = (first / (first + second)).float()
        drawn["partner"] = torch.randperm(count, generator=generator)
    return drawn


def change(images: torch.Tensor, drawn: dict[str, torch.Tensor]) -> torch.Tensor:
    """float [N, C, H, W] between 0 and 1, changed as drawn."""
    if "map" in drawn:
        images = moved(images, drawn["map"])
    if "colour" in drawn:
        images = coloured(images, *drawn["colour"].to(images.dtype).T)
    if "erase" in drawn:
        images = erased(images, drawn["erase"])
    if "share" in drawn:
        share = drawn["share"].to(images.dtype)
        images = images * share + images[drawn["partner"]] * (1 - share)
    return images


def moved(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Flipped, shifted, turned and scaled in one look-up; what comes in from outside is a copy of the edge."""
    grid = functional.affine_grid(maps.to(images.dtype), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def coloured(images: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    one = (-1, 1, 1, 1)
    images = images * brightness.reshape(one)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - middle) * contrast.reshape(one) + middle
    grey = images.mean(dim=1, keepdim=True)
    return ((images - grey) * saturation.reshape(one) + grey).clamp(0, 1)


def erased(images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """A rectangle of each image in its own mean."""
    height, width = images.shape[2:]
    y = (torch.arange(height, device=images.device) + 0.5) / height
    x = (torch.arange(width, device=images.device) + 0.5) / width
    left, top, right, bottom = boxes.to(images.device).T[:, :, None, None]
    inside = (y[None, :, None] >= top) & (y[None, :, None] < bottom) & (x[None, None] >= left) & (x[None, None] < right)
    return torch.where(inside[:, None], images.mean(dim=(1, 2, 3), keepdim=True), images)
