"""The algorithm that turns a text into another."""

from __future__ import annotations

from atoll_engines.tabular.algorithms.model import Algorithm, of_a_job

REWRITING = (
    Algorithm(
        "text_seq2seq", "Sequence to sequence", ("seq2seq",), "text", of_a_job,
        defaults={
            "max_length": 256, "epochs": 5, "batch_size": 16, "learning_rate": 1e-4, "weight_decay": 0.01, "warmup": 0.1,
            "schedule": "cosine", "dropout": 0.1, "width": 128, "layers": 2, "heads": 4, "vocabulary": 4000,
        },
        space={"learning_rate": {"float": [1e-5, 3e-3], "log": True}, "epochs": {"int": [2, 30]}, "dropout": {"float": [0.0, 0.3]}},
        runtime="deep",
    ),
)  # fmt: skip
# Without given weights a network starts from random numbers, and needs larger and more steps.
FROM_SCRATCH = {"learning_rate": 2e-3, "epochs": 20, "dropout": 0.0}
