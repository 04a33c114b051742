"""What an import leaves, and opening it again to answer."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from atoll_engines.bring.evidence import Evidence
from atoll_engines.bring.formats import load_original
from atoll_engines.bring.original import Column, Original, typed
from atoll_engines.bring.request import Request, source_path
from atoll_engines.contract import Job, made, write_json
from atoll_engines.errors import EngineError
from atoll_engines.evaluation.judge import leave_parity
from atoll_engines.evaluation.package import Package, package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.metrics import labels_of
from atoll_engines.tabular.package import Seen, environment, peak_memory_bytes
from atoll_engines.tabular.parity_rows import as_requests

ABOUT = "bring.json"
MORE_PACKAGES = ("torch", "transformers", "safetensors", "sentence-transformers", "pillow")
# Strictly more than a half, as the libraries themselves decide between two classes.
HALF = math.nextafter(0.5, 1.0)


@dataclass
class BroughtPipeline:
    """An original as evaluation and serving see it: raw rows in, probabilities or predictions out."""

    original: Original
    task: str
    classes: tuple[str, ...] | None
    threshold: float | None
    # Originals answer with one thing alone.
    further: ClassVar[tuple[tuple[str, int], ...]] = ()

    @property
    def inputs(self) -> list[InputColumn]:
        return [column.input for column in self.original.columns]

    @property
    def recipe(self) -> SimpleNamespace:
        return SimpleNamespace(inputs=self.inputs)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """float32 probabilities [rows, classes], or predictions [rows]."""
        if not len(frame):
            return np.zeros((0, len(self.classes)) if self.classes else 0, np.float32)
        return np.asarray(self.original.answer(typed(frame, self.original.columns)), np.float32)

    def labels(self, predicted: np.ndarray) -> list[str]:
        return [self.classes[k] for k in labels_of(predicted, self.threshold)] if self.classes else []


def write_package(
    job: Job,
    request: Request,
    original: Original,
    evidence: Evidence,
    threshold: float | None,
    tolerance: float,
    found: Export,
    started: float,
) -> None:
    """Signature, record, evidence and what Python loads, from what was found out."""
    pipeline = BroughtPipeline(original, original.task or "regression", original.classes, threshold)
    write_json(job.model / "signature.json", signature(original, request, evidence, threshold, tolerance))
    write_json(job.model / "recipe.json", {"steps": []})
    write_record(job, original, found, [*original.notes, *evidence.notes], started, len(evidence.rows))
    keep_native(job, request, original)
    requests = as_requests(evidence.rows, pipeline.inputs)
    leave_parity(job, pipeline, evidence.kinds, requests, evidence.answers.astype(np.float32))


def signature(original: Original, request: Request, evidence: Evidence, threshold: float | None, tolerance: float) -> dict[str, Any]:
    """The inputs in the original's order, with what the sample, or the model itself, tells of each."""
    held_out = evidence.rows[[kind == "held_out" for kind in evidence.kinds]]
    usual = held_out if len(held_out) else evidence.rows[[kind == "perturbed" for kind in evidence.kinds]]
    seen = Seen([column.input for column in original.columns]).add(usual)
    places = {"numbers": 0, "strings": 0}
    inputs = []
    for column in original.columns:
        tensor = "strings" if column.is_words else "numbers"
        inputs.append({**described(column, seen.describe(column.input), bool(len(held_out))), "tensor": tensor, "index": places[tensor]})
        places[tensor] += 1
    binary = original.task == "binary"
    return {
        "task": original.task,
        "target": request.target or "prediction",
        "classes": list(original.classes) if original.classes else None,
        "positive": original.classes[1] if binary and original.classes else None,
        "threshold": threshold if binary else None,
        "tolerance": tolerance,
        "inputs": inputs,
    }


def described(column: Column, seen: dict[str, Any], is_sample: bool) -> dict[str, Any]:
    """One input. What the model knows of its values counts before what a sample happens to hold."""
    about = dict(seen)
    about["nullable"] = column.nullable is not False
    if not about["nullable"]:
        about["required"] = True
    if column.categories and column.type == "category":
        about["categories"] = column.categories[:200]
        about["categoriesTruncated"] = True if len(column.categories) > 200 else None
        if column.is_closed and len(column.categories) <= 200:
            about["closed"] = True
    elif not is_sample and not column.is_words:
        # Nothing but the model's own word of a range is one: drawn numbers are not.
        for name, bound in (("min", column.low), ("max", column.high)):
            about.pop(name, None)
            if bound is not None and math.isfinite(bound):
                about[name] = bound
    return {name: value for name, value in about.items() if value is not None}


def write_record(job: Job, original: Any, found: Export, notes: list[str], started: float, rows: int) -> None:
    export = found.as_json()
    record = {
        "algorithm": original.algorithm,
        "params": original.params,
        "library": original.library,
        "seed": job.seed,
        "validation": {},
        "export": export,
        "environment": environment(*MORE_PACKAGES),
        "notes": notes,
        "rows": rows,
        "seconds": time.monotonic() - started,
        "peakMemoryBytes": peak_memory_bytes(),
    }
    write_json(job.model / "training.json", record)


def keep_native(job: Job, request: Request, original: Any) -> None:
    """The original's files, and how to ask it."""
    settled = {"task": original.task, "classes": original.classes, "columns": [asdict(column) for column in original.columns]}
    keep_files(job, request.about() | original.kept() | settled)


def keep_files(job: Job, about: dict[str, Any]) -> None:
    """The original's files as they came, which only a sandboxed job opens."""
    source = job.channel("source")
    into = made(job.native / "source")
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        target = into / path.relative_to(source)
        made(target.parent)
        shutil.copyfile(path, target)
    write_json(job.native / ABOUT, about)


def open_package(job: Job) -> Package:
    """The package in the channel `model`, with its original loaded."""
    folders = package_folders(job, ABOUT)
    about = json.loads((folders.native / ABOUT).read_text("utf-8"))
    signature = folders.signature()
    original = open_original(folders.native, about)
    classes = tuple(signature["classes"]) if signature.get("classes") else None
    return Package(BroughtPipeline(original, signature["task"], classes, signature.get("threshold")), signature, folders.training())


def open_original(native: Path, about: dict[str, Any]) -> Original:
    """The original behind `native/bring.json`, under the names that the import settled."""
    columns = [Column(**column) for column in about["columns"]]
    asked = SimpleNamespace(**{"options": {}, **about}, inputs=columns)
    asked.classes = tuple(about["classes"]) if about.get("classes") else None
    original = load_original(about["format"], source_path(native / "source", about["file"]), asked)
    if len(original.columns) not in (0, len(columns)):
        raise EngineError(f"The original takes {len(original.columns)} columns, and the package describes {len(columns)}.")
    original.columns = columns
    original.complete({column.name: column.categories for column in columns if column.categories})
    if about.get("classes"):
        original.named(tuple(about["classes"]))
    original.task = about["task"]
    original.settle()
    return original
