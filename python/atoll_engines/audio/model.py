"""A model of sounds: a network that fits, predicts, keeps itself as safetensors and emits its serving graph."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atoll_engines.audio.augment import NONE, Augmentation
from atoll_engines.audio.networks.build import build_network
from atoll_engines.audio.networks.log_mel import LogMel
from atoll_engines.audio.networks.network import SILENCE, AudioNetwork, Served
from atoll_engines.audio.objective import AudioLabelling, SpeakerLabelling
from atoll_engines.audio.rows import AudioRows
from atoll_engines.audio.setting import AudioSetting
from atoll_engines.compression.lesson import lesson_of
from atoll_engines.contract import write_json
from atoll_engines.media.export import graph_of
from atoll_engines.neural.devices import autocast, find_device
from atoll_engines.neural.plan import TrainingPlan, read_plan
from atoll_engines.neural.protocols import Fitted, Hooks
from atoll_engines.neural.sampler import balanced_class_weights
from atoll_engines.neural.trainer import fit

PREDICT_ROWS = 64
# A speaker is to be known from a part of what was said.
SPEAKER_AUGMENTATION = Augmentation(shift=0.0, crop=0.5)


class AudioModel:
    """One network over a job's sounds; features are places in the setting's array."""

    rounds = None
    learns_from_teacher = True

    def __init__(self, algorithm: str, params: dict[str, Any], setting: AudioSetting) -> None:
        self.algorithm, self.params, self.setting = algorithm, params, setting
        self.network: AudioNetwork | None = None
        self.fitted: Fitted | None = None
        self.facts: dict[str, Any] = {}

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None:
        setting = self.setting
        torch.manual_seed(setting.base.seed)
        plan = self.plan()
        self.network, self.facts = build_network(self.algorithm, self.params, setting, *scale_of(setting, x))
        train = AudioRows(setting.sounds, x, y, self.augmentation(), plan.mixup, setting.classes, weights)
        valid = None
        if setting.watched is not None:
            valid = AudioRows(setting.sounds, *setting.watched, NONE, 0.0, setting.classes)
        hooks = Hooks(before_epoch=self.freezer(), groups=self.groups, until=setting.until, where={"algorithm": self.algorithm})
        folder = setting.checkpoints / self.name_of_fit(x, y, plan) if setting.checkpoints else None
        objective = self.objective(plan, y)
        objective.lesson = lesson_of(y)
        self.fitted = fit(self.network, objective, train, valid, plan, report=setting.report, checkpoint=folder, hooks=hooks)
        self.network.cpu().eval()

    @property
    def is_plain(self) -> bool:
        return self.algorithm == "audio_linear"

    def plan(self) -> TrainingPlan:
        setting = self.setting
        return read_plan({} if self.is_plain else setting.options, setting.base.seed, setting.base.threads, defaults=self.params)

    def augmentation(self) -> Augmentation:
        if self.is_plain:
            return NONE
        asked = self.setting.augmentation
        return asked if asked is not None else SPEAKER_AUGMENTATION if self.algorithm == "audio_speaker" else Augmentation()

    def objective(self, plan: TrainingPlan, y: np.ndarray) -> AudioLabelling:
        setting = self.setting
        balanced = plan.class_weights == "balanced" and y.ndim == 1
        class_weights = balanced_class_weights(y, len(setting.classes)) if balanced else None
        given = (setting.task, len(setting.classes), plan.label_smoothing, class_weights)
        if self.algorithm == "audio_speaker":
            return SpeakerLabelling(*given, margin=float(self.params.get("margin", 0.2)))
        return AudioLabelling(*given)

    def freezer(self) -> Any:
        """Freezing as asked, of a network that came with weights."""
        freeze = self.setting.freeze
        if not freeze or self.is_plain:
            return None
        count = len(self.network.backbone.blocks()) if freeze == "all" else int(freeze)
        return lambda epoch, network: network.freeze(count)

    def groups(self, network: AudioNetwork) -> list[dict[str, Any]]:
        """The head at the full learning rate, the backbone at its share of it."""
        groups = []
        for scale, part in ((1.0, network.head), (self.setting.backbone_rate, network.backbone)):
            parameters = list(part.parameters())
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
        return self.answer(self.setting.sounds, x)[0]

    def answer(self, sounds: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 probabilities and embeddings of some sounds."""
        device = find_device(self.setting.base.threads)
        served = Served(self.network, self.setting.task).to(device.device).eval()
        answers, embeddings = [], []
        with torch.no_grad(), autocast(device, torch.float32):
            for start in range(0, len(places), PREDICT_ROWS):
                heard = torch.from_numpy(np.ascontiguousarray(sounds[places[start : start + PREDICT_ROWS]])).to(device.device)
                probabilities, embedding = served(heard)
                answers.append(probabilities.cpu())
                embeddings.append(embedding.cpu())
        self.network.cpu()
        if not answers:
            return np.zeros((0, len(self.setting.classes)), np.float32), np.zeros((0, self.facts["embedding"]), np.float32)
        return torch.cat(answers).numpy(), torch.cat(embeddings).numpy()

    def to_onnx(self) -> bytes:
        sample = torch.randn(2, self.setting.samples) * 0.1
        return graph_of(Served(self.network, self.setting.task), sample, "audio", ["probabilities", self.embedding_name])

    @property
    def embedding_name(self) -> str:
        """Of speakers the embedding is an answer of its own."""
        return "vector" if self.algorithm == "audio_speaker" else "embedding"

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.network.state_dict().items()}
        save_file(tensors, folder / "weights.safetensors")
        write_json(folder / "config.json", {"algorithm": self.algorithm, "params": self.params, "network": self.facts})

    @classmethod
    def load(cls, folder: Path, setting: AudioSetting) -> AudioModel:
        from safetensors.torch import load_file

        about = json.loads((folder / "config.json").read_text("utf-8"))
        made = about["network"]
        model = cls(about["algorithm"], about["params"], replace(setting, mels=made["mels"], weights=None))
        model.network, model.facts = build_network(model.algorithm, model.params, model.setting, made["mean"], made["std"], made)
        model.network.load_state_dict(load_file(folder / "weights.safetensors"))
        model.network.eval()
        return model


def scale_of(setting: AudioSetting, places: np.ndarray) -> tuple[float, float]:
    """Mean and spread of the spectrograms of (at most a few hundred of) the training sounds, where there is sound."""
    log_mel = LogMel(setting.rate, setting.mels)
    heard = setting.sounds[places[:: max(1, len(places) // 300)]]
    with torch.no_grad():
        raw = torch.cat([log_mel(torch.from_numpy(np.ascontiguousarray(heard[at : at + 32]))) for at in range(0, len(heard), 32)])
    values = raw[raw > SILENCE + 1e-3]
    if not len(values):
        return 0.0, 1.0
    return round(float(values.mean()), 4), round(max(0.1, float(values.std())), 4)
