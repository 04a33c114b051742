"""Small data sets of drawn images, as channels of a job."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from folders import write_channel

SHAPES = ("bar", "disc", "stripes")


def picture(kind: str, random: np.random.Generator, side: int = 20) -> np.ndarray:
    """A shape somewhere on a noisy ground: uint8 [side, side, 3]."""
    y, x = np.mgrid[:side, :side]
    image = random.integers(0, 60, (side, side, 3)).astype(np.float64)
    at = random.integers(side // 4, 3 * side // 4, 2)
    colour = random.integers(150, 256, 3)
    mask = {
        "bar": (abs(x - at[0]) < 2),
        "disc": ((x - at[0]) ** 2 + (y - at[1]) ** 2 < (side / 4) ** 2),
        "stripes": ((y + at[1]) % 5 < 2),
    }[kind]
    image[mask] = colour
    return image.astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_images(folder: Path, channel: str, files: dict[str, bytes], labels: list[str | None], rows: list[int] | None = None) -> None:
    """A channel of images: the table, and the items under media/."""
    frame = pd.DataFrame({"image": list(files), "label": labels})
    write_channel(folder, channel, frame, {"image": "image", "label": "category"}, rows)
    for path, content in files.items():
        file = folder / "input" / "data" / channel / "media" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def shapes(count: int, seed: int = 0, kinds: tuple[str, ...] = SHAPES) -> tuple[dict[str, bytes], list[str]]:
    """Files and their labels."""
    random = np.random.default_rng(seed)
    labels = [kinds[k % len(kinds)] for k in range(count)]
    return {f"{label}/{seed}-{k:04}.png": png(picture(label, random)) for k, label in enumerate(labels)}, labels


def several(count: int, seed: int = 0) -> tuple[dict[str, bytes], list[str]]:
    """Images with any of two shapes, and their labels as JSON."""
    random = np.random.default_rng(seed)
    files, labels = {}, []
    for k in range(count):
        held = [kind for kind in ("bar", "stripes") if random.random() < 0.5]
        image = random.integers(0, 60, (20, 20, 3)).astype(np.uint8)
        for kind in held:
            other = picture(kind, random)
            image = np.where(other >= 150, other, image)
        files[f"{seed}-{k:04}.png"] = png(image)
        labels.append(json.dumps(held))
    return files, labels
