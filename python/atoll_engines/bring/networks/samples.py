"""Items that a network is asked on: the user's own, or made ones."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from atoll_engines.bring.drawn import WORDS
from atoll_engines.bring.networks.network import Network
from atoll_engines.bring.original import lacking
from atoll_engines.bring.request import Request
from atoll_engines.contract import Job
from atoll_engines.errors import BadInput
from atoll_engines.tabular.data import open_table, read_frame

STRANGE = (" ", "…", "\n\t", "ÉCOLE ÑANDÚ straße 漢字 😀", "<br /><br />", "word " * 700, "a" * 900)
MADE_TEXTS, MADE_IMAGES, MOST_TEXTS, MOST_IMAGES = 48, 24, 400, 100


def column_of(job: Job, request: Request, kind: str) -> str:
    """The name of what the network reads: the user's, or that of the sample's one column of its kind."""
    is_image = kind in ("image", "picture")
    usual = "image" if is_image else "text"
    if request.inputs:
        return request.inputs[0].name
    if not job.has_channel("sample"):
        return usual
    table = open_table(job.channel("sample"))
    wanted = ("image", "text", "category") if is_image else ("text", "category")
    apart = {request.target, request.expected}
    names = [one for one in table.columns if one.type in wanted and one.name not in apart]
    texts = [one.name for one in names if one.type == wanted[0]] or [one.name for one in names]
    if len(texts) != 1:
        raise lacking(
            "columns",
            f"The sample has {len(texts)} columns that the network could read. Say which (inputs).",
            [one.name for one in table.columns],
        )
    return texts[0]


def items_for(job: Job, request: Request, network: Network, random: np.random.Generator) -> tuple[list[str], list[Any]]:
    """The kind of each item, and the items."""
    own = sampled(job, request, network) if job.has_channel("sample") else []
    if network.type == "image":
        made = [picture(random, number) for number in range(MADE_IMAGES if not own else 6)]
    else:
        made = [*(cut(random, own) if own else drawn(random)), *STRANGE]
        made = [text for text in made if network.type != "text" or len(network.tensors([text])["input_ids"][0])]
        own = [text for text in own if len(network.tensors([text])["input_ids"][0])]
    return ["held_out"] * len(own) + ["perturbed"] * len(made), [*own, *made]


def sampled(job: Job, request: Request, network: Network) -> list[Any]:
    table = open_table(job.channel("sample"))
    column = table.column(network.column)
    if column is None:
        raise BadInput(f'The sample has no column "{network.column}".', column=network.column)
    cells = read_frame(table, [network.column])[network.column].dropna().tolist()
    if network.type != "image":
        return network.items_of(cells[:MOST_TEXTS])
    from atoll_engines.image.decode import content_of

    media = job.channel("sample") / "media"
    return [content_of(cell, media if media.is_dir() else None) for cell in cells[:MOST_IMAGES]]


def drawn(random: np.random.Generator) -> list[str]:
    return [" ".join(random.choice(WORDS, random.integers(1, 40))) for _ in range(MADE_TEXTS)]


def cut(random: np.random.Generator, texts: list[str]) -> list[str]:
    """Pieces of the user's texts."""
    return [text[int(random.integers(0, len(text) + 1)) :] for text in texts[: max(10, len(texts) // 4)]]


def picture(random: np.random.Generator, number: int) -> bytes:
    """A made image as a PNG: colours that run into one another, with shapes and noise, in many sizes."""
    from PIL import Image, ImageDraw

    width, height = (int(one) for one in random.integers(24, 400, 2))
    across = np.linspace(0, 1, width)[None, :, None] * random.uniform(0, 255, 3)
    down = np.linspace(0, 1, height)[:, None, None] * random.uniform(0, 255, 3)
    pixels = (across + down) / 2 + random.normal(0, random.choice([0, 4, 40]), (height, width, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(number % 5):
        corners = np.sort(random.integers(0, [width, height], (2, 2)), axis=0)
        pen.ellipse([*map(int, corners[0]), *map(int, corners[1])], fill=tuple(int(one) for one in random.integers(0, 256, 3)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
