"""Evaluation of a language model on sealed rows, beside what it began with, and prompts that put its serving to the proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.language.generate import continued
from atoll_engines.language.networks import Learner, load_network, open_base
from atoll_engines.language.options import read_options
from atoll_engines.language.records import Record, Records, read_records
from atoll_engines.language.scores import RowScores, compared, score_rows, with_intervals
from atoll_engines.language.sequences import scored_sequences
from atoll_engines.language.trained import Trained, open_trained
from atoll_engines.language.unigrams import sums_by_share
from atoll_engines.tabular.data import open_table

# Continuations that serving must repeat, and how far.
PARITY_PROMPTS, PARITY_TOKENS = 48, 24
EXAMPLES, EXAMPLE_TOKENS = 6, 48
PROMPT_WORDS = 12


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `language.evaluate`."""
    trained = open_trained(job.channel("model"), job.threads)
    options = read_options(job.parameters.get("options") or {})
    records = read_records(open_table(job.channel("test")), options.columns, report)
    resamples = int(job.parameters.get("bootstrap") or 1000)
    report.progress("evaluate", 0, 4, None, f"{len(records)} sealed rows")
    scores = score_rows(Learner(trained.network), records, trained.encoder)
    report.progress("evaluate", 1, 4, None, "what it was before")
    base = open_base(job)
    network = load_network(base, job.seed).eval() if base else None
    reference = score_rows(Learner(network), records, trained.encoder) if network is not None else shares_scores(trained, records)
    beta = float(trained.about.get("beta") or 0.1)
    metrics, drawn = with_intervals(scores, reference, beta, resamples, job.seed)
    before, drawn_before = with_intervals(reference, reference, beta, resamples, job.seed) if reference else ({}, {})
    told = [
        compared(name, drawn_before[name], drawn[name], (before[name]["value"], metrics[name]["value"]))
        for name in metrics
        if name in before
    ]
    main = job.parameters.get("metric") or trained.training.get("metric") or "perplexity"
    paired = next((one for one in told if one["metric"] == main), told[0] if told else None)
    report.progress("evaluate", 2, 4, None, "examples")
    ended = {"leftOut": {"targetMissing": 0, "classUnknown": 0}, "cost": []}
    evaluation = {
        "rows": len(records), "metrics": metrics, "threshold": None, "before": before, "paired": paired, "comparisons": told,
        "beforeIs": trained.training["model"]["baseline"], "tokens": int(scores.counts.sum()),
        "diagnosis": diagnose(trained, metrics, paired), "examples": examples(trained, network, records),
    } | dict.fromkeys(("confusion", "roc", "pr", "calibration", "perClass", "residuals")) | ended  # fmt: skip
    write_json(job.output / "evaluation.json", evaluation)
    write_predictions(job.output / "predictions.parquet", records, scores, reference, beta)
    report.progress("evaluate", 3, 4, None, "prompts for the parity check")
    prompts = write_parity(job, trained, records)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals, before and after")
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", 4, 4, 0.0, "done")
    return {"rows": len(records), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": prompts}


def shares_scores(trained: Trained, records: Records) -> RowScores | None:
    """Of a model that began from nothing: what the shares of tokens in its training rows come to."""
    file = trained.folder / "native" / "shares.npy"
    if not file.is_file():
        return None
    sequences = scored_sequences(records, trained.encoder)
    numbers = {one.row: at for at, one in enumerate(records.rows)}
    places = np.array([numbers[one.row] for one in sequences])
    sums = sums_by_share(sequences, np.load(file, allow_pickle=False).astype(np.float64))
    counts = np.bincount(places, [one.learned for one in sequences], len(records)).astype(np.int64)
    return RowScores(np.array([one.row for one in records.rows]), np.bincount(places, sums, len(records)), counts)


def diagnose(trained: Trained, metrics: dict[str, Any], paired: dict[str, Any] | None) -> dict[str, str]:
    """Whether the sealed rows keep what the held-out ones promised."""
    expected = trained.training["validation"]["perplexity"]["mean"]
    found = metrics["perplexity"]
    said = f"Perplexity is {found['value']:.4g} on the sealed rows and was {expected:.4g} on the held-out ones."
    if paired:
        said = f"{said} {paired['sentence']}"
    if found["low"] > 1.1 * expected:
        return {"kind": "overfit", "sentence": f"{said} The sealed rows went worse than the held-out ones promised."}
    if paired and paired["low"] <= 0 <= paired["high"]:
        return {"kind": "underfit", "sentence": f"{said} Training changed little."}
    return {"kind": "good_fit", "sentence": said}


def prompt_of(record: Record) -> Any:
    """What a client would send: messages, a prompt, or the beginning of a document."""
    if isinstance(record.prompt, tuple):
        return list(record.prompt)
    if record.text is None:
        return record.prompt or ""
    words = record.text.split(" ")
    return " ".join(words[: max(1, min(PROMPT_WORDS, len(words) // 2))])


def request_of(prompt: Any) -> dict[str, Any]:
    return {"messages": prompt} if isinstance(prompt, list) else {"prompt": prompt}


def ids_of(trained: Trained, prompt: Any) -> list[int]:
    return trained.encoder.prompt(tuple(prompt) if isinstance(prompt, list) else prompt)


def examples(trained: Trained, network: Any, records: Records) -> list[dict[str, Any]]:
    """Some sealed prompts with what was wanted, what the base says and what the model says."""
    tokens, limit = trained.encoder.tokens, trained.encoder.limit
    some = [records.rows[at] for at in np.unique(np.linspace(0, len(records) - 1, EXAMPLES).astype(int))]
    prompts = [prompt_of(one) for one in some]
    ids = [ids_of(trained, one) for one in prompts]

    def said(model: Any) -> list[str | None]:
        if model is None:
            return [None] * len(ids)
        return [tokens.text(one.ids) for one in continued(model, ids, tokens.ends, EXAMPLE_TOKENS, limit)]

    shown = [str(one[-1]["content"] if isinstance(one, list) else one)[-600:] for one in prompts]
    return [
        {"row": record.row, "prompt": prompt, "wanted": wanted_of(record), "before": before, "after": after}
        for record, prompt, before, after in zip(some, shown, said(network), said(trained.network), strict=True)
    ]


def wanted_of(record: Record) -> str | None:
    if record.text is not None:
        return None
    answer = record.completion
    return (answer[0]["content"] if isinstance(answer, tuple) else str(answer))[:600]


def write_predictions(path: Path, records: Records, scores: RowScores, before: RowScores | None, beta: float) -> None:
    """A line for each sealed row: what it came to after, and before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table: dict[str, Any] = {"__row": scores.row, "tokens": scores.counts, "nll": scores.sums}
    if before is not None:
        table["nll_before"] = before.sums
    if scores.likeliest is not None:
        table["exact_match"] = scores.likeliest
    if scores.picked is not None:
        table |= {"picked": scores.picked, "right": scores.right}
    if scores.ahead is not None:
        table["preference_margin"] = beta * (scores.ahead - (before or scores).ahead)
    pq.write_table(pa.table(table), path)


def write_parity(job: Job, trained: Trained, records: Records) -> int:
    """Prompts as clients send them, and the greedy continuation of each as far as rounding cannot change it."""
    tokens, limit = trained.encoder.tokens, trained.encoder.limit
    tolerance = float(trained.signature["tolerance"])
    wanted = min(int(job.parameters.get("parityRows") or PARITY_PROMPTS), PARITY_PROMPTS)
    some = [records.rows[at] for at in np.unique(np.linspace(0, len(records) - 1, min(wanted, len(records))).astype(int))]
    prompts = [one for one in (prompt_of(record) for record in some) if 0 < len(ids_of(trained, one)) < limit - 1]
    said = continued(trained.network, [ids_of(trained, one) for one in prompts], tokens.ends, PARITY_TOKENS, limit)
    firm = [one.firm(tolerance) for one in said]
    requests = [request_of(prompt) for prompt, ids in zip(prompts, firm, strict=True) if ids]
    ids = [one for one in firm if one]
    texts = [tokens.text(one) for one in ids]
    lines = (json.dumps(plain(one), ensure_ascii=False) for one in requests)
    write_whole(job.output / "parity_rows.jsonl", "".join(f"{line}\n" for line in lines))
    expected = {
        "kinds": ["held_out"] * len(requests), "texts": texts, "tokens": ids, "probabilities": None, "predictions": None, "labels": None,
        "complete": True,
    }  # fmt: skip
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected), ensure_ascii=False))
    return len(requests)
