"""Networks that tell images apart, with the preparation that preprocessor_config.json describes."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks import folder as files
from atoll_engines.bring.networks.network import Network
from atoll_engines.bring.original import first_line
from atoll_engines.errors import BadInput
from atoll_engines.image.preprocess import Preprocess, preprocess_graph

BATCH = 8
BILINEAR = 2
COLOURS = 3


class Images(Network):
    """An image as a square of pixels in, classes out."""

    type = "image"

    network: Any
    size: int
    fit: str
    scale: float
    mean: np.ndarray
    spread: np.ndarray
    graph_bytes: bytes

    def input(self) -> dict[str, Any]:
        return {"type": "image", "tensor": "image", "index": 0, "nullable": False, "size": [self.size, self.size], "channels": COLOURS}

    def write_files(self, folder: Path) -> None:
        (folder / "preprocess.onnx").write_bytes(self.graph_bytes)

    @property
    def preprocess(self) -> Preprocess:
        if not hasattr(self, "_preprocess"):
            self._preprocess = Preprocess(self.graph_bytes)
        return self._preprocess

    def items_of(self, cells: list[Any]) -> list[bytes]:
        from atoll_engines.image.decode import content_of

        return [content_of(cell, None) for cell in cells]

    def sent(self, item: bytes) -> str:
        return base64.b64encode(item).decode("ascii")

    def pixels(self, items: list[bytes]) -> np.ndarray:
        from atoll_engines.image.decode import decode

        return np.stack([self.preprocess(decode(item)) for item in items])

    def tensors(self, items: list[bytes]) -> dict[str, np.ndarray]:
        return {"image": self.pixels(items)}

    def answering(self) -> Any:
        import torch

        network, task = self.network, self.task
        mean = torch.tensor(self.mean, dtype=torch.float32).reshape(1, -1, 1, 1)
        spread = torch.tensor(self.spread, dtype=torch.float32).reshape(1, -1, 1, 1)
        scale = self.scale

        class Answering(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network
                self.register_buffer("mean", mean)
                self.register_buffer("spread", spread)

            def forward(self, image: Any) -> Any:
                values = image.permute(0, 3, 1, 2).to(torch.float32) * scale
                margins = self.network(pixel_values=(values - self.mean) / self.spread).logits
                if task == "regression":
                    return margins
                return torch.sigmoid(margins) if task == "multilabel" else torch.softmax(margins, dim=-1)

        return Answering().eval()

    def answer(self, items: list[bytes]) -> dict[str, np.ndarray]:
        import torch

        served, parts = self.answering(), []
        with torch.inference_mode():
            for at in range(0, len(items), BATCH):
                parts.append(served(torch.from_numpy(self.pixels(items[at : at + BATCH]))).double().numpy())
        width = len(self.classes or (0,))
        return {self.answer_name: np.concatenate(parts) if parts else np.zeros((0, width))}

    def graph(self) -> bytes:
        import torch

        from atoll_engines.media.export import graph_of

        sample = torch.randint(0, 256, (2, self.size, self.size, COLOURS), dtype=torch.uint8)
        return graph_of(self.answering(), sample, "image", [self.answer_name])

    def compare_preparation(self, folder: Path, items: list[bytes]) -> str:
        """How far the library's own preparation of the same files leads to other answers, in words."""
        import torch
        from PIL import Image

        try:
            # The name at the top of the library asks for torchvision even where pillow does.
            from transformers.models.auto.image_processing_auto import AutoImageProcessor

            own = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
            images = [Image.open(io.BytesIO(item)).convert("RGB") for item in items]
            with torch.inference_mode():
                margins = self.network(pixel_values=own(images=images, return_tensors="pt")["pixel_values"]).logits
        except Exception as error:
            return f"The library's own preparation of images could not be run beside it: {first_line(error)}"
        theirs = torch.softmax(margins, dim=-1).double().numpy() if self.task in ("binary", "multiclass") else margins.double().numpy()
        mine = self.answer(items)[self.answer_name]
        if theirs.shape != mine.shape or self.task not in ("binary", "multiclass"):
            return "Images are made to size by the platform's own graph (bilinear)."
        flips = int(np.sum(theirs.argmax(axis=1) != mine.argmax(axis=1)))
        return (
            f"Images are made to size by the platform's own graph (bilinear); of {len(items)} images "
            "the library's own preparation leads to "
            f"{flips or 'no'} other classes, probabilities differ by up to {np.abs(theirs - mine).max():.2g}."
        )


def images(folder: Path, column: str) -> Images:
    from transformers import AutoModelForImageClassification

    from atoll_engines.bring.package import HALF

    network = files.load_network(AutoModelForImageClassification, folder)
    names = files.class_names(network.config)
    several = network.config.problem_type == "multi_label_classification"
    task = "multilabel" if several else "binary" if len(names) == 2 else "multiclass"
    if len(names) < 2:
        raise BadInput("The network answers with one number for an image; numbers from images are not imported.", file="config.json")
    made = Images(column, task, tuple(names), type(network).__name__, files.library())
    made.threshold = HALF if task == "binary" else None
    made.thresholds = [0.5] * len(names) if task == "multilabel" else None
    made.network = network
    read_preparation(made, folder, network.config)
    made.params = files.described(network) | {"size": made.size}
    return made


def read_preparation(made: Images, folder: Path, config: Any) -> None:
    """Size, fit and normalisation."""
    if int(getattr(config, "num_channels", COLOURS) or COLOURS) != COLOURS:
        raise BadInput("The network takes images that are not in three colours, which is not supported.", file="config.json")
    told = files.read_settings(folder, "preprocessor_config.json", must=True)
    side, resized, fit = sides_of(told, config)
    made.size, made.fit = side, fit
    made.scale = float(told.get("rescale_factor") or 1 / 255) if told.get("do_rescale", True) else 1.0
    is_normal = told.get("do_normalize", True)
    made.mean = np.array(told.get("image_mean") or [0.5] * COLOURS if is_normal else [0.0] * COLOURS, np.float64)
    made.spread = np.array(told.get("image_std") or [0.5] * COLOURS if is_normal else [1.0] * COLOURS, np.float64)
    made.graph_bytes = preprocess_graph(side, COLOURS, fit, resized)
    if told.get("resample", BILINEAR) != BILINEAR:
        made.notes.append("preprocessor_config.json asks for another way to resize than bilinear, which is what is used.")


def sides_of(told: dict[str, Any], config: Any) -> tuple[int, int | None, str]:
    """The side of the square, the short side before it is cut out (none where it is the same), and how an image lies in it."""
    size, crop = told.get("size"), told.get("crop_size")
    side = whole(config.image_size) if getattr(config, "image_size", None) else None
    if isinstance(size, int):
        size = {"shortest_edge": size} if told.get("do_center_crop") else {"height": size, "width": size}
    size = size or ({"height": side, "width": side} if side else None)
    if not isinstance(size, dict):
        raise BadInput("preprocessor_config.json does not say which size images are made to.", file="preprocessor_config.json")
    if "shortest_edge" in size:
        short = whole(size["shortest_edge"])
        if told.get("crop_pct") and not crop:
            # ConvNeXt and its kin: made somewhat larger, then the middle is cut out.
            return (short, int(short / float(told["crop_pct"])), "crop") if short < 384 else (short, None, "stretch")
        cut = square(crop, "crop_size") if told.get("do_center_crop", True) and crop else short
        return cut, (short if short != cut else None), "crop"
    made = square(size, "size")
    if told.get("do_center_crop") and crop and square(crop, "crop_size") != made:
        raise BadInput("Images that are stretched and then cut are not supported.", file="preprocessor_config.json")
    return made, None, "stretch"


def square(size: Any, name: str) -> int:
    if isinstance(size, int):
        return size
    height, width = whole(size.get("height")), whole(size.get("width"))
    if height != width:
        raise BadInput(
            f"{name} of preprocessor_config.json is {height} x {width}; only squares are supported.", file="preprocessor_config.json"
        )
    return height


def whole(value: Any) -> int:
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if not isinstance(value, int) or not 8 <= value <= 4096:
        raise BadInput(f"The size of images ({value}) is not a whole number from 8 to 4096.", file="preprocessor_config.json")
    return value
