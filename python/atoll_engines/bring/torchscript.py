"""TorchScript: a network with its program, loaded and run in a job's sandbox only, over rows of numbers."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, first_line, lacking, numbered
from atoll_engines.errors import BadInput, EngineError

ASKS = True
OPSET = 18
BATCH = 1024


class TorchscriptOriginal(Original):
    def __init__(self, network: Any, width: int | None) -> None:
        import torch

        super().__init__()
        self.library = f"torch {torch.__version__}"
        self.network = network
        self.algorithm = f"TorchScript ({network.original_name})"
        self.is_named = self.is_class_named = False
        self.columns = [Column(name, "number", nullable=False) for name in numbered(width or 0)]
        # How margins become an answer; found out when they are first seen.
        self.link: str | None = None

    def settle(self) -> None:
        if not self.columns:
            raise lacking("columns", "The network does not tell how many columns it takes. Give rows (sample) or the columns (inputs).")
        words = [column.name for column in self.columns if column.is_words]
        if words:
            raise BadInput(
                f'The network takes numbers alone, and "{words[0]}" holds words. Encode them as its training did.', column=words[0]
            )
        try:
            self.margins(np.zeros((2, len(self.columns)), np.float32))
        except Exception as error:
            raise BadInput(
                f"The network refused rows of {len(self.columns)} numbers: {first_line(error)}. Say its columns (inputs) as it takes them."
            ) from error
        self.settle_link(self.link)

    def settle_link(self, link: str | None) -> None:
        """What the network's numbers mean: told, or seen from answers to drawn rows."""
        if self.task == "regression":
            self.link = "identity"
        elif link is not None:
            self.link = link
        else:
            random = np.random.default_rng(0)
            said = self.margins(random.normal(0, 2, (256, len(self.columns))).astype(np.float32))
            sums = np.ones(len(said)) if said.shape[1] == 1 else said.sum(axis=1)
            is_share = said.min() >= -1e-6 and said.max() <= 1 + 1e-6 and np.abs(sums - 1).max() < 1e-3
            self.link = "identity" if is_share else "softmax" if said.shape[1] > 1 else "sigmoid"
            what = (
                "They lie between 0 and 1, so that they are taken as probabilities."
                if is_share
                else f"They are taken as margins ({self.link})."
            )
            self.notes.append(f"The network does not tell what its numbers mean. {what}")

    def kept(self) -> dict[str, Any]:
        return {"options": {"answers": self.link}}

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        rows = frame[[column.name for column in self.columns]].to_numpy(np.float64)
        if np.isnan(rows).any():
            row, place = (int(one) for one in np.argwhere(np.isnan(rows))[0])
            raise BadInput(f'Row {frame.index[row]}: "{self.columns[place].name}" is missing; a network takes numbers alone.')
        said = self.margins(rows.astype(np.float32)).astype(np.float64)
        if self.task == "regression":
            if said.shape[1] != 1:
                raise BadInput(f"The network answers with {said.shape[1]} numbers for each row; a regression has one.")
            return said[:, 0]
        classes = len(self.classes or ())
        if self.link == "softmax":
            odds = np.exp(said - said.max(axis=1, keepdims=True))
            said = odds / odds.sum(axis=1, keepdims=True)
        elif self.link == "sigmoid":
            said = 1 / (1 + np.exp(-np.clip(said, -700, 700)))
        if said.shape[1] == 1 and classes == 2:
            return np.column_stack([1 - said[:, 0], said[:, 0]])
        if said.shape[1] != classes:
            raise BadInput(f"The network answers with {said.shape[1]} numbers for each row, and there are {classes} classes.")
        return said

    def margins(self, rows: np.ndarray) -> np.ndarray:
        import torch

        parts = []
        with torch.inference_mode():
            for at in range(0, len(rows), BATCH):
                said = tensor_of(self.network(torch.from_numpy(np.ascontiguousarray(rows[at : at + BATCH]))))
                parts.append(said.float().cpu().numpy())
        made = np.concatenate(parts)
        return made[:, None] if made.ndim == 1 else made

    def graphs(self) -> Iterator[bytes]:
        import torch

        link, is_regression, classes = self.link, self.task == "regression", len(self.classes or ())
        network = self.network

        class Answering(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, numbers: torch.Tensor) -> torch.Tensor:
                said = tensor_of(self.network(numbers.to(torch.float32)))
                said = said.reshape(-1, 1) if is_regression or classes == 2 and said.dim() == 1 else said
                if link == "softmax":
                    said = torch.softmax(said, dim=1)
                elif link == "sigmoid":
                    said = torch.sigmoid(said)
                if not is_regression and classes == 2 and said.shape[1] == 1:
                    said = torch.cat([1 - said, said], dim=1)
                return said

        name = "prediction" if is_regression else "probabilities"
        yield written(Answering().eval(), torch.randn(3, len(self.columns), dtype=torch.float64), "numbers", name)


def written(answering: Any, sample: Any, input: str, output: str) -> bytes:
    """A graph of what surrounds a TorchScript program, and of the program."""
    import onnx
    import torch

    from atoll_engines.onnx_models.torch_graph import without_traces

    buffer, quiet = io.BytesIO(), io.StringIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            warnings.simplefilter("ignore")
            # What the network's own program decides at run time stays in it: only what is around it is traced.
            traced = torch.jit.trace(answering, (sample,), check_trace=False)
            # The exporter that reads programs rather than runs; the other cannot see into TorchScript.
            torch.onnx.export(
                traced, (sample,), buffer, dynamo=False, input_names=[input], output_names=[output],
                dynamic_axes={input: {0: "N"}, output: {0: "N"}}, opset_version=OPSET,
            )  # fmt: skip
    except Exception as error:
        raise EngineError(f"The exporter of torch could not write it: {first_line(error)}") from error
    model = onnx.load_from_string(buffer.getvalue())
    without_traces(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tensor_of(said: Any) -> Any:
    """The network's answer: a tensor, or the first of several."""
    if isinstance(said, dict):
        return said["logits"] if "logits" in said else next(iter(said.values()))
    return said[0] if isinstance(said, (tuple, list)) else said


def load(path: Path, request: Any) -> TorchscriptOriginal:
    """From a file of `torch.jit.save`; which columns there are, and what the numbers mean, is the user's to say."""
    import torch

    try:
        network = torch.jit.load(str(path), map_location="cpu").eval()
    except Exception as error:
        raise BadInput(
            f'"{path.name}" could not be read as TorchScript by torch {torch.__version__}: {first_line(error)}.', file=path.name
        ) from error
    torch.set_num_threads(1)
    width = len(request.inputs) if request.inputs else first_width(network)
    original = TorchscriptOriginal(network, width)
    original.task = request.task
    if request.classes and request.task != "regression":
        original.classes = tuple(request.classes)
        original.task = request.task or ("binary" if len(original.classes) == 2 else "multiclass")
    original.link = (getattr(request, "options", None) or {}).get("answers")
    if original.link not in (None, "identity", "softmax", "sigmoid"):
        raise BadInput(
            'What the network answers with (options.answers) is "identity", "softmax" or "sigmoid".', parameter="options.answers"
        )
    return original


def first_width(network: Any) -> int | None:
    """How many numbers the first layer takes, where it is one of rows."""
    for _, values in network.named_parameters():
        if values.dim() == 2:
            return int(values.shape[1])
        if values.dim() > 2:
            raise BadInput(
                "The network begins with a layer for images or sounds. Where it takes images, say so (takes: image) "
                "and how they are prepared; bring one of sounds as a folder with its code (predict.py), or as ONNX."
            )
    return None
