"""A running mean of the weights (EMA), which often generalises better than the last ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


class Average:
    """The running mean, kept beside the network."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after a step; early on the mean follows them closely."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in module.state_dict().items():
            own = self.tensors[name]
            if own.is_floating_point():
                own.lerp_(tensor.detach(), 1 - decay)
            else:
                own.copy_(tensor)

    @contextlib.contextmanager
    def within(self, module: nn.Module) -> Iterator[None]:
        """The network with the mean as its weights, for a while."""
        before = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        module.load_state_dict(self.tensors)
        try:
            yield
        finally:
            module.load_state_dict(before)
