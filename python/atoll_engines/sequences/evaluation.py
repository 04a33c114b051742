"""Evaluation of what writes texts on rows it never saw, and the texts that serving must write too."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.sequences.metrics import LOWER_IS_BETTER, Answers, counts, error_counts, from_sums, with_intervals
from atoll_engines.sequences.writer import Said, Writer

TITLES = {
    "word_error_rate": "Word error rate", "character_error_rate": "Character error rate", "exact_match": "Exact match",
    "perplexity": "Perplexity", "chrf": "chrF", "rouge_l": "ROUGE-L",
}  # fmt: skip
# Rows that the page shows: the worst first.
SHOWN = 300


def evaluate(
    job: Job,
    report: Report,
    writer: Writer,
    rows: dict[str, Any],
    task: str,
    requests: Callable[[Sequence[int]], list[dict[str, Any]]],
    left_out: dict[str, int],
) -> dict[str, Any]:
    """`rows`: `items`, `texts`, `rows` (numbers) and `shown` (what a page says of each input)."""
    items, texts, numbers = rows["items"], rows["texts"], rows["rows"]
    report.progress("evaluate", 0, 3, None, f"writing {len(items)} texts")
    said = writer.say(items)
    report.progress("evaluate", 1, 3, None, "metrics and intervals")
    surprise, tokens = writer.surprise(items, texts)
    answers = Answers(list(texts), [one.text for one in said], surprise, tokens)
    metrics = with_intervals(task, answers, int(job.parameters.get("bootstrap") or 1000), job.seed)
    training = read_training(job)
    evaluation = {
        "rows": len(items), "metrics": metrics, "threshold": None, "diagnosis": diagnose(training, metrics), "leftOut": left_out,
        "texts": shown(task, answers, rows),
    } | dict.fromkeys(("confusion", "roc", "pr", "calibration", "perClass", "residuals")) | {"cost": []}  # fmt: skip
    if task == "transcription":
        evaluation["texts"]["errors"] = error_counts(answers.wanted, answers.said)
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job, numbers, answers)
    report.progress("evaluate", 2, 3, None, "rows for the parity check")
    count = write_parity(job, said, requests)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals, and what was written")
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 3, 3, 0.0, "done")
    return {"rows": len(items), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": count}


def shown(task: str, answers: Answers, rows: dict[str, Any]) -> dict[str, Any]:
    """What was wanted and what was written, the worst rows first, each with its own figure."""
    metric = "word_error_rate" if task == "transcription" else "chrf"
    values = from_sums(metric, counts(task, answers)[metric])
    bad = np.nan_to_num(values if metric in LOWER_IS_BETTER else -values, nan=np.inf)
    order = np.argsort(-bad, kind="stable")[:SHOWN]
    return {
        "metric": metric,
        "rows": [
            {
                "row": int(rows["rows"][at]), "input": rows["shown"][at], "wanted": answers.wanted[at], "said": answers.said[at],
                "value": float(values[at]),
            }
            for at in order
        ],
    }  # fmt: skip


def read_training(job: Job) -> dict[str, Any] | None:
    from atoll_engines.evaluation.package import package_folders

    return package_folders(job, None).training()


def diagnose(training: dict[str, Any] | None, metrics: dict[str, Any]) -> dict[str, str]:
    """Remembered or understood: the fitted rows beside the sealed ones."""
    if not training:
        return {"kind": "good_fit", "sentence": "Nothing is known of the training."}
    name = training["metric"]
    sealed, fitted = metrics[name]["value"], training["training"].get(name)
    naive = training["baseline"].get(name)
    said = f"{TITLES[name]} is {sealed:.3f} on the sealed rows"
    if not isinstance(fitted, float) or not np.isfinite(sealed):
        return {"kind": "good_fit", "sentence": f"{said}."}
    said += f" and {fitted:.3f} on the rows it was fitted on"
    sign = 1 if name in LOWER_IS_BETTER else -1
    if isinstance(naive, float) and sign * (fitted - naive) > -0.05:
        return {
            "kind": "underfit",
            "sentence": f"{said}: hardly better than saying the same each time. Train longer, or begin with weights.",
        }
    if sign * (sealed - fitted) > 0.1:
        return {
            "kind": "overfit",
            "sentence": f"{said}: it remembers rather than understands. More rows, or weights to begin with, would help.",
        }
    return {"kind": "good_fit", "sentence": f"{said}: it does on new rows what it does on those it knows."}


def write_predictions(job: Job, rows: np.ndarray, answers: Answers) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"__row": rows, "actual": answers.wanted, "predicted": answers.said})
    pq.write_table(table, job.output / "predictions.parquet")


def write_parity(job: Job, said: Sequence[Said], requests: Callable[[Sequence[int]], list[dict[str, Any]]]) -> int:
    """Rows as clients send them and the text that each must come to; all of them where there are not too many."""
    wanted = int(job.parameters.get("parityRows") or 1000)
    chosen = range(len(said))
    if len(said) > wanted:
        chosen = np.sort(np.random.default_rng(job.seed).choice(len(said), wanted, replace=False)).tolist()
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in requests(chosen))
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    expected = {
        "kinds": ["held_out"] * len(chosen), "probabilities": None, "predictions": None, "labels": None,
        "texts": [said[at].text for at in chosen], "complete": len(chosen) == len(said),
    }  # fmt: skip
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(chosen)
