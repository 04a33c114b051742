"""The network of an algorithm, with its parameters, for a job's sounds."""

from __future__ import annotations

from typing import Any

from torch import nn

from atoll_engines.audio.networks.cnn import SpectrogramCnn
from atoll_engines.audio.networks.linear import BandStatistics
from atoll_engines.audio.networks.log_mel import LogMel
from atoll_engines.audio.networks.network import AudioNetwork
from atoll_engines.audio.networks.speaker import Directions, SpeakerBackbone
from atoll_engines.audio.networks.transformer import TransformerBackbone, new_config, read_config, scale_of_weights
from atoll_engines.audio.setting import AudioSetting


def build_network(
    algorithm: str, params: dict[str, Any], setting: AudioSetting, mean: float, std: float, made: dict[str, Any] | None = None
) -> tuple[AudioNetwork, dict[str, Any]]:
    """The network, and what its record says of it; `made` is the record of a network that was made before."""
    facts: dict[str, Any] = {"mean": mean, "std": std, "mels": setting.mels, "from": "random numbers"} | (made or {})
    outputs = len(setting.classes)
    log_mel = LogMel(setting.rate, int(facts["mels"]))
    if algorithm == "audio_linear":
        backbone: Any = BandStatistics(log_mel.mels)
    elif algorithm == "audio_cnn":
        backbone = SpectrogramCnn(int(params.get("width", 16)))
    elif algorithm == "audio_speaker":
        backbone = SpeakerBackbone(log_mel.mels, int(params.get("width", 64)), int(params.get("embedding", 64)))
    else:
        weights = setting.weights if made is None else None
        config = facts.get("config")
        if weights:
            config = read_config(weights)
            mean, std = scale_of_weights(weights)
            facts |= {"mels": int(config["num_mel_bins"]), "mean": mean, "std": std, "from": "given weights"}
            facts |= {"name": config.get("_name_or_path")}
            log_mel = LogMel(setting.rate, facts["mels"])
        frames = log_mel.frames(setting.samples)
        backbone = TransformerBackbone(config or new_config(str(params.get("size") or "micro"), log_mel.mels, frames), frames, weights)
        facts["config"] = backbone.settings
    is_speaker = algorithm == "audio_speaker"
    head = Directions(backbone.width, outputs, float(params.get("scale", 30.0))) if is_speaker else nn.Linear(backbone.width, outputs)
    network = AudioNetwork(log_mel, backbone, head, facts["mean"], facts["std"], float(params.get("dropout", 0.0)))
    facts |= {"parameters": sum(one.numel() for one in network.parameters()), "embedding": backbone.width}
    return network, facts
