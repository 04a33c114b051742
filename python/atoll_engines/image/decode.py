"""Files of images to pixels: upright, 8 bits, RGB, the first frame. Serving reads them to the same values."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.media.damaged import Unreadable
from atoll_engines.media.damaged import content_of as media_content

MOST_PIXELS = 40_000_000


def decode(content: bytes, name: str = "") -> np.ndarray:
    """uint8 [height, width, 3]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Unreadable(f"{called(name)} has {image.width} x {image.height} pixels; at most 40 million are read.", file=name)
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Unreadable:
        raise
    except Exception as error:  # pillow raises many kinds for damaged files
        what = "is empty" if not content else f"is no image that can be read ({first_line(error)})"
        raise Unreadable(f"{called(name)} {what}.", file=name) from error


def content_of(value: Any, folder: Path | None) -> bytes:
    """The bytes of a cell: an item's path within `folder`, or base64 and data URLs as clients send them."""
    return media_content(value, folder, "image")


def called(name: str) -> str:
    return f'"{name}"' if name else "The image"


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
