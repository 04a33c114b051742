"""The algorithms of one job: its options settled, its models made with the job's setting."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from atoll_engines.audio.algorithms import ALGORITHMS, PROMISE
from atoll_engines.audio.model import AudioModel
from atoll_engines.audio.networks.transformer import read_config
from atoll_engines.audio.setting import AudioSetting
from atoll_engines.contract import Job
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.algorithms.baseline import ALGORITHMS as BASELINE
from atoll_engines.tabular.algorithms.model import Algorithm, Setting

# Given weights want small steps: they are good already.
FROM_WEIGHTS = {"learning_rate": 1e-4, "epochs": 6}
BACKBONE_RATE = 0.3


def chosen_algorithms(
    names: list[str], task: str, setting: AudioSetting | None, overrides: dict[str, Any], has_weights: bool = False
) -> list[Algorithm]:
    """The baseline, the linear model that others must beat, then those that the job asks for."""
    known = {one.name: one for one in ALGORITHMS if task in one.tasks}
    asked: list[str] = []
    for name in names or ["auto"]:
        if name == "auto":
            asked += [*PROMISE[task], *(["audio_ast"] if has_weights and "audio_ast" in known else [])]
        elif name in known:
            asked.append(name)
        else:
            raise BadInput(
                f'There is no algorithm "{name}" for a {task} task of sounds. {what_exists(name, ["auto", *known], "algorithms")}',
                algorithm=name,
            )
    is_raced = len(set(asked)) > 1 and "audio_linear" in known
    ordered = list(dict.fromkeys(["audio_linear", *asked] if is_raced else asked))
    return [BASELINE[0], *(built(known[name], setting, overrides) for name in ordered)]


def built(algorithm: Algorithm, setting: AudioSetting | None, overrides: dict[str, Any]) -> Algorithm:
    defaults, space = dict(algorithm.defaults), dict(algorithm.space)
    if setting is not None and setting.weights is not None and algorithm.name == "audio_ast":
        defaults |= FROM_WEIGHTS
        space.pop("size", None)
    if algorithm.name != "audio_linear":
        for name, value in overrides.items():
            if name in defaults or name in ("mixup", "batch_size"):
                defaults[name] = value
                space.pop(name, None)
    return replace(algorithm, build=partial(of_setting, algorithm.name, setting), defaults=defaults, space=space)


def of_setting(name: str, setting: AudioSetting, params: dict[str, Any], base: Setting) -> AudioModel:
    return AudioModel(name, params, setting)


def given_weights(job: Job) -> Path | None:
    """The folder of the channel `weights`, checked."""
    if not job.has_channel("weights"):
        return None
    channel = job.channel("weights")
    folder = channel
    if not (folder / "config.json").is_file():
        inner = [one for one in sorted(channel.iterdir()) if one.is_dir() and (one / "config.json").is_file()]
        if len(inner) != 1:
            raise BadInput("The weights hold no config.json, so what they are weights of is not known.", channel="weights")
        folder = inner[0]
    read_config(folder)
    return folder


def rate_of_weights(folder: Path) -> int:
    path = folder / "preprocessor_config.json"
    return int((json.loads(path.read_text("utf-8")) if path.is_file() else {}).get("sampling_rate", 16000))
