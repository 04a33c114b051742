"""Models that answer by their graph alone: what was changed in a graph has no other training code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.recipes import InputColumn, raw_tensors
from atoll_engines.tabular.metrics import labels_of

# Beside what else `native/` holds: the graph of the package is its training code.
MARK = "graph.json"
ROWS_PER_RUN = 32


class Graph:
    """`model.onnx` in ONNX Runtime, on one thread as in serving, in runs of at most as many rows as serving makes."""

    def __init__(self, graph: bytes, signature: dict[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.wanted = {one.name for one in self.session.get_inputs()}
        self.output = "prediction" if signature["task"] == "regression" else "probabilities"
        self.is_regression = signature["task"] == "regression"
        self.rows_per_run = int(signature.get("rowsPerRun") or ROWS_PER_RUN)

    def run(self, tensors: dict[str, np.ndarray]) -> np.ndarray:
        return self.session.run([self.output], {name: one for name, one in tensors.items() if name in self.wanted})[0]

    def answer(self, tensors: dict[str, np.ndarray]) -> np.ndarray:
        """float32 probabilities [rows, classes], or predictions [rows]."""
        rows = len(next(iter(tensors.values())))
        edges = range(0, max(1, rows), self.rows_per_run)
        parts = [self.run({name: one[at : at + self.rows_per_run] for name, one in tensors.items()}) for at in edges]
        said = np.concatenate(parts)
        return said[:, 0] if self.is_regression else said


class GraphOfImages:
    """In the place of a network for images."""

    algorithm = "graph"

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def answer(self, images: np.ndarray, places: np.ndarray, with_embeddings: bool = False) -> tuple[np.ndarray, None]:
        return self.graph.answer({"image": images[places]}), None


class GraphOfTexts:
    """In the place of a model of texts: tokens as serving makes them, or words as they are."""

    rounds = None

    def __init__(self, graph: Graph, signature: dict[str, Any], folder: Path) -> None:
        self.graph, self.about = graph, min(signature["inputs"], key=lambda one: one["index"])
        self.columns, self.tokenizer = len(signature["inputs"]), None
        if self.about["tensor"] == "tokens":
            from atoll_engines.text.tokens import read_tokenizer

            self.tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))

    def tensors(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        if self.tokenizer is None:
            rows = np.full((len(texts), self.columns), "", dtype=object)
            rows[:, 0] = texts
            return {"strings": rows}
        from atoll_engines.text.tokens import encode, padded

        ids, mask = padded(encode(self.tokenizer, texts, int(self.about["maxLength"])), int(self.about["pad"]))
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}

    def predict(self, texts: np.ndarray) -> np.ndarray:
        """Runs of neighbours in length, each as long as its longest."""
        order = np.argsort([len(text) for text in texts], kind="stable")
        each = self.graph.rows_per_run
        parts = [self.graph.answer(self.tensors(texts[order[at : at + each]])) for at in range(0, max(1, len(texts)), each)]
        said = np.concatenate(parts)
        result = np.empty_like(said)
        result[order] = said
        return result


@dataclass
class GraphOfTable:
    """In the place of a pipeline for tables."""

    graph: Graph
    inputs: list[InputColumn]
    task: str
    classes: tuple[str, ...] | None
    threshold: float | None

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.graph.answer(raw_tensors(frame, self.inputs))

    def labels(self, predicted: np.ndarray) -> list[str]:
        return [self.classes[k] for k in labels_of(predicted, self.threshold)]


def is_of_graph(native: Path) -> bool:
    """Whether the package answers by its graph."""
    return (native / MARK).is_file()


def read_signature(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "signature.json").read_text("utf-8"))


def images_of(folder: Path, graph: bytes | None = None) -> GraphOfImages:
    return GraphOfImages(Graph(graph or (folder / "model.onnx").read_bytes(), read_signature(folder)))


def texts_of(folder: Path, graph: bytes | None = None) -> GraphOfTexts:
    signature = read_signature(folder)
    return GraphOfTexts(Graph(graph or (folder / "model.onnx").read_bytes(), signature), signature, folder)


def table_of(folder: Path, graph: bytes | None = None) -> GraphOfTable:
    signature = read_signature(folder)
    return GraphOfTable(
        graph=Graph(graph or (folder / "model.onnx").read_bytes(), signature),
        inputs=[InputColumn(one["name"], one["type"]) for one in signature["inputs"]],
        task=signature["task"],
        classes=tuple(signature["classes"]) if signature.get("classes") else None,
        threshold=signature.get("threshold"),
    )
