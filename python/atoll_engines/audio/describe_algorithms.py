"""The algorithms as the platform shows them: `python -m atoll_engines.audio.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.audio.algorithms import ALGORITHMS, PROMISE
from atoll_engines.audio.speech.algorithms import SPEECH
from atoll_engines.tabular.algorithms.model import Algorithm

# Those of speech are put beside them here.
EVERY = (*ALGORITHMS, *SPEECH)
ABOUT = {
    "audio_linear": "Mean and spread of each band over time, and one weight for each. What every network has to beat.",
    "audio_cnn": "A small convolutional network over the log-mel spectrogram, learned from the start. Quick on a processor.",
    "audio_ast": "A transformer over patches of the spectrogram. Wants given weights or many recordings.",
    "audio_speaker": "A time-delay network with attentive pooling, learned with an angular margin: who speaks, whether two recordings "
    "are of one speaker, and who speaks when.",
    "audio_whisper": "Writes down what is said: your Whisper weights fine-tuned, or a small one learned from your recordings alone.",
}
PROMISED = {name for names in PROMISE.values() for name in names} | {one.name for one in SPEECH}


def describe() -> dict[str, Any]:
    """Every algorithm for sounds, the linear baseline first."""
    return {"algorithms": [described(one) for one in EVERY]}


def described(one: Algorithm) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "family": "audio",
        "runtime": one.runtime,
        "needs": ["audio"],
        "auto": one.name in PROMISED,
        "tasks": list(one.tasks),
        "about": ABOUT[one.name],
        "space": one.space,
        "served": "onnx",
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
