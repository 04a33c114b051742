"""Training of what writes texts: validate, search where that is asked for, keep the best network, export, and say how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, append_line, read_lines, write_json
from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import read_plan
from atoll_engines.neural.trainer import fit
from atoll_engines.sequences.metrics import Answers, gain, score_all
from atoll_engines.sequences.objective import WriterObjective, WriterRows
from atoll_engines.sequences.request import Request
from atoll_engines.sequences.writer import Writer
from atoll_engines.tabular.folds import Fold, divide
from atoll_engines.tabular.package import environment, peak_memory_bytes
from atoll_engines.tabular.space import SAMPLERS, check_space, grid_points, random_point, sampled_point

TOLERANCE = 1e-4
# Writing takes long: so many rows are enough to see how the fitted rows are remembered.
MOST_TRAINING_ROWS = 100
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "onnxscript")


@dataclass
class Material:
    """Rows with an input and a wanted text: what training sees."""

    items: list[Any]
    texts: list[str]
    rows: np.ndarray
    # Rows of the channel `validation`.
    given: np.ndarray
    frame: pd.DataFrame

    def take(self, places: np.ndarray) -> Material:
        return Material(
            [self.items[place] for place in places], [self.texts[place] for place in places], self.rows[places], self.given[places],
            self.frame.iloc[places],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Subject:
    """What recordings and texts do each in their own way."""

    # The network before training, of some rows, with an algorithm's parameters.
    begin: Callable[[Material, dict[str, Any]], Writer]
    # Inputs of the signature, in order.
    inputs: Callable[[Writer], list[dict[str, Any]]]
    # More of the signature's `decoding`.
    decoding: Callable[[Writer], dict[str, Any]]
    # What something that learned nothing would say of the second rows, having seen the first.
    baseline: Callable[[Material, Material], list[str]]
    # What evaluation must know of the rows.
    kept: dict[str, Any]
    where: str


class Training:
    def __init__(self, job: Job, report: Report, request: Request, subject: Subject, material: Material) -> None:
        self.job, self.report, self.request, self.subject, self.material = job, report, request, subject, material
        self.started = time.monotonic()
        self.checkpoint = job.checkpoints / "trials.jsonl"
        self.gain = gain(request.metric)

    def run(self) -> dict[str, Any]:
        request, report = self.request, self.report
        check_space(request.algorithm.name, request.space)
        self.fold, self.note = self.division()
        self.fitted, self.held = self.material.take(self.fold.train), self.material.take(self.fold.valid)
        report.log(f"{len(self.fitted)} {self.subject.where} to learn from, {len(self.held)} to validate on ({self.note}).")
        naive = score_all(request.task, self.answers(self.held, self.subject.baseline(self.fitted, self.held)))
        # What learned nothing gives no probabilities, so it has no perplexity.
        baseline = {name: value for name, value in naive.items() if np.isfinite(value)}
        trials = read_lines(self.checkpoint)
        writer, kept = None, None
        while (params := self.next_params(trials)) is not None:
            tried, trial = self.try_one(len(trials), params)
            trials.append(trial)
            if kept is None or self.gain(trial["score"]) > self.gain(kept["score"]):
                writer, kept = tried, trial
        best = max(trials, key=lambda one: self.gain(one["score"]))
        if writer is None or kept["trial"] != best["trial"]:
            # The network of an earlier attempt: its checkpoint ends where it ended.
            writer, _ = self.fit(best["trial"], best["params"], self.fitted, self.held)
        fitted_on = self.fitted
        if request.options.get("refit") is True:
            report.progress("finish", 0, 1, None, "the network is fitted on all rows")
            writer, _ = self.fit(len(trials), best["params"] | {"epochs": best["epochs"], "patience": None}, self.material, None)
            fitted_on = self.material
        return self.finish(writer, best, trials, baseline, fitted_on)

    def division(self) -> tuple[Fold, str]:
        """One part of the rows to validate on: the one given, else as the split was made."""
        request, frame = self.request, self.material.frame
        # A validation part that came with the data is used whatever kind of folds the platform thought of.
        kind = request.kind if request.kind in ("grouped", "time") else "holdout" if self.material.given.any() else "kfold"
        divided = divide(
            np.zeros(len(frame)), "regression", kind, request.folds, self.job.seed,
            groups=frame[request.group_column] if request.group_column else None,
            times=frame[request.time_column] if request.time_column else None, given=self.material.given,
        )  # fmt: skip
        return divided.folds[-1], divided.note if len(divided.folds) == 1 else f"the last of {divided.note}"

    def next_params(self, trials: list[dict[str, Any]]) -> dict[str, Any] | None:
        request = self.request
        if not trials:
            return request.params
        late = request.seconds is not None and time.monotonic() - self.started > 0.6 * request.seconds
        if len(trials) >= request.trials or late or not request.space:
            return None
        if request.strategy == "grid":
            left = [point for point in grid_points(request.space) if not any(one["params"] == request.params | point for one in trials)]
            return request.params | left[0] if left else None
        if request.strategy in SAMPLERS:
            history = [(one["params"], -self.gain(one["score"])) for one in trials]
            return request.params | sampled_point(request.strategy, request.space, history, self.job.seed, len(trials))
        return request.params | random_point(request.space, self.job.seed * 100_003 + len(trials))

    def try_one(self, number: int, params: dict[str, Any]) -> tuple[Writer, dict[str, Any]]:
        trial = {
            "trial": number, "algorithm": self.request.algorithm.name, "params": params, "state": "running", "score": None, "std": None,
            "folds": [], "seconds": 0.0, "reason": None,
        }  # fmt: skip
        self.report.trial(**trial)
        began = time.monotonic()
        writer, fitted = self.fit(number, params, self.fitted, self.held)
        said = self.say(writer, self.held)
        scores = score_all(self.request.task, self.answers(self.held, said, writer))
        value = scores[self.request.metric]
        trial |= {"state": "complete", "score": value, "folds": [value], "seconds": time.monotonic() - began}
        self.report.trial(**trial)
        trial |= {"metrics": scores, "said": said, "epochs": fitted["bestEpoch"], "network": fitted}
        append_line(self.checkpoint, trial)
        return writer, trial

    def fit(self, number: int, params: dict[str, Any], fitted: Material, held: Material | None) -> tuple[Writer, dict[str, Any]]:
        import torch

        torch.manual_seed(self.job.seed)
        torch.set_num_threads(self.job.threads)
        writer = self.subject.begin(fitted, params)
        plan = read_plan(self.request.options, self.job.seed, self.job.threads, params=params)
        fitted = self.with_room(writer, fitted)
        held = None if held is None else self.with_room(writer, held, quietly=True)
        rows = WriterRows(writer, fitted.items, [writer.ids(text) for text in fitted.texts])
        valid = WriterRows(writer, held.items, [writer.ids(text) for text in held.texts]) if held is not None and len(held) else None
        done = fit(
            writer.network, WriterObjective(plan.label_smoothing), rows, valid, plan, report=self.report,
            checkpoint=self.job.checkpoints / f"network-{number}",
        )  # fmt: skip
        writer.network.to("cpu").eval()
        told = {
            "epochs": done.epochs, "bestEpoch": done.best_epoch or done.epochs, "rowsPerSecond": done.rows_per_second,
            "device": done.device, "rules": done.rules, "ended": done.ended,
        }  # fmt: skip
        return writer, told

    def with_room(self, writer: Writer, material: Material, quietly: bool = False) -> Material:
        """The rows whose input and text the network takes whole: of others nobody knows which part is of which."""
        kept = []
        for place, (item, text) in enumerate(zip(material.items, material.texts, strict=True)):
            tokens = len(writer.ids(text))
            if writer.fits(item) and tokens < writer.decoding.most:
                kept.append(place)
            elif not quietly:
                why = (
                    f"its text has {tokens} tokens and the network writes at most {writer.decoding.most - 1}"
                    if writer.fits(item)
                    else writer.too_long(item)
                )
                self.report.warning(
                    "row_too_long", f"Row {material.rows[place]} is left out of the fit: {why}.", row=int(material.rows[place])
                )
        if not kept and not quietly:
            raise BadInput("Every row is longer than the network takes; cut the inputs, or choose a larger network.")
        return material.take(np.array(kept, np.int64))

    def say(self, writer: Writer, material: Material) -> list[str]:
        self.report.progress("validate", 0, len(material), None, f"writing {len(material)} texts")
        return [one.text for one in writer.say(material.items)]

    def answers(self, material: Material, said: Sequence[str], writer: Writer | None = None) -> Answers:
        if writer is None:
            surprise, tokens = np.full(len(material), np.nan), np.zeros(len(material), np.int64)
        else:
            surprise, tokens = writer.surprise(material.items, material.texts)
        return Answers(material.texts, list(said), surprise, tokens)

    def finish(
        self, writer: Writer, best: dict[str, Any], trials: list[dict[str, Any]], baseline: dict[str, float], fitted_on: Material
    ) -> dict[str, Any]:
        from atoll_engines.sequences.graphs import export

        job, report, request = self.job, self.report, self.request
        report.progress("finish", 0, 2, None, "the graphs are written")
        exported = export(writer, job.model, TOLERANCE)
        if exported.path == "python":
            report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            report.artifact("model/model.onnx", "model", "The encoder as a graph")
            report.artifact("model/decoder.onnx", "model", "The decoder as a graph")
        random = np.random.default_rng(job.seed)
        sample = fitted_on.take(np.sort(random.permutation(len(fitted_on))[:MOST_TRAINING_ROWS]))
        remembered = score_all(request.task, self.answers(sample, self.say(writer, sample), writer))
        write_json(
            job.model / "signature.json",
            {
                "task": request.task, "target": request.target,
                "classes": None, "positive": None, "threshold": None, "tolerance": TOLERANCE,
                "inputs": self.subject.inputs(writer), "outputs": [],
                "decoding": writer.decoding.as_json() | self.subject.decoding(writer),
            },
        )  # fmt: skip
        write_json(job.model / "recipe.json", {"steps": []})
        (job.model / "tokenizer.json").write_text(writer.tokenizer.to_str(), "utf-8")
        writer.save(job.native)
        write_json(job.native / "pipeline.json", {"task": request.task, "target": request.target} | self.subject.kept)
        write_json(job.output / "trials.json", [{name: one[name] for name in TOLD} for one in trials])
        self.write_held(best)
        record = {
            "algorithm": best["algorithm"], "params": best["params"], "seed": job.seed, "task": request.task, "metric": request.metric,
            "validation": {name: {"mean": value, "std": None, "folds": [value]} for name, value in best["metrics"].items()},
            "baseline": baseline, "training": remembered, "pooled": best["metrics"], "threshold": None, "calibration": "none",
            "division": {"kind": request.kind, "note": self.note},
            "leaderboard": [
                {name: one[name] for name in ("algorithm", "params", "std", "seconds", "trial")} | {"mean": one["score"]}
                for one in sorted(trials, key=lambda one: self.gain(one["score"]), reverse=True)
            ],
            "ensemble": None, "derivedFeatures": [], "export": exported.as_json(), "environment": self.environment(),
            "rows": len(self.material), "fittedRows": len(fitted_on), "model": writer.facts(), "network": best["network"],
            "seconds": time.monotonic() - self.started, "peakMemoryBytes": peak_memory_bytes(),
        }  # fmt: skip
        write_json(job.model / "training.json", record)
        report.progress("finish", 2, 2, 0.0, "done")
        return {name: record[name] for name in ("algorithm", "params", "metric", "validation", "baseline", "export", "seconds")}

    def write_held(self, best: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        held = self.held
        columns = {"__row": held.rows, "fold": np.zeros(len(held), np.int64), "actual": held.texts, "predicted": best["said"]}
        pq.write_table(pa.table(columns), self.job.output / "oof.parquet")

    def environment(self) -> dict[str, Any]:
        from importlib import metadata

        about = environment()
        return about | {"packages": about["packages"] | {name: metadata.version(name) for name in PACKAGES}}


TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")
