"""Evaluation of diarisation on recordings it never heard, and the recordings that put its serving to the proof."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.audio.decode import as_wav
from atoll_engines.audio.diarisation.options import read_diarisation_options
from atoll_engines.audio.diarisation.package import Diariser, open_diariser
from atoll_engines.audio.diarisation.read import find_columns, read_recordings
from atoll_engines.audio.diarisation.recordings import Conversation
from atoll_engines.audio.diarisation.score import NO_ERRORS, DiarisationErrors, Turns, diarisation_errors
from atoll_engines.audio.diarisation.train import METRIC, conversations_of, of_somebody
from atoll_engines.audio.diarisation.turns import as_words
from atoll_engines.audio.variants import variant
from atoll_engines.contract import Job, Report, plain, write_json, write_whole
from atoll_engines.tabular.data import open_table

# NIST's, for comparison.
USUAL_COLLAR = 0.25
SHOWN, MOST_PARITY_SECONDS = 24, 60
PARITY_BYTES = 96 << 20
EMPTY = dict.fromkeys(("confusion", "roc", "pr", "calibration", "perClass", "residuals"))


@dataclass(frozen=True)
class Judged:
    """A recording, what was found in it, and what of that is wrong."""

    conversation: Conversation
    found: Turns
    errors: DiarisationErrors


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.evaluate` for diarisation."""
    diariser, training = open_diariser(job, "test")
    about = (training or {}).get("diarisation") or {}
    options = read_diarisation_options({"conversations": about.get("conversations"), "collar": diariser.collar})
    table = open_table(job.channel("test"))
    given = job.parameters.get("options") or {}
    columns = find_columns(table, diariser.column, given.get("turnsColumn"), given.get("speakerColumn"))
    recordings, _ = read_recordings(table, columns, diariser.plan.rate, report, "the evaluation")
    heard = of_somebody(recordings, columns)
    conversations = conversations_of(heard, diariser.plan, options, job.seed)
    if all(count(one.turns) < 2 for one in conversations):
        report.warning(
            "one_speaker",
            "In each of the sealed recordings one person speaks, so the error says nothing of telling people apart. "
            "Split so that the sealed part hears several.",
            recordings=len(conversations),
        )
    judged = []
    for number, one in enumerate(conversations):
        report.progress("evaluate", number, len(conversations), None, f"{number} of {len(conversations)} recordings")
        found = diariser.turns(one.samples)
        judged.append(Judged(one, found, diarisation_errors(one.turns, found, diariser.collar)))
    metrics = metrics_of(judged, int(job.parameters.get("bootstrap") or 1000), job.seed)
    evaluation = {
        "rows": len(judged), "metrics": metrics, "threshold": None, "cost": [], "diagnosis": diagnose(training, metrics),
        "leftOut": {"targetMissing": len(recordings) - len(heard), "classUnknown": 0, "itemUnreadable": table.rows - len(recordings)},
        "diarisation": facts_of(judged, diariser, heard[0].turns is None),
    } | EMPTY  # fmt: skip
    write_json(job.output / "evaluation.json", evaluation)
    report.artifact("output/data/evaluation.json", "evaluation", "Metrics with intervals, and who spoke when")
    write_predictions(job, judged)
    rows = write_parity(job, diariser, judged)
    for name, metric in metrics.items():
        report.metric(f"test.{name}", metric["value"])
    report.progress("evaluate", len(conversations), len(conversations), 0.0, "done")
    return {"rows": len(judged), "metrics": metrics, "diagnosis": evaluation["diagnosis"], "parityRows": rows}


def metrics_of(judged: list[Judged], resamples: int, seed: int) -> dict[str, Any]:
    """The error and its three parts with intervals over resampled recordings, whose errors are added up before they are divided."""
    parts = np.array([[one.errors.spoken, one.errors.missed, one.errors.added, one.errors.confused] for one in judged])
    apart = np.array([abs(count(one.conversation.turns) - count(one.found)) for one in judged], float)
    random = np.random.default_rng(seed)

    def rates(chosen: np.ndarray) -> dict[str, float]:
        spoken, missed, added, confused = parts[chosen].sum(0)
        shares = {METRIC: missed + added + confused, "missed_speech": missed, "added_speech": added, "speaker_confusion": confused}
        named = {name: float(value / spoken) if spoken else float("nan") for name, value in shares.items()}
        return named | {"speaker_count_error": float(apart[chosen].mean())}

    drawn = [rates(random.integers(0, len(judged), len(judged))) for _ in range(resamples)]
    method = f"bootstrap percentile over recordings, {resamples} resamples"
    result = {}
    for name, value in rates(np.arange(len(judged))).items():
        low, high = np.nanpercentile([one[name] for one in drawn], [2.5, 97.5])
        result[name] = {"value": value, "low": float(low), "high": float(high), "method": method}
    return result


def count(turns: Turns) -> int:
    return len({one["speaker"] for one in turns})


def facts_of(judged: list[Judged], diariser: Diariser, is_made: bool) -> dict[str, Any]:
    lenient = NO_ERRORS
    for one in judged:
        lenient += diarisation_errors(one.conversation.turns, one.found, USUAL_COLLAR)
    return {
        "collar": diariser.collar, "overlap": "counted", "withUsualCollar": lenient.rate, "made": is_made,
        "recordings": [
            {
                "row": one.conversation.row, "name": one.conversation.name,
                "seconds": len(one.conversation.samples) / diariser.plan.rate, "rate": one.errors.rate,
                "actual": one.conversation.turns, "found": one.found,
            }
            for one in judged[:SHOWN]
        ],
    }  # fmt: skip


def diagnose(training: dict[str, Any] | None, metrics: dict[str, Any]) -> dict[str, str]:
    found = metrics[METRIC]
    expected = ((training or {}).get("validation") or {}).get(METRIC, {}).get("mean", float("nan"))
    one_speaker = ((training or {}).get("baseline") or {}).get(METRIC, float("nan"))
    said = (
        f"{100 * found['value']:.1f} % of what is spoken is wrong (missed {100 * metrics['missed_speech']['value']:.1f}, added "
        f"{100 * metrics['added_speech']['value']:.1f}, given to somebody else {100 * metrics['speaker_confusion']['value']:.1f}); "
        f"{100 * expected:.1f} % in validation, {100 * one_speaker:.1f} % there if everybody were one speaker"
    )
    if found["value"] >= one_speaker:
        return {"kind": "underfit", "sentence": f"{said}: voices are not told apart."}
    if found["low"] > expected * 1.1 + 0.01:
        return {"kind": "overfit", "sentence": f"{said}: recordings it never heard go worse than validation promised."}
    return {"kind": "good_fit", "sentence": f"{said}."}


def write_predictions(job: Job, judged: list[Judged]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {
        "__row": [one.conversation.row for one in judged],
        "actual": [json.dumps(one.conversation.turns) for one in judged],
        "predicted": [json.dumps(one.found) for one in judged],
        "spoken": [one.errors.spoken for one in judged],
        "error": [one.errors.missed + one.errors.added + one.errors.confused for one in judged],
    }
    pq.write_table(pa.table(table), job.output / "predictions.parquet")


def write_parity(job: Job, diariser: Diariser, judged: list[Judged]) -> int:
    """Recordings as clients would send them (at most a minute of each), other files of the same, and what is found in each."""
    random = np.random.default_rng(job.seed)
    rate = diariser.plan.rate
    kinds, lines, labels = [], [], []
    size = 0
    originals = [as_wav(one.conversation.samples[: MOST_PARITY_SECONDS * rate], rate, 16) for one in judged]
    others = [variant(content, number, random) for number, content in enumerate(originals)]
    for kind, content in [*(("held_out", one) for one in originals), *(("perturbed", one) for one in others)]:
        size += len(content)
        if size > PARITY_BYTES:
            break
        kinds.append(kind)
        lines.append(json.dumps({diariser.column: base64.b64encode(content).decode("ascii")}))
        labels.append(as_words(diariser.turns(diariser.samples_of(content))))
    write_whole(job.output / "parity_rows.jsonl", "\n".join(lines) + "\n")
    is_complete = kinds.count("held_out") == len(judged)
    expected = {"kinds": kinds, "probabilities": None, "predictions": None, "labels": labels, "complete": is_complete}
    write_whole(job.output / "parity_expected.json", json.dumps(plain(expected)))
    return len(lines)
