"""From the best trial to the package: the final fit, export, what was found, the record."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.package import Seen, environment, peak_memory_bytes
from atoll_engines.unsupervised.algorithms import ALGORITHMS
from atoll_engines.unsupervised.describe.anomalies import score_histogram, strangest
from atoll_engines.unsupervised.describe.choice import choice_curves, elbow, gap_statistic
from atoll_engines.unsupervised.describe.groups import describe_groups
from atoll_engines.unsupervised.describe.map_points import map_rows
from atoll_engines.unsupervised.export import export
from atoll_engines.unsupervised.measures import measure
from atoll_engines.unsupervised.metrics import metric_names, sign
from atoll_engines.unsupervised.pipeline import Pipeline
from atoll_engines.unsupervised.request import Request
from atoll_engines.unsupervised.search import Record, Search
from atoll_engines.unsupervised.signature import signature
from atoll_engines.unsupervised.trials import Trials, fit_model, fit_twins, threshold_at

# Resamples whose groupings are compared with the final one.
RESAMPLES = 4


class Finish:
    """From the best trial to the package."""

    def __init__(
        self, job: Job, report: Report, request: Request, trials: Trials, search: Search, best: Record, started: float
    ) -> None:
        self.job, self.report, self.request, self.trials = job, report, request, trials
        self.search, self.best, self.started = search, best, started
        self.algorithm = ALGORITHMS[best.algorithm]
        self.rows = trials.rows
        self.steps_done = 0

    def run(self) -> dict[str, Any]:
        self.step("held-out rows")
        held_out = self.held_out_answers()
        self.step("final fit")
        pipeline, x = self.fit_all(held_out)
        answer = pipeline.model.answer(x)
        found = measure(pipeline, self.rows.frame, x, answer, self.rows.labels, self.job.seed).all()
        self.step("export")
        exported = self.export(pipeline)
        self.write_package(pipeline)
        self.write_held_out(held_out)
        self.step("what was found")
        write_json(self.job.model / "explain.json", self.explain(pipeline, x, answer, held_out))
        write_json(self.job.model / "map.json", self.map(pipeline, x, answer))
        self.report.artifact("model/map.json", "map", "A map of the rows")
        training = self.record(pipeline, exported, found)
        write_json(self.job.model / "training.json", training)
        self.step("done")
        return {
            name: training[name]
            for name in ("algorithm", "params", "metric", "validation", "baseline", "threshold", "export", "seconds", "peakMemoryBytes")
        } | {"trials": len(self.search.records)}

    def held_out_answers(self) -> dict[str, np.ndarray]:
        """Each row's answer by the model of the fold that held it out, with the fold's number."""
        answers = self.search.answers_of(self.best)
        result = {"fold": self.rows.fold}
        for name in answers[0][1]:
            first = answers[0][1][name]
            wide = max(answer[name].shape[1] for _, answer in answers) if first.ndim > 1 else None
            # Density clustering may find another number of groups in each fold.
            shape = (len(self.rows.fold),) if wide is None else (len(self.rows.fold), wide)
            whole = np.full(shape, -1 if wide is None else np.nan, first.dtype)
            for held, answer in answers:
                if wide is None:
                    whole[held] = answer[name]
                else:
                    whole[held, : answer[name].shape[1]] = answer[name]
            result[name] = whole
        return result

    def fit_all(self, held_out: dict[str, np.ndarray]) -> tuple[Pipeline, np.ndarray]:
        """The final model on every row, with the models that tell how steady it is."""
        preparation, x = self.trials.prepare.fit(self.rows.frame)
        model = fit_model(self.algorithm, self.best.params, x, self.trials.setting)
        pipeline = Pipeline(preparation, model, self.request.task, self.algorithm.name)
        if self.request.task == "anomaly":
            pipeline.threshold = threshold_at(held_out["score"][:, 0], self.request.contamination)
            pipeline.twins = fit_twins(self.algorithm, self.best.params, x, self.trials.setting, model)
        if self.request.task == "clustering":
            pipeline.twins = self.resampled(x)
        # The recipe may have taken rows out of the fit; what follows is about all of them.
        return pipeline, preparation.transform(self.rows.frame)

    def resampled(self, x: np.ndarray) -> list[Any]:
        """The same algorithm on bootstrap resamples (Hennig 2007); one that finds nothing is left out."""
        random = np.random.default_rng(self.job.seed + 2)
        found = []
        for number in range(RESAMPLES):
            drawn = np.sort(random.integers(0, len(x), len(x)))
            try:
                found.append(fit_model(self.algorithm, self.best.params, x[drawn], self.trials.setting))
            except Exception as error:
                self.report.log(f"Resample {number} could not be fitted: {error}", "debug")
        return found

    def export(self, pipeline: Pipeline) -> Export:
        exported = export(pipeline, self.rows.frame, self.job.model / "model.onnx", self.job.seed)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "Preparation and model as one graph")
        return exported

    def write_package(self, pipeline: Pipeline) -> None:
        import joblib

        seen = Seen(pipeline.inputs).add(self.rows.frame)
        write_json(self.job.model / "signature.json", signature(pipeline, seen))
        write_json(self.job.model / "recipe.json", self.trials.prepare.recipe(pipeline.preparation))
        joblib.dump(pipeline, self.job.native / "pipeline.joblib")
        write_json(self.job.output / "trials.json", [one.line(self.request.metric) for one in self.search.records])

    def write_held_out(self, held_out: dict[str, np.ndarray]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, Any] = {"__row": self.rows.frame.index.to_numpy()}
        for name, values in held_out.items():
            if values.ndim == 1 or values.shape[1] == 1:
                columns[name] = values.ravel()
            else:
                columns |= {f"{name}_{k}": values[:, k] for k in range(values.shape[1])}
        if self.rows.labels is not None:
            columns["actual"] = self.rows.labels.astype(str) if self.request.task != "anomaly" else self.rows.labels
        pq.write_table(pa.table(columns), self.job.output / "oof.parquet")
        self.report.artifact("output/data/oof.parquet", "predictions", "Answers to rows that were held out")

    def explain(self, pipeline: Pipeline, x: np.ndarray, answer: dict[str, np.ndarray], held_out: dict[str, np.ndarray]) -> dict[str, Any]:
        """What was found, for people to look at."""
        task, frame = self.request.task, self.rows.frame
        facts = pipeline.model.facts()
        about: dict[str, Any] = {"task": task, "metric": self.request.metric, "facts": small(facts)}
        about |= {"permutation": [], "partialDependence": []}
        if task in ("clustering", "topics"):
            about["choice"] = self.choice(x)
        if task == "clustering":
            about["groups"] = describe_groups(frame, pipeline.inputs, answer["cluster"], self.rows.labels)
            about["dendrogram"] = facts.get("dendrogram")
        if task == "anomaly":
            scores = held_out["score"][:, 0].astype(np.float64)
            about["scores"] = score_histogram(scores)
            about["threshold"] = pipeline.threshold
            about["strangest"] = strangest(pipeline, frame, scores)
        if task == "projection" and "loadings" in facts:
            names = pipeline.preparation.names
            about["loadings"] = [
                sorted(({"feature": name, "loading": float(value)} for name, value in zip(names, one, strict=True)),
                       key=lambda part: -abs(part["loading"]))[:20]
                for one in facts["loadings"]
            ]  # fmt: skip
        if task == "topics":
            from atoll_engines.unsupervised.topics.describe import describe_topics

            about["topics"] = describe_topics(pipeline, frame, x, answer, self.rows.labels)
        if task == "embedding":
            from atoll_engines.unsupervised.vectors.measure import nearest_words

            names, frequency = pipeline.preparation.names, pipeline.preparation.frequency
            about["words"] = nearest_words(pipeline.model.vectors, names, frequency)
        return about

    def choice(self, x: np.ndarray) -> list[dict[str, Any]]:
        names = metric_names(self.request.task, self.rows.labels is not None)
        curves = choice_curves(self.search.records, self.best, names)
        for curve in curves:
            points = [(one["groups"], one["facts"]["inertia"]) for one in curve["points"] if "inertia" in one["facts"]]
            if curve["algorithm"] == "kmeans" and len(points) > 1:
                curve["elbow"] = elbow(points)
                curve["gap"] = gap_statistic(x, sorted({count for count, _ in points}), self.job.seed)
        return curves

    def map(self, pipeline: Pipeline, x: np.ndarray, answer: dict[str, np.ndarray]) -> dict[str, Any]:
        """A map of the rows, coloured by what the model says of them."""
        colours: dict[str, Any] = {}
        if "cluster" in answer:
            colours["cluster"] = answer["cluster"]
        if "score" in answer:
            colours["score"] = answer["score"][:, 0].astype(np.float64)
        if "topics" in answer:
            colours["topic"] = answer["topics"].argmax(axis=1)
        if self.rows.labels is not None:
            colours["label"] = self.rows.labels.astype(str)
        if self.request.task == "embedding":
            return map_rows(self.rows.frame, pipeline.inputs, answer["vector"], colours, self.job.seed)
        return map_rows(self.rows.frame, pipeline.inputs, answer.get("topics", x), colours, self.job.seed, answer.get("vector"))

    def record(self, pipeline: Pipeline, exported: Export, found: dict[str, float]) -> dict[str, Any]:
        """training.json."""
        names = metric_names(self.request.task, self.rows.labels is not None)
        outcome = self.best.outcome
        validation = {
            name: {"mean": outcome.mean(name), "std": outcome.std(name), "folds": outcome.folds.get(name, [])}
            for name in names
            if np.isfinite(outcome.mean(name))
        }
        if "stability" in found and "stability" not in validation:
            validation["stability"] = {"mean": found["stability"], "std": None, "folds": []}
        return {
            "algorithm": self.algorithm.name,
            "params": self.best.params,
            "seed": self.job.seed,
            "task": self.request.task,
            "metric": self.request.metric,
            "validation": validation,
            "pooled": {},
            "training": found,
            "baseline": {},
            "threshold": None if pipeline.threshold is None else {
                "value": pipeline.threshold,
                "rule": f"the score that {self.request.contamination:.2%} of held-out rows reach",
                "curve": [],
            },
            "calibration": "none",
            "division": {"kind": "kfold", "note": f"{self.request.folds} folds at random"},
            "leaderboard": self.leaderboard(),
            "derivedFeatures": [],
            "facts": small(pipeline.model.facts()),
            "export": exported.as_json(),
            "environment": environment(),
            "rows": len(self.rows.frame),
            "seconds": time.monotonic() - self.started,
            "peakMemoryBytes": peak_memory_bytes(),
        }  # fmt: skip

    def leaderboard(self) -> list[dict[str, Any]]:
        """Every completed trial, the best first."""
        metric = self.request.metric
        complete = [one for one in self.search.records if one.outcome.state == "complete"]
        complete.sort(key=lambda one: np.nan_to_num(-sign(metric) * one.outcome.mean(metric), nan=np.inf))
        return [
            {
                "algorithm": one.algorithm, "params": one.params, "mean": one.outcome.mean(metric), "std": one.outcome.std(metric),
                "seconds": one.outcome.seconds, "trial": one.trial,
            }
            for one in complete
        ]  # fmt: skip

    def step(self, message: str) -> None:
        self.report.progress("finish", self.steps_done, 4, None, message)
        self.steps_done += 1


def small(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts without those that have a place of their own."""
    return {name: value for name, value in facts.items() if name not in ("dendrogram", "loadings")}
