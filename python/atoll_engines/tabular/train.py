"""Training on a table: search, validate, fit on all rows, export, explain."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.tabular.algorithms import ALGORITHMS, chosen_algorithms
from atoll_engines.tabular.algorithms.model import Algorithm, Setting
from atoll_engines.tabular.derived import keep_what_pays
from atoll_engines.tabular.export import Export, export, tolerance_for
from atoll_engines.tabular.importance import partial_dependence, permutation_importance
from atoll_engines.tabular.learning_curve import learning_curve
from atoll_engines.tabular.metrics import metric_names, score, score_all, sign
from atoll_engines.tabular.package import environment, peak_memory_bytes, signature
from atoll_engines.tabular.pipeline import Pipeline
from atoll_engines.tabular.preparation import Preparation
from atoll_engines.tabular.request import Request, read_request
from atoll_engines.tabular.search import Limits, Record, Search, read_limits
from atoll_engines.tabular.training_table import TrainingTable, read_training_table
from atoll_engines.tabular.trial import Predictions, Trials, fit_model
from atoll_engines.tabular.validation import Validation, validate

# Shares of a time budget: derived features first, the search until here, the rest for the final fit and explanations.
FEATURES_UNTIL, SEARCH_UNTIL = 0.2, 0.8


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `tabular.train`."""
    started = time.monotonic()
    request = read_request(job.parameters)
    algorithms = chosen_algorithms(request.algorithms, request.task)
    limits = read_limits(request.search)
    table = read_training_table(job, request, report)
    setting = Setting(request.task, len(table.target.classes or ()), job.seed, job.threads)
    preparation = Preparation(
        table.frame, table.schema, table.target.values, request.task, job.seed, request.recipe
    )
    trials = Trials(preparation, table.division, setting, request.metric, request.at_least)
    report.log(f"{len(table.frame)} rows, {len(table.schema)} columns, {table.division.note}.")
    derived = derive(job, report, trials, algorithms, limits, started)
    search = make_search(job, report, request, trials, algorithms, limits, started)
    best = search.run()
    finish = Finish(job, report, request, table, trials, search, best, limits, started)
    return finish.run(derived)


def derive(
    job: Job, report: Report, trials: Trials, algorithms: list[Algorithm], limits: Limits, started: float
) -> list[dict[str, Any]]:
    """Derived features, where the recipe is left to us."""
    if not trials.preparation.is_automatic or len(algorithms) < 2:
        return []
    by_trees = next((one for one in algorithms if one.family == "tree" and one.rounds), None)
    judge = by_trees or algorithms[1]
    until = started + FEATURES_UNTIL * (limits.seconds or 300.0)
    return keep_what_pays(trials, judge, report, job.checkpoints / "derived.json", until)


def make_search(
    job: Job,
    report: Report,
    request: Request,
    trials: Trials,
    algorithms: list[Algorithm],
    limits: Limits,
    started: float,
) -> Search:
    seconds = None if limits.seconds is None else SEARCH_UNTIL * limits.seconds
    return Search(
        trials=trials,
        algorithms=algorithms,
        limits=Limits(limits.trials, seconds, limits.strategy),
        imbalance=request.imbalance,
        spaces=request.search.get("space") or {},
        warm_start=request.search.get("warmStart") or [],
        checkpoint=job.checkpoints / "trials.jsonl",
        report=report,
        seed=job.seed,
        used_seconds=time.monotonic() - started,
        is_auto="auto" in request.algorithms,
    )


class Finish:
    """From the best trial to the package."""

    def __init__(
        self,
        job: Job,
        report: Report,
        request: Request,
        table: TrainingTable,
        trials: Trials,
        search: Search,
        best: Record,
        limits: Limits,
        started: float,
    ) -> None:
        self.job, self.report, self.request, self.table = job, report, request, table
        self.trials, self.search, self.best, self.limits, self.started = trials, search, best, limits, started
        self.algorithm = ALGORITHMS[best.algorithm]
        self.steps_done = 0

    def run(self, derived: list[dict[str, Any]]) -> dict[str, Any]:
        self.step("validation")
        predictions = self.best_predictions()
        validation = validate(self.trials, predictions, self.request)
        self.step("final fit")
        pipeline, params = self.fit_all(predictions, validation)
        self.step("export")
        tolerance = tolerance_for(self.request.task, self.table.target.values)
        exported = self.export(pipeline, tolerance)
        self.write_predictions(predictions, validation)
        self.write_package(pipeline, tolerance)
        self.step("explanation")
        self.explain(params, validation)
        training = self.training_record(pipeline, params, validation, exported, derived)
        write_json(self.job.model / "training.json", training)
        self.step("done")
        return self.summary(training, exported)

    def best_predictions(self) -> Predictions:
        """Out-of-fold predictions of the best trial; after a restart they are made again, which gives the same."""
        if self.search.best_predictions is not None:
            return self.search.best_predictions
        return self.trials.run(self.algorithm, self.best.params, give_up=lambda interim: None).predictions

    def fit_all(self, predictions: Predictions, validation: Validation) -> tuple[Pipeline, dict[str, Any]]:
        """The final model, on every training row, with the number of rounds that the folds settled on."""
        params = dict(self.best.params)
        if self.algorithm.rounds and self.best.outcome.rounds:
            params |= {self.algorithm.rounds: self.best.outcome.rounds, "stop_early": False}
        preparation, rows = self.trials.preparation, np.arange(len(self.table.frame))
        recipe = preparation.fit(self.algorithm.family, rows)
        y = preparation.target[np.asarray(recipe.training_rows)]
        model = fit_model(self.algorithm, params, recipe.training_features, y, self.trials.setting)
        params.pop("stop_early", None)
        return self.as_pipeline(recipe, model, validation), params

    def as_pipeline(self, recipe: Any, model: Any, validation: Validation) -> Pipeline:
        return Pipeline(
            recipe=recipe,
            model=model,
            calibrator=validation.calibrator,
            task=self.request.task,
            classes=self.table.target.classes,
            threshold=validation.threshold.value if validation.threshold else None,
        )

    def export(self, pipeline: Pipeline, tolerance: float) -> Export:
        exported = export(pipeline, self.table.frame, self.job.model / "model.onnx", tolerance, self.job.seed)
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
        columns = {"__row": self.table.frame.index.to_numpy()[predictions.rows], "fold": predictions.fold}
        if self.request.task == "regression":
            columns |= {"actual": self.table.target.values[predictions.rows], "prediction": values}
        else:
            classes = np.array(self.table.target.classes, dtype=object)
            columns["actual"] = classes[self.table.target.values[predictions.rows]]
            columns |= {f"p_{k}": values[:, k] for k in range(values.shape[1])}
        pq.write_table(pa.table(columns), self.job.output / "oof.parquet")
        self.report.artifact("output/data/oof.parquet", "predictions", "Out-of-fold predictions")

    def write_package(self, pipeline: Pipeline, tolerance: float) -> None:
        import joblib

        about = signature(pipeline, self.table.target.name, self.table.frame, tolerance)
        write_json(self.job.model / "signature.json", about)
        steps, reasons = self.trials.preparation.steps(self.algorithm.family)
        write_json(
            self.job.model / "recipe.json", {"steps": steps, "reasons": reasons, "fitted": pipeline.recipe.describe()}
        )
        joblib.dump(pipeline, self.job.native / "pipeline.joblib")
        leaderboard = [record.line() for record in self.search.records]
        write_json(self.job.output / "trials.json", leaderboard)

    def explain(self, params: dict[str, Any], validation: Validation) -> None:
        """Importance, dependence and learning curve on a fold's held-out rows, within what is left of the budget."""
        now = time.monotonic()
        left = max(10.0, 0.2 * self.limits.seconds) if self.limits.seconds else 60.0
        fold = self.table.division.folds[0]
        recipe = self.trials.preparation.fit(self.algorithm.family, fold.train)
        y = self.trials.preparation.target[fold.train[np.asarray(recipe.training_rows)]]
        held_out = self.as_pipeline(
            recipe,
            fit_model(self.algorithm, params | {"stop_early": False}, recipe.training_features, y, self.trials.setting),
            validation,
        )
        explained: dict[str, Any] = {"permutation": [], "partialDependence": [], "metric": self.request.metric}
        rows = self.table.frame.iloc[fold.valid]
        if self.request.importance and self.algorithm.family is not None:
            explained["permutation"] = permutation_importance(
                held_out,
                rows,
                self.trials.preparation.target[fold.valid],
                self.request.metric,
                self.job.seed,
                now + 0.5 * left,
                lambda done, of: self.report.progress("importance", done, of, None, "permutation importance"),
            )
            order = [one["column"] for one in explained["permutation"]]
            explained["partialDependence"] = partial_dependence(held_out, rows, order, self.job.seed, now + 0.75 * left)
        write_json(self.job.model / "explain.json", explained)
        curve = {"metric": self.request.metric, "points": []}
        if self.request.importance:
            curve = learning_curve(self.trials, self.algorithm, params, now + left)
        write_json(self.job.output / "learning_curve.json", curve)

    def training_record(
        self,
        pipeline: Pipeline,
        params: dict[str, Any],
        validation: Validation,
        exported: Export,
        derived: list[dict[str, Any]],
    ) -> dict[str, Any]:
        threshold = validation.threshold
        fitted = score_all(
            self.table.target.values, pipeline.predict(self.table.frame), self.request.task, pipeline.threshold
        )
        return {
            "algorithm": self.algorithm.name,
            "params": params,
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
            "calibration": self.request.calibration,
            "division": {"kind": self.table.division.kind, "note": self.table.division.note},
            "leaderboard": self.leaderboard(),
            "derivedFeatures": derived,
            "export": exported.as_json(),
            "environment": environment(),
            "rows": len(self.table.frame),
            "seconds": time.monotonic() - self.started,
            "peakMemoryBytes": peak_memory_bytes(),
        }

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
