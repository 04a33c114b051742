"""The engine `compression.prune`: a network loses what matters least, and what is left is trained on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from atoll_engines.compression.derived import Derived, leave_record, open_derived
from atoll_engines.compression.graph_models import is_of_graph
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation import multilabel
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.folds import inner_split
from atoll_engines.tabular.metrics import score_all
from atoll_engines.tabular.target import as_words

HELD_OUT = 0.15
EPOCHS = 3
# What is left knows much already: it is moved gently.
RATE_SHARE = 0.3


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    sparsity: float
    is_structured: bool
    epochs: int


def run(job: Job, report: Report) -> dict[str, Any]:
    """Prunes the network of an image or text model, fine-tunes it, and leaves the package."""
    started = time.monotonic()
    derived = open_derived(job)
    options = job.parameters.get("options") or {}
    wish = Wish(
        sparsity=float(job.parameters.get("sparsity") or 0.5),
        is_structured=bool(job.parameters.get("structured", True)),
        epochs=int(options.get("epochs") or EPOCHS),
    )
    if not 0 < wish.sparsity < 1:
        raise BadInput(f"sparsity is {wish.sparsity:g}; it is the share that goes, between 0 and 1.", parameter="sparsity")
    if is_of_graph(derived.native):
        raise BadInput("A quantised version has no weights that could be trained on. Prune the original, then quantise what is left.")
    tensors = {one["tensor"] for one in derived.signature["inputs"]}
    if tensors == {"image"}:
        from atoll_engines.compression.prune_images import pruned_images as pruned
    elif tensors == {"tokens"}:
        from atoll_engines.compression.prune_texts import pruned_texts as pruned
    else:
        raise BadInput(
            "Networks for images and transformers for texts can be pruned. Distil this model into a smaller one, or trim its columns."
        )
    report.progress("prune", 0, 3, None, "reading training rows")
    made = pruned(job, derived, wish, report)
    facts = {
        "method": "prune", "structured": wish.is_structured, "sparsity": wish.sparsity, "epochs": wish.epochs,
        "weights": {"before": made.before, "after": made.after, "zeros": made.zeros},
    }  # fmt: skip
    if not wish.is_structured:
        report.warning(
            "not_smaller",
            "Single weights are zero now, but the graph holds and multiplies them all the same: it is neither smaller nor faster. "
            "Whole channels make it so.",
        )
    more = {"validation": made.validation, "params": made.params, "export": made.export.as_json()}
    leave_record(job, derived, derived.signature, facts, started, **more)
    report.artifact("model/model.onnx", "model", "The pruned network as a graph")
    report.progress("prune", 3, 3, 0.0, "done")
    return facts


@dataclass(frozen=True)
class Pruned:
    """A network that lost weights, and how well it does on rows that fine-tuning did not see."""

    before: int
    after: int
    zeros: int
    params: dict[str, Any]
    validation: dict[str, Any]
    export: Any


def training_rows(job: Job, derived: Derived, names: list[str], classes: tuple[str, ...] | None) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows that have a target that the model knows."""
    table = open_table(job.channel("train"))
    target = derived.signature["target"]
    frame = read_frame(table, [*names, target])
    frame = frame[frame[target].notna()]
    if derived.signature["task"] == "regression":
        return frame[names], frame[target].to_numpy(np.float64)
    if derived.signature["task"] == "multilabel":
        y, unknown = multilabel.read_known(frame[target], classes)
        return frame.loc[~unknown, names], y[~unknown]
    numbers = {name: number for number, name in enumerate(classes)}
    y = as_words(table.column(target), frame[target]).map(numbers).fillna(-1).to_numpy(np.int64)
    return frame.loc[y >= 0, names], y[y >= 0]


def held_out(y: np.ndarray, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows to see what became of the model."""
    return inner_split(y, "regression" if task == "multilabel" else task, seed, HELD_OUT)


def scores(actual: np.ndarray, predicted: np.ndarray, task: str, threshold: Any) -> dict[str, Any]:
    found = score_all(actual, predicted, task, threshold)
    return {name: {"mean": value, "std": 0.0, "folds": [value]} for name, value in found.items()}


def zero_smallest(network: nn.Module, sparsity: float) -> int:
    """Zeroes the share of smallest weights of all layers together (Han et al. 2015), and keeps them zero while the rest learns."""
    weights = [one for one in network.parameters() if one.ndim > 1]
    limit = smallest(weights, sparsity)
    zeros = 0
    for weight in weights:
        mask = (weight.detach().abs() > limit).to(weight.dtype)
        zeros += int((mask == 0).sum())
        with torch.no_grad():
            weight.mul_(mask)
        # A weight at zero whose gradient is zero stays there: neither momentum nor decay moves it.
        weight.register_hook(lambda gradient, mask=mask: gradient * mask.to(gradient.device))
    return zeros


def smallest(weights: list[torch.Tensor], share: float) -> float:
    """The size below which that share of all weights lies."""
    sizes = torch.cat([one.detach().abs().flatten() for one in weights])
    return float(sizes.kthvalue(max(1, round(share * len(sizes)))).values)


def count(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())
