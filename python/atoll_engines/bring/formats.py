"""Which library reads which format, and in which runtime."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.bring.original import Original
from atoll_engines.errors import BadInput


@dataclass(frozen=True)
class Format:
    """One format: the module that loads it, and the package and runtime that this takes."""

    module: str
    needs: str
    runtime: str


FORMATS = {
    "sklearn": Format("atoll_engines.bring.sklearn_model", "sklearn", "tabular"),
    "xgboost": Format("atoll_engines.bring.trees.xgboost_model", "xgboost", "tabular"),
    "lightgbm": Format("atoll_engines.bring.trees.lightgbm_model", "lightgbm", "tabular"),
    "catboost": Format("atoll_engines.bring.trees.catboost_model", "catboost", "tabular"),
    "torchscript": Format("atoll_engines.bring.torchscript", "torch", "deep"),
    "transformers": Format("atoll_engines.bring.networks", "transformers", "deep"),
    # Over images alone: graphs over rows need nobody but the server.
    "onnx": Format("atoll_engines.bring.networks", "onnxruntime", "deep"),
    "custom": Format("atoll_engines.bring.custom", "pandas", "tabular"),
}


def format_of(name: str) -> Format:
    if name not in FORMATS:
        raise BadInput(f'There is no format "{name}" to convert; there are: {", ".join(FORMATS)}.', parameter="format")
    return FORMATS[name]


def load_original(name: str, path: Path, request: Any) -> Original:
    """The model of a format, by its own library."""
    from atoll_engines.bring.pickles import is_pickle

    chosen = format_of(name)
    if importlib.util.find_spec(chosen.needs) is None:
        raise BadInput(
            f'Models of the format "{name}" need the package {chosen.needs}, which is not in this runtime; "{chosen.runtime}" has it.'
        )
    if name == "xgboost" and path.is_file():
        with path.open("rb") as file:
            # SageMaker's older containers pickled the booster.
            if is_pickle(file.read(4)):
                return importlib.import_module(FORMATS["sklearn"].module).load(path)
    module = importlib.import_module(chosen.module)
    return module.load(path, request) if getattr(module, "ASKS", False) else module.load(path)
