"""From the best trial to the package of a model of places."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.image.spatial.part import Answering
from atoll_engines.image.spatial.pipeline import SpatialPipeline
from atoll_engines.image.spatial.trials import SpatialTrials, key_of
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.export import Export, first_line
from atoll_engines.tabular.package import environment, peak_memory_bytes
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.search import Search

CHECKED = 48
SCORED = 500


class SpatialFinish:
    """Validation, export and the record."""

    def __init__(
        self, job: Job, report: Report, part: Any, about: Answering, trials: SpatialTrials, search: Search, *,
        target: str, column: str, graph: bytes, fit: str, started: float,
    ) -> None:  # fmt: skip
        self.job, self.report, self.part, self.about, self.trials, self.search = job, report, part, about, trials, search
        self.target, self.column, self.graph, self.fit, self.started = target, column, graph, fit, started

    def run(self, algorithm: Algorithm, best: Record, frame: pd.DataFrame, places: np.ndarray) -> dict[str, Any]:
        part, fold = self.part, self.trials.division.folds[0]
        self.report.progress("finish", 0, 3, None, "validation")
        model = self.trials.fitted(algorithm, best.params)
        evidence = self.trials.evidence(model, fold.valid)
        threshold = part.best_threshold(evidence, self.about)
        self.about.threshold = threshold["value"] if threshold else None
        pipeline = SpatialPipeline(part, self.column, self.target, model, Preprocess(self.graph), self.about, self.fit)
        self.report.progress("finish", 1, 3, None, "export")
        exported = self.export(pipeline, fold.train)
        self.write_package(pipeline, best)
        self.write_predictions(pipeline, frame, fold.valid)
        self.report.progress("finish", 2, 3, None, "record")
        record = self.record(algorithm, best, pipeline, exported, evidence, threshold, places)
        write_json(self.job.model / "training.json", record)
        self.report.progress("finish", 3, 3, 0.0, "done")
        names = ("algorithm", "params", "metric", "validation", "baseline", "export", "seconds", "peakMemoryBytes")
        return {name: record[name] for name in names} | {"trials": len(self.search.records), "threshold": self.about.threshold}

    def export(self, pipeline: SpatialPipeline, places: np.ndarray) -> Export:
        """Write the graph if it answers as the network does on training images, noise, and black and white ones."""
        exported = self.checked(pipeline, places)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "The network as a graph")
        return exported

    def checked(self, pipeline: SpatialPipeline, places: np.ndarray) -> Export:
        try:
            graph = pipeline.model.to_onnx()
        except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
            return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
        images = self.trials.images.images
        random = np.random.default_rng(self.job.seed)
        chosen = images[np.sort(random.choice(places, min(CHECKED, len(places)), replace=False))]
        noise = random.integers(0, 256, (4, *images.shape[1:]), dtype=np.uint8)
        flat = np.stack([np.full(images.shape[1:], level, np.uint8) for level in (0, 255)])
        rows = np.concatenate([chosen, noise, flat])
        try:
            answered = run_graph(graph, rows, self.part.output)
        except Exception as error:
            return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(rows))
        expected = pipeline.said(rows)
        worst, apart = 0.0, 0
        for one, other in zip(expected, answered, strict=True):
            difference = self.part.difference(one, other, self.about)
            worst, apart = max(worst, difference), apart + (difference > self.part.tolerance)
        if apart:
            return Export(
                "python", f"The graph answers {apart} of {len(rows)} images differently (by up to {worst:.3g}).", worst, len(rows)
            )
        (self.job.model / "model.onnx").write_bytes(graph)
        return Export("onnx", None, worst, len(rows))

    def write_package(self, pipeline: SpatialPipeline, best: Record) -> None:
        setting = self.trials.images
        column = {
            "name": self.column, "type": "image", "tensor": "image", "index": 0, "nullable": False,
            "size": [setting.size, setting.size], "channels": setting.channels, "fit": self.fit,
        }  # fmt: skip
        signature = {
            "task": self.part.task, "target": self.target, "classes": list(self.about.classes), "positive": None,
            "threshold": self.about.threshold, "tolerance": self.part.tolerance, "inputs": [column],
            "outputs": [{"name": self.part.output, "width": self.part.width(self.about)}], **self.part.shape(self.about),
        }  # fmt: skip
        write_json(self.job.model / "signature.json", signature)
        write_json(self.job.model / "recipe.json", {"steps": []})
        (self.job.model / "preprocess.onnx").write_bytes(self.graph)
        if pipeline.model.fitted is not None:
            pipeline.save(self.job.native, self.graph)
            self.report.artifact("native/weights.safetensors", "weights", "The network's weights")
        write_json(self.job.output / "trials.json", [record.line() for record in self.search.records])
        write_json(self.job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": self.trials.metric})
        fitted = pipeline.model.fitted
        curve = {"metric": self.trials.metric, "points": [], "epochs": fitted.history if fitted else []}
        write_json(self.job.output / "learning_curve.json", curve)

    def write_predictions(self, pipeline: SpatialPipeline, frame: pd.DataFrame, valid: np.ndarray) -> None:
        """What the held-out rows were answered, by row."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        said = pipeline.model.predict(self.trials.images.images, valid)
        truths = self.trials.truths
        answers = [self.part.answer(one, truths.placements[at], self.about) for one, at in zip(said, valid, strict=True)]
        columns = {
            "__row": frame.index.to_numpy()[valid],
            "fold": np.zeros(len(valid), np.int64),
            "actual": [self.part.truth_text(truths.values[at], self.about) for at in valid],
            "predicted": [self.part.as_text(one, self.about) for one in answers],
        }
        pq.write_table(pa.table(columns), self.job.output / "oof.parquet")

    def record(
        self, algorithm: Algorithm, best: Record, pipeline: SpatialPipeline, exported: Export, evidence: list[Any],
        threshold: dict[str, Any] | None, places: np.ndarray,
    ) -> dict[str, Any]:  # fmt: skip
        part, fold, model = self.part, self.trials.division.folds[0], pipeline.model
        scores = part.scores(evidence, self.about)
        sample = np.sort(np.random.default_rng(self.job.seed).permutation(fold.train)[:SCORED])
        fitted = asdict(model.fitted) if getattr(model, "fitted", None) else {}
        names = ("epochs", "best_epoch", "ended", "device", "rules", "batch_size", "accumulate", "rows_per_second")
        complete = [one for one in self.search.records if one.outcome.state == "complete"]
        complete.sort(key=lambda one: -one.outcome.score)
        setting = self.trials.images
        return {
            "algorithm": algorithm.name, "params": best.params, "seed": self.job.seed, "task": part.task, "metric": self.trials.metric,
            "validation": {name: {"mean": value, "std": 0.0, "folds": [value]} for name, value in scores.items()},
            "pooled": scores,
            "training": part.scores(self.trials.evidence(model, sample), self.about),
            "baseline": self.baseline(),
            "threshold": threshold, "calibration": "none",
            "division": {"kind": self.trials.division.kind, "note": self.trials.division.note},
            "leaderboard": [
                {
                    "algorithm": one.algorithm, "params": one.params, "mean": one.outcome.score, "std": one.outcome.std,
                    "seconds": one.outcome.seconds, "trial": one.trial,
                }
                for one in complete
            ],
            "importances": self.search.importances(), "ensemble": None, "derivedFeatures": [], "export": exported.as_json(),
            "environment": environment(), "rows": len(places), "fittedRows": len(fold.train),
            "seconds": time.monotonic() - self.started, "peakMemoryBytes": peak_memory_bytes(),
            "model": getattr(model, "facts", {}) | {"imageSize": setting.size, "channels": setting.channels},
            "network": {name: fitted.get(name) for name in names},
        }  # fmt: skip

    def baseline(self) -> dict[str, float]:
        """The same answer for every image, on the same rows."""
        known = self.trials.scored.get(key_of("baseline", {}))
        if known is None:
            self.trials.run(self.search.algorithms[0], {}, give_up=lambda _: None)
            known = self.trials.scored[key_of("baseline", {})]
        return known


def run_graph(graph: bytes, rows: np.ndarray, output: str) -> np.ndarray:
    """The graph's output, in batches of several sizes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    edges = [0, 1, *range(9, len(rows), 8), len(rows)]
    return np.concatenate([session.run([output], {"image": rows[a:b]})[0] for a, b in zip(edges, edges[1:], strict=False) if b > a])
