"""The package that a script's model becomes, and opening it again."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Job, made, write_json
from atoll_engines.errors import EngineError
from atoll_engines.evaluation.package import Package
from atoll_engines.recipes import InputColumn
from atoll_engines.script.handler import Handler
from atoll_engines.script.pipeline import ScriptPipeline
from atoll_engines.script.request import ScriptRequest
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.metrics import score_all
from atoll_engines.tabular.package import Seen, environment, peak_memory_bytes, signature
from atoll_engines.tabular.target import as_words, read_target

ABOUT = "script.json"
# Answers go through JSON both ways, in the proof as when served.
TOLERANCE = 1e-6


def keep_native(job: Job, request: ScriptRequest) -> None:
    """What the script left in SM_MODEL_DIR, and its code, go where only a sandboxed job opens them."""
    shutil.move(job.folder / "model", job.native / "model")
    made(job.folder / "model")
    shutil.copytree(job.folder / "code", job.native / "code", dirs_exist_ok=True)
    options = job.parameters.get("options") or {}
    content_type = (options.get("script") or {}).get("contentType") or "text/csv"
    write_json(job.native / ABOUT, {"entryPoint": request.entry_point, "contentType": content_type})


def open_handler(native: Path) -> Handler:
    about = json.loads((native / ABOUT).read_text("utf-8"))
    model = native / "model"
    model.mkdir(exist_ok=True)
    return Handler(native / "code", model, about["entryPoint"], about["contentType"])


def write_package(job: Job, request: ScriptRequest, started: float, metrics: dict[str, float]) -> dict[str, Any]:
    """Signature and record of a script's model, scored on the rows it was trained on and, where there are some, on validation rows."""
    parameters = job.parameters
    task, target_name, metric = parameters["task"], parameters["target"], parameters["metric"]
    table = open_table(job.folder / "input" / "data" / "table" / "train")
    inputs = [
        InputColumn(column.name, column.type)
        for column in table.columns
        if column.name != target_name and column.type not in ("id", "image", "audio")
    ]
    names = [column.name for column in inputs]
    frame = read_frame(table, [*names, target_name])
    frame = frame[frame[target_name].notna()]
    target = read_target(table.column(target_name), frame[target_name], task, parameters.get("positive"))
    pipeline = ScriptPipeline(open_handler(job.native), inputs, task, target.classes, 0.5 if task == "binary" else None)
    fitted = score_all(target.values, pipeline.predict(frame[names]), task, pipeline.threshold)
    held_out = validation_scores(job, pipeline, target_name, names)
    scores = held_out or fitted
    write_json(job.model / "signature.json", signature(pipeline, target_name, Seen(inputs).add(frame[names]), TOLERANCE))
    write_json(job.model / "recipe.json", {"steps": []})
    record = {
        "algorithm": "script",
        "params": {name: value for name, value in request.hyperparameters.items() if not isinstance(value, (dict, list))},
        "seed": job.seed,
        "task": task,
        "metric": metric,
        "validation": {name: {"mean": value, "std": 0.0, "folds": [value]} for name, value in scores.items()},
        "training": fitted,
        "pooled": scores,
        "baseline": score_all(target.values, prior(target.values, task, len(frame)), task, pipeline.threshold),
        "threshold": {"value": 0.5, "rule": "0.5, as scripts choose none", "curve": []} if task == "binary" else None,
        "division": {
            "kind": "holdout" if held_out else "none",
            "note": "scored on the validation rows" if held_out else "there are no validation rows: scored on the training rows",
        },
        "leaderboard": [],
        "derivedFeatures": [],
        "scriptMetrics": metrics,
        "export": {"ok": False, "path": "python", "reason": "A script's model answers from its own Python code.", "rows": 0},
        "environment": environment(),
        "rows": len(frame),
        "seconds": time.monotonic() - started,
        "peakMemoryBytes": peak_memory_bytes(),
    }
    write_json(job.model / "training.json", record)
    return record


def validation_scores(job: Job, pipeline: ScriptPipeline, target: str, names: list[str]) -> dict[str, float] | None:
    folder = job.folder / "input" / "data" / "table" / "validation"
    if not folder.is_dir():
        return None
    table = open_table(folder)
    frame = read_frame(table, [*names, target])
    frame = frame[frame[target].notna()]
    if pipeline.task == "regression":
        actual = frame[target].to_numpy(np.float64)
    else:
        numbers = {name: number for number, name in enumerate(pipeline.classes)}
        actual = as_words(table.column(target), frame[target]).map(numbers).fillna(-1).to_numpy(np.int64)
        frame, actual = frame[actual >= 0], actual[actual >= 0]
    if not len(frame):
        return None
    return score_all(actual, pipeline.predict(frame[names]), pipeline.task, pipeline.threshold)


def prior(values: np.ndarray, task: str, rows: int) -> np.ndarray:
    """What one would say without looking at a row: the shares of the classes, or the mean."""
    if task == "regression":
        return np.full(rows, values.mean(), np.float32)
    return np.tile(np.bincount(values) / len(values), (rows, 1)).astype(np.float32)


def open_package(job: Job) -> Package:
    """The package in the channel `model`, with the user's model loaded."""
    folder = job.channel("model")
    native = folder / "native"
    if not (native / ABOUT).is_file():
        raise EngineError("The package has no native/script.json, so it is not a script's.")
    about = json.loads((folder / "signature.json").read_text("utf-8"))
    training = folder / "training.json"
    pipeline = ScriptPipeline(
        open_handler(native),
        [InputColumn(one["name"], one["type"]) for one in about["inputs"]],
        about["task"],
        tuple(about["classes"]) if about["classes"] else None,
        about["threshold"],
    )
    record = json.loads(training.read_text("utf-8")) if training.is_file() else None
    return Package(pipeline=pipeline, signature=about, training=record)
