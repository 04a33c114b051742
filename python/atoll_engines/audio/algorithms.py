"""The algorithms for sounds, by name."""

from __future__ import annotations

from atoll_engines.tabular.algorithms.model import Algorithm, of_a_job

LABELS = ("binary", "multiclass", "multilabel")
RATE = {"learning_rate": {"float": [3e-4, 1e-2], "log": True}}
DECAY = {"weight_decay": {"float": [1e-4, 0.1], "log": True}}


ALGORITHMS = (
    Algorithm(
        "audio_linear", "Mean spectrum and a linear model", LABELS, "audio", of_a_job,
        defaults={"epochs": 30, "batch_size": 64, "learning_rate": 1e-2, "weight_decay": 1e-2, "keep": "last", "clip_norm": None},
        runtime="audio",
    ),
    Algorithm(
        "audio_cnn", "Convolutional network over the spectrogram", LABELS, "audio", of_a_job,
        defaults={
            "epochs": 20, "batch_size": 32, "learning_rate": 4e-3, "weight_decay": 0.01, "schedule": "one_cycle",
            "label_smoothing": 0.05, "dropout": 0.2, "width": 16, "keep": "last",
        },
        space=RATE | DECAY | {"width": {"choice": [8, 16, 24, 32]}, "dropout": {"float": [0.0, 0.5]}, "epochs": {"int": [10, 40]}},
        runtime="audio",
    ),
    Algorithm(
        "audio_ast", "Audio spectrogram transformer", LABELS, "audio", of_a_job,
        defaults={
            "epochs": 20, "batch_size": 16, "learning_rate": 5e-4, "weight_decay": 0.05, "warmup": 0.1, "label_smoothing": 0.05,
            "dropout": 0.1, "size": "micro", "keep": "last",
        },
        space=RATE | DECAY | {"size": {"choice": ["micro", "tiny"]}},
        runtime="audio",
    ),
    Algorithm(
        "audio_speaker", "Speaker embedding", ("binary", "multiclass", "diarisation"), "audio", of_a_job,
        defaults={
            "epochs": 25, "batch_size": 32, "learning_rate": 3e-3, "weight_decay": 0.01, "schedule": "one_cycle", "dropout": 0.0,
            "width": 64, "embedding": 64, "margin": 0.2, "scale": 30.0, "keep": "last",
        },
        space=RATE | DECAY | {"width": {"choice": [32, 64, 128]}, "margin": {"float": [0.0, 0.4]}, "epochs": {"int": [10, 40]}},
        runtime="audio",
    ),
)  # fmt: skip
# What `auto` tries, the baseline of sounds first.
QUICK = ("audio_linear", "audio_cnn")
PROMISE = {"binary": QUICK, "multiclass": QUICK, "multilabel": QUICK, "diarisation": ("audio_speaker",)}
