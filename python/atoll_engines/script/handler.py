"""The user's `model_fn`, `input_fn`, `predict_fn`, `output_fn` (SageMaker's inference toolkit), and the defaults where one is absent."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from atoll_engines.errors import BadInput

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn")


class Handler:
    """A loaded model with the functions that answer for it."""

    def __init__(self, code: Path, model_folder: Path, entry_point: str, content_type: str) -> None:
        self.content_type = content_type
        self.module = load_module(code, entry_point)
        load = self.function("model_fn")
        self.model = load(str(model_folder)) if load else load_default(model_folder)

    def function(self, name: str) -> Callable[..., Any] | None:
        return getattr(self.module, name, None) if self.module else None

    def __call__(self, frame: pd.DataFrame, classified: bool) -> Any:
        """What the functions make of rows: without an `input_fn` the frame itself, without a `predict_fn` the model's own prediction."""
        data: Any = frame
        if read := self.function("input_fn"):
            data = read(self.body(frame), self.content_type)
        if predict := self.function("predict_fn"):
            answer = predict(data, self.model)
        elif classified and hasattr(self.model, "predict_proba"):
            answer = self.model.predict_proba(data)
        elif hasattr(self.model, "predict"):
            answer = self.model.predict(data)
        else:
            raise BadInput("The script has no predict_fn, and what model_fn gives has no predict method.")
        if write := self.function("output_fn"):
            answer = read_output(write(answer, "application/json"))
        return answer

    def body(self, frame: pd.DataFrame) -> str:
        if self.content_type == "application/json":
            return frame.to_json(orient="records", date_format="iso")
        buffer = io.StringIO()
        frame.to_csv(buffer, header=False, index=False)
        return buffer.getvalue()


def load_module(code: Path, entry_point: str) -> ModuleType | None:
    """`inference.py`, else the entry point where it defines one of the functions."""
    for name in ("inference.py", entry_point):
        path = code / name
        if path.suffix == ".py" and path.is_file() and (name == "inference.py" or defines_function(path)):
            sys.path.insert(0, str(code))
            spec = importlib.util.spec_from_file_location("user_inference", path)
            module = importlib.util.module_from_spec(spec)
            # Models that a script pickled name its classes as `__main__.X` or by its own module's name.
            sys.modules["user_inference"] = module
            spec.loader.exec_module(module)
            return module
    return None


def defines_function(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except SyntaxError:
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS for node in tree.body)


def load_default(folder: Path) -> Any:
    """Without a `model_fn`: the one joblib or pickle file. It is only ever opened in a job's sandbox."""
    import joblib

    found = sorted(path for path in folder.rglob("*") if path.suffix in (".joblib", ".pkl", ".pickle"))
    if len(found) != 1:
        raise BadInput(
            "The script has no model_fn, and SM_MODEL_DIR holds "
            f"{len(found) or 'no'} joblib or pickle files where one was expected. Define model_fn(model_dir)."
        )
    return joblib.load(found[0])


def read_output(answer: Any) -> Any:
    """`output_fn` gives the body, or the body and its type."""
    body = answer[0] if isinstance(answer, tuple) and len(answer) == 2 else answer
    if isinstance(body, bytes):
        body = body.decode()
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return [line for line in body.splitlines() if line.strip()]
