"""Trains a network's weights by the common loop: AdamW at a steady rate, averaged weights, early stopping on watched rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.neural.plan import RulePlan, TrainingPlan
from atoll_engines.neural.protocols import Fitted, Hooks
from atoll_engines.neural.trainer import fit
from atoll_engines.tabular.algorithms.model import Debugger, Setting, Watch
from atoll_engines.tabular.networks.arithmetic import EPSILON
from atoll_engines.tabular.networks.layers import Weights

# How often a category is hidden from training, so that the vector of what was never seen learns what to say.
HIDDEN_SHARE = 0.01
# The running mean of the weights forgets half of what it knew within about so many steps.
HALF_LIFE = 60
# The first steps of an adaptive optimiser know little about the scale of the gradients.
WARM_UP_STEPS = 20
MOMENTUM = 0.1
PATIENCE = 16


@dataclass
class Part:
    """Rows as a network reads them; `hidden` is the place of what was never seen, for each column of categories."""

    numbers: np.ndarray
    places: np.ndarray
    target: np.ndarray
    hidden: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def labels(self) -> np.ndarray | None:
        """Classes whose rows count alike."""
        return self.target if self.weights is None and self.target.dtype.kind == "i" else None

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> tuple[torch.Tensor, ...]:
        places = torch.from_numpy(self.places[rows])
        if generator is not None and places.numel():
            is_hidden = torch.rand(places.shape, generator=generator) < HIDDEN_SHARE
            places = torch.where(is_hidden, torch.from_numpy(self.hidden), places)
        weights = np.ones(len(rows), np.float32) if self.weights is None else self.weights[rows]
        return torch.from_numpy(self.numbers[rows]), places, torch.from_numpy(self.target[rows]), torch.from_numpy(weights)


class TorchArithmetic:
    """Tensors that remember how they were made."""

    def __init__(self) -> None:
        self.is_training = False
        self.penalties: list[Any] = []
        self.device: Any = None
        self.relu: Callable[[Any], Any] = torch.relu
        self.sigmoid: Callable[[Any], Any] = torch.sigmoid

    def sin(self, x: Any) -> Any:
        return torch.sin(x)

    def cos(self, x: Any) -> Any:
        return torch.cos(x)

    def softmax(self, x: Any) -> Any:
        return torch.softmax(x, -1)

    def layer_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        return torch.nn.functional.layer_norm(x, scale.shape, scale, shift, EPSILON)

    def batch_norm(self, x: Any, weights: Mapping[str, Any], name: str) -> Any:
        return torch.nn.functional.batch_norm(
            x, weights[f"running.{name}.mean"], weights[f"running.{name}.variance"], weights[f"{name}.scale"],
            weights[f"{name}.shift"], self.is_training, MOMENTUM, EPSILON,
        )  # fmt: skip

    def embed(self, table: Any, places: Any) -> Any:
        return torch.nn.functional.embedding(places, table)

    def concat(self, parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else torch.cat(list(parts), -1)

    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        return x.reshape(tuple(shape))

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return x.permute(tuple(axes))

    def sum(self, x: Any) -> Any:
        return x.sum(-1, keepdim=True)

    def cut(self, x: Any, start: int, stop: int) -> Any:
        return x[..., start:stop]

    def sorted_down(self, x: Any) -> Any:
        return torch.sort(x, -1, descending=True).values

    def running_sum(self, x: Any) -> Any:
        return torch.cumsum(x, -1)

    def is_positive(self, x: Any) -> Any:
        return (x.detach() > 0).to(x.dtype)

    def like(self, values: np.ndarray) -> Any:
        return torch.from_numpy(values).to(self.device, torch.float32)

    def dropout(self, x: Any, share: float) -> Any:
        return torch.nn.functional.dropout(x, share, self.is_training) if share > 0 else x

    def penalise(self, make: Any) -> None:
        if self.is_training:
            self.penalties.append(make())


class Module(nn.Module):
    """A network as torch has it: its weights are parameters, what batch norms have seen are buffers."""

    def __init__(self, network: Any, weights: Weights) -> None:
        super().__init__()
        self.network, self.ops = network, TorchArithmetic()
        # Layers of their own, so that what they answer with can be watched.
        self.rectifier, self.squashing = nn.ReLU(), nn.Sigmoid()
        self.ops.relu, self.ops.sigmoid = self.rectifier, self.squashing
        # A name within a module has no points.
        self.own_names = {name: name.replace(".", "__") for name in weights}
        for name, values in weights.items():
            tensor = torch.from_numpy(values.copy())
            if name.startswith("running."):
                self.register_buffer(self.own_names[name], tensor)
            else:
                self.register_parameter(self.own_names[name], nn.Parameter(tensor))

    def forward(self, numbers: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Raw answers [rows, members, outputs]."""
        self.ops.is_training, self.ops.penalties, self.ops.device = self.training, [], numbers.device
        weights = {name: getattr(self, own) for name, own in self.own_names.items()}
        return self.network.forward(self.ops, weights, numbers, places)

    def weights(self) -> Weights:
        held = self.state_dict()
        return {name: held[own].detach().cpu().numpy().copy() for name, own in self.own_names.items()}

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """Decay pulls at the weights of layers, not at vectors, scales and shifts."""
        named = [(name, getattr(self, own)) for name, own in self.own_names.items() if not name.startswith("running.")]
        decayed = [tensor for name, tensor in named if name.endswith(".weight")]
        others = [tensor for name, tensor in named if not name.endswith(".weight")]
        return [{"params": tensors, "decay": tensors is decayed} for tensors in (decayed, others) if tensors]


class Objective:
    """Every member of a network learns for itself; the network is scored by what its members say together."""

    metric, higher_is_better = "loss", False

    def __init__(self, classes: int, score: Callable[[np.ndarray, np.ndarray], float]) -> None:
        self.classes, self.score = classes, score

    def loss(self, module: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        numbers, places, target, weights = batch
        each = self.each(module(numbers, places), target) * weights.reshape(-1, 1)
        return each.mean() + sum(getattr(module, "_orig_mod", module).ops.penalties)

    def each(self, answers: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of each row and member."""
        functional = nn.functional
        if not self.classes:
            return (answers[:, :, 0] - target.reshape(-1, 1)) ** 2
        if self.classes == 2:
            wanted = target.to(answers.dtype).reshape(-1, 1).expand(answers.shape[:2])
            return functional.binary_cross_entropy_with_logits(answers[:, :, 0], wanted, reduction="none")
        rows, members, classes = answers.shape
        wanted = target.reshape(-1, 1).expand(rows, members).reshape(-1)
        return functional.cross_entropy(answers.reshape(-1, classes), wanted, reduction="none").reshape(rows, members)

    def validate(self, module: nn.Module, batches: Iterable[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        parts = [(module(numbers, places).float().cpu().numpy(), target.cpu().numpy()) for numbers, places, target, _ in batches]
        answers, targets = (np.concatenate([part[k] for part in parts]) for k in range(2))
        return {"loss": self.score(answers, targets)}


def train(
    network: Any,
    weights: Weights,
    part: Part,
    watched: Part | None,
    watch: Watch | None,
    params: dict[str, Any],
    setting: Setting,
    score: Callable[[np.ndarray, np.ndarray], float],
    debugger: Debugger | None = None,
) -> tuple[Module, Fitted]:
    """Train on a part; with watched rows until they no longer gain. The module holds the best weights."""
    module = Module(network, weights)
    size = batch_size(len(part), int(params["batch"]))
    epochs = int(params["epochs"])
    steps = epochs * max(1, len(part) // size)
    plan = TrainingPlan(
        epochs=epochs,
        batch_size=size,
        learning_rate=float(params["learning_rate"]),
        weight_decay=float(params["weight_decay"]),
        # A rate that depended on the last epoch would make early stopping tell nothing of the final fit.
        schedule="constant",
        warmup=min(0.2, WARM_UP_STEPS / steps),
        patience=PATIENCE if watch is None else min(PATIENCE, watch.patience),
        ema=0.5 ** (1 / HALF_LIFE),
        precision="fp32",
        channels_last="off",
        compile="off",
        seed=setting.seed,
        threads=setting.threads,
        # A search trains many networks: only what makes one worthless is watched.
        rules=debugger.rules if debugger else RulePlan(watch=("nan_loss",)),
    )

    def after_epoch(epoch: int, scores: dict[str, float]) -> str | None:
        if watch is not None and watch.on_round and "loss" in scores:
            watch.on_round(epoch, scores["loss"])
        return None

    where = {"algorithm": debugger.algorithm} if debugger else {}
    hooks = Hooks(after_epoch=after_epoch, groups=module.groups, until=None if watch is None else watch.until, where=where)
    report = debugger.report if debugger else None
    fitted = fit(module, Objective(setting.classes, score), part, watched, plan, report=report, hooks=hooks)
    return module, fitted


def batch_size(rows: int, most: int) -> int:
    """At least some ten steps an epoch, however small the table."""
    return int(max(16, min(most, 2 ** math.floor(math.log2(max(16, rows / 10))))))
