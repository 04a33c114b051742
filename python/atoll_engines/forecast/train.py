"""Training a forecast: rolling origins, search, final fit, export."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, append_line, read_lines, write_json
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.forecast.algorithms import BASELINE, chosen_algorithms
from atoll_engines.forecast.algorithms.model import Algorithm, Setting
from atoll_engines.forecast.formulas import Arrays, filled, level_and_scale
from atoll_engines.forecast.metrics import gain, score_all, seasonal_error
from atoll_engines.forecast.package import export, signature
from atoll_engines.forecast.pipeline import Pipeline, conformal_misses
from atoll_engines.forecast.request import Request, read_request
from atoll_engines.forecast.series import Series, Spacing, read_series
from atoll_engines.forecast.windows import Frame, Windows, windows_of
from atoll_engines.tabular.data import open_table
from atoll_engines.tabular.package import environment, peak_memory_bytes
from atoll_engines.tabular.space import SAMPLERS, History, check_space, grid_points, random_point, sampled_point

# Of the training period the last part is forecast from rolling origins, by models that saw only what came before.
HELD_OUT_SHARE = 0.3
DEFAULT_TRIALS = 6
MOST_HISTORY = 2000


@dataclass
class Fold:
    """Windows to fit on, all of which end before the first of those that are scored."""

    train: Windows
    held_out: Windows


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `forecast.train`."""
    started = time.monotonic()
    table = open_table(job.channel("train"))
    request = read_request(job, table)
    algorithms = chosen_algorithms(request.algorithms)
    series, spacing = read_series(table, request, None, report)
    frame = frame_of(request, series, spacing)
    setting = Setting(frame, job.seed, job.threads)
    windows = windows_of(series, frame)
    folds = rolling_folds(windows, series, frame, request.folds)
    scales = scales_of(series, frame.season)
    report.log(
        f"{len(series)} series of one value a {spacing.name}; the next {frame.horizon} values from the last {frame.context}, "
        f"a season of {frame.season}; {len(windows)} windows, {len(folds)} rolling folds."
    )
    search = Search(job, report, request, algorithms, setting, folds, scales, started)
    best = search.run()
    report.progress("finish", 0, 2, None, "final fit")
    pipeline, misses_from = fit_all(search, best, windows)
    exported = export(pipeline, windows, job.model / "model.onnx", job.seed)
    if exported.path == "python":
        report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
    write_package(job, request, pipeline, windows, series)
    record = search.record(best, pipeline, exported.as_json(), scales, misses_from, windows)
    write_json(job.model / "training.json", record)
    report.progress("finish", 2, 2, 0.0, "done")
    return {name: record[name] for name in ("algorithm", "params", "metric", "validation", "baseline", "export", "seconds")}


def frame_of(request: Request, series: list[Series], spacing: Spacing) -> Frame:
    """The form of a window: four seasons of the past unless the request says otherwise, and never more than the series can spare."""
    longest = max(len(one.values) for one in series)
    context = request.context or max(4 * spacing.season, 2 * request.horizon, 14)
    room = longest // 2 - request.horizon
    if room < max(2, min(spacing.season, 2)):
        raise BadInput(
            f"The longest series has {longest} values, too few to forecast {request.horizon} ahead and to check it. "
            "Ask for a shorter horizon.",
            rows=longest, horizon=request.horizon,
        )  # fmt: skip
    return Frame(min(context, room), request.horizon, min(spacing.season, max(1, room)), spacing, request.time_column, request.known)


def rolling_folds(windows: Windows, series: list[Series], frame: Frame, wanted: int) -> list[Fold]:
    """Folds whose held-out origins follow one another in time; a model of a fold sees no value at or after the first of them."""
    last = np.sort(np.unique(windows.time))
    first = last[int(len(last) * (1 - HELD_OUT_SHARE))] if len(last) > 3 else last[-1]
    edges = np.quantile(last[last >= first], np.linspace(0, 1, wanted + 1))
    folds = []
    for low, high in zip(edges, edges[1:], strict=False):
        ends = frame.spacing.after(windows.time, np.full(len(windows), frame.horizon))
        train = windows.take(ends < low)
        held_out = windows.take((windows.time >= low) & ((windows.time < high) | (high == edges[-1])))
        if len(train) >= 2 and len(held_out):
            folds.append(Fold(train, held_out))
    if not folds:
        raise BadInput("The series are too short to hold some of them out. Ask for a shorter horizon, or bring more history.")
    return folds


def scales_of(series: list[Series], season: int) -> np.ndarray:
    """The scale of MASE of each series; where it has none, that of all together."""
    scales = np.array([seasonal_error(one.values, season) for one in series])
    usable = scales[np.isfinite(scales) & (scales > 0)]
    if not len(usable):
        raise BadInput("No series ever changes from one season to the next, so there is nothing to forecast.")
    return np.where(np.isfinite(scales) & (scales > 0), scales, usable.mean())


class Search:
    """The baseline, each algorithm as it comes, then its space while trials and time last."""

    def __init__(
        self, job: Job, report: Report, request: Request, algorithms: list[Algorithm], setting: Setting,
        folds: list[Fold], scales: np.ndarray, started: float,
    ) -> None:  # fmt: skip
        self.job, self.report, self.request, self.algorithms = job, report, request, algorithms
        self.setting, self.folds, self.scales, self.started = setting, folds, scales, started
        self.checkpoint = job.checkpoints / "trials.jsonl"
        self.trials: list[dict[str, Any]] = []
        self.spent = 0.0

    def run(self) -> dict[str, Any]:
        for algorithm in self.algorithms:
            check_space(algorithm.name, self.space(algorithm))
        self.trials = read_lines(self.checkpoint)
        self.spent = sum(one["seconds"] for one in self.trials)
        for one in self.trials:
            self.report.trial(**{name: one[name] for name in TOLD})
        while (proposal := self.next_proposal()) is not None:
            self.try_one(*proposal)
        complete = [one for one in self.trials if one["state"] == "complete" and np.isfinite(one["score"])]
        models = [one for one in complete if one["algorithm"] != BASELINE or len(self.algorithms) == 1]
        if not models:
            reasons = "; ".join(sorted({f"{one['algorithm']}: {one['reason']}" for one in self.trials if one["reason"]}))
            raise EngineError(f"No trial could be completed. {reasons}")
        best = max(models, key=self.gain)
        baseline = self.trials[0]
        if best is not baseline and baseline["state"] == "complete" and self.gain(best) <= self.gain(baseline):
            self.report.warning(
                "no_better_than_baseline",
                f"The best model's {self.request.metric} is {best['score']:.4f}, no better than the seasonal naive "
                f"forecast's {baseline['score']:.4f}.",
            )
        return best

    def gain(self, trial: dict[str, Any]) -> float:
        return gain(self.request.metric, trial["score"])

    def space(self, algorithm: Algorithm) -> dict[str, Any]:
        return dict(self.request.space.get(algorithm.name, algorithm.space))

    def next_proposal(self) -> tuple[Algorithm, dict[str, Any]] | None:
        tried = {one["algorithm"] for one in self.trials}
        for algorithm in self.algorithms:
            if algorithm.name not in tried:
                return algorithm, self.start(algorithm)
        asked = (self.job.parameters.get("search") or {}).get("strategy") or "tpe"
        strategy = "tpe" if asked == "auto" else asked
        limit = self.request.trials or (DEFAULT_TRIALS if self.request.seconds is None else 200)
        elapsed = self.spent + time.monotonic() - self.started
        if strategy == "none" or len(self.trials) >= limit or (self.request.seconds and elapsed > 0.6 * self.request.seconds):
            return None
        searchable = [one for one in self.algorithms if self.space(one)]
        if not searchable:
            return None
        algorithm = searchable[len(self.trials) % len(searchable)]
        own = [one for one in self.trials if one["algorithm"] == algorithm.name]
        space, number = self.space(algorithm), len(self.trials)
        if strategy == "grid":
            left = [point for point in grid_points(space) if not any(one["params"] == self.start(algorithm) | point for one in own)]
            return (algorithm, self.start(algorithm) | left[0]) if left else None
        if strategy in SAMPLERS:
            history = History([(one["params"], (-self.gain(one),)) for one in own if one["state"] == "complete"])
            return algorithm, self.start(algorithm) | sampled_point(strategy, space, history, self.job.seed, number)
        return algorithm, self.start(algorithm) | random_point(space, self.job.seed * 100_003 + number)

    def start(self, algorithm: Algorithm) -> dict[str, Any]:
        given = self.request.space.get(algorithm.name, {})
        return dict(algorithm.defaults) | {name: value for name, value in given.items() if not isinstance(value, dict)}

    def try_one(self, algorithm: Algorithm, params: dict[str, Any]) -> None:
        number = len(self.trials)
        self.report.progress(
            "search", number, max(number + 1, self.request.trials or DEFAULT_TRIALS), None, f"{algorithm.title}, trial {number + 1}"
        )
        trial = {
            "trial": number, "algorithm": algorithm.name, "params": params, "state": "running", "score": None, "std": None,
            "folds": [], "seconds": 0.0, "reason": None, "metrics": {},
        }  # fmt: skip
        self.report.trial(**{name: trial[name] for name in TOLD})
        began = time.monotonic()
        try:
            scores = [self.score_fold(algorithm, params, fold)[0] for fold in self.folds]
            values = [one[self.request.metric] for one in scores]
            trial |= {
                "state": "complete", "score": float(np.mean(values)), "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                "folds": values, "metrics": {name: [one[name] for one in scores] for name in scores[0]},
            }  # fmt: skip
        except (EngineError, ValueError, ArithmeticError) as error:
            trial |= {"state": "failed", "reason": (str(error).splitlines() or [""])[0][:300]}
        trial["seconds"] = time.monotonic() - began
        self.trials.append(trial)
        append_line(self.checkpoint, trial)
        self.report.checkpoint("checkpoints/trials.jsonl", number)
        self.report.trial(**{name: trial[name] for name in TOLD})

    def score_fold(self, algorithm: Algorithm, params: dict[str, Any], fold: Fold) -> tuple[dict[str, float], Pipeline]:
        """The scores of a fold. Its intervals come from the last part of its own training windows, held out for them."""
        frame = self.setting.frame
        model = algorithm.build(params, self.setting)
        if model.is_probabilistic:
            model.fit(fold.train)
            pipeline = Pipeline(frame, model, None)
        else:
            edge = np.quantile(fold.train.time, 0.8)
            ends = frame.spacing.after(fold.train.time, np.full(len(fold.train), frame.horizon))
            early, late = fold.train.take(ends < edge), fold.train.take(fold.train.time >= edge)
            if len(early) >= 2 and len(late) >= 10:
                model.fit(early)
                misses = misses_on(model, late, frame)
            else:
                model.fit(fold.train)
                misses = misses_on(model, fold.train, frame)
            pipeline = Pipeline(frame, model, misses)
        return score_all(fold.held_out.actual, pipeline.quantiles(fold.held_out), self.scales[fold.held_out.series]), pipeline

    def record(
        self, best: dict[str, Any], pipeline: Pipeline, exported: dict[str, Any], scales: np.ndarray, calibrated: int, windows: Windows
    ) -> dict[str, Any]:
        """training.json."""
        validation = {
            name: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, "folds": values}
            for name, values in best["metrics"].items()
        }
        ranked = sorted((one for one in self.trials if one["state"] == "complete"), key=self.gain, reverse=True)
        fitted = score_all(windows.actual, pipeline.quantiles(windows), scales[windows.series])
        return {
            "algorithm": best["algorithm"], "params": best["params"], "seed": self.job.seed, "task": "forecast",
            "metric": self.request.metric,
            "validation": validation,
            "baseline": {name: float(np.mean(values)) for name, values in self.trials[0]["metrics"].items()},
            "training": fitted, "pooled": {name: one["mean"] for name, one in validation.items()}, "threshold": None,
            "calibration": "conformal",
            "division": {"kind": "rolling", "note": f"{len(self.folds)} blocks of origins, each by a model that saw only earlier values"},
            "leaderboard": [
                {name: one[name] for name in ("algorithm", "params", "std", "seconds", "trial")} | {"mean": one["score"]}
                for one in ranked
            ],
            "derivedFeatures": [], "export": exported, "environment": environment(), "rows": len(windows),
            "seconds": time.monotonic() - self.started,
            "peakMemoryBytes": peak_memory_bytes(),
            "forecast": {"scales": scales.tolist(), "calibratedOn": calibrated, "smoothing": getattr(pipeline.model, "smoothing", None)},
        }  # fmt: skip


TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")


def misses_on(model: Any, windows: Windows, frame: Frame) -> np.ndarray:
    of = Arrays(windows)
    _, scale = level_and_scale(of, filled(of), frame)
    return conformal_misses(windows.actual, model.point(windows), scale)


def fit_all(search: Search, best: dict[str, Any], windows: Windows) -> tuple[Pipeline, int]:
    """The final model on every window; its intervals from what the folds' models missed by on the windows they had not seen."""
    algorithm = next(one for one in search.algorithms if one.name == best["algorithm"])
    frame = search.setting.frame
    model = algorithm.build(best["params"], search.setting)
    if not model.is_probabilistic:
        errors, points, scales = [], [], []
        for fold in search.folds:
            other = algorithm.build(best["params"], search.setting)
            other.fit(fold.train)
            of = Arrays(fold.held_out)
            points.append(other.point(fold.held_out))
            errors.append(fold.held_out.actual)
            scales.append(level_and_scale(of, filled(of), frame)[1])
        misses = conformal_misses(np.concatenate(errors), np.concatenate(points), np.concatenate(scales))
        model.fit(windows)
        return Pipeline(frame, model, misses), sum(len(one) for one in errors)
    model.fit(windows)
    return Pipeline(frame, model, None), 0


def write_package(job: Job, request: Request, pipeline: Pipeline, windows: Windows, series: list[Series]) -> None:
    import joblib

    write_json(job.model / "signature.json", signature(pipeline, request.target, windows))
    write_json(job.model / "recipe.json", {"steps": []})
    # The end of each series: the first origins of the sealed period look back on it.
    tail = max(pipeline.frame.context + pipeline.frame.horizon, MOST_HISTORY)
    history = [Series(one.name, one.time[-tail:], one.values[-tail:], one.known[-tail:], one.row[-tail:]) for one in series]
    joblib.dump({"pipeline": pipeline, "request": request, "history": history}, job.native / "pipeline.joblib")
