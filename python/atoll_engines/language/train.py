"""Training a language model: read the rows, search, merge, write the package."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.language.algorithms import TASKS, chosen_algorithms
from atoll_engines.language.fitting import Fitter, Held, perplexity
from atoll_engines.language.networks import (
    USUAL_LENGTH,
    Base,
    merged,
    open_base,
    parameters_of,
    save_adapter,
    save_network,
    small_config,
)
from atoll_engines.language.options import LanguageOptions, read_options
from atoll_engines.language.package import write_packaged
from atoll_engines.language.records import Records, read_records
from atoll_engines.language.search import LOWER_IS_BETTER, Search
from atoll_engines.language.sequences import Encoder, body
from atoll_engines.language.tokens import learn_tokens
from atoll_engines.language.unigrams import shares_of, sums_by_share
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.folds import divide
from atoll_engines.tabular.package import environment, peak_memory_bytes

FROM_NOTHING = "random numbers: no weights were given, so the network knows only the training texts"
BEFORE_BASE, BEFORE_NOTHING = "the weights that it began with", "the share of each token in the training rows"
PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors")
METRICS = ("perplexity", "exact_match", "accuracy", "preference_accuracy", "preference_margin")


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `language.train`."""
    started = time.monotonic()
    if job.parameters.get("task") not in TASKS:
        raise BadInput(f'Language models do the task generation, not "{job.parameters.get("task")}".', parameter="task")
    options = read_options(job.parameters.get("options") or {})
    base = open_base(job)
    train, valid, note = divided(job, options, report)
    algorithms = chosen_algorithms(list(job.parameters.get("algorithms") or []), train, base is not None, options)
    metric = metric_of(job, train)
    start = base or scratch(algorithms[0].defaults, train, options)
    encoder = Encoder(start.tokens, length_of(start, options, base is not None))
    report.log(
        f"{len(train)} rows to learn from and {len(valid)} held out ({note}); {start.tokens.count} tokens, {encoder.limit} at a time; "
        + ("begins with given weights." if base else "begins from random numbers.")
    )
    held = Held(valid, encoder)
    fitter = Fitter(start, train, held, encoder, options, report, job.checkpoints, job.seed, job.threads)
    search = Search(job, report, algorithms, fitter, metric, started)
    best = search.run()
    made = search.kept
    assert made is not None
    report.progress("finish", 0, 2, None, "the package")
    adapter = save_adapter(made.network, job.model) if hasattr(made.network, "peft_config") else None
    network = merged(made.network).eval()
    save_network(network, start.tokens, job.model)
    exported = write_packaged(job, report, network, start.tokens, train, held.sequences, options, encoder.limit, best["algorithm"])
    shares = None if base else token_shares(train, encoder)
    before = made.before if shares is None else by_share(held, shares)
    if shares is not None:
        np.save(job.native / "shares.npy", shares.astype(np.float32), allow_pickle=False)
    warn_of_no_gain(report, metric, before, made.scores)
    write_json(
        job.native / "language.json",
        {"length": encoder.limit, "columns": train.columns, "form": train.form, "beta": best["params"].get("beta")},
    )
    record = {
        "algorithm": best["algorithm"], "params": best["params"], "seed": job.seed, "task": "generation", "metric": metric,
        "validation": {name: {"mean": value, "std": None, "folds": [value]} for name, value in made.scores.items()},
        "baseline": before, "before": before, "after": made.scores, "training": {}, "pooled": made.scores, "threshold": None,
        "calibration": "none", "division": {"kind": "holdout", "note": note},
        "leaderboard": [
            {name: one[name] for name in ("algorithm", "params", "std", "seconds", "trial")} | {"mean": one["score"]}
            for one in sorted(search.trials, key=search.gain, reverse=True)
        ],
        "derivedFeatures": [], "export": exported, "environment": environment(*PACKAGES), "rows": len(train) + len(valid),
        "fittedRows": len(train), "seconds": time.monotonic() - started, "peakMemoryBytes": peak_memory_bytes(),
        "model": {
            "from": "given weights" if base else FROM_NOTHING,
            "architecture": start.config.get("model_type"), "parameters": parameters_of(network), "tokens": start.tokens.count,
            "maxLength": encoder.limit, "baseline": BEFORE_BASE if base else BEFORE_NOTHING,
        },
        "network": {
            "epochs": made.fitted.epochs, "bestEpoch": made.fitted.best_epoch, "device": made.fitted.device, "rules": made.fitted.rules,
            "sequences": made.sequences, "learnedTokens": made.tokens, "batchSize": made.fitted.batch_size,
            "accumulate": made.fitted.accumulate, "tokensPerSecond": made.tokens * made.fitted.epochs / max(1e-9, made.fitted.seconds),
        },
        "adapter": adapter,
    }  # fmt: skip
    write_json(job.model / "training.json", record)
    write_json(job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": metric})
    write_json(job.output / "trials.json", search.trials)
    write_json(job.output / "learning_curve.json", {"metric": metric, "points": []})
    report.progress("finish", 2, 2, 0.0, "done")
    return {name: record[name] for name in ("algorithm", "params", "metric", "validation", "baseline", "export", "seconds")}


def divided(job: Job, options: LanguageOptions, report: Report) -> tuple[Records, Records, str]:
    """The rows to learn from and those held out: the channel `validation`, or the first part that the folds would leave out."""
    table = open_table(job.channel("train"))
    records = read_records(table, options.columns, report)
    if job.has_channel("validation"):
        held = read_records(open_table(job.channel("validation")), options.columns, report)
        return records, held, "the validation rows as given"
    asked = job.parameters.get("validation") or {}
    rows = [one.row for one in records.rows]
    if len(rows) < 2:
        raise BadInput(
            "A single row cannot be learned from and held out; a language model needs at least two, better many more.", rows=len(rows)
        )
    names = [name for name in (asked.get("groupColumn"), asked.get("timeColumn")) if name]
    frame = read_frame(table, names).loc[rows] if names else None
    folds = min(int(asked.get("folds") or 5), len(rows))
    kind = asked.get("kind") or "kfold"
    division = divide(
        np.zeros(len(rows)), "regression", kind if kind in ("grouped", "time") else "kfold", max(2, folds), job.seed,
        groups=frame[asked["groupColumn"]] if frame is not None and asked.get("groupColumn") else None,
        times=frame[asked["timeColumn"]] if frame is not None and asked.get("timeColumn") else None,
    )  # fmt: skip
    fold = division.folds[-1] if kind == "time" else division.folds[0]

    def part(places: np.ndarray) -> Records:
        return Records(records.form, tuple(records.rows[at] for at in places), records.columns)

    return part(fold.train), part(fold.valid), f"one of {division.note}"


def metric_of(job: Job, records: Records) -> str:
    metric = job.parameters.get("metric") or "perplexity"
    known = {"perplexity"} | ({"exact_match"} if records.form in ("completion", "chat", "choice") else set())
    known |= {"preference_accuracy", "preference_margin"} if records.form == "preference" else set()
    if metric not in METRICS:
        raise BadInput(f'There is no metric "{metric}" for language models; there are {", ".join(METRICS)}.', parameter="metric")
    if metric not in known:
        raise BadInput(f"The metric {metric} cannot be measured on these rows; {', '.join(sorted(known))} can.", parameter="metric")
    return metric


def scratch(params: dict[str, Any], records: Records, options: LanguageOptions) -> Base:
    """A small network with a tokenizer of its own, both from the training rows."""
    texts = [one.text or f"{one.prompt or ''}{one.completion or ''}" if not one.is_chat else chat_text(one) for one in records.rows]
    tokens = learn_tokens(texts, options.tokenizer, options.vocabulary)
    return Base(None, tokens, small_config(params, tokens, options.max_length or USUAL_LENGTH))


def chat_text(record: Any) -> str:
    said = [one for part in (record.prompt, record.completion) if isinstance(part, tuple) for one in part]
    return "\n".join(str(one["content"]) for one in said)


def length_of(base: Base, options: LanguageOptions, is_given: bool) -> int:
    if is_given and options.max_length and options.max_length > base.context:
        raise BadInput(
            f"options.maxLength is {options.max_length}, but these weights read at most {base.context} tokens.",
            parameter="options.maxLength",
        )
    return min(options.max_length or USUAL_LENGTH, base.context)


def token_shares(train: Records, encoder: Encoder) -> np.ndarray:
    """How often each token is in the training rows."""
    tokens = encoder.tokens
    return shares_of([one for record in train.rows for one in (*body(record, encoder), tokens.ends[0])], tokens.count)


def by_share(held: Held, shares: np.ndarray) -> dict[str, float]:
    """What the mere shares of tokens would come to."""
    sums = sums_by_share(held.sequences, shares)
    return {"perplexity": perplexity(float(sums.sum()), sum(one.learned for one in held.sequences))}


def warn_of_no_gain(report: Report, metric: str, before: dict[str, float], after: dict[str, float]) -> None:
    if metric not in before:
        return
    gain = after[metric] - before[metric]
    if (-gain if metric in LOWER_IS_BETTER else gain) <= 0:
        report.warning(
            "no_better_than_baseline",
            f"After training the {metric} on held-out rows is {after[metric]:.4g}, no better than {before[metric]:.4g} before. "
            "Try another learning rate, more epochs, or more rows.",
        )
