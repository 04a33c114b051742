"""An image model: a network that fits, predicts, keeps itself as safetensors and emits its serving graph."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atoll_engines.compression.lesson import lesson_of
from atoll_engines.contract import write_json
from atoll_engines.image.augment import NONE
from atoll_engines.image.export import graph_of
from atoll_engines.image.networks.build import build_network
from atoll_engines.image.networks.network import ImageNetwork
from atoll_engines.image.objective import ImageLabelling
from atoll_engines.image.rows import ImageRows
from atoll_engines.image.setting import ImageSetting
from atoll_engines.neural.devices import autocast, find_device
from atoll_engines.neural.forgetting import PROBES, Score, likeness, with_source
from atoll_engines.neural.plan import TrainingPlan, read_plan
from atoll_engines.neural.protocols import Fitted, Hooks
from atoll_engines.neural.sampler import balanced_class_weights
from atoll_engines.neural.trainer import fit

PREDICT_ROWS = 256


class ImageModel:
    """One network over a job's images; features are places in the setting's array."""

    rounds = None
    learns_from_teacher = True

    def __init__(self, algorithm: str, params: dict[str, Any], setting: ImageSetting) -> None:
        self.algorithm, self.params, self.setting = algorithm, params, setting
        self.network: ImageNetwork | None = None
        self.fitted: Fitted | None = None

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None:
        torch.manual_seed(self.setting.base.seed)
        channels_mean, channels_std = scale_of(self.setting.images, x)
        self.network, self.facts = build_network(self.algorithm, self.params, self.setting, channels_mean, channels_std)
        self.learn(x, y, weights)

    def learn(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Trains the network as it is."""
        setting, plan = self.setting, self.plan()
        is_plain = self.algorithm == "image_linear"
        augmentation = NONE if is_plain else setting.augmentation
        train = ImageRows(setting.images, x, y, augmentation, plan.mixup, setting.classes, weights)
        valid = None
        if setting.watched is not None:
            valid = ImageRows(setting.images, *setting.watched, NONE, 0.0, setting.classes)
        where, source = {"algorithm": self.algorithm}, with_source(self.source(x))
        hooks = Hooks(before_epoch=self.unfreezer(), groups=self.groups, until=setting.until, where=where, **source)
        objective = ImageLabelling(setting.task, len(setting.classes), plan.label_smoothing, self.class_weights(plan, y))
        objective.lesson = lesson_of(y)
        folder = setting.checkpoints / self.name_of_fit(x, y, plan) if setting.checkpoints else None
        self.fitted = fit(self.network, objective, train, valid, plan, report=setting.report, checkpoint=folder, hooks=hooks)
        self.network.cpu().eval()

    def source(self, x: np.ndarray) -> Score | None:
        """How alike the embeddings of some images still are to those of the given weights."""
        if self.setting.weights is None:
            return None
        places = (x if self.setting.watched is None else self.setting.watched[0])[:PROBES]
        pixels = torch.from_numpy(self.setting.images[places])
        return likeness(self.network, lambda network: network.embed(network.prepared(pixels.to(network.mean.device))))

    def plan(self) -> TrainingPlan:
        setting = self.setting
        options = setting.options if self.algorithm != "image_linear" else {}
        return read_plan(options, setting.base.seed, setting.base.threads, defaults=self.params, params=None)

    def class_weights(self, plan: TrainingPlan, y: np.ndarray) -> torch.Tensor | None:
        if plan.class_weights != "balanced" or y.ndim > 1:
            return None
        return balanced_class_weights(y, len(self.setting.classes))

    def unfreezer(self) -> Any:
        """Freezing as asked; with `unfreezeEvery` the blocks thaw from the head down, one after so many epochs."""
        setting = self.setting
        if self.algorithm == "image_linear" or (not setting.freeze and not setting.unfreeze_every):
            return None
        blocks = len(self.network.backbone.blocks())
        first = blocks if setting.freeze == "all" or (setting.unfreeze_every and not setting.freeze) else min(int(setting.freeze), blocks)

        def before_epoch(epoch: int, network: ImageNetwork) -> None:
            thawed = (epoch - 1) // setting.unfreeze_every if setting.unfreeze_every else 0
            network.freeze(max(0, first - thawed))

        return before_epoch

    def groups(self, network: ImageNetwork) -> list[dict[str, Any]]:
        """The head at the full learning rate, the backbone at its share of it."""
        groups = []
        for scale, parameters in (
            (1.0, list(network.head.parameters())),
            (self.setting.backbone_rate, list(network.backbone.parameters())),
        ):
            groups += [
                {"params": [one for one in parameters if one.ndim > 1], "scale": scale, "decay": True},
                {"params": [one for one in parameters if one.ndim <= 1], "scale": scale, "decay": False},
            ]
        return [group for group in groups if group["params"]]

    def name_of_fit(self, x: np.ndarray, y: np.ndarray, plan: TrainingPlan) -> str:
        """Where this very fit is kept, so that a restart takes it up."""
        digest = hashlib.sha256(json.dumps([self.algorithm, self.params, str(plan)], sort_keys=True).encode())
        digest.update(np.ascontiguousarray(x).tobytes())
        digest.update(np.ascontiguousarray(y).tobytes())
        return f"{self.algorithm}-{digest.hexdigest()[:12]}"

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.answer(self.setting.images, x)[0]

    def answer(self, images: np.ndarray, places: np.ndarray, with_embeddings: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        """float32 probabilities, and embeddings where they are wanted, of some images."""
        device = find_device(self.setting.base.threads)
        network = self.network.to(device.device).eval()
        answers, embeddings = [], []
        with torch.no_grad(), autocast(device, torch.float32):
            for start in range(0, len(places), PREDICT_ROWS):
                pixels = torch.from_numpy(images[places[start : start + PREDICT_ROWS]]).to(device.device)
                embedding = network.embed(network.prepared(pixels))
                margins = network.head(embedding)
                answers.append((torch.sigmoid(margins) if self.setting.task == "multilabel" else torch.softmax(margins, 1)).cpu())
                if with_embeddings:
                    embeddings.append(embedding.cpu())
        network.cpu()
        said = torch.cat(answers).numpy() if answers else np.zeros((0, len(self.setting.classes)), np.float32)
        return said, torch.cat(embeddings).numpy() if embeddings else None

    def to_onnx(self) -> bytes:
        return graph_of(self.network, self.setting)

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.network.state_dict().items()}
        save_file(tensors, folder / "weights.safetensors")
        write_json(folder / "config.json", {"algorithm": self.algorithm, "params": self.params, "network": self.facts})

    @classmethod
    def load(cls, folder: Path, setting: ImageSetting) -> ImageModel:
        from safetensors.torch import load_file

        about = json.loads((folder / "config.json").read_text("utf-8"))
        model = cls(about["algorithm"], about["params"], setting)
        mean, std = about["network"]["mean"], about["network"]["std"]
        model.network, model.facts = build_network(model.algorithm, model.params, setting, mean, std, about["network"].get("config"))
        model.network.load_state_dict(load_file(folder / "weights.safetensors"))
        model.network.eval()
        return model


def scale_of(images: np.ndarray, places: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and spread of each colour over (at most a few thousand of) the training images."""
    chosen = images[places[:: max(1, len(places) // 2000)]].astype(np.float32) / 255
    mean, std = chosen.mean((0, 1, 2)), chosen.std((0, 1, 2))
    return [round(float(one), 4) for one in mean], [round(max(0.05, float(one)), 4) for one in std]
