"""One optimiser step: gradients of its rows piece by piece, within the memory there is, then the update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.neural import memory
from atoll_engines.neural.devices import Device, autocast, compiled, precision_of
from atoll_engines.neural.feed import Feed
from atoll_engines.neural.plan import TrainingPlan
from atoll_engines.neural.protocols import Hooks, Objective
from atoll_engines.neural.rules import Tells
from atoll_engines.neural.sampler import seed_everything


class Stepper:
    """Takes the steps of one training."""

    def __init__(
        self,
        module: nn.Module,
        objective: Objective,
        plan: TrainingPlan,
        device: Device,
        feed: Feed,
        hooks: Hooks,
        report: Tells | None,
        steps: int,
    ) -> None:
        self.module, self.objective, self.plan, self.device, self.feed, self.report = module, objective, plan, device, feed, report
        self.dtype = precision_of(plan, device)
        self.network = compiled(plan, module, device, steps)
        self.optimiser = make_optimiser(plan, hooks.groups(module) if hooks.groups else usual_groups(module), device)
        # Rows of one piece in this process; halved when memory runs out.
        self.piece_rows = -(-plan.batch_size // device.world)

    @property
    def accumulate(self) -> int:
        return -(-self.plan.step_rows // (self.piece_rows * self.device.world))

    @property
    def batch_size(self) -> int:
        return self.piece_rows * self.device.world

    def take(self, rows: np.ndarray, epoch: int, step: int, rate: float, watch: Callable[[nn.Module], None] | None = None) -> torch.Tensor:
        """One step over these rows at a learning rate; the mean loss, still on the device. `watch` sees unclipped gradients."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        loss = self.gradients(rows, epoch, step)
        if watch:
            watch(self.module)
        parameters = [one for one in self.module.parameters() if one.grad is not None]
        if self.plan.l1:
            weights = [one for one in parameters if one.ndim > 1]
            torch._foreach_add_([one.grad for one in weights], torch._foreach_sign([one.detach() for one in weights]), alpha=self.plan.l1)
        if self.plan.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.plan.clip_norm)
        self.optimiser.step()
        return loss

    def gradients(self, rows: np.ndarray, epoch: int, step: int) -> torch.Tensor:
        """The gradients of a step's mean loss, summed over pieces and processes; tried again with smaller pieces if need be."""
        own = self.device.share(rows)
        while True:
            loss, failed = None, False
            try:
                loss = self.backward(own, len(rows), epoch, step)
            except Exception as error:
                if memory.is_out_of_memory(error):
                    failed = True
                elif self.network is not self.module:
                    self.leave_compiled(error)
                    continue
                else:
                    raise
            if not self.device.holds(failed):
                break
            self.halve(epoch, step)
        self.device.sum_gradients(self.module)
        return loss

    def backward(self, own: np.ndarray, total: int, epoch: int, step: int) -> torch.Tensor:
        seed_everything(self.plan.seed, epoch, step, self.device.rank)
        self.optimiser.zero_grad(set_to_none=True)
        summed = torch.zeros((), dtype=torch.float64, device=self.device.device)
        for number, piece in enumerate(self.pieces(own)):
            batch = self.feed.get((epoch, step, number), piece)
            with autocast(self.device, self.dtype):
                loss = self.objective.loss(self.network, batch)
            share = len(piece) / total
            (loss * share).backward()
            summed += loss.detach().double() * share
        return summed

    def pieces(self, own: np.ndarray) -> list[np.ndarray]:
        """The pieces of a process's rows; a single last row joins the piece before it, for it would have no spread."""
        size = self.piece_rows
        edges = list(range(0, len(own), size))
        if len(edges) > 1 and len(own) - edges[-1] == 1 and size > 1:
            edges.pop()
        return [own[start:end] for start, end in zip(edges, [*edges[1:], len(own)], strict=True)]

    def expect(self, rows: np.ndarray, epoch: int, step: int) -> None:
        """Begin to make the batches of a coming step."""
        for number, piece in enumerate(self.pieces(self.device.share(rows))):
            self.feed.expect((epoch, step, number), piece)

    def halve(self, epoch: int, step: int) -> None:
        before = self.batch_size
        self.optimiser.zero_grad(set_to_none=True)
        self.feed.forget()
        memory.free()
        self.piece_rows = memory.halved(self.piece_rows)
        if self.report:
            text = memory.sentence(before, self.batch_size, self.accumulate, step)
            facts = {"batchSize": self.batch_size, "accumulate": self.accumulate, "step": step, "epoch": epoch}
            self.report.warning("out_of_memory", text, **facts)

    def leave_compiled(self, error: Exception) -> None:
        """Go on with the network as it was written, which says its own errors."""
        self.network = self.module
        if self.report:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            self.report.warning("compile_failed", f"The network could not be compiled, so it runs as written: {reason}")

    def glance(self, rows: np.ndarray, epoch: int, step: int) -> None:
        """A pass over a few rows that leaves no trace, for what watches activations."""
        piece = self.device.share(rows)[: min(32, self.piece_rows)]
        was_training = self.module.training
        self.module.eval()
        try:
            with torch.no_grad(), autocast(self.device, self.dtype):
                self.objective.loss(self.module, self.feed.get((epoch, step, 0), piece))
        finally:
            self.module.train(was_training)


def usual_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Weights are decayed; biases, norms and other vectors are not."""
    parameters = list(module.parameters())
    groups = [
        {"params": [one for one in parameters if one.ndim > 1], "decay": True},
        {"params": [one for one in parameters if one.ndim <= 1], "decay": False},
    ]
    return [group for group in groups if group["params"]]


def make_optimiser(plan: TrainingPlan, groups: list[dict[str, Any]], device: Device) -> torch.optim.Optimizer:
    """The plan's optimiser, fused into one kernel where torch has one for the device."""
    ready = [
        {
            "params": group["params"],
            "scale": group.get("scale", 1.0),
            "weight_decay": plan.weight_decay if group.get("decay", True) else 0.0,
        }
        for group in groups
    ]
    is_plain = all(one.dtype == torch.float32 for group in ready for one in group["params"])
    shared: dict[str, Any] = {"lr": plan.learning_rate, "fused": True if is_plain else None}
    if plan.optimiser == "sgd":
        return torch.optim.SGD(ready, momentum=plan.momentum, nesterov=plan.momentum > 0, **shared)
    kind = torch.optim.AdamW if plan.optimiser == "adamw" else torch.optim.Adam
    return kind(ready, **shared)
