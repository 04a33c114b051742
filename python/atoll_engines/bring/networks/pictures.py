"""A graph or a TorchScript program over images: asked with the stated preparation, which the graph that is served has within."""

from __future__ import annotations

import io
from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks.images import BATCH, Images
from atoll_engines.bring.networks.preparation import Preparation, preparation
from atoll_engines.bring.original import lacking
from atoll_engines.bring.package import HALF
from atoll_engines.errors import BadInput

# What is done with a network's numbers, by what they are.
LINKS = ("as it is", "softmax", "sigmoid", "pair", "pair of sigmoid")


class Pictures(Images):
    """Images in, the numbers of somebody else's network out."""

    how: Preparation
    link: str

    def input(self) -> dict[str, Any]:
        size = [self.how.height, self.how.width]
        return {"type": "image", "tensor": "image", "index": 0, "nullable": False, "size": size, "channels": self.how.channels}

    @property
    def answer_name(self) -> str:
        return "vector" if self.task == "embedding" else super().answer_name

    def outputs(self) -> list[dict[str, Any]] | None:
        return [{"name": "vector", "width": self.width}] if self.task == "embedding" else None

    @abstractmethod
    def margins(self, numbers: np.ndarray) -> np.ndarray:
        """What the network itself says of prepared images, [rows, …]."""

    def answer(self, items: list[bytes]) -> dict[str, np.ndarray]:
        step = self.rows_per_run or BATCH
        parts = [self.said_of(items[at : at + step]) for at in range(0, len(items), step)]
        return {self.answer_name: np.concatenate(parts) if parts else np.zeros((0, self.width))}

    def said_of(self, items: list[bytes]) -> np.ndarray:
        return self.linked(np.asarray(self.margins(self.how.numbers(self.pixels(items))), np.float64), len(items))

    def linked(self, said: np.ndarray, rows: int) -> np.ndarray:
        if said.shape[0] != rows or said.size != rows * max(said.shape[1:2] or (1,)):
            raise BadInput(
                f"The network answers {rows} images with numbers of the shape {list(said.shape)}: places in the image (boxes, masks), "
                "which are not imported. Imported are classes, a number and vectors."
            )
        said = said.reshape(rows, -1)
        if self.link == "softmax":
            odds = np.exp(said - said.max(axis=1, keepdims=True))
            said = odds / odds.sum(axis=1, keepdims=True)
        elif self.link in ("sigmoid", "pair of sigmoid"):
            said = 1 / (1 + np.exp(-np.clip(said, -700, 700)))
        if self.link.startswith("pair"):
            said = np.concatenate([1 - said, said], axis=1)
        return said

    @property
    def width(self) -> int:
        if not hasattr(self, "_width"):
            blank = np.zeros((self.rows_per_run or 2, self.how.height, self.how.width, self.how.channels), np.uint8)
            try:
                said = np.asarray(self.margins(self.how.numbers(blank)), np.float64)
            except Exception as error:
                size = f"{self.how.height} x {self.how.width} in {self.how.channels} colours"
                raise BadInput(f"The network refused images of {size}: {str(error).strip().splitlines()[-1][:300]}") from error
            self._width = self.linked(said, len(blank)).shape[1]
        return self._width

    def compare_preparation(self, folder: Path, items: list[bytes]) -> str:
        way = {"crop": "the middle is cut out", "pad": "filled with black", "stretch": "stretched"}[self.how.fit]
        return (
            f"Images are made {self.how.height} x {self.how.width} by the platform's own graph (bilinear, {way}); "
            "the same was shown to the original, so the proof says nothing of another way to prepare them."
        )


class GraphPictures(Pictures):
    """ONNX: the unchanged graph is asked by ONNX Runtime, the served one is it with nodes before and behind."""

    path: Path
    about: dict[str, Any]

    @property
    def session(self) -> Any:
        if not hasattr(self, "_session"):
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 3
            try:
                self._session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
            except Exception as error:
                raise BadInput(f'ONNX Runtime cannot open "{self.path.name}": {str(error)[:300]}', file=self.path.name) from error
        return self._session

    def margins(self, numbers: np.ndarray) -> np.ndarray:
        given = numbers.astype(self.about["element"])
        return self.session.run([self.about["output"]], {self.about["input"]: given})[0]

    def graph(self) -> bytes:
        import onnx
        from onnx import TensorProto, checker, compose, helper, numpy_helper

        brought = compose.add_prefix(onnx.load(str(self.path)), "brought_")
        del brought.graph.value_info[:]
        taken, told, how = f"brought_{self.about['input']}", f"brought_{self.about['output']}", self.how
        before, behind, constants = [], [], []

        def constant(name: str, value: np.ndarray) -> str:
            constants.append(numpy_helper.from_array(value, name))
            return name

        def step(into: list[Any], kind: str, names: list[str], **attributes: Any) -> str:
            to = f"atoll_{len(before) + len(behind)}_{kind.lower()}"
            into.append(helper.make_node(kind, names, [to], **attributes))
            return to

        at = step(before, "Cast", ["image"], to=TensorProto.FLOAT)
        if how.is_reversed:
            at = step(before, "Gather", [at, constant("atoll_colours", np.arange(how.channels)[::-1].astype(np.int64).copy())], axis=3)
        if not how.is_plain:
            at = step(before, "Mul", [at, constant("atoll_scale", np.array(how.scale, np.float32))])
            at = step(before, "Sub", [at, constant("atoll_mean", how.mean.astype(np.float32))])
            at = step(before, "Div", [at, constant("atoll_std", how.spread.astype(np.float32))])
        if how.is_planes:
            at = step(before, "Transpose", [at], perm=[0, 3, 1, 2])
        kind = next(one for one in brought.graph.input if one.name == taken).type.tensor_type.elem_type
        before.append(helper.make_node("Cast", [at], [taken], to=kind))

        at = step(behind, "Cast", [told], to=TensorProto.FLOAT)
        given = 1 if self.link.startswith("pair") else self.width
        at = step(behind, "Reshape", [at, constant("atoll_sizes", np.array([-1, given], np.int64))])
        if self.link == "softmax":
            at = step(behind, "Softmax", [at], axis=1)
        elif self.link in ("sigmoid", "pair of sigmoid"):
            at = step(behind, "Sigmoid", [at])
        if self.link.startswith("pair"):
            other = step(behind, "Sub", [constant("atoll_one", np.array(1, np.float32)), at])
            at = step(behind, "Concat", [other, at], axis=1)
        behind.append(helper.make_node("Identity", [at], [self.answer_name]))

        nodes = list(brought.graph.node)
        del brought.graph.node[:]
        brought.graph.node.extend([*before, *nodes, *behind])
        brought.graph.initializer.extend(constants)
        weights = {one.name for one in brought.graph.initializer}
        others = [one for one in brought.graph.input if one.name != taken and one.name in weights]
        rows: Any = self.rows_per_run or "N"
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, [rows, how.height, how.width, how.channels])
        del brought.graph.input[:]
        brought.graph.input.extend([image, *others])
        del brought.graph.output[:]
        brought.graph.output.extend([helper.make_tensor_value_info(self.answer_name, TensorProto.FLOAT, [rows, self.width])])
        checker.check_model(brought)
        return brought.SerializeToString()


class ProgramPictures(Pictures):
    """TorchScript: loaded and asked by torch, written by the exporter that reads programs."""

    network: Any

    def margins(self, numbers: np.ndarray) -> np.ndarray:
        import torch

        from atoll_engines.bring.torchscript import tensor_of

        with torch.inference_mode():
            return tensor_of(self.network(torch.from_numpy(numbers))).float().cpu().numpy()

    def graph(self) -> bytes:
        import torch

        from atoll_engines.bring.torchscript import written

        network, how, link, width = self.network, self.how, self.link, self.width

        class Answering(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network
                self.register_buffer("mean", torch.tensor(how.mean, dtype=torch.float32))
                self.register_buffer("spread", torch.tensor(how.spread, dtype=torch.float32))

            def forward(self, image: torch.Tensor) -> torch.Tensor:
                from atoll_engines.bring.torchscript import tensor_of

                values = image.to(torch.float32)
                values = values.flip(3) if how.is_reversed else values
                values = (values * how.scale - self.mean) / self.spread
                said = tensor_of(self.network(values.permute(0, 3, 1, 2) if how.is_planes else values)).float()
                said = said.reshape(-1, 1 if link.startswith("pair") else width)
                if link == "softmax":
                    said = torch.softmax(said, dim=1)
                elif link in ("sigmoid", "pair of sigmoid"):
                    said = torch.sigmoid(said)
                return torch.cat([1 - said, said], dim=1) if link.startswith("pair") else said

        sample = torch.randint(0, 256, (3, how.height, how.width, how.channels), dtype=torch.uint8)
        return written(Answering().eval(), sample, "image", self.answer_name)


def pictures(path: Path, column: str, about: dict[str, Any]) -> Pictures:
    """The network of a file, with what the platform read of it and the person said."""
    options = about["options"]
    graph = options.get("graph") or {}
    how = preparation(options.get("image") or {}, graph, path.parent)
    task, classes = about.get("task"), tuple(about.get("classes") or ())
    if task not in ("binary", "multiclass", "multilabel", "regression", "embedding"):
        raise lacking("task", "The network answers numbers and does not say what they are for.", ["binary", "multiclass", "regression"])
    made: Pictures
    if about["format"] == "onnx":
        import onnxruntime

        made = GraphPictures(column, task, classes or None, "ONNX graph over images", f"onnxruntime {onnxruntime.__version__}")
        made.path, made.about = path, graph
        made.link = options.get("make") or "as it is"
        made.rows_per_run = 1 if graph.get("rows") == 1 else None
    else:
        made = program(path, column, task, classes or None)
    made.how, made.graph_bytes = how, how.graph
    made.threshold = HALF if task == "binary" else None
    made.thresholds = [0.5] * len(classes) if task == "multilabel" else None
    if about["format"] != "onnx":
        made.link = link_of(made, options.get("answers"))
    if made.link not in LINKS:
        raise BadInput(f"What the numbers are is one of {', '.join(LINKS)}.", parameter="options.make")
    wanted = len(classes) if classes else 1 if task == "regression" else None
    if wanted is not None and made.width != wanted:
        raise BadInput(
            f"The network answers {made.width} numbers for an image, and {wanted} {'classes' if classes else 'is wanted'}"
            f"{' were named' if classes else ''}.",
            parameter="classes" if classes else "task",
        )
    made.params = {
        "size": [how.height, how.width],
        "fit": how.fit,
        "scale": how.scale,
        "mean": how.mean.tolist(),
        "std": how.spread.tolist(),
    }
    return made


def program(path: Path, column: str, task: str, classes: tuple[str, ...] | None) -> ProgramPictures:
    import torch

    try:
        network = torch.jit.load(io.BytesIO(path.read_bytes()), map_location="cpu").eval()
    except Exception as error:
        raise BadInput(f'"{path.name}" could not be read as TorchScript by torch {torch.__version__}: {error}', file=path.name) from error
    made = ProgramPictures(column, task, classes, f"TorchScript ({network.original_name})", f"torch {torch.__version__}")
    made.network = network
    return made


def link_of(made: Pictures, told: str | None) -> str:
    """What the numbers of a program are: said, or seen from its answers to drawn images."""
    made.link = "as it is"
    if made.task in ("regression", "embedding"):
        return "as it is"
    if told not in (None, "identity", "softmax", "sigmoid"):
        raise BadInput(
            'What the network answers with (options.answers) is "identity", "softmax" or "sigmoid".', parameter="options.answers"
        )
    one = made.width == 1 and made.task == "binary"
    if told is None:
        random = np.random.default_rng(0)
        drawn = random.integers(0, 256, (16, made.how.height, made.how.width, made.how.channels)).astype(np.uint8)
        said = made.linked(np.asarray(made.margins(made.how.numbers(drawn)), np.float64), len(drawn))
        sums = np.ones(len(said)) if one or made.task == "multilabel" else said.sum(axis=1)
        is_share = said.min() >= -1e-6 and said.max() <= 1 + 1e-6 and np.abs(sums - 1).max() < 1e-3
        told = "identity" if is_share else "sigmoid" if one or made.task == "multilabel" else "softmax"
        made.notes.append(
            f"The network does not tell what its numbers mean. They are taken as {'probabilities' if is_share else f'margins ({told})'}."
        )
    del made._width
    return ("pair" if told == "identity" else "pair of sigmoid") if one else "as it is" if told == "identity" else told
