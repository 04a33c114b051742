"""Where a network is trained: the processor, one GPU, or several with a process each; the job reads the same everywhere."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn

from atoll_engines.neural.plan import TrainingPlan

# A compiled network pays back its compilation only over many steps.
COMPILE_FROM_STEPS = 300


@dataclass(frozen=True)
class Device:
    """This process's device, and its place among the processes of the job."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def is_shared(self) -> bool:
        return self.world > 1

    def share(self, rows: Any) -> Any:
        """This process's part of the rows of a step; it may be empty."""
        return rows[self.rank :: self.world]

    def broadcast(self, value: Any) -> Any:
        """The first process's value, in all of them."""
        if not self.is_shared:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0, device=self.device if self.is_cuda else None)
        return box[0]

    def holds(self, claim: bool) -> bool:
        """Whether the claim holds in some process."""
        if not self.is_shared:
            return claim
        flag = torch.tensor(float(claim), device=self.device)
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)

    def total(self, value: torch.Tensor) -> torch.Tensor:
        """The sum of every process's value."""
        if not self.is_shared:
            return value
        summed = value.clone()
        distributed.all_reduce(summed)
        return summed

    def align(self, module: nn.Module) -> None:
        """The first process's weights, in all of them."""
        if not self.is_shared:
            return
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, src=0)

    def sum_gradients(self, module: nn.Module) -> None:
        """Add up every process's gradients; they were weighted by its share of the rows."""
        if not self.is_shared:
            return
        gradients = [one.grad for one in module.parameters() if one.grad is not None]
        for same in by_type(gradients):
            flat = torch._utils._flatten_dense_tensors(same)
            distributed.all_reduce(flat)
            for own, summed in zip(same, torch._utils._unflatten_dense_tensors(flat, same), strict=True):
                own.copy_(summed)

    def average_buffers(self, module: nn.Module) -> None:
        """Running statistics of batch normalisation, averaged over the processes."""
        if not self.is_shared:
            return
        for buffer in module.buffers():
            if buffer.is_floating_point():
                distributed.all_reduce(buffer)
                buffer /= self.world


def by_type(tensors: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    groups: dict[torch.dtype, list[torch.Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return list(groups.values())


def find_device(threads: int = 1) -> Device:
    """The device of this process; joins the others where torchrun started several."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(max(1, threads // world))
    rank = int(os.environ.get("RANK", "0"))
    if torch.cuda.is_available():
        # TF32 where float32 remains: ten times the speed for three digits that training does not need.
        torch.set_float32_matmul_precision("high")
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    else:
        device = torch.device("cpu")
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Device(device, rank, world)


def precision_of(plan: TrainingPlan, device: Device) -> torch.dtype:
    """bfloat16 where the GPU has it, else float32."""
    if plan.precision == "bf16":
        return torch.bfloat16
    is_fit = device.is_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if plan.precision == "auto" and is_fit else torch.float32


@contextlib.contextmanager
def autocast(device: Device, dtype: torch.dtype) -> Iterator[None]:
    """Matrix products in `dtype`, the rest in float32."""
    if dtype == torch.float32:
        yield
        return
    with torch.autocast(device.device.type, dtype=dtype):
        yield


def uses_channels_last(plan: TrainingPlan, module: nn.Module) -> bool:
    """Convolutions over images are faster with their channels last, on processors and GPUs alike."""
    if plan.channels_last != "auto":
        return plan.channels_last == "on"
    return any(isinstance(layer, nn.Conv2d) and layer.groups == 1 for layer in module.modules())


def compiled(plan: TrainingPlan, module: nn.Module, device: Device, steps: int) -> nn.Module:
    """The module as compiled code where that pays and can be done; what fails in compilation shows at its first call."""
    wanted = plan.compile == "on" or (plan.compile == "auto" and device.is_cuda and steps >= COMPILE_FROM_STEPS)
    if not wanted or (device.is_cuda and not importlib.util.find_spec("triton")):
        return module
    return torch.compile(module)


def moved(batch: Any, device: Device, channels_last: bool = False) -> Any:
    """A batch on the device: tensors, or tuples, lists and dicts of them; anything else stays as it is."""
    if isinstance(batch, torch.Tensor):
        if device.is_cuda and batch.device.type == "cpu":
            batch = batch.pin_memory().to(device.device, non_blocking=True)
        if channels_last and batch.ndim == 4 and batch.is_floating_point():
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch
    if isinstance(batch, dict):
        return {name: moved(value, device, channels_last) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return type(batch)(moved(value, device, channels_last) for value in batch)
    return batch


def describe(device: Device, dtype: torch.dtype) -> dict[str, Any]:
    """What training ran on, for its record."""
    about = {"device": device.device.type, "devices": device.world, "precision": str(dtype).removeprefix("torch.")}
    if device.is_cuda:
        about |= {"name": torch.cuda.get_device_name(device.device), "peakMemoryBytes": torch.cuda.max_memory_allocated(device.device)}
    return about
