"""How an image becomes the numbers that a network takes, where somebody has to say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks.folder import read_settings
from atoll_engines.bring.original import lacking
from atoll_engines.errors import BadInput
from atoll_engines.image.preprocess import FITS, preprocess_graph

SETTINGS = "preprocessor_config.json"


@dataclass(frozen=True)
class Preparation:
    """Size, fit and normalisation: (pixel * scale - mean) / spread, by colour."""

    height: int
    width: int
    channels: int
    fit: str
    resized: int | None
    scale: float
    mean: np.ndarray
    spread: np.ndarray
    is_planes: bool
    is_reversed: bool

    @property
    def graph(self) -> bytes:
        return preprocess_graph(self.height, self.channels, self.fit, self.resized, self.width)

    @property
    def is_plain(self) -> bool:
        """Whether the numbers are the pixels themselves."""
        return self.scale == 1 and not self.mean.any() and bool((self.spread == 1).all())

    def numbers(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, C] as the network takes it, in float32."""
        values = pixels.astype(np.float32)
        if self.is_reversed:
            values = values[..., ::-1]
        if not self.is_plain:
            values = (values * np.float32(self.scale) - self.mean.astype(np.float32)) / self.spread.astype(np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if self.is_planes else values)


def preparation(said: dict[str, Any], graph: dict[str, Any], folder: Path) -> Preparation:
    """What the person says, else what the graph fixes, else what preprocessor_config.json beside the model tells."""
    told = settings_beside(folder)
    channels = int(graph.get("channels") or said.get("channels") or 3)
    if channels not in (1, 3):
        raise BadInput(f"The network takes images in {channels} colours; images have three, or one (grey).", parameter="image.channels")
    height, width = graph.get("height"), graph.get("width")
    resized, fit = None, said.get("fit")
    if said.get("size"):
        height, width = wanted(said["size"], height, width)
    if height is None or width is None or (fit is None and told):
        from atoll_engines.bring.networks.images import sides_of

        if told:
            side, resized, usual = sides_of(told, None)
            height, width, fit = height or side, width or side, fit or usual
    if height is None or width is None:
        raise lacking("image.size", "The network takes images of any size. Say the height and width in which it is to be shown them.")
    fit = fit or "stretch"
    if fit not in FITS:
        raise BadInput(f'Images are made to size by {", ".join(FITS)}, not "{fit}".', parameter="image.fit")
    if height != width and fit != "stretch":
        raise BadInput(f"The network takes images of {height} x {width}; only squares can be cut out or filled, so say stretch.")
    if said.get("resized"):
        resized = int(said["resized"])
        if fit != "crop" or resized < height:
            raise BadInput("Only of an image that is cut out (fit: crop) the short side is made longer before.", parameter="image.resized")
    scale, mean, spread = normal(said, told, graph)
    return Preparation(
        int(height), int(width), channels, fit, resized, scale, colours(mean, channels, "mean"), colours(spread, channels, "std"),
        (graph.get("layout") or said.get("layout") or "NCHW") == "NCHW", said.get("colours") == "bgr",
    )  # fmt: skip


def settings_beside(folder: Path) -> dict[str, Any]:
    """In the model's folder, or in the one above (`onnx/model.onnx`)."""
    for place in (folder, folder.parent) if folder.name == "onnx" else (folder,):
        if (place / SETTINGS).is_file():
            return read_settings(place, SETTINGS)
    return {}


def wanted(size: Any, height: int | None, width: int | None) -> tuple[int, int]:
    tall, wide = (int(one) for one in size)
    if (height or tall, width or wide) != (tall, wide):
        raise BadInput(f"The network takes images of {height} x {width}, not {tall} x {wide}.", parameter="image.size")
    return tall, wide


def normal(said: dict[str, Any], told: dict[str, Any], graph: dict[str, Any]) -> tuple[float, Any, Any]:
    """Factor, mean and spread; a network of bytes takes the pixels as they are."""
    if any(said.get(name) is not None for name in ("scale", "mean", "std")):
        # Means below 1 are of pixels from 0 to 1, as every library writes them.
        scale = said["scale"] if said.get("scale") is not None else 1 / 255
        return float(scale), said.get("mean") or 0.0, said.get("std") or 1.0
    if graph.get("element") in ("uint8", "int8"):
        return 1.0, 0.0, 1.0
    if not told:
        raise lacking(
            "image.scale",
            "The network does not say how pixels become its numbers. Say mean and std by colour, or the scale alone "
            "(0.00392157 makes them 0 to 1, 1 leaves them 0 to 255), or bring preprocessor_config.json beside it.",
        )
    scale = float(told.get("rescale_factor") or 1 / 255) if told.get("do_rescale", True) else 1.0
    if not told.get("do_normalize", True):
        return scale, 0.0, 1.0
    return scale, told.get("image_mean") or 0.5, told.get("image_std") or 0.5


def colours(value: Any, channels: int, name: str) -> np.ndarray:
    values = np.asarray(value, np.float64).reshape(-1)
    if len(values) == 1:
        values = np.repeat(values, channels)
    if len(values) != channels or not np.isfinite(values).all():
        raise BadInput(f"{name} has {len(values)} numbers for {channels} colours.", parameter=f"image.{name}")
    if name == "std" and (values == 0).any():
        raise BadInput("A std of 0 divides by nothing.", parameter="image.std")
    return values
