"""Training that marks words: one network watched on held-out texts, more where a search was asked for."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, append_line, read_lines, write_json
from atoll_engines.errors import EngineError
from atoll_engines.media.finish import network_facts
from atoll_engines.tabular.export import Export, first_line
from atoll_engines.tabular.package import environment, peak_memory_bytes
from atoll_engines.tabular.space import SAMPLERS, check_space, random_point, sampled_point
from atoll_engines.text.tagging.learn import Tagged, learn, score_of
from atoll_engines.text.tagging.metrics import NAMES
from atoll_engines.text.tagging.model import Answers, Tagger
from atoll_engines.text.tagging.request import NAME, TaggedRows, TaggingRequest, open_tables, read_rows, read_tagging

TOLERANCE = 1e-4
CHECKED, SCORED = 200, 2000
TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.train` for the task `tokens`."""
    started = time.monotonic()
    tables = open_tables(job)
    request = read_tagging(job, tables[0])
    rows = read_rows(job, tables, request, report)
    fold = rows.division.folds[0]
    train, valid = rows.data.take(fold.train), rows.data.take(fold.valid)
    report.log(f"{len(rows.rows)} texts with the labels {', '.join(rows.labels[:20])}; {rows.division.note}.")
    best, tagger, fitted, trials = search(job, report, request, rows.labels, train, valid, started)
    report.progress("finish", 0, 2, None, "export")
    exported = export(tagger, valid, job)
    if exported.path == "python":
        report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
    write_package(job, request, tagger, rows)
    baseline = dict.fromkeys(NAMES, 0.0) | {"accuracy": outside_share(tagger, valid)}
    scored = train.take(np.sort(np.random.default_rng(job.seed).permutation(len(train.texts))[:SCORED]))
    record = {
        "algorithm": NAME, "params": best["params"], "seed": job.seed, "task": "tokens", "metric": request.metric,
        "validation": {name: {"mean": value, "std": 0.0, "folds": [value]} for name, value in best["metrics"].items()},
        "baseline": baseline, "training": score_of(tagger, scored), "pooled": best["metrics"], "threshold": None, "calibration": "none",
        "division": {"kind": rows.division.kind, "note": rows.division.note},
        "leaderboard": [
            {name: one[name] for name in ("algorithm", "params", "std", "seconds", "trial")} | {"mean": one["score"]}
            for one in sorted((one for one in trials if one["state"] == "complete"), key=lambda one: -one["score"])
        ],
        "derivedFeatures": [], "export": exported.as_json(), "environment": environment(), "rows": len(rows.rows),
        "fittedRows": len(train.texts), "model": tagger.facts(), "network": network_facts(fitted),
        "seconds": time.monotonic() - started, "peakMemoryBytes": peak_memory_bytes(),
    }  # fmt: skip
    write_json(job.model / "training.json", record)
    write_json(job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": request.metric})
    write_json(job.output / "trials.json", [{name: one[name] for name in TOLD} for one in trials])
    write_json(job.output / "learning_curve.json", {"metric": request.metric, "points": [], "epochs": fitted.history})
    write_validated(job, tagger, valid, rows.rows[fold.valid])
    report.progress("finish", 2, 2, 0.0, "done")
    return {name: record[name] for name in ("algorithm", "params", "metric", "validation", "baseline", "export", "seconds")}


def search(
    job: Job, report: Report, request: TaggingRequest, labels: list[str], train: Tagged, valid: Tagged, started: float
) -> tuple[dict[str, Any], Tagger, Any, list[dict[str, Any]]]:
    """The defaults first, then points of the space while trials and time last. The best network is fitted again from its checkpoint."""
    asked = job.parameters.get("search") or {}
    check_space(NAME, request.space)
    file = job.checkpoints / "trials.jsonl"
    trials = read_lines(file)
    for one in trials:
        report.trial(**{name: one[name] for name in TOLD})
    strategy, wanted = asked.get("strategy") or "tpe", max(1, int(asked.get("trials") or 1))
    wanted = 1 if strategy == "none" or not request.space else wanted
    kept: tuple[int, Tagger, Any] | None = None
    while len(trials) < wanted and (not trials or has_time(asked, started)):
        number = len(trials)
        params = request.params if number == 0 else request.params | next_point(strategy, request.space, trials, job.seed, number)
        report.progress("search", number, wanted, None, f"trial {number + 1} of {wanted}")
        report.trial(trial=number, algorithm=NAME, params=params, state="running", score=None, std=None, folds=[], seconds=0.0, reason=None)
        began = time.monotonic()
        tagger, fitted = learn(job, report, params, labels, train, valid, number)
        metrics = score_of(tagger, valid)
        value = metrics[request.metric]
        trial = {
            "trial": number, "algorithm": NAME, "params": params, "state": "complete", "score": value, "std": 0.0, "folds": [value],
            "seconds": time.monotonic() - began, "reason": None, "metrics": metrics,
        }  # fmt: skip
        trials.append(trial)
        append_line(file, trial)
        report.trial(**{name: trial[name] for name in TOLD})
        if value >= max(one["score"] for one in trials):
            kept = (number, tagger, fitted)
    best = max(trials, key=lambda one: one["score"])
    if kept is None or kept[0] != best["trial"]:
        # A job that was taken up again: the fit is found finished among its checkpoints.
        kept = (best["trial"], *learn(job, report, best["params"], labels, train, valid, best["trial"]))
    if best["score"] == 0 and request.metric != "accuracy":
        report.warning("no_better_than_baseline", "The network found no span that is right: bring more texts, or train longer.")
    return best, kept[1], kept[2], trials


def next_point(strategy: str, space: dict[str, Any], trials: list[dict[str, Any]], seed: int, number: int) -> dict[str, Any]:
    if strategy in SAMPLERS:
        return sampled_point(strategy, space, [(one["params"], -one["score"]) for one in trials], seed, number)
    return random_point(space, seed * 100_003 + number)


def has_time(asked: dict[str, Any], started: float) -> bool:
    budget = asked.get("budgetSeconds")
    return budget is None or time.monotonic() - started < 0.6 * float(budget)


def export(tagger: Tagger, valid: Tagged, job: Job) -> Export:
    """Write the graph if it answers as the network does, also on texts that nobody expects."""
    from atoll_engines.text.tagging.network import tagging_graph

    texts = [*valid.texts[:CHECKED], "", " ", "…", "word " * 2000, "ÉCOLE ÑANDÚ straße 漢字 😀", "<br />", "\u200b"]
    try:
        graph = tagging_graph(tagger.network, tagger.limit)
        answered = run_graph(graph, tagger, texts)
    except EngineError as error:
        return Export("python", error.message, None, 0)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    expected = tagger.answer(texts)
    worst = float(np.abs(answered.confidence - expected.confidence).max())
    apart = int((answered.tags != expected.tags).any(axis=1).sum())
    if apart or not worst <= TOLERANCE:
        return Export("python", f"The graph tags {apart} of {len(texts)} texts otherwise (by up to {worst:.3g}).", worst, len(texts))
    (job.model / "model.onnx").write_bytes(graph)
    return Export("onnx", None, worst, len(texts))


def run_graph(graph: bytes, tagger: Tagger, texts: list[str]) -> Answers:
    import onnxruntime

    from atoll_engines.text.tokens import padded

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    parts = []
    for at in range(0, len(texts), 16):
        ids, mask = padded([tagger.words.of(text)[0] for text in texts[at : at + 16]], tagger.pad)
        parts.append(session.run(["tags", "confidence"], {"input_ids": ids, "attention_mask": mask}))
    return Answers(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def write_package(job: Job, request: TaggingRequest, tagger: Tagger, rows: TaggedRows) -> None:
    example = next((text for text, spans in zip(rows.data.texts, rows.data.spans, strict=True) if spans), rows.data.texts[0])
    column = {
        "name": request.column, "type": "text", "tensor": "tokens", "index": 0, "nullable": True, "example": example[:400],
        "maxLength": tagger.limit, "pad": tagger.pad, "words": True,
    }  # fmt: skip
    width = tagger.limit
    about = {
        "task": "tokens", "target": request.target, "classes": tagger.labels, "positive": None, "threshold": None,
        "tolerance": TOLERANCE, "inputs": [column], "outputs": [{"name": "tags", "width": width}, {"name": "confidence", "width": width}],
    }  # fmt: skip
    write_json(job.model / "signature.json", about)
    write_json(job.model / "recipe.json", {"steps": []})
    (job.model / "tokenizer.json").write_text(tagger.tokenizer.to_str(), "utf-8")
    tagger.save(job.native, request.column)


def outside_share(tagger: Tagger, data: Tagged) -> float:
    """How many words are in no span: the accuracy of a model that marks nothing."""
    from atoll_engines.text.tagging.spans import tags_of

    tags = [tags_of(spans, tagger.words.of(text)[2], tagger.labels) for text, spans in zip(data.texts, data.spans, strict=True)]
    every = np.concatenate(tags)
    return float((every == 0).mean()) if len(every) else 1.0


def write_validated(job: Job, tagger: Tagger, valid: Tagged, rows: np.ndarray) -> None:
    """What the watched texts were answered, as `oof.parquet`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from atoll_engines.text.tagging.evaluate import as_text

    found = tagger.spans(valid.texts, tagger.answer(valid.texts))
    table = {
        "__row": rows, "fold": np.zeros(len(rows), np.int64),
        "actual": [as_text(spans) for spans in valid.spans], "predicted": [as_text([one.span for one in spans]) for spans in found],
    }  # fmt: skip
    pq.write_table(pa.table(table), job.output / "oof.parquet")
