"""A network of a hub's folder becomes a package: asked on texts or images, exported, compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks.folder import kind_of
from atoll_engines.bring.networks.network import Network
from atoll_engines.bring.networks.samples import column_of, items_for
from atoll_engines.bring.original import first_line
from atoll_engines.bring.package import keep_files, write_record
from atoll_engines.bring.request import Request
from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.tabular.export import Export

BATCH = 16


PICTURES = "picture"


def open_network(path: Path, column: str, kind: str | None = None, about: dict[str, Any] | None = None) -> Network:
    """The network of a folder, or of a file over images with what is said about it."""
    if kind == PICTURES:
        from atoll_engines.bring.networks.pictures import pictures

        return pictures(path, column, about or {})
    folder = path
    kind = kind or kind_of(folder)
    if kind == "image":
        from atoll_engines.bring.networks.images import images

        return images(folder, column)
    if kind == "vector":
        from atoll_engines.bring.networks.vectors import vectors

        return vectors(folder, column)
    from atoll_engines.bring.networks import texts

    return texts.text_marks(folder, column) if kind == "tokens" else texts.text_classes(folder, column)


def bring(job: Job, report: Report, request: Request, path: Path, started: float) -> dict[str, Any]:
    """`bring.convert` for the format `transformers`, and for graphs and programs over images."""
    import torch

    torch.set_num_threads(job.threads)
    folder = path if path.is_dir() else path.parent
    kind = kind_of(folder) if request.format == "transformers" else PICTURES
    about = request.about() | {"task": request.task, "classes": request.classes}
    network = open_network(path if kind == PICTURES else folder, column_of(job, request, kind), kind, about)
    settle(network, request)
    report.progress("ask", 1, 4, None, "The network answers.")
    kinds, items = items_for(job, request, network, np.random.default_rng(job.seed))
    answers = network.answer(items)
    clear = network.clear(answers)
    if not clear.all():
        network.notes.append(
            f"{int((~clear).sum())} of {len(items)} items lie so close to a border that a rounding decides them; they prove nothing."
        )
    kinds, items = (
        [one for one, is_in in zip(kinds, clear, strict=True) if is_in],
        [one for one, is_in in zip(items, clear, strict=True) if is_in],
    )
    answers = {name: values[clear] for name, values in answers.items()}
    report.progress("convert", 2, 4, None, f"{network.algorithm} is exported and compared on {len(items)} items.")
    found = export(network, items, answers, request.tolerance, job.model / "model.onnx")
    if hasattr(network, "compare_preparation"):
        network.notes.append(network.compare_preparation(folder, items[:24]))
    report.progress("package", 3, 4, None, "The package is written.")
    write_json(job.model / "signature.json", network.signature(request.target, request.tolerance))
    write_json(job.model / "recipe.json", {"steps": []})
    network.write_files(job.model)
    write_record(job, network, found, network.notes, started, len(items))
    keep_files(job, request.about() | {"task": network.task, "column": network.column, "kind": kind, "classes": network.classes})
    write_parity(job, network, kinds, items, answers)
    for note in network.notes:
        report.log(note)
    if found.path != "onnx":
        report.warning("not_converted", f"It is answered by Python: {found.reason}", reason=found.reason)
    return {
        "algorithm": network.algorithm, "library": network.library, "task": network.task, "rows": len(items),
        "exported": found.path == "onnx",
        "reason": found.reason, "tolerance": request.tolerance, "maxDifference": found.max_difference, "notes": network.notes,
        "rowsFrom": "sample" if "held_out" in kinds else "model",
    }  # fmt: skip


def settle(network: Network, request: Request) -> None:
    """Task and classes are the network's own; the user may know better names than LABEL_0."""
    if request.task is not None and request.task != network.task and {request.task, network.task} != {"binary", "multiclass"}:
        raise BadInput(f'The network is for the task "{network.task}", not "{request.task}" as was asked.', parameter="task")
    if request.threshold is not None and network.task == "binary" and request.threshold != 0.5:
        network.threshold = request.threshold
    if not request.classes or not network.classes:
        return
    if len(request.classes) != len(network.classes):
        raise BadInput(f"The network has {len(network.classes)} labels, and {len(request.classes)} names were given.", parameter="classes")
    if all(name == f"LABEL_{number}" for number, name in enumerate(network.classes)):
        network.classes = request.classes
    elif set(request.classes) != set(network.classes):
        raise BadInput(f"The network calls its labels {', '.join(network.classes[:10])}. Leave the names out.", parameter="classes")


def export(network: Network, items: list[Any], answers: dict[str, np.ndarray], tolerance: float, file: Path) -> Export:
    """Write the graph if it answers as the library does; else say why not."""
    try:
        graph = network.graph()
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:
        return Export("python", f"The graph could not be made: {first_line(error)}", None, 0)
    try:
        said = answered(network, graph, items)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, len(items))
    worst = 0.0
    for name, wanted in answers.items():
        apart = np.abs(wanted - said[name].astype(np.float64))
        size = np.maximum(1, np.abs(wanted)) if name not in ("probabilities", "tags") else 1.0
        off = float(np.max(apart / size, initial=0.0)) if np.isfinite(apart).all() else float("inf")
        worst = max(worst, off)
        if not off <= tolerance:
            return Export(
                "python", f'The graph\'s "{name}" differs from the library by up to {off:.3g} (tolerance {tolerance:.3g}).', off, len(items)
            )
    mine, theirs = network.labels(said), network.labels(answers)
    flips = sum(a != b for a, b in zip(mine or [], theirs or [], strict=True))
    if flips:
        return Export("python", f"The graph gives {flips} of {len(items)} items another label.", worst, len(items))
    file.write_bytes(graph)
    return Export("onnx", None, worst, len(items))


def answered(network: Network, graph: bytes, items: list[Any]) -> dict[str, np.ndarray]:
    """The graph's outputs by name: one item alone, then batches."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names, takes = [one.name for one in session.get_outputs()], {one.name for one in session.get_inputs()}
    step = network.rows_per_run or BATCH
    edges = [0, 1, *range(1 + step, len(items), step), len(items)]
    parts = []
    for start, end in zip(edges, edges[1:], strict=False):
        if end > start:
            feeds = network.tensors(items[start:end])
            parts.append(session.run(None, {name: value for name, value in feeds.items() if name in takes}))
    return {name: np.concatenate([part[at] for part in parts]) for at, name in enumerate(names)}


def write_parity(job: Job, network: Network, kinds: list[str], items: list[Any], answers: dict[str, np.ndarray]) -> None:
    lines = (json.dumps({network.column: network.sent(item)}, ensure_ascii=False) for item in items)
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    main = network.answer_name
    expected = {
        "kinds": kinds,
        "probabilities": answers["probabilities"].tolist() if main == "probabilities" and "probabilities" in answers else None,
        "predictions": answers["prediction"][:, 0].tolist() if "prediction" in answers else None if network.outputs() else [],
        "labels": network.labels(answers),
        "complete": True,
    }
    if network.outputs():
        expected["outputs"] = {name: values.tolist() for name, values in answers.items()}
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
