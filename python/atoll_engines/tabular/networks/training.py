"""Trains a network's weights with torch: AdamW at a steady rate, averaged weights, early stopping on watched rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.tabular.networks.arithmetic import EPSILON
from atoll_engines.tabular.networks.layers import Weights

# How often a category is hidden from training, so that the vector of what was never seen learns what to say.
HIDDEN_SHARE = 0.01
# The running mean of the weights forgets half of what it knew within about so many steps.
HALF_LIFE = 60
MOMENTUM = 0.1


@dataclass
class Part:
    """Rows as a network reads them."""

    numbers: np.ndarray
    places: np.ndarray
    target: np.ndarray
    weights: np.ndarray | None = None


class TorchArithmetic:
    """Tensors that remember how they were made."""

    def __init__(self, torch: Any) -> None:
        self.torch, self.is_training = torch, False
        self.penalties: list[Any] = []

    def relu(self, x: Any) -> Any:
        return self.torch.relu(x)

    def sigmoid(self, x: Any) -> Any:
        return self.torch.sigmoid(x)

    def sin(self, x: Any) -> Any:
        return self.torch.sin(x)

    def cos(self, x: Any) -> Any:
        return self.torch.cos(x)

    def softmax(self, x: Any) -> Any:
        return self.torch.softmax(x, -1)

    def layer_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        return self.torch.nn.functional.layer_norm(x, scale.shape, scale, shift, EPSILON)

    def batch_norm(self, x: Any, weights: Mapping[str, Any], name: str) -> Any:
        return self.torch.nn.functional.batch_norm(
            x, weights[f"running.{name}.mean"], weights[f"running.{name}.variance"], weights[f"{name}.scale"],
            weights[f"{name}.shift"], self.is_training, MOMENTUM, EPSILON,
        )  # fmt: skip

    def embed(self, table: Any, places: Any) -> Any:
        return self.torch.nn.functional.embedding(places, table)

    def concat(self, parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else self.torch.cat(list(parts), -1)

    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        return x.reshape(tuple(shape))

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return x.permute(tuple(axes))

    def sum(self, x: Any) -> Any:
        return x.sum(-1, keepdim=True)

    def cut(self, x: Any, start: int, stop: int) -> Any:
        return x[..., start:stop]

    def sorted_down(self, x: Any) -> Any:
        return self.torch.sort(x, -1, descending=True).values

    def running_sum(self, x: Any) -> Any:
        return self.torch.cumsum(x, -1)

    def is_positive(self, x: Any) -> Any:
        return (x.detach() > 0).to(x.dtype)

    def like(self, values: np.ndarray) -> Any:
        return self.torch.from_numpy(values)

    def dropout(self, x: Any, share: float) -> Any:
        return self.torch.nn.functional.dropout(x, share, self.is_training) if share > 0 else x

    def penalise(self, make: Any) -> None:
        if self.is_training:
            self.penalties.append(make())


class Training:
    """One training of one network; `network.forward` gives raw answers [rows, members, outputs]."""

    def __init__(self, torch: Any, network: Any, weights: Weights, params: dict[str, Any], classes: int, seed: int) -> None:
        self.torch, self.network, self.params, self.classes = torch, network, params, classes
        self.ops = TorchArithmetic(torch)
        torch.manual_seed(seed)
        self.random = np.random.default_rng(seed)
        self.weights = {name: torch.from_numpy(values.copy()) for name, values in weights.items()}
        learned = {name: values for name, values in self.weights.items() if not name.startswith("running.")}
        for values in learned.values():
            values.requires_grad_(True)
        decayed = [values for name, values in learned.items() if name.endswith(".weight")]
        others = [values for name, values in learned.items() if not name.endswith(".weight")]
        groups = [{"params": decayed, "weight_decay": float(params["weight_decay"])}, {"params": others, "weight_decay": 0.0}]
        self.rate = float(params["learning_rate"])
        self.optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=self.rate)
        self.learned = list(learned.values())
        self.average = {name: values.detach().clone() for name, values in self.weights.items()}
        self.steps = 0

    def epoch(self, part: Part, offsets: np.ndarray) -> None:
        """Every row once, in random order."""
        rows = len(part.target)
        size = batch_size(rows, int(self.params["batch"]))
        order = self.random.permutation(rows)
        for start in range(0, rows, size):
            chosen = order[start : start + size]
            if len(chosen) > 1 or rows == 1:
                self.step(part, chosen, offsets)

    def step(self, part: Part, chosen: np.ndarray, offsets: np.ndarray) -> None:
        torch = self.torch
        places = part.places[chosen]
        if places.size:
            places = np.where(self.random.random(places.shape) < HIDDEN_SHARE, offsets, places)
        self.ops.is_training, self.ops.penalties = True, []
        answers = self.network.forward(
            self.ops, self.weights, torch.from_numpy(part.numbers[chosen]), torch.from_numpy(places)
        )
        loss = self.loss(answers, torch.from_numpy(part.target[chosen]))
        if part.weights is not None:
            loss = loss * torch.from_numpy(part.weights[chosen]).reshape(-1, 1)
        loss = loss.mean() + sum(self.ops.penalties)
        if not math.isfinite(float(loss.detach())):
            raise EngineError("The network's loss is no longer a number; a lower learning rate would help.")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for one in self.learned if one.grad is not None], 1.0)
        # A short warm-up: the first steps of an adaptive optimiser know little about the scale of the gradients.
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, (self.steps + 1) / 20)
        self.optimiser.step()
        self.steps += 1
        keep = min(0.5 ** (1 / HALF_LIFE), self.steps / (self.steps + 9))
        with torch.no_grad():
            for name, values in self.weights.items():
                self.average[name].lerp_(values.detach(), 1 - keep)

    def loss(self, answers: Any, target: Any) -> Any:
        """The loss of each row and member: every member learns for itself."""
        functional = self.torch.nn.functional
        if not self.classes:
            return (answers[:, :, 0] - target.reshape(-1, 1)) ** 2
        if self.classes == 2:
            wanted = target.to(answers.dtype).reshape(-1, 1).expand(answers.shape[:2])
            return functional.binary_cross_entropy_with_logits(answers[:, :, 0], wanted, reduction="none")
        rows, members, classes = answers.shape
        each = functional.cross_entropy(
            answers.reshape(-1, classes), target.reshape(-1, 1).expand(rows, members).reshape(-1), reduction="none"
        )
        return each.reshape(rows, members)

    def averaged(self) -> Weights:
        """The running mean of the weights, which is steadier than where the last step left them."""
        return {name: values.detach().numpy().copy() for name, values in self.average.items()}


def batch_size(rows: int, most: int) -> int:
    """At least some ten steps an epoch, however small the table."""
    return int(max(16, min(most, 2 ** math.floor(math.log2(max(16, rows / 10))))))
