"""A trained model of sounds: rows in, probabilities out; kept in `native/` as JSON and safetensors."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.audio.decode import as_served, content_of, heard
from atoll_engines.audio.model import AudioModel
from atoll_engines.audio.setting import AudioSetting
from atoll_engines.audio.store import tell_damaged
from atoll_engines.audio.variants import variant
from atoll_engines.audio.verification import verify
from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.evaluation import multilabel
from atoll_engines.evaluation.package import Package, package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.metrics import labels_of

CHUNK = 256
MOST_KEPT_BYTES = 1 << 30


@dataclass
class AudioPipeline:
    """A network behind the decoding and resampling that serving does too."""

    column: str
    model: AudioModel
    task: str
    classes: tuple[str, ...]
    threshold: float | None
    thresholds: list[float] | None = None
    # Where the items of the rows lie; None where rows carry their sounds themselves.
    media: Path | None = None
    # Samples of the items, by path: they are asked for again and again in an evaluation.
    kept: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def inputs(self) -> list[InputColumn]:
        return [InputColumn(self.column, "audio")]

    @property
    def has_vector(self) -> bool:
        """Beside the probabilities the embedding is an answer."""
        return self.model.embedding_name == "vector"

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.outputs(frame)[0]

    def outputs(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and embeddings of rows."""
        cells = frame[self.column]
        parts = []
        for start in range(0, len(cells), CHUNK):
            sounds = np.stack([self.samples(value, row) for row, value in cells.iloc[start : start + CHUNK].items()])
            parts.append(self.model.answer(sounds, np.arange(len(sounds))))
        if not parts:
            return self.model.answer(np.zeros((0, self.model.setting.samples), np.float32), np.arange(0))
        return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])

    def predict_sounds(self, sounds: np.ndarray) -> np.ndarray:
        """Of prepared sounds."""
        return self.model.answer(sounds, np.arange(len(sounds)))[0]

    def samples(self, value: Any, row: Any) -> np.ndarray:
        if value is None or (isinstance(value, float) and np.isnan(value)):
            raise BadInput(f'Row {row} has no sound in "{self.column}".', column=self.column, row=row)
        name = str(value) if self.media else ""
        if name in self.kept:
            return self.kept[name]
        setting = self.model.setting
        sound = heard(content_of(value, self.media), setting.rate, setting.samples, name)
        if self.media and len(self.kept) * sound.nbytes < MOST_KEPT_BYTES:
            self.kept[name] = sound
        return sound

    def readable(self, frame: pd.DataFrame, report: Report) -> np.ndarray:
        """Marks the rows whose sound can be read; the others are named."""
        damaged = []
        for place, (row, value) in enumerate(frame[self.column].items()):
            try:
                self.samples(value, row)
            except BadInput as error:
                damaged.append((place, error.message))
        tell_damaged(damaged, frame[self.column].tolist(), frame.index.to_numpy(), report, "the evaluation")
        readable = np.ones(len(frame), bool)
        readable[[place for place, _ in damaged]] = False
        return readable

    def labels(self, predicted: np.ndarray) -> list[Any]:
        if self.task == "multilabel":
            return multilabel.labels(multilabel.chosen(predicted, self.thresholds or [0.5] * len(self.classes)), self.classes)
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]

    def judged_further(self, frame: pd.DataFrame, actual: np.ndarray, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of speakers: whether two recordings are of one, judged on all pairs."""
        if not self.has_vector or len(np.unique(actual)) < 2:
            return {}, {}
        found = verify(self.outputs(frame)[1], actual, seed)
        return ({}, {}) if found is None else ({"verification": found.facts}, {"equal_error_rate": found.metric})

    def parity_rows(self, frame: pd.DataFrame, wanted: int, seed: int) -> tuple[list[str], list[dict[str, Any]], np.ndarray, bool]:
        """Sounds as clients would send them, other files of the same sounds, what is answered to each; whether all rows are there."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(frame))[:wanted]
        setting = self.model.setting
        kinds, requests, sounds = [], [], []
        for number, place in enumerate(np.append(np.sort(order), order[: max(20, wanted // 8)])):
            content, kind = as_served(content_of(frame[self.column].iloc[place], self.media), setting.rate), "held_out"
            if number >= len(order):
                content, kind = variant(content, number, random), "perturbed"
            kinds.append(kind)
            requests.append({self.column: base64.b64encode(content).decode("ascii")})
            sounds.append(heard(content, setting.rate, setting.samples))
        answers = [self.predict_sounds(np.stack(sounds[at : at + CHUNK])) for at in range(0, len(sounds), CHUNK)]
        return kinds, requests, np.concatenate(answers), len(order) == len(frame)

    def save(self, native: Path) -> None:
        self.model.save(native)
        setting = self.model.setting
        about = {
            "column": self.column, "task": self.task, "classes": self.classes, "threshold": self.threshold, "thresholds": self.thresholds,
            "rate": setting.rate, "samples": setting.samples, "base": asdict(setting.base),
        }  # fmt: skip
        write_json(native / "pipeline.json", about)


def open_package(job: Job, channel: str | None = None) -> Package:
    """The package in the channel `model`, reading the items of a channel."""
    folders = package_folders(job, "pipeline.json")
    about = json.loads((folders.native / "pipeline.json").read_text("utf-8"))
    classes = tuple(about["classes"])
    base = Setting(**(about["base"] | {"threads": job.threads, "codes": ()}))
    empty = np.zeros((0, about["samples"]), np.float32)
    model = AudioModel.load(folders.native, AudioSetting(base, about["rate"], about["samples"], 0, classes, empty))
    media = job.channel(channel) / "media" if channel else None
    pipeline = AudioPipeline(about["column"], model, about["task"], classes, about["threshold"], about["thresholds"], media)
    return Package(pipeline, folders.signature(), folders.training())
