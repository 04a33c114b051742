"""From the best trial to the package: validation, the final fit, export, explanation, the record."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.explain import HeldOut, explain
from atoll_engines.tabular.export import Export, export, tolerance_for
from atoll_engines.tabular.metrics import metric_names, score, score_all, sign
from atoll_engines.tabular.near import near_objects
from atoll_engines.tabular.objectives import LATENCY_ROWS, served_cost
from atoll_engines.tabular.package import Seen, environment, peak_memory_bytes, signature
from atoll_engines.tabular.pipeline import Pipeline
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.search import Search
from atoll_engines.tabular.solution import Solution
from atoll_engines.tabular.streaming import StreamedPreparation
from atoll_engines.tabular.training_table import Labels
from atoll_engines.tabular.trial import Predictions, Trials
from atoll_engines.tabular.validation import Validation, validate

SCORED_ROWS = 200_000


class Finish:
    """From the best trial to the package."""

    def __init__(
        self,
        job: Job,
        report: Report,
        request: Request,
        labels: Labels,
        trials: Trials,
        search: Search,
        solution: Solution,
        ensemble: dict[str, Any] | None,
        budget: float | None,
        started: float,
    ) -> None:
        self.job, self.report, self.request, self.labels = job, report, request, labels
        self.trials, self.search, self.budget, self.started = trials, search, budget, started
        self.solution, self.ensemble, self.algorithm = solution, ensemble, solution.algorithm
        self.steps_done = 0

    def run(self, derived: list[dict[str, Any]]) -> dict[str, Any]:
        self.step("validation")
        predictions = self.solution.predictions()
        validation = validate(self.trials, predictions, self.request)
        self.step("final fit")
        recipe, model = self.solution.everything()
        pipeline = self.as_pipeline(recipe, model, validation)
        self.step("export")
        tolerance = tolerance_for(self.request.task, self.labels.target.values)
        exported = self.export(pipeline, tolerance)
        self.write_predictions(predictions, validation)
        self.write_package(pipeline, tolerance)
        self.step("explanation")
        self.explain(pipeline, validation)
        training = self.training_record(pipeline, validation, exported, derived)
        write_json(self.job.model / "training.json", training)
        self.step("done")
        return self.summary(training, exported)

    def as_pipeline(self, recipe: Any, model: Any, validation: Validation) -> Pipeline:
        return Pipeline(
            recipe=recipe,
            model=model,
            calibrator=validation.calibrator,
            task=self.request.task,
            classes=self.labels.target.classes,
            threshold=validation.threshold.value if validation.threshold else None,
        )

    def export(self, pipeline: Pipeline, tolerance: float) -> Export:
        exported = export(pipeline, self.trials.preparation.frame, self.job.model / "model.onnx", tolerance, self.job.seed)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "Preparation and model as one graph")
        return exported

    def write_predictions(self, predictions: Predictions, validation: Validation) -> None:
        """Out-of-fold predictions by row, as they stand after calibration."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        values = validation.predictions
        columns = {"__row": self.labels.row_ids[predictions.rows], "fold": predictions.fold}
        if self.request.task == "regression":
            columns |= {"actual": self.labels.target.values[predictions.rows], "prediction": values}
        else:
            columns["actual"] = self.labels.target.words(predictions.rows)
            columns |= {f"p_{k}": values[:, k] for k in range(values.shape[1])}
        pq.write_table(pa.table(columns), self.job.output / "oof.parquet")
        self.report.artifact("output/data/oof.parquet", "predictions", "Out-of-fold predictions")

    def write_package(self, pipeline: Pipeline, tolerance: float) -> None:
        import joblib

        preparation = self.trials.preparation
        streamed = None if self.algorithm.is_ensemble else getattr(preparation, "seen", None)
        seen = streamed or Seen(pipeline.recipe.inputs).add(preparation.frame)
        about = signature(pipeline, self.labels.target.name, seen, tolerance)
        write_json(self.job.model / "signature.json", about)
        write_json(self.job.model / "recipe.json", self.solution.recipe(pipeline.recipe))
        joblib.dump(pipeline, self.job.native / "pipeline.joblib")
        aimed = self.search.aimed()
        lines = [record.line() for record in self.search.records]
        if aimed:
            chosen = self.solution.record.trial
            lines = [line | {"front": line["trial"] in aimed["front"], "chosen": line["trial"] == chosen} for line in lines]
        write_json(self.job.output / "trials.json", lines)

    def explain(self, pipeline: Pipeline, validation: Validation) -> None:
        """Importance, dependence and learning curve, within what is left of the budget."""
        left = 60.0 if self.budget is None else max(5.0, self.budget - (time.monotonic() - self.started))
        held_out = self.held_out(pipeline, validation)
        explained, curve = explain(
            self.trials, self.solution, held_out, self.report, left, self.request.importance
        )
        recipe = pipeline.recipe
        explained["features"] = [
            {"name": name, "columns": columns}
            for name, columns in zip(recipe.feature_names, recipe.origins(), strict=True)
        ]
        objects = near_objects(pipeline, self.trials.preparation.frame)
        if objects:
            explained["objects"] = objects
        write_json(self.job.model / "explain.json", explained)
        write_json(self.job.output / "learning_curve.json", curve)

    def held_out(self, pipeline: Pipeline, validation: Validation) -> HeldOut:
        """A model and rows that it has not seen; of a very large table, the final model and rows that hardly mattered to it."""
        preparation = self.trials.preparation
        if isinstance(preparation, StreamedPreparation):
            rows = preparation.sample_rows[preparation.held_out]
            return HeldOut(pipeline, preparation.frame.iloc[preparation.held_out], preparation.target[rows])
        fold = self.labels.division.folds[0]
        recipe, model, features = self.solution.on_fold(fold)
        rows = preparation.frame.iloc[fold.valid]
        return HeldOut(self.as_pipeline(recipe, model, validation), rows, features.y_valid)

    def training_record(
        self,
        pipeline: Pipeline,
        validation: Validation,
        exported: Export,
        derived: list[dict[str, Any]],
    ) -> dict[str, Any]:
        threshold = validation.threshold
        fitted = self.training_metrics(pipeline)
        return {
            "algorithm": self.algorithm.name,
            "trial": self.solution.record.trial,
            "params": self.solution.params,
            "seed": self.job.seed,
            "task": self.request.task,
            "metric": self.request.metric,
            "validation": validation.metrics,
            "pooled": validation.pooled,
            "training": fitted,
            "baseline": self.baseline_metrics(),
            "threshold": None
            if threshold is None
            else {"value": threshold.value, "rule": threshold.rule, "curve": threshold.curve},
            "thresholds": validation.thresholds,
            "calibration": self.request.calibration,
            "division": {"kind": self.labels.division.kind, "note": self.labels.division.note},
            "leaderboard": self.leaderboard(),
            "importances": self.search.importances(),
            "aims": self.aimed(pipeline),
            "ensemble": self.ensemble,
            "derivedFeatures": derived,
            "export": exported.as_json(),
            "environment": environment(),
            "rows": len(self.labels.row_ids),
            "seconds": time.monotonic() - self.started,
            "peakMemoryBytes": peak_memory_bytes(),
        }

    def aimed(self, pipeline: Pipeline) -> dict[str, Any] | None:
        """What came of several objectives; the final model is measured as the trials were."""
        aimed = self.search.aimed()
        if aimed is None or not self.search.measures_cost:
            return aimed
        return aimed | {"measured": served_cost(pipeline, self.trials.preparation.frame.iloc[:LATENCY_ROWS])}

    def training_metrics(self, pipeline: Pipeline) -> dict[str, float]:
        """Every metric on the rows that the final model was fitted on."""
        preparation = self.trials.preparation
        if isinstance(preparation, StreamedPreparation) and self.algorithm.is_ensemble:
            actual = preparation.target[preparation.sample_rows[preparation.fitted_on]]
            predicted = pipeline.predict(preparation.frame.iloc[preparation.fitted_on])
            return score_all(actual, predicted, self.request.task, pipeline.threshold)
        if isinstance(preparation, StreamedPreparation):
            _, x, y = preparation.everything(self.algorithm.family)
            return score_all(y[:SCORED_ROWS], pipeline.predict_features(x[:SCORED_ROWS]), self.request.task, pipeline.threshold)
        thresholds = getattr(pipeline, "thresholds", None)
        return score_all(preparation.target, pipeline.predict(preparation.frame), self.request.task, thresholds or pipeline.threshold)

    def baseline_metrics(self) -> dict[str, float]:
        """What the baseline comes to on the same folds."""
        baseline = ALGORITHMS["baseline"]
        predictions = self.trials.run(baseline, {}, give_up=lambda interim: None).predictions
        scored = self.trials.parts_with_thresholds(predictions)
        return {
            name: float(np.nanmean([score(name, actual, predicted, threshold) for actual, predicted, threshold in scored]))
            for name in metric_names(self.request.task)
        }

    def leaderboard(self) -> list[dict[str, Any]]:
        """Every completed trial, the best first."""
        complete = [record for record in self.search.records if record.outcome.state == "complete"]
        complete.sort(key=lambda record: -sign(self.request.metric) * record.outcome.score)
        return [
            {
                "algorithm": record.algorithm,
                "params": record.params,
                "mean": record.outcome.score,
                "std": record.outcome.std,
                "seconds": record.outcome.seconds,
                "trial": record.trial,
                **({"objectives": record.objectives} if record.objectives else {}),
            }
            for record in complete
        ]

    def summary(self, training: dict[str, Any], exported: Export) -> dict[str, Any]:
        return {
            "algorithm": training["algorithm"],
            "params": training["params"],
            "metric": training["metric"],
            "validation": training["validation"],
            "baseline": training["baseline"],
            "threshold": training["threshold"]["value"] if training["threshold"] else None,
            "export": training["export"],
            "trials": len(self.search.records),
            "seconds": training["seconds"],
            "peakMemoryBytes": training["peakMemoryBytes"],
        }

    def step(self, message: str) -> None:
        self.report.progress("finish", self.steps_done, 4, None, message)
        self.steps_done += 1
