"""A trained diarisation: recordings in, turns out; kept in `native/` as JSON and safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.audio.decode import content_of, decode
from atoll_engines.audio.diarisation.plan import DiarisationPlan
from atoll_engines.audio.diarisation.score import Turns
from atoll_engines.audio.diarisation.turns import hear, turns_of
from atoll_engines.audio.model import AudioModel
from atoll_engines.audio.setting import AudioSetting
from atoll_engines.audio.waveform import resample
from atoll_engines.contract import Job, write_json
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.package import package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.algorithms.model import Setting


@dataclass
class Diariser:
    """The plan, and the network that hears voices."""

    column: str
    plan: DiarisationPlan
    model: AudioModel
    collar: float
    # Where the items of the rows lie; None where rows carry their sounds themselves.
    media: Path | None = None

    @property
    def inputs(self) -> list[InputColumn]:
        return [InputColumn(self.column, "audio")]

    def embed(self, cut: np.ndarray) -> np.ndarray:
        return self.model.answer(cut, np.arange(len(cut)))[1]

    def turns(self, samples: np.ndarray) -> Turns:
        return turns_of(hear(samples, self.plan, self.embed), self.plan)

    def samples_of(self, content: bytes, name: str = "") -> np.ndarray:
        sound = decode(content, name)
        return resample(sound.samples, sound.rate, self.plan.rate)

    def answer(self, frame: pd.DataFrame) -> list[Turns]:
        answers = []
        for row, value in frame[self.column].items():
            if value is None or (isinstance(value, float) and np.isnan(value)):
                raise BadInput(f'Row {row} has no sound in "{self.column}".', column=self.column, row=row)
            answers.append(self.turns(self.samples_of(content_of(value, self.media), str(value) if self.media else "")))
        return answers

    def save(self, native: Path) -> None:
        self.model.save(native)
        about = {"column": self.column, "task": "diarisation", "plan": asdict(self.plan), "collar": self.collar}
        write_json(native / "pipeline.json", about | {"speakers": self.model.setting.classes})


def voice_setting(plan: DiarisationPlan, names: tuple[str, ...], sounds: np.ndarray, mels: int, job: Job, **more: Any) -> AudioSetting:
    """The network's own task: which of the speakers that it learns from is heard."""
    return AudioSetting(Setting("multiclass", len(names), job.seed, job.threads), plan.rate, plan.window, mels, names, sounds, **more)


def open_diariser(job: Job, channel: str | None = None) -> tuple[Diariser, dict[str, Any] | None]:
    """The package in the channel `model`, reading the items of a channel; and its training record."""
    folders = package_folders(job, "pipeline.json")
    about = json.loads((folders.native / "pipeline.json").read_text("utf-8"))
    plan = DiarisationPlan(**about["plan"])
    setting = voice_setting(plan, tuple(about["speakers"]), np.zeros((0, plan.window), np.float32), 0, job)
    model = AudioModel.load(folders.native, setting)
    media = job.channel(channel) / "media" if channel else None
    return Diariser(about["column"], plan, model, about["collar"], media), folders.training()
