"""Training rows as a graph takes them, one row a run: what static quantisation is calibrated on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.compression.derived import Derived
from atoll_engines.compression.graph_models import Graph, GraphOfTexts
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.recipes import InputColumn, raw_tensors
from atoll_engines.tabular.data import open_table, read_frame


def calibration_runs(job: Job, derived: Derived, most: int, report: Report) -> tuple[list[dict[str, np.ndarray]], int]:
    """The tensors of at most so many training rows, drawn by the job's seed, and how many they are."""
    names = [one["name"] for one in derived.signature["inputs"]]
    frame = read_frame(open_table(job.channel("train")), names)
    random = np.random.default_rng(job.seed)
    frame = frame.iloc[random.permutation(len(frame))[: most + most // 4]]
    runs = tensors_by_row(derived, frame, job, report)[:most]
    if not runs:
        raise BadInput("None of the training rows can be read, so there is nothing to calibrate on.")
    return runs, len(runs)


def tensors_by_row(derived: Derived, frame: pd.DataFrame, job: Job, report: Report) -> list[dict[str, np.ndarray]]:
    inputs = derived.signature["inputs"]
    kinds = {one["tensor"] for one in inputs}
    if kinds <= {"numbers", "strings"}:
        tensors = raw_tensors(frame, [InputColumn(one["name"], one["type"]) for one in inputs])
        return [{name: one[row : row + 1] for name, one in tensors.items()} for row in range(len(frame))]
    if kinds == {"tokens"}:
        return texts_by_row(derived, frame)
    if kinds == {"image"}:
        return images_by_row(derived, frame[inputs[0]["name"]], job, report)
    raise BadInput(f"A graph that reads {', '.join(sorted(kinds))} cannot be quantised yet.")


def texts_by_row(derived: Derived, frame: pd.DataFrame) -> list[dict[str, np.ndarray]]:
    from atoll_engines.text.documents import Documents

    columns = sorted(derived.signature["inputs"], key=lambda one: one["index"])
    documents = Documents(tuple(InputColumn(one["name"], "text") for one in columns), columns[0].get("separator") or " ")
    graph = Graph((derived.folder / "model.onnx").read_bytes(), derived.signature)
    model = GraphOfTexts(graph, derived.signature, derived.folder)
    texts = documents.of(frame)
    made = [model.tensors(texts[row : row + 1]) for row in range(len(texts)) if texts[row].strip()]
    return [{name: one for name, one in tensors.items() if name in graph.wanted} for tensors in made]


def images_by_row(derived: Derived, cells: pd.Series, job: Job, report: Report) -> list[dict[str, Any]]:
    from atoll_engines.image.decode import Unreadable, content_of, decode
    from atoll_engines.image.preprocess import Preprocess

    preprocess = Preprocess((derived.folder / "preprocess.onnx").read_bytes())
    media = job.channel("train") / "media"
    made = []
    for value in cells:
        try:
            made.append({"image": preprocess(decode(content_of(value, media), str(value)))[None]})
        except Unreadable as error:
            report.warning("image_unreadable", error.message, file=str(value))
    return made
