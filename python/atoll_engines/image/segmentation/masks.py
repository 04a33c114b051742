"""Masks: an image of the same size whose pixels name a class, by grey value, palette entry or colour."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.image.decode import MOST_PIXELS, Unreadable, content_of, first_line

# Left aside: neither learnt nor judged.
VOID = 255
MOST_VALUES = 100
USUAL_IGNORED = "255"


@dataclass(frozen=True)
class MaskFile:
    """Where a row's mask lies."""

    path: str
    folder: Path | None


def read_mask(mask: MaskFile, colours: bool) -> np.ndarray:
    """int32 [height, width]: grey values or palette entries, or colours as 0xRRGGBB."""
    from PIL import Image, ImageOps

    content = content_of(mask.path, mask.folder)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Unreadable(f'The mask "{mask.path}" has more than 40 million pixels.', file=mask.path)
            image = ImageOps.exif_transpose(image)
            if image.mode in ("P", "L", "1", "I", "I;16") and not colours:
                return np.array(image.convert("L") if image.mode == "1" else image).astype(np.int32)
            rgb = np.array(image.convert("RGB")).astype(np.int32)
    except Unreadable:
        raise
    except Exception as error:  # pillow raises many kinds for damaged files
        raise Unreadable(f'The mask "{mask.path}" cannot be read ({first_line(error)}).', file=mask.path) from error
    if colours:
        return (rgb[..., 0] << 16) | (rgb[..., 1] << 8) | rgb[..., 2]
    if (rgb[..., 0] != rgb[..., 1]).any() or (rgb[..., 0] != rgb[..., 2]).any():
        raise Unreadable(f'The mask "{mask.path}" is in colours, and others are in grey values.', file=mask.path)
    return rgb[..., 0]


def is_coloured(mask: MaskFile) -> bool:
    """Whether its pixels are colours rather than numbers."""
    from PIL import Image

    with Image.open(io.BytesIO(content_of(mask.path, mask.folder))) as image:
        if image.mode not in ("RGB", "RGBA", "CMYK"):
            return False
        rgb = np.array(image.convert("RGB"))
    return bool((rgb[..., 0] != rgb[..., 1]).any() or (rgb[..., 0] != rgb[..., 2]).any())


def value_name(code: int, colours: bool) -> str:
    return f"#{code:06x}" if colours else str(code)


def refuse_too_many(mask: MaskFile, values: int) -> None:
    if values > MOST_VALUES:
        raise BadInput(
            f'The mask "{mask.path}" holds {values} different values; at most {MOST_VALUES} classes can be learned. '
            "Masks must name classes, so keep them as PNG: JPEG blurs their values.",
            file=mask.path,
        )


def as_classes(codes: np.ndarray, values: dict[str, int], ignore: tuple[str, ...], colours: bool) -> tuple[np.ndarray, str | None]:
    """uint8 class numbers (`VOID` where left aside), and a value that is no class, if there is one."""
    found, inverse = np.unique(codes, return_inverse=True)
    numbers, unknown = np.full(len(found), VOID, np.uint8), None
    for at, code in enumerate(found):
        name = value_name(int(code), colours)
        if name in values:
            numbers[at] = values[name]
        elif name not in ignore:
            unknown = unknown or name
    return numbers[inverse].reshape(codes.shape), unknown
