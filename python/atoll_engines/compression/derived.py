"""A version made from another: what is taken over from the original package, and what is written anew."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.compression.graph_models import MARK, read_signature
from atoll_engines.contract import Job, write_json
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.evaluation.package import read
from atoll_engines.tabular.package import environment, peak_memory_bytes

# What a graph needs beside itself, and what says how its data was prepared.
TAKEN = ("recipe.json", "explain.json", "preprocess.onnx", "tokenizer.json")
# What the family's own code needs to open the package again, less the weights.
NATIVE = ("pipeline.json", "preprocess.onnx", "tokenizer.json")
TASKS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True)
class Derived:
    """The package that a smaller one is made from."""

    folder: Path
    native: Path
    signature: dict[str, Any]
    training: dict[str, Any]

    @property
    def bytes(self) -> int:
        return (self.folder / "model.onnx").stat().st_size

    @property
    def is_table(self) -> bool:
        return all(one["tensor"] in ("numbers", "strings") for one in self.signature["inputs"])


def open_derived(job: Job) -> Derived:
    """The package in the channel `model`, which must be served by its graph."""
    place = job.channel("model")
    folder = place if (place / "signature.json").is_file() else place / "model"
    if not (folder / "model.onnx").is_file():
        raise BadInput("This version is served from Python: it has no graph that could be made smaller. Distil it into one that has.")
    signature = read_signature(folder)
    if signature["task"] not in TASKS:
        raise BadInput(f"A {signature['task']} model cannot be made smaller in this way; those for {', '.join(TASKS)} can.")
    natives = [folder / "native", place / "native", place.parent / "native"]
    native = next((one for one in natives if one.is_dir()), None)
    if native is None:
        raise EngineError("The package has no folder native/.")
    training = folder / "training.json"
    return Derived(folder, native, signature, read(training) if training.is_file() else {})


def leave_package(
    job: Job, derived: Derived, graph: bytes, signature: dict[str, Any], facts: dict[str, Any], started: float
) -> None:
    """`model/` and `native/` of a package that answers by its changed graph."""
    (job.model / "model.onnx").write_bytes(graph)
    for name in NATIVE:
        if (derived.native / name).is_file():
            shutil.copyfile(derived.native / name, job.native / name)
    write_json(job.native / MARK, facts)
    leave_record(job, derived, signature, facts, started)


def leave_record(
    job: Job, derived: Derived, signature: dict[str, Any], facts: dict[str, Any], started: float, **more: Any
) -> None:
    """What a package says of itself: taken over from the original, with what was done to it; `more` replaces parts of training.json."""
    write_json(job.model / "signature.json", signature)
    for name in TAKEN:
        if (derived.folder / name).is_file():
            shutil.copyfile(derived.folder / name, job.model / name)
    if not (job.model / "recipe.json").is_file():
        write_json(job.model / "recipe.json", {"steps": []})
    was = derived.training
    record = {
        "algorithm": was.get("algorithm"), "params": was.get("params") or {}, "seed": job.seed, "task": signature["task"],
        "metric": was.get("metric"), "validation": {}, "training": {}, "baseline": was.get("baseline") or {},
        "threshold": was.get("threshold"), "thresholds": was.get("thresholds"), "calibration": was.get("calibration"),
        "leaderboard": [], "ensemble": None, "derivedFeatures": [], "derived": facts, "rows": was.get("rows"),
        "export": {"ok": True, "path": "onnx", "reason": None, "maxDifference": None, "rows": 0}, "environment": environment(),
        "seconds": time.monotonic() - started, "peakMemoryBytes": peak_memory_bytes(),
    }  # fmt: skip
    write_json(job.model / "training.json", record | more)
