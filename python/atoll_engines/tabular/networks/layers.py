"""Pieces that several networks are made of: weights to begin with, inputs, linear layers, attention, sparsemax."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]


class Initial:
    """Draws the weights that a training begins with, from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.weights: Weights = {}

    def linear(self, name: str, before: int, after: int) -> None:
        """Uniform by He et al. (2015) for layers that a rectifier follows."""
        reach = math.sqrt(3.0 / max(1, before))
        self.put(f"{name}.weight", self.random.uniform(-reach, reach, (before, after)))
        self.put(f"{name}.bias", np.zeros(after))

    def norm(self, name: str, size: int, is_batch: bool = False) -> None:
        self.put(f"{name}.scale", np.ones(size))
        self.put(f"{name}.shift", np.zeros(size))
        if is_batch:
            self.put(f"running.{name}.mean", np.zeros(size))
            self.put(f"running.{name}.variance", np.ones(size))

    def normal(self, name: str, shape: tuple[int, ...], spread: float) -> None:
        self.put(name, self.random.normal(0, spread, shape))

    def signs(self, name: str, shape: tuple[int, ...]) -> None:
        self.put(name, self.random.choice([-1.0, 1.0], shape))

    def put(self, name: str, values: Any) -> None:
        self.weights[name] = np.asarray(values, np.float32)


def linear(w: Mapping[str, Any], name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


def norm(ops: Any, w: Mapping[str, Any], name: str, x: Any) -> Any:
    return ops.layer_norm(x, w[f"{name}.scale"], w[f"{name}.shift"])


class Inputs:
    """Numbers and categories as one row of inputs: a vector for each category, and numbers plain or as waves.

    Waves are periodic embeddings with a linear layer that all numbers share, "PLR(lite)" of Gorishniy et al. (2022).
    """

    def __init__(self, numbers: int, categories: int, places: int, params: dict[str, Any]) -> None:
        self.numbers, self.categories, self.places = numbers, categories, places
        self.vector = int(params.get("vector", 8))
        self.has_waves = numbers > 0 and params.get("numbers", "plain") == "waves"
        self.waves, self.wave_width, self.reach = 16, 12, float(params.get("frequency", 0.1))

    @property
    def size(self) -> int:
        per_number = self.wave_width if self.has_waves else 1
        return max(1, self.numbers * per_number + self.categories * self.vector)

    def begin(self, initial: Initial) -> None:
        if self.categories:
            initial.normal("vectors", (self.places, self.vector), 1 / math.sqrt(self.vector))
        if self.has_waves:
            initial.normal("waves", (self.numbers, self.waves), self.reach)
            initial.linear("of_waves", 2 * self.waves, self.wave_width)

    def forward(self, ops: Any, w: Mapping[str, Any], numbers: Any, places: Any) -> Any:
        parts = []
        if self.has_waves:
            angles = ops.reshape(numbers, (-1, self.numbers, 1)) * (w["waves"] * (2 * math.pi))
            made = ops.relu(linear(w, "of_waves", ops.concat([ops.cos(angles), ops.sin(angles)])))
            parts.append(ops.reshape(made, (-1, self.numbers * self.wave_width)))
        elif self.numbers:
            parts.append(numbers)
        if self.categories:
            parts.append(ops.reshape(ops.embed(w["vectors"], places), (-1, self.categories * self.vector)))
        # Of a table without features there is nothing to read; one zero stands for them.
        return ops.concat(parts) if parts else numbers


def hidden(ops: Any, w: Mapping[str, Any], name: str, x: Any, layers: int, dropout: float) -> Any:
    """Linear layers with rectifiers between."""
    for layer in range(layers):
        x = ops.dropout(ops.relu(linear(w, f"{name}{layer}", x)), dropout)
    return x


def begin_hidden(initial: Initial, name: str, before: int, width: int, layers: int) -> int:
    for layer in range(layers):
        initial.linear(f"{name}{layer}", before, width)
        before = width
    return before


def attention(ops: Any, w: Mapping[str, Any], name: str, x: Any, tokens: int, width: int, heads: int, dropout: float) -> Any:
    """Multi-head self-attention (Vaswani et al. 2017) over [rows, tokens, width]."""
    each = width // heads

    def split(part: str, axes: tuple[int, ...]) -> Any:
        return ops.transpose(ops.reshape(linear(w, f"{name}.{part}", x), (-1, tokens, heads, each)), axes)

    scores = split("query", (0, 2, 1, 3)) @ split("key", (0, 2, 3, 1)) * (1 / math.sqrt(each))
    mixed = ops.dropout(ops.softmax(scores), dropout) @ split("value", (0, 2, 1, 3))
    return linear(w, f"{name}.out", ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, tokens, width)))


def sparsemax(ops: Any, z: Any, size: int) -> Any:
    """The nearest point of the probability simplex (Martins and Astudillo 2016): like softmax, but with real zeros."""
    down = ops.sorted_down(z)
    ranks = np.arange(1, size + 1)
    support = ops.is_positive(down * ops.like(ranks) - ops.running_sum(down) + 1.0)
    level = (ops.sum(down * support) - 1.0) / ops.sum(support)
    return ops.relu(z - level)
