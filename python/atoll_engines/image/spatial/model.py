"""One network over a job's images whose answer has places: it fits, answers, keeps itself as safetensors and emits its graph."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.contract import write_json
from atoll_engines.image.augment import NONE, Augmentation
from atoll_engines.image.model import scale_of
from atoll_engines.image.spatial.setting import SpatialSetting
from atoll_engines.media.export import graph_of
from atoll_engines.neural.devices import autocast, find_device
from atoll_engines.neural.plan import TrainingPlan, read_plan
from atoll_engines.neural.protocols import Fitted, Hooks, Objective, Rows
from atoll_engines.neural.trainer import fit

ANSWERED = 16


class SpatialNetwork(nn.Module, ABC):
    """Pixels in, what the loss reads out; `served` makes of it what clients are told."""

    backbone: nn.Module

    def set_scale(self, mean: list[float], std: list[float]) -> None:
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, -1, 1, 1))

    def prepared(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, H, W, C] to float [N, C, H, W] between 0 and 1."""
        return images.permute(0, 3, 1, 2).float() / 255

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        return (pixels - self.mean) / self.std

    @abstractmethod
    def served(self, raw: Any) -> torch.Tensor:
        """[N, width]: the graph's one output."""


class Served(nn.Module):
    """The graph that is served: bytes in."""

    def __init__(self, network: SpatialNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        network = self.network
        return network.served(network(network.prepared(image)))


class SpatialModel(ABC):
    """What detection and segmentation share; each says how its network, its rows and its loss are made."""

    rounds = None
    output = ""

    def __init__(self, algorithm: str, params: dict[str, Any], setting: SpatialSetting) -> None:
        self.algorithm, self.params, self.setting = algorithm, params, setting
        self.network: SpatialNetwork | None = None
        self.facts: dict[str, Any] = {}
        self.fitted: Fitted | None = None

    @abstractmethod
    def build(self, mean: list[float], std: list[float], config: dict[str, Any] | None) -> tuple[SpatialNetwork, dict[str, Any]]:
        """The network, as a configuration or the settings say, and what it was made from."""

    @abstractmethod
    def rows(self, places: np.ndarray, augmentation: Augmentation) -> Rows:
        """The images at these places as the loop asks for them."""

    @abstractmethod
    def objective(self) -> Objective:
        """What is minimised."""

    def fit(self, places: np.ndarray) -> None:
        setting = self.setting
        torch.manual_seed(setting.base.seed)
        plan = self.plan()
        mean, std = scale_of(setting.images, places)
        self.network, self.facts = self.build(mean, std, None)
        self.facts |= {"parameters": sum(one.numel() for one in self.network.parameters())}
        train = self.rows(places, setting.augmentation)
        valid = None if setting.watched is None else self.rows(setting.watched, NONE)
        hooks = Hooks(before_epoch=self.freezer(), groups=self.groups, where={"algorithm": self.algorithm})
        folder = setting.checkpoints / self.name_of_fit(places, plan) if setting.checkpoints else None
        self.fitted = fit(self.network, self.objective(), train, valid, plan, report=setting.report, checkpoint=folder, hooks=hooks)
        self.network.cpu().eval()

    def plan(self) -> TrainingPlan:
        return read_plan(self.setting.options, self.setting.base.seed, self.setting.base.threads, defaults=self.params, params=None)

    def freezer(self) -> Any:
        if not self.setting.freeze:
            return None

        def before_epoch(epoch: int, network: SpatialNetwork) -> None:
            parts = list(network.backbone.children())
            frozen = [network.backbone] if self.setting.freeze == "all" else parts[: int(self.setting.freeze)]
            for part in frozen:
                part.requires_grad_(False)

        return before_epoch

    def groups(self, network: SpatialNetwork) -> list[dict[str, Any]]:
        """The new parts at the full learning rate, the backbone at its share of it."""
        own = {id(one) for one in network.backbone.parameters()}
        groups = []
        for scale, parameters in (
            (1.0, [one for one in network.parameters() if id(one) not in own]),
            (self.setting.backbone_rate, list(network.backbone.parameters())),
        ):
            groups += [
                {"params": [one for one in parameters if one.ndim > 1], "scale": scale, "decay": True},
                {"params": [one for one in parameters if one.ndim <= 1], "scale": scale, "decay": False},
            ]
        return [group for group in groups if group["params"]]

    def name_of_fit(self, places: np.ndarray, plan: TrainingPlan) -> str:
        """Where this very fit is kept, so that a restart takes it up."""
        digest = hashlib.sha256(json.dumps([self.algorithm, self.params, str(plan)], sort_keys=True).encode())
        digest.update(np.ascontiguousarray(places).tobytes())
        return f"{self.algorithm}-{digest.hexdigest()[:12]}"

    def predict(self, images: np.ndarray, places: np.ndarray) -> np.ndarray:
        """What the graph would say of some prepared images: [n, width]."""
        device = find_device(self.setting.base.threads)
        network = Served(self.network).to(device.device).eval()
        parts = []
        with torch.no_grad(), autocast(device, torch.float32):
            for start in range(0, len(places), ANSWERED):
                pixels = torch.from_numpy(np.ascontiguousarray(images[places[start : start + ANSWERED]])).to(device.device)
                parts.append(network(pixels).cpu().numpy())
        network.cpu()
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def to_onnx(self) -> bytes:
        sample = torch.randint(0, 256, (2, self.setting.size, self.setting.size, self.setting.channels), dtype=torch.uint8)
        return graph_of(Served(self.network), sample, "image", [self.output])

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.network.state_dict().items()}
        save_file(tensors, folder / "weights.safetensors")
        write_json(folder / "config.json", {"algorithm": self.algorithm, "params": self.params, "network": self.facts})

    def restore(self, folder: Path, facts: dict[str, Any]) -> None:
        from safetensors.torch import load_file

        self.network, self.facts = self.build(facts["mean"], facts["std"], facts.get("config") or {})
        self.network.load_state_dict(load_file(folder / "weights.safetensors"))
        self.network.eval()
