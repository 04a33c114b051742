"""A folder with code of the user's own: SageMaker's `inference.py`, or a `predict.py`. It is only ever run in a job's sandbox."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, first_line, lacking
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.script.handler import FUNCTIONS, Handler
from atoll_engines.script.pipeline import read_answer
from atoll_engines.script.train import check_requirements

# What the user asks for (columns, task, classes) is needed to load it.
ASKS = True
SAGEMAKER, OWN = "inference.py", "predict.py"
TYPES = ("text/csv", "application/json")


class CustomOriginal(Original):
    """Rows in, whatever the user's functions say out."""

    def __init__(self, ask: Callable[[pd.DataFrame], Any], name: str) -> None:
        super().__init__()
        self.ask, self.algorithm, self.library = ask, f"custom code ({name})", name
        self.is_named = False
        self.is_class_named = False

    def settle(self) -> None:
        if not self.columns:
            raise lacking("columns", "Code does not tell which columns it takes. Give rows (sample) or the columns (inputs).")

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        rows = frame.astype({column.name: object for column in self.columns if column.is_words})
        rows = rows.where(rows.notna(), None) if any(column.is_words for column in self.columns) else rows
        said = read_answer(self.ask(rows.reset_index(drop=True)), len(rows), self.task or "regression", self.classes)
        return said.astype(np.float64)

    def graphs(self) -> Any:
        raise EngineError("A model with code of its own answers from that code.")


def load(path: Path, request: Any) -> CustomOriginal:
    """From a folder; columns and task are the user's to say."""
    folder = path if path.is_dir() else path.parent
    code = code_folder(folder)
    check_requirements(code)
    try:
        ask = of_sagemaker(folder, code, request) if (code / SAGEMAKER).is_file() else of_own(code)
    except (EngineError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"The code of the model failed while it was loaded: {first_line(error)}", file=code.name) from error
    original = CustomOriginal(ask, SAGEMAKER if (code / SAGEMAKER).is_file() else OWN)
    original.task = request.task
    if request.inputs:
        original.columns = [Column(one.name, one.type) for one in request.inputs]
    if request.classes and request.task != "regression":
        original.classes = tuple(request.classes)
    return original


def code_folder(folder: Path) -> Path:
    """Where the code lies: at the top, or in `code/` as SageMaker has it."""
    for place in (folder, folder / "code"):
        if (place / SAGEMAKER).is_file() or (place / OWN).is_file():
            return place
    raise BadInput(f"The folder has no {SAGEMAKER} (with {', '.join(FUNCTIONS)}) and no {OWN} (with predict(rows)).")


def of_sagemaker(folder: Path, code: Path, request: Any) -> Callable[[pd.DataFrame], Any]:
    """`model_fn` and the others, with the toolkit's defaults where one is absent."""
    content_type = str((request.options or {}).get("contentType") or TYPES[0])
    if content_type not in TYPES:
        raise BadInput(f'Rows are sent to input_fn as {" or ".join(TYPES)}, not as "{content_type}".', parameter="options.contentType")
    handler = Handler(code, folder, SAGEMAKER, content_type)
    return lambda rows: handler(rows, request.task != "regression")


def of_own(code: Path) -> Callable[[pd.DataFrame], Any]:
    """`predict(rows)`, or `load(folder)` and `predict(model, rows)`; rows are a data frame."""
    module = loaded(code / OWN)
    predict = getattr(module, "predict", None)
    if not callable(predict):
        raise BadInput(f"{OWN} defines no function predict(rows), or predict(model, rows).", file=OWN)
    load_model = getattr(module, "load", None)
    takes = len([one for one in inspect.signature(predict).parameters.values() if one.default is one.empty])
    if takes > 1 and not callable(load_model):
        raise BadInput(f"predict of {OWN} takes a model and rows, but there is no function load(folder) that gives the model.", file=OWN)
    if not callable(load_model):
        return predict
    model = load_model(str(code))
    return (lambda rows: predict(model, rows)) if takes > 1 else predict


def loaded(path: Path) -> ModuleType:
    import importlib.util
    import sys

    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("user_predict", path)
    module = importlib.util.module_from_spec(spec)
    # Models that the code pickled name its classes by the module's name.
    sys.modules["user_predict"] = module
    spec.loader.exec_module(module)
    return module
