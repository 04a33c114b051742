"""What a network of a table answers for, by its gradients, in terms of the raw columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.answer import rows_of
from atoll_engines.evaluation.explained import asked_method, asked_rows, finish, output_of, told
from atoll_engines.evaluation.package import package_folders
from atoll_engines.neural.attribution import LEAST_POINTS, MOST_POINTS, Attribution, Parts, expected_gradients, integrated_gradients
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.networks.model import Network
from atoll_engines.tabular.networks.training import Module
from atoll_engines.tabular.package_files import open_package
from atoll_engines.tabular.pipeline import Pipeline

OVERALL_BASELINES = 20


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `tabular.explain`."""
    package, method = open_package(job), asked_method(job, "expected_gradients")
    pipeline: Pipeline = package.pipeline
    if not isinstance(pipeline.model, Network):
        known = ALGORITHMS.get((package.training or {}).get("algorithm"))
        kind = f" ({known.title})" if known else ""
        raise BadInput(f"The model is no single network{kind}, so it has no gradients. Shapley values explain any model.")
    background = background_of(job, pipeline)
    is_overall = bool(job.parameters.get("overall"))
    # On the whole the errors of single rows even out: fewer rows to compare with, and fewer points, will do.
    few = background.iloc[:OVERALL_BASELINES] if is_overall else background
    explained = NetworkGradients(pipeline, few, LEAST_POINTS if is_overall else None)
    if is_overall:
        frame = background
        report.log(f"Explains {len(frame)} background rows.")
    else:
        frame = asked_rows(job, package)
    predicted = pipeline.predict(frame)
    explanations, together = [], []
    for place in range(len(frame)):
        output = output_of(job, package, predicted[place])
        found = explained.of_row(frame.iloc[place : place + 1], output, method)
        columns = explained.by_column(found)
        together.append(columns)
        ranked = sorted(columns, key=lambda name: -abs(columns[name]))
        values = [{"column": name, "value": frame[name].iloc[place], "contribution": columns[name]} for name in ranked]
        explanations.append(told(package, output, method, found, kind="columns", contributions=values))
        report.progress("explain", place + 1, len(frame), None, f"{place + 1} of {len(frame)} rows")
    if not is_overall:
        return finish(job, report, explanations)
    # Of background rows only what holds on the whole leaves the job.
    means = [{"column": name, "meanAbsolute": float(np.mean([abs(one[name]) for one in together]))} for name in together[0]]
    overall = {"rows": len(frame), "method": method, "columns": sorted(means, key=lambda one: -one["meanAbsolute"])}
    result = finish(job, report, explanations, overall)
    (job.output / "explanations.json").write_text(json.dumps({"explanations": [], "overall": overall}), "utf-8")
    return result


def background_of(job: Job, pipeline: Pipeline) -> Any:
    path = package_folders(job, None).model / "background.json"
    if not path.is_file():
        raise BadInput("The package keeps no background rows, so there is nothing to compare with. Train a version anew.")
    return rows_of(pipeline.inputs, json.loads(path.read_text("utf-8"))["rows"])


class NetworkGradients:
    """A network with its features and the vectors of its categories as the inputs that gradients are taken by."""

    def __init__(self, pipeline: Pipeline, background: Any, points: int | None = None) -> None:
        self.points = points
        self.pipeline, self.network, self.background = pipeline, pipeline.model, background
        self.module = Module(self.network.network, self.network.weights).double().eval()
        self.vectors = torch.from_numpy(self.network.weights["vectors"]).double() if len(self.network.fields.counts) else None
        self.rows = self.parts(background)

    def parts(self, frame: Any) -> Parts:
        x = self.pipeline.recipe.transform(frame)
        fields = self.network.fields
        numbers = torch.from_numpy(fields.numbers(x)).double()
        if self.vectors is None:
            return numbers, torch.zeros((len(x), 0), dtype=torch.float64)
        return numbers, self.vectors[torch.from_numpy(fields.places(x))]

    def answer(self, output: int | None, parts: Parts) -> torch.Tensor:
        """The mean of the members' probabilities, or values, as the model answers."""
        numbers, vectors = parts
        self.module.ops.embed = lambda _table, _places: vectors
        raw = self.module(numbers, torch.zeros((len(numbers), max(1, vectors.shape[1])), dtype=torch.int64))
        if output is None:
            return raw[:, :, 0].mean(1) * self.network.spread + self.network.middle
        if raw.shape[2] == 1:
            p = torch.sigmoid(raw[:, :, 0]).mean(1)
            return p if output == 1 else 1 - p
        return torch.softmax(raw, -1).mean(1)[:, output]

    def of_row(self, frame: Any, output: int | None, method: str) -> Attribution:
        row = self.parts(frame)

        def answer(parts: Parts) -> torch.Tensor:
            return self.answer(output, parts)

        if method == "expected_gradients":
            baselines = [tuple(part[k : k + 1] for part in self.rows) for k in range(len(self.background))]
            return expected_gradients(answer, row, baselines, most=self.points or 8 * LEAST_POINTS)
        return integrated_gradients(answer, row, tuple(part.mean(0, keepdim=True) for part in self.rows), most=self.points or MOST_POINTS)

    def by_column(self, found: Attribution) -> dict[str, float]:
        """A feature that is made of several columns is shared evenly between them."""
        fields, origins = self.network.fields, self.pipeline.recipe.origins()
        columns = {one.name: 0.0 for one in self.pipeline.inputs}
        numbers, vectors = found.parts
        shares = [(fields.number_columns[k], value) for k, value in enumerate(numbers)]
        shares += [(fields.code_columns[k], value.sum()) for k, value in enumerate(vectors)] if self.vectors is not None else []
        for feature, value in shares:
            for name in origins[feature]:
                columns[name] += float(value) / len(origins[feature])
        return columns
