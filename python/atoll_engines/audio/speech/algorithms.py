"""The algorithm that writes down what is said."""

from __future__ import annotations

from atoll_engines.tabular.algorithms.model import Algorithm, of_a_job

SPEECH = (
    Algorithm(
        "audio_whisper", "Whisper, speech to text", ("transcription",), "audio", of_a_job,
        defaults={
            "epochs": 10, "batch_size": 8, "learning_rate": 1e-5, "weight_decay": 0.01, "warmup": 0.1, "schedule": "cosine", "dropout": 0.0,
            "width": 128, "layers": 2, "heads": 4, "vocabulary": 400,
        },
        space={
            "learning_rate": {"float": [1e-6, 1e-3], "log": True}, "epochs": {"int": [3, 40]}, "dropout": {"float": [0.0, 0.3]},
        },
        runtime="audio",
    ),
)  # fmt: skip
# Without given weights a network starts from random numbers, and needs larger and more steps.
FROM_SCRATCH = {"learning_rate": 1e-3, "epochs": 60}
