"""Seconds in which the product's loop trains a small residual network on CIFAR-10 to 94 % of the test images.

    python bench/gpu/cifar10.py FOLDER [--epochs 18] [--rounds 3]

FOLDER holds the data set's binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin: a label and 3,072 bytes an
image). All images lie on the device, where they are shifted, flipped and partly erased. The network is the nine-layer one of
Page (2019), "How to train your ResNet", with its one-cycle schedule and label smoothing. The time is that of training alone,
after one round that compiles; reading the files and the one look at the test images at the end are not in it. Without a GPU 512
images show that it runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from atoll_engines.neural.devices import find_device  # noqa: E402
from atoll_engines.neural.plan import RulePlan, TrainingPlan  # noqa: E402
from atoll_engines.neural.trainer import fit  # noqa: E402

WANTED, SIDE, SHIFT, ERASED = 0.94, 32, 4, 8
MEAN, SPREAD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
BYTES = 1 + 3 * SIDE * SIDE


def read(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [images, 3, 32, 32] and the labels."""
    rows = np.concatenate([np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, BYTES) for file in files])
    return rows[:, 1:].reshape(-1, 3, SIDE, SIDE), rows[:, 0].astype(np.int64)


class Images:
    """Images on the device; what is learned from is shifted, flipped and partly erased there, another way each time."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, device: torch.device, is_changed: bool) -> None:
        mean, spread = (torch.tensor(one, device=device)[None, :, None, None] for one in (MEAN, SPREAD))
        self.x = (torch.from_numpy(pixels.copy()).to(device).float() / 255 - mean) / spread
        self.y = torch.from_numpy(labels).to(device)
        self.is_changed = is_changed

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        places = torch.from_numpy(rows).to(self.x.device)
        x = self.x[places]
        if self.is_changed and generator is not None:
            x = changed(x, generator)
        return {"x": x, "y": self.y[places]}


def changed(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by up to four pixels, every second one turned around, a square of eight pixels wiped out."""
    count, device = len(x), x.device
    drawn = torch.rand((count, 5), generator=generator).to(device)
    padded = functional.pad(x, (SHIFT,) * 4, mode="reflect")
    line = torch.arange(SIDE, device=device)
    down, right = ((drawn[:, k] * (2 * SHIFT + 1)).long().clamp(max=2 * SHIFT)[:, None] + line for k in (0, 1))
    right = torch.where(drawn[:, 2:3] < 0.5, right.flip(1), right)
    every = torch.arange(count, device=device)[:, None, None]
    x = padded[every, :, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2)
    top, left = ((drawn[:, k] * (SIDE - ERASED + 1)).long()[:, None] for k in (3, 4))
    inside = [(line >= at) & (line < at + ERASED) for at in (top, left)]
    return x.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0.0)


def block(before: int, after: int, is_halved: bool) -> nn.Sequential:
    parts = [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.CELU(0.3)]
    return nn.Sequential(*parts, *([nn.MaxPool2d(2)] if is_halved else []))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(block(width, width, False), block(width, width, False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


class Nine(nn.Module):
    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            block(3, width, False), block(width, 2 * width, True), Residual(2 * width), block(2 * width, 4 * width, True),
            block(4 * width, 8 * width, True), Residual(8 * width), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(8 * width, 10, bias=False),
        )  # fmt: skip

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.layers(batch["x"]) / 8


class CrossEntropy:
    metric, higher_is_better = "accuracy", True

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def loss(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional.cross_entropy(module(batch).float(), batch["y"], label_smoothing=self.smoothing)

    def validate(self, module: nn.Module, batches: Any) -> dict[str, float]:
        return {}


def accuracy(module: nn.Module, images: Images) -> float:
    """Of the images as they are and turned around, by the mean of both answers."""
    module.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(images), 1000):
            x, y = images.x[start : start + 1000], images.y[start : start + 1000]
            right += int((sum(module({"x": one}) for one in (x, x.flip(3))).argmax(1) == y).sum())
    return right / len(images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = [options.folder / f"data_batch_{number}.bin" for number in range(1, 6)]
    missing = [file.name for file in [*files, options.folder / "test_batch.bin"] if not file.is_file()]
    if missing:
        parser.error(f"{options.folder} has no {', '.join(missing)}; it takes the binary version of CIFAR-10.")
    has_gpu = torch.cuda.is_available()
    torch.set_float32_matmul_precision("high")
    device = find_device(torch.get_num_threads())
    pixels, labels = read(files)
    sealed = read([options.folder / "test_batch.bin"])
    most = None if has_gpu else 512
    train = Images(pixels[:most], labels[:most], device.device, True)
    test = Images(sealed[0][:most], sealed[1][:most], device.device, False)
    epochs, batch, width = (options.epochs, options.batch, 64) if has_gpu else (1, 64, 8)
    for seed in range(options.rounds + 1 if has_gpu else 1):
        plan = TrainingPlan(
            epochs=epochs, batch_size=batch, optimiser="sgd", momentum=0.9, learning_rate=0.4, weight_decay=5e-4, schedule="one_cycle",
            keep="last", seed=seed, compile="on" if has_gpu else "off", rules=RulePlan(watch=("nan_loss",)),
        )  # fmt: skip
        torch.manual_seed(seed)
        module = Nine(width)
        begun = time.perf_counter()
        fit(module, CrossEntropy(0.2), train, None, plan, device=device)
        if has_gpu:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
        reached = accuracy(module.to(device.device), test)
        line = {"seed": seed, "isWarmUp": has_gpu and seed == 0, "epochs": epochs, "seconds": seconds, "accuracy": reached}
        line |= {"reached": reached >= WANTED, "measured": has_gpu, "torch": torch.__version__}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
