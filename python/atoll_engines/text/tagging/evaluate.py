"""Evaluation of a tagger on texts it never saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.package import package_folders
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.diagnosis import diagnose
from atoll_engines.text.tagging.learn import Tagged, judged
from atoll_engines.text.tagging.metrics import per_label, with_intervals
from atoll_engines.text.tagging.model import Tagger, load_tagger
from atoll_engines.text.tagging.request import tagged_of, usable_rows
from atoll_engines.text.tagging.spans import Span

SHOWN = 60


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.evaluate` for the task `tokens`."""
    folders = package_folders(job, "tagger.json")
    tagger, column = load_tagger(folders.native)
    signature, training = folders.signature(), folders.training()
    target = job.parameters.get("target") or signature["target"]
    table = open_table(job.channel("test"))
    if table.column(target) is None:
        raise BadInput(f'The test rows have no column "{target}" of spans.', column=target)
    frame = read_frame(table, [column, target])
    usable = usable_rows(frame, column, target, report)
    kept = frame[usable]
    data, unknown = with_known_labels(tagged_of(kept, column, target), tagger.labels)
    report.progress("evaluate", 0, 2, None, f"marking {len(data.texts)} texts")
    counts, words, found = judged(tagger, data)
    metrics = with_intervals(counts, words, int(job.parameters.get("bootstrap") or 1000), job.seed)
    evaluation = (
        {
            "rows": len(data.texts), "metrics": metrics, "threshold": None, "diagnosis": diagnose(training, metrics),
            "perClass": per_label(counts, tagger.labels), "leftOut": {"targetMissing": int((~usable).sum()), "classUnknown": unknown},
            "spans": shown(kept.index.to_numpy(), data, found, counts), "cost": [],
        }
        | dict.fromkeys(("confusion", "roc", "pr", "calibration", "residuals"))
    )  # fmt: skip
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, kept.index.to_numpy(), data, found)
    rows = write_parity(job, tagger, column, data.texts)
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 2, 2, 0.0, "done")
    return {"rows": len(data.texts), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": rows}


def with_known_labels(data: Tagged, labels: list[str]) -> tuple[Tagged, int]:
    """Spans of labels that training never saw cannot be found; they are counted and left out."""
    known = set(labels)
    spans = [[span for span in row if span.label in known] for row in data.spans]
    return Tagged(data.texts, spans), sum(len(row) for row in data.spans) - sum(len(row) for row in spans)


def shown(rows: np.ndarray, data: Tagged, found: list[list[Span]], counts: np.ndarray) -> list[dict[str, Any]]:
    """Texts to look at, those with most mistakes first."""
    sums = counts.sum(axis=1)
    wrong = (sums[:, 1] - sums[:, 0]) + (sums[:, 2] - sums[:, 0])
    return [
        {
            "row": int(rows[place]), "text": data.texts[place][:2000], "mistakes": int(wrong[place]),
            "actual": as_list(data.spans[place]), "predicted": as_list(found[place]),
        }
        for place in np.argsort(-wrong, kind="stable")[:SHOWN]
    ]  # fmt: skip


def as_list(spans: Sequence[Span]) -> list[dict[str, Any]]:
    return [{"start": one.start, "end": one.end, "label": one.label} for one in spans]


def as_text(spans: Sequence[Span]) -> str:
    return json.dumps(as_list(spans), ensure_ascii=False)


def write_predictions(job: Job, rows: np.ndarray, data: Tagged, found: list[list[Span]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"__row": rows, "actual": [as_text(one) for one in data.spans], "predicted": [as_text(one) for one in found]}
    pq.write_table(pa.table(table), job.output / "predictions.parquet")


def write_parity(job: Job, tagger: Tagger, column: str, texts: Sequence[str]) -> int:
    """Texts as clients would send them, whole, cut and missing, and what training code answers to each."""
    wanted = int(job.parameters.get("parityRows") or 1000)
    random = np.random.default_rng(job.seed)
    chosen = [texts[place] for place in np.sort(random.choice(len(texts), min(wanted, len(texts)), replace=False))]
    part = chosen[: max(1, len(chosen) // 4)]
    cut = [text[int(random.integers(0, len(text) + 1)) :] for text in part]
    asked = [*chosen, *cut, "", "\u200b 漢字 😀 ÉCOLE"]
    answers = tagger.answer(asked)
    lines = (json.dumps({column: text or None}, ensure_ascii=False) for text in asked)
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    expected = {
        "kinds": ["held_out"] * len(chosen) + ["perturbed"] * len(cut) + ["missing_injected", "unseen_injected"],
        "probabilities": None, "predictions": None, "labels": None,
        "outputs": {"tags": answers.tags.tolist(), "confidence": answers.confidence.astype(np.float64).tolist()},
        "complete": len(chosen) == len(texts),
    }  # fmt: skip
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(asked)
