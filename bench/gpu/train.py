"""Training speed of the product's loop beside a bare script with the same network, data and settings.

    python bench/gpu/train.py vit_s resnet50 distilbert [--batch 256] [--steps 100]

Both sides learn from synthetic rows that lie on the device, with bf16 autocast, a fused AdamW and torch.compile. Each is
warmed up first (which compiles), then timed; the sides take turns. Without a GPU two small steps of each show that it runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from atoll_engines.neural.devices import find_device  # noqa: E402
from atoll_engines.neural.plan import RulePlan, TrainingPlan  # noqa: E402
from atoll_engines.neural.protocols import Hooks  # noqa: E402
from atoll_engines.neural.trainer import fit  # noqa: E402

WARM_STEPS = 30
CLASSES = 1000


class Images(nn.Module):
    """A library's image network on normalised pixels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        pixels = batch["image"].permute(0, 3, 1, 2).float() / 255
        return self.network(pixel_values=pixels).logits


class Texts(nn.Module):
    """An encoder with a head for two classes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.network(input_ids=batch["input_ids"]).logits


def vit_s(small: bool) -> nn.Module:
    from transformers import ViTConfig, ViTForImageClassification

    layers = 2 if small else 12
    config = ViTConfig(hidden_size=384, num_hidden_layers=layers, num_attention_heads=6, intermediate_size=1536, num_labels=CLASSES)
    return Images(ViTForImageClassification(config))


def resnet50(small: bool) -> nn.Module:
    from transformers import ResNetConfig, ResNetForImageClassification

    depths = [1, 1, 1, 1] if small else [3, 4, 6, 3]
    return Images(ResNetForImageClassification(ResNetConfig(depths=depths, num_labels=CLASSES)))


def distilbert(small: bool) -> nn.Module:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    return Texts(DistilBertForSequenceClassification(DistilBertConfig(n_layers=1 if small else 6, num_labels=2)))


WORKS: dict[str, Callable[[bool], nn.Module]] = {"vit_s": vit_s, "resnet50": resnet50, "distilbert": distilbert}


class Synthetic:
    """Rows on the device, so that only the loop and the network are timed."""

    def __init__(self, work: str, batch: int, steps: int, device: torch.device) -> None:
        self.count = batch * steps
        if work == "distilbert":
            self.x = {"input_ids": torch.randint(5, 30_000, (batch, 128), device=device)}
        else:
            self.x = {"image": torch.randint(0, 256, (batch, 224, 224, 3), dtype=torch.uint8, device=device)}
        self.y = torch.randint(0, 2, (batch,), device=device)

    def __len__(self) -> int:
        return self.count

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        return self.x | {"y": self.y}


class CrossEntropy:
    metric, higher_is_better = "loss", False

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional.cross_entropy(module(batch).float(), batch["y"])

    def validate(self, module: nn.Module, batches: Any) -> dict[str, float]:
        return {}


def product(work: str, batch: int, steps: int, small: bool) -> float:
    """Rows a second of the product's loop, after the warm-up."""
    device = find_device(torch.get_num_threads())
    total = WARM_STEPS + steps if device.is_cuda else steps
    marks: dict[int, float] = {}
    rows = Synthetic(work, batch, total, device.device)

    class Timed(CrossEntropy):
        def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            step = len(marks)
            if device.is_cuda and step in (WARM_STEPS, total - 1):
                torch.cuda.synchronize()
            marks[step] = time.perf_counter()
            return super().loss(module, batch)

    plan = TrainingPlan(
        epochs=1, batch_size=batch, schedule="constant", compile="on" if device.is_cuda else "off", rules=RulePlan(watch=("nan_loss",))
    )
    fit(WORKS[work](small), Timed(), rows, None, plan, hooks=Hooks(), device=device)
    first = WARM_STEPS if device.is_cuda else 0
    last = total - 1
    return batch * max(1, last - first) / (marks[last] - marks[first]) if last > first else float("nan")


def bare(work: str, batch: int, steps: int, small: bool) -> tuple[float, float]:
    """Rows a second of a plain loop, and the seconds of its warm-up."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = WORKS[work](small).to(device).train()
    if work == "resnet50":
        module = module.to(memory_format=torch.channels_last)
    network = torch.compile(module) if device.type == "cuda" else module
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    rows = Synthetic(work, batch, steps, device)
    data = rows.batch(np.arange(batch), None)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = functional.cross_entropy(network(data).float(), data["y"])
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()

    begun = time.perf_counter()
    for _ in range(WARM_STEPS if device.type == "cuda" else 1):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    warm = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return batch * steps / (time.perf_counter() - begun), warm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", help=", ".join(WORKS))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for work in options.works:
        if work not in WORKS:
            parser.error(f'there is no work "{work}"; there are: {", ".join(WORKS)}')
    has_gpu = torch.cuda.is_available()
    torch.set_float32_matmul_precision("high")
    batch, steps, rounds = (options.batch, options.steps, options.rounds) if has_gpu else (2, 2, 1)
    for work in options.works or list(WORKS):
        found = {"product": [], "bare": []}
        warm = 0.0
        for _ in range(rounds):
            rate, warm = bare(work, batch, steps, not has_gpu)
            found["bare"].append(rate)
            found["product"].append(product(work, batch, steps, not has_gpu))
        best = {side: max(rates) for side, rates in found.items()}
        line: dict[str, Any] = {"work": work, "batch": batch, "rowsPerSecond": best, "ratio": best["product"] / best["bare"]}
        line |= {"warmSeconds": warm, "torch": torch.__version__, "measured": has_gpu}
        if has_gpu:
            line |= {"device": torch.cuda.get_device_name(), "peakMemoryBytes": torch.cuda.max_memory_allocated()}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
