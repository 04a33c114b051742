"""Brings a model that was made elsewhere: loads it with its own library, asks it on rows, writes it as one graph where that is proven."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.columns import settle_columns
from atoll_engines.bring.compare import export
from atoll_engines.bring.evidence import Evidence, gather
from atoll_engines.bring.formats import format_of, load_original
from atoll_engines.bring.original import MOST_CLASSES, Original, lacking, typed
from atoll_engines.bring.package import HALF, write_package
from atoll_engines.bring.request import Request, read_request, source_path
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.tabular.data import TableFiles, open_table, read_frame
from atoll_engines.tabular.export import tolerance_for
from atoll_engines.tabular.parity_rows import as_sent

TASKS = ("binary", "multiclass", "regression")


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `bring.convert`."""
    started = time.monotonic()
    request = read_request(job)
    format_of(request.format)
    path = source_path(job.channel("source"), request.file)
    report.progress("load", 0, 4, None, f'"{path.name}" is opened by its own library.')
    if request.format == "transformers" or request.options.get("image") is not None:
        from atoll_engines.bring import networks

        return networks.bring(job, report, request, path, started)
    original = load_original(request.format, path, request)
    return bring_table(job, report, request, original, started)


def bring_table(job: Job, report: Report, request: Request, original: Original, started: float) -> dict[str, Any]:
    """A model over the rows of a table."""
    table = open_table(job.channel("sample")) if job.has_channel("sample") else None
    settle_columns(original, request, table)
    settle_task(original, request, table)
    original.settle()
    sample = None
    if table is not None:
        sample = read_frame(table, [column.name for column in original.columns])
    threshold = threshold_of(original, request)
    report.progress("ask", 1, 4, None, "The original answers rows.")
    random = np.random.default_rng(job.seed)
    evidence = gather(original, request, sample, threshold, random)
    if table is not None and sample is not None and request.expected:
        compare_expected(original, request, table, sample, threshold)
    tolerance = request.tolerance
    if original.task == "regression":
        tolerance = min(tolerance, max(1e-6, tolerance_for("regression", evidence.answers)))
    report.progress("convert", 2, 4, None, f"{original.algorithm} is written as one graph and compared on {len(evidence.rows)} rows.")
    found = export(original, evidence, threshold, tolerance, job.model / "model.onnx")
    report.log(f"The graph answers as the original does (up to {found.max_difference:.3g})." if found.path == "onnx" else str(found.reason))
    report.progress("package", 3, 4, None, "The package is written.")
    write_package(job, request, original, evidence, threshold, tolerance, found, started)
    for note in [*original.notes, *evidence.notes]:
        report.log(note)
    if found.path != "onnx":
        report.warning("not_converted", f"It is answered by Python: {found.reason}", reason=found.reason)
    return result_of(original, evidence, found.path == "onnx", found.reason, tolerance, found.max_difference)


def result_of(
    original: Original, evidence: Evidence, is_exported: bool, reason: str | None, tolerance: float, worst: float | None
) -> dict[str, Any]:
    return {
        "algorithm": original.algorithm, "library": original.library, "task": original.task, "rows": len(evidence.rows),
        "exported": is_exported, "reason": reason, "tolerance": tolerance, "maxDifference": worst,
        "sample": {"rows": evidence.sample_rows, "refused": evidence.refused, "undecided": evidence.undecided},
        "rowsFrom": "sample" if evidence.sample_rows else "model", "notes": [*original.notes, *evidence.notes],
    }  # fmt: skip


def settle_task(original: Original, request: Request, table: TableFiles | None) -> None:
    """The task and the names of the classes: the original's own, unless the user knows better names for plain numbers."""
    if original.task is None:
        if request.task is None:
            raise lacking("task", "The file does not tell what the model answers: classes, or a number. Say the task.", list(TASKS))
        original.task = request.task
    if original.task not in TASKS:
        raise BadInput(
            f'Models of this format cannot be imported for the task "{original.task}"; there are: {", ".join(TASKS)}.', parameter="task"
        )
    # Two classes are a binary task, whatever the user or the file calls it.
    if request.task is not None and request.task != original.task and {request.task, original.task} != {"binary", "multiclass"}:
        raise BadInput(f'The model is for the task "{original.task}", not "{request.task}" as was asked.', parameter="task")
    if original.task == "regression":
        return
    own = original.classes
    if request.classes:
        if own is not None and len(request.classes) != len(own):
            raise BadInput(
                f"The model tells {len(own)} classes apart ({', '.join(own[:10])}), and {len(request.classes)} names were given.",
                parameter="classes",
            )
        if own is None or not original.is_class_named or set(request.classes) == set(own):
            if own is None or not original.is_class_named:
                original.named(request.classes)
        else:
            raise BadInput(
                f"The model calls its classes {', '.join(own[:10])}, not {', '.join(request.classes[:10])}. Leave the names out.",
                parameter="classes",
            )
    if original.classes is None and table is not None and request.target and table.column(request.target):
        column = table.column(request.target)
        seen = sorted({str(one) for one in as_sent(read_frame(table, [request.target])[request.target].dropna(), column.type)})
        original.notes.append(
            f'The classes are the values of "{request.target}" in the sample, in alphabetical order: {", ".join(seen[:20])}.'
        )
        original.named(tuple(seen))
    if original.classes is None:
        raise lacking("classes", "The model tells classes apart without naming them. Give their names in the model's order.")
    if len(original.classes) > MOST_CLASSES:
        raise BadInput(f"The model tells {len(original.classes)} classes apart; at most {MOST_CLASSES} can be served.")
    if request.positive and original.task == "binary" and request.positive != original.classes[1]:
        if request.positive not in original.classes:
            raise BadInput(f'"{request.positive}" is none of the classes ({", ".join(original.classes)}).', parameter="positive")
        original.notes.append(
            f'The model\'s second class is "{original.classes[1]}", so that this is the positive one; '
            f'"{request.positive}" was asked for. Answers have the probabilities of both.'
        )


def threshold_of(original: Original, request: Request) -> float | None:
    if original.task != "binary":
        return None
    own = getattr(original, "threshold", None)
    return request.threshold if request.threshold is not None and request.threshold != 0.5 else own if own is not None else HALF


def compare_expected(original: Original, request: Request, table: TableFiles, sample: pd.DataFrame, threshold: float | None) -> None:
    """The column that holds the original's answers: where it differs, this is not the model that the user means."""
    from atoll_engines.tabular.metrics import labels_of

    column = table.column(request.expected or "")
    if column is None:
        raise BadInput(f'The sample has no column "{request.expected}" with the original\'s answers.', column=request.expected)
    wanted = read_frame(table, [column.name])[column.name]
    rows = sample[wanted.notna().to_numpy()]
    wanted = wanted[wanted.notna()]
    if not len(rows):
        return
    answers = np.asarray(original.answer(typed(rows, original.columns)), np.float64)
    if original.classes and column.type not in ("number", "integer"):
        said = [original.classes[k] for k in labels_of(answers, threshold)]
        wrong = [place for place, (mine, theirs) in enumerate(zip(said, as_sent(wanted, column.type), strict=True)) if mine != str(theirs)]
        told: Any = said
    else:
        values = answers[:, 1] if original.classes and len(original.classes) == 2 else answers
        if np.ndim(values) > 1:
            raise BadInput(
                f'"{column.name}" holds numbers, and the model tells {len(original.classes or ())} classes apart; give the class it chose.'
            )
        given = wanted.to_numpy(np.float64)
        size = 1.0 if original.classes else np.maximum(1, np.abs(given))
        apart = np.abs(values - given) / size
        wrong, told = np.flatnonzero(~(apart <= request.tolerance)).tolist(), values
    if wrong:
        first = wrong[0]
        row = int(rows.index[first])
        raise BadInput(
            f'Row {row} of the sample: the file answers {shown(told[first])}, and "{column.name}" says {shown(wanted.iloc[first])}'
            f" ({len(wrong)} of {len(rows)} rows differ). It is not the model that gave these answers, "
            "or its rows were prepared otherwise.",
            row=row, column=column.name,
        )  # fmt: skip


def shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else f'"{value}"'
