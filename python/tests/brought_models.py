"""Brings models in tests: a job with a bundle, and the graph replayed against what the original library said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from folders import failure, read_json, run_here, write_channel, write_job

from atoll_engines.recipes import InputColumn, raw_tensors
from atoll_engines.tabular.export import run_graph
from atoll_engines.tabular.metrics import labels_of


def bring(
    folder: Path, format: str, file: str, sample: pd.DataFrame | None = None, types: dict[str, str] | None = None, **asked: Any
) -> Any:
    """The engine's result for what lies in `folder/input/data/source`, or the first line of its failure."""
    write_job(folder, "bring.convert", {"format": format, "file": file, **asked})
    if sample is not None:
        write_channel(folder, "sample", sample, types or {})
    code = run_here(folder)
    if code:
        return failure(folder)
    events = [json.loads(line) for line in (folder / "output/events.jsonl").read_text().splitlines()]
    return next(one["value"] for one in reversed(events) if one["type"] == "result")


def source(folder: Path) -> Path:
    made = folder / "input" / "data" / "source"
    made.mkdir(parents=True, exist_ok=True)
    return made


def parity(folder: Path) -> tuple[dict[str, Any], pd.DataFrame, dict[str, Any]]:
    """Signature, the rows of the proof as a client sends them, and what is expected of them."""
    signature = read_json(folder, "model/signature.json")
    rows = pd.DataFrame([json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()])
    return signature, rows, read_json(folder, "output/data/parity_expected.json")


def replay(folder: Path) -> dict[str, Any]:
    """Figures of the graph against the original: largest difference, labels that differ, rows by kind."""
    signature, rows, expected = parity(folder)
    tensors = raw_tensors(rows, [InputColumn(one["name"], one["type"]) for one in signature["inputs"]])
    answered = run_graph((folder / "model/model.onnx").read_bytes(), tensors)
    kinds = pd.Series(expected["kinds"]).value_counts().to_dict()
    if signature["task"] == "regression":
        wanted = np.array(expected["predictions"])
        apart = np.abs(answered[:, 0] - wanted) / np.maximum(1, np.abs(wanted))
        return {"apart": float(apart.max()), "flips": 0, "rows": len(rows), "kinds": kinds}
    wanted = np.array(expected["probabilities"])
    said = [signature["classes"][k] for k in labels_of(answered, signature["threshold"])]
    flips = sum(a != b for a, b in zip(said, expected["labels"], strict=True))
    return {"apart": float(np.abs(answered - wanted).max()), "flips": flips, "rows": len(rows), "kinds": kinds}


def proven(folder: Path) -> dict[str, Any]:
    """The replay, which must agree in every label and within the signature's tolerance."""
    figures = replay(folder)
    assert figures["rows"] >= 990
    assert figures["flips"] == 0
    assert figures["apart"] <= read_json(folder, "model/signature.json")["tolerance"]
    return figures
