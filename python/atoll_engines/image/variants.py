"""Other files of the same picture, as cameras and clients make them, to put serving to the proof."""

from __future__ import annotations

import io

import numpy as np

from atoll_engines.image.decode import decode


def variant(content: bytes, number: int, random: np.random.Generator) -> bytes:
    """The picture as another kind of file: JPEG, with transparency, grey, on its side by EXIF, larger, narrower, or noise."""
    from PIL import Image

    pixels = decode(content)
    image = Image.fromarray(pixels)
    kind = number % 7
    if kind == 0:
        return saved(image, "JPEG", quality=int(random.integers(40, 96)))
    if kind == 1:
        alpha = Image.fromarray(random.integers(0, 256, pixels.shape[:2], dtype=np.uint8))
        image.putalpha(alpha)
        return saved(image, "PNG")
    if kind == 2:
        return saved(image.convert("L"), "PNG")
    if kind == 3:
        exif = Image.Exif()
        exif[0x0112] = int(random.integers(2, 9))
        return saved(image, "JPEG", quality=90, exif=exif)
    if kind == 4:
        factor = float(random.uniform(1.3, 4))
        return saved(image.resize((round(image.width * factor), round(image.height * factor))), "PNG")
    if kind == 5:
        return saved(image.crop((0, 0, max(1, image.width // 2), image.height)), "WEBP", lossless=True)
    return saved(Image.fromarray(random.integers(0, 256, (31, 47, 3), dtype=np.uint8)), "PNG")


def smaller(content: bytes, side: int = 640) -> bytes:
    """A copy of a large photograph."""
    from PIL import Image

    image = Image.fromarray(decode(content))
    image.thumbnail((side, side))
    return saved(image, "JPEG", quality=90)


def saved(image: object, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()
