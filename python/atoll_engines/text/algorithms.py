"""The algorithms for text, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.algorithms.baseline import ALGORITHMS as BASELINE
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.text.bag import Bag
from atoll_engines.text.setting import TextModel, TextSetting
from atoll_engines.text.tfidf_linear import TfidfLinear
from atoll_engines.text.transformer import Transformer

TASKS = ("binary", "multiclass", "multilabel", "regression")
MODELS: dict[str, type] = {"text_tfidf_linear": TfidfLinear, "text_bag": Bag, "text_transformer": Transformer}

ALGORITHMS = (
    Algorithm(
        "text_tfidf_linear", "TF-IDF and a linear model", TASKS, "text", TfidfLinear,
        defaults={"terms": 20_000, "ngrams": 2, "least_documents": 2, "sublinear": True, "C": 6.0},
        space={"C": {"float": [0.1, 200.0], "log": True}, "sublinear": {"choice": [True, False]}, "ngrams": {"int": [1, 3]}},
        starts=({"C": 30.0}, {"C": 2.0}),
    ),
    Algorithm(
        "text_bag", "Bag of embeddings", TASKS, "text", Bag,
        defaults={
            "vocabulary": 12_000, "pair_buckets": 30_000, "width": 64, "max_length": 512, "epochs": 8, "batch_size": 32,
            "learning_rate": 0.01, "dropout": 0.3,
        },
        space={
            "learning_rate": {"float": [1e-3, 5e-2], "log": True}, "epochs": {"int": [3, 20]}, "dropout": {"float": [0.0, 0.6]},
            "width": {"choice": [32, 64, 128]},
        },
    ),
    Algorithm(
        "text_transformer", "Transformer encoder", TASKS, "text", Transformer,
        defaults={
            "max_length": 128, "epochs": 3, "batch_size": 16, "learning_rate": 5e-5, "warmup": 0.1, "weight_decay": 0.01, "dropout": 0.1,
            "width": 128, "layers": 2, "heads": 4, "vocabulary": 8000,
        },
        space={
            "learning_rate": {"float": [1e-5, 1e-3], "log": True}, "epochs": {"int": [2, 8]},
            "weight_decay": {"float": [1e-3, 0.1], "log": True},
        },
    ),
)  # fmt: skip
# Without given weights a network starts from random numbers, and needs larger and more steps.
FROM_SCRATCH = {"learning_rate": 1e-3, "epochs": 6}
# What `auto` tries, the baseline of them first.
PROMISE = ("text_tfidf_linear", "text_bag")


def chosen_algorithms(names: list[str], task: str, setting: TextSetting, overrides: dict[str, Any]) -> list[Algorithm]:
    """The baseline, the linear model on TF-IDF that others must beat, then those that the job asks for."""
    if task not in TASKS:
        raise BadInput(f'Text classifiers and regressions cannot do the task "{task}"; they do: {", ".join(TASKS)}.', parameter="task")
    known = {one.name: one for one in ALGORITHMS}
    asked: list[str] = []
    for name in names or ["auto"]:
        if name == "auto":
            asked += [*PROMISE, *(["text_transformer"] if setting.weights else [])]
        elif name in known:
            asked.append(name)
        else:
            raise BadInput(f'There is no algorithm "{name}" for text. {what_exists(name, ["auto", *known], "algorithms")}', algorithm=name)
    ordered = list(dict.fromkeys(["text_tfidf_linear", *asked] if len(set(asked)) > 1 or "auto" in names else asked))
    return [BASELINE[0], *(built(known[name], setting, overrides) for name in ordered)]


def built(algorithm: Algorithm, setting: TextSetting, overrides: dict[str, Any]) -> Algorithm:
    """The algorithm for this job: its options settled, its model made with the job's setting."""
    defaults, space = dict(algorithm.defaults), dict(algorithm.space)
    if algorithm.name == "text_transformer" and setting.weights is None:
        defaults |= FROM_SCRATCH
    for name, value in overrides.items():
        if name in defaults:
            defaults[name] = value
            space.pop(name, None)
    make: Callable[..., TextModel] = partial(of_setting, MODELS[algorithm.name], setting)
    return replace(algorithm, build=make, defaults=defaults, space=space)


def of_setting(model: type, setting: TextSetting, params: dict[str, Any], base: Any) -> TextModel:
    return model(params, replace(setting, base=base))


def load_model(folder: Path, algorithm: str, params: dict[str, Any], setting: TextSetting) -> TextModel:
    """A fitted model from `native/`."""
    return MODELS[algorithm].load(folder, params, setting)
