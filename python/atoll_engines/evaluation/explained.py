"""What engines that explain rows have in common: which rows, of which output, and the answer's shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.evaluation.answer import rows_of
from atoll_engines.evaluation.package import Package

METHODS = ("integrated_gradients", "expected_gradients")


def asked_rows(job: Job, package: Package) -> pd.DataFrame:
    """The rows to explain, as clients send them."""
    frame = rows_of(package.pipeline.inputs, job.parameters.get("rows"))
    if not len(frame):
        raise BadInput("There are no rows to explain.", parameter="rows")
    return frame


def asked_method(job: Job, usual: str = "integrated_gradients") -> str:
    method = job.parameters.get("method") or usual
    if method not in METHODS:
        raise BadInput(f'There is no method "{method}". {what_exists(str(method), METHODS, "methods")}', parameter="method")
    return method


def output_of(job: Job, package: Package, predicted: np.ndarray) -> int | None:
    """The place of the class to explain: the one that was named, the positive one of two, else the most probable; None for numbers."""
    classes = package.signature.get("classes")
    if package.pipeline.task == "regression" or not classes:
        return None
    wanted = job.parameters.get("output")
    if wanted is not None:
        if wanted not in classes:
            raise BadInput(f'"{wanted}" is no class of the model. {what_exists(str(wanted), classes, "classes")}', parameter="output")
        return classes.index(wanted)
    positive = package.signature.get("positive")
    return classes.index(positive) if positive in classes and len(classes) == 2 else int(np.argmax(predicted))


def told(package: Package, output: int | None, method: str, found: Any, **more: Any) -> dict[str, Any]:
    """One explanation, as `explanations.json` holds it."""
    classes = package.signature.get("classes")
    return {
        "output": None if output is None else classes[output],
        "method": method,
        "base": found.base,
        "answer": found.answer,
        "gap": found.gap,
        "points": found.points,
        **more,
    }


def finish(job: Job, report: Report, explanations: list[dict[str, Any]], overall: dict[str, Any] | None = None) -> dict[str, Any]:
    report.artifact("output/data/explanations.json", "explanations", "What each answer rests on")
    write_json(job.output / "explanations.json", {"explanations": explanations, "overall": overall})
    return {"rows": len(explanations), "largestGap": max(abs(one["gap"]) for one in explanations)}
