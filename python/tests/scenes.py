"""Drawn scenes: shapes on textures, whose boxes and masks are known because we drew them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from folders import write_channel
from image_tables import png

KINDS = ("cross", "disc")


def scene(random: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """uint8 pixels, a mask (0 ground, then the kinds), and the objects."""
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x * random.uniform(0.1, 0.5) + y * random.uniform(0.1, 0.5))
    image = random.integers(20, 110, 3) + 20 * waves[..., None] + random.normal(0, 8, (height, width, 3))
    mask, objects = np.zeros((height, width), np.uint8), []
    for _ in range(random.integers(0, 3)):
        kind = int(random.integers(0, len(KINDS)))
        side = int(random.integers(6, 11))
        at = random.integers(side, width - side), random.integers(side, height - side)
        away = abs(x - at[0]), abs(y - at[1])
        disc = away[0] ** 2 + away[1] ** 2 <= side**2
        cross = ((away[0] <= side) & (away[1] <= side // 3)) | ((away[1] <= side) & (away[0] <= side // 3))
        shape = (cross, disc)[kind]
        if mask[shape].any():
            continue
        image[shape] = random.integers(150, 256, 3) + random.normal(0, 8, (int(shape.sum()), 3))
        mask[shape] = kind + 1
        rows, columns = np.nonzero(shape)
        box = [columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1]
        objects.append({"label": KINDS[kind], "box": [int(one) for one in box]})
    return np.clip(image, 0, 255).astype(np.uint8), mask, objects


def write_scenes(folder: Path, channel: str, count: int, seed: int, task: str) -> list[dict]:
    """A channel of scenes of several sizes with boxes, or with masks beside them."""
    random = np.random.default_rng(seed)
    media = folder / "input" / "data" / channel / "media"
    media.mkdir(parents=True, exist_ok=True)
    rows = []
    for k in range(count):
        pixels, mask, objects = scene(random, *((40, 56), (56, 40), (48, 48))[k % 3])
        (media / f"{channel}-{k}.png").write_bytes(png(pixels))
        if task == "segmentation":
            (media / f"mask-{channel}-{k}.png").write_bytes(png(mask))
        rows.append({"image": f"{channel}-{k}.png", "boxes": json.dumps(objects), "mask": f"mask-{channel}-{k}.png"})
    target, kind = ("boxes", "text") if task == "detection" else ("mask", "image")
    write_channel(folder, channel, pd.DataFrame(rows)[["image", target]], {"image": "image", target: kind})
    return rows
