"""Training of diarisation: a network learns voices, what it takes to tell two apart is settled on recordings that it did not learn from."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np

from atoll_engines.audio.choose import chosen_algorithms
from atoll_engines.audio.diarisation.activity import speech_parts
from atoll_engines.audio.diarisation.options import DiarisationOptions, read_diarisation_options
from atoll_engines.audio.diarisation.package import Diariser, voice_setting
from atoll_engines.audio.diarisation.pieces import Pieces, pieces_of
from atoll_engines.audio.diarisation.plan import DiarisationPlan, usual_plan
from atoll_engines.audio.diarisation.read import Columns, Recording, find_columns, read_recordings
from atoll_engines.audio.diarisation.recordings import Conversation, make_conversations, trimmed
from atoll_engines.audio.diarisation.score import NO_ERRORS, diarisation_errors
from atoll_engines.audio.diarisation.settle import Settled, settle
from atoll_engines.audio.labelling.train import MELS, MELS_BELOW_16K
from atoll_engines.audio.model import AudioModel
from atoll_engines.audio.networks.network import Served
from atoll_engines.contract import Job, Report, write_json
from atoll_engines.errors import BadInput
from atoll_engines.media.export import export_checked
from atoll_engines.media.finish import network_facts
from atoll_engines.tabular.data import open_table
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.package import environment, peak_memory_bytes

METRIC = "diarisation_error_rate"
HELD_OUT_SHARE = 0.25
SPEAKERS_APART_FROM = 6
TOLERANCE = 1e-4


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.train` for diarisation."""
    started = time.monotonic()
    metric = job.parameters.get("metric") or METRIC
    if metric != METRIC:
        raise BadInput(f'Diarisation is judged by {METRIC}, not by "{metric}".', parameter="metric")
    options = read_diarisation_options(job.parameters.get("options") or {})
    algorithm = chosen_algorithms(job.parameters.get("algorithms") or ["auto"], "diarisation", None, options.audio.overrides())[-1]
    tables = [open_table(job.channel(name)) for name in ("train", "validation") if job.has_channel(name)]
    columns = find_columns(tables[0], options.audio.column, options.turns_column, options.audio.speaker_column)
    recordings, rate = read_recordings(tables[0], columns, options.audio.rate, report, "training")
    given = read_recordings(tables[1], columns, rate, report, "validation")[0] if len(tables) > 1 else None
    recordings = of_somebody(recordings, columns)
    learned, held_out, note = divide(recordings, given, job.seed)
    plan = usual_plan(rate, options.window, options.step, options.speakers)
    pieces = pieces_of(learned, plan, options.local_speakers)
    report.log(f"Learns {len(pieces.names)} voices from {len(pieces.sounds)} pieces of {options.window:g} s; validated on {note}.")
    mels = options.audio.mels or (MELS if rate >= 16000 else MELS_BELOW_16K)
    setting = voice_setting(
        plan, pieces.names, pieces.sounds, mels, job, options=options.audio.given, augmentation=options.audio.augmentation,
        report=report, checkpoints=job.checkpoints,
    )  # fmt: skip
    model = AudioModel(algorithm.name, algorithm.defaults, setting)
    report.progress("train", 0, 3, None, "learning voices")
    model.fit(np.arange(len(pieces.sounds)), pieces.speakers)
    report.progress("train", 1, 3, None, "settling the threshold")
    diariser = Diariser(columns.audio, plan, model, options.collar)
    conversations = conversations_of(held_out, plan, options, job.seed)
    settled = settle(conversations, plan, diariser.embed, options.collar, options.threshold)
    diariser.plan = settled.plan
    exported = export(job, report, diariser, pieces)
    write_package(job, diariser)
    rates, total = judge_all(conversations, diariser)
    outcome = Outcome(job, options, algorithm.defaults, diariser, settled, exported, pieces, conversations)
    record = outcome.record(rates, total, note, len(recordings), time.monotonic() - started)
    write_json(job.model / "training.json", record)
    write_json(job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": METRIC})
    history = model.fitted.history if model.fitted else []
    write_json(job.output / "learning_curve.json", {"metric": METRIC, "points": [], "epochs": history})
    report.metric(f"validation.{METRIC}", total.rate)
    seconds = record["seconds"]
    state = {"state": "complete", "score": total.rate, "std": record["validation"][METRIC]["std"], "folds": [total.rate]}
    report.trial(trial=0, algorithm=algorithm.name, params=algorithm.defaults, seconds=seconds, reason=None, **state)
    report.progress("train", 3, 3, 0.0, "done")
    names = ("algorithm", "params", "metric", "validation", "baseline", "threshold", "export", "seconds", "peakMemoryBytes")
    return {name: record[name] for name in names} | {"trials": 1}


def of_somebody(recordings: list[Recording], columns: Columns) -> list[Recording]:
    """The recordings of which it is known who speaks."""
    if columns.turns is None and columns.speaker is None:
        raise BadInput(
            "Diarisation learns voices from recordings with a column of turns (a JSON list of start, end and speaker), or with a column "
            'of speakers where each recording is of one. Name it: options {"turnsColumn": "…"} or {"speakerColumn": "…"}.'
        )
    known = [one for one in recordings if one.turns or one.speaker]
    if len(known) < 2:
        raise BadInput(f"Of {len(recordings)} recordings {len(known)} say who speaks; at least 2 are needed.", column=columns.turns)
    return known


def divide(recordings: list[Recording], given: list[Recording] | None, seed: int) -> tuple[list[Recording], list[Recording], str]:
    """What is learned from and what is held out: whole speakers where there are enough, else recordings."""
    if given:
        return recordings, [one for one in given if one.turns or one.speaker], "the validation set as given"
    random = np.random.default_rng(seed)
    if recordings[0].turns is None:
        speakers = sorted({str(one.speaker) for one in recordings})
        if len(speakers) >= SPEAKERS_APART_FROM:
            count = max(2, round(HELD_OUT_SHARE * len(speakers)))
            apart = {speakers[k] for k in random.permutation(len(speakers))[:count]}
            learned = [one for one in recordings if one.speaker not in apart]
            return learned, [one for one in recordings if one.speaker in apart], f"{count} speakers that are not learned from"
        chosen: set[int] = set()
        for name in speakers:
            own = random.permutation([k for k, one in enumerate(recordings) if one.speaker == name])
            chosen |= set(own[: max(1, round(HELD_OUT_SHARE * len(own)))].tolist() if len(own) > 1 else [])
        note = f"other recordings of the same {len(speakers)} speakers"
    else:
        chosen = set(random.permutation(len(recordings))[: max(1, round(HELD_OUT_SHARE * len(recordings)))].tolist())
        note = f"{len(chosen)} recordings held out at random"
    learned = [one for k, one in enumerate(recordings) if k not in chosen]
    return learned, [one for k, one in enumerate(recordings) if k in chosen], note


def conversations_of(recordings: list[Recording], plan: DiarisationPlan, options: DiarisationOptions, seed: int) -> list[Conversation]:
    """Recordings with turns as they are; of recordings of one speaker each conversations are made."""
    if not recordings:
        raise BadInput("No recording is left to be judged on.")
    if recordings[0].turns is not None:
        return [Conversation(one.row, one.path, one.samples, one.turns) for one in recordings if one.turns is not None]
    clips = [trimmed(one.samples, speech_parts(one.samples, plan)) for one in recordings]
    return make_conversations(clips, [str(one.speaker) for one in recordings], plan.rate, options.conversations, seed)


def export(job: Job, report: Report, diariser: Diariser, pieces: Pieces) -> Export:
    """The network's graph, if it hears voices as the network does."""
    import torch

    from atoll_engines.media.export import graph_of

    model = diariser.model

    class Voices(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.served = Served(model.network, "multiclass")

        def forward(self, audio: torch.Tensor) -> torch.Tensor:
            return self.served(audio)[1]

    random = np.random.default_rng(job.seed)
    chosen = pieces.sounds[np.sort(random.permutation(len(pieces.sounds))[:64])]
    rows = np.concatenate([chosen, random.normal(0, 0.1, (2, diariser.plan.window)).astype(np.float32)])
    sample = torch.randn(2, diariser.plan.window) * 0.1
    file = job.model / "model.onnx"

    def alike(found: np.ndarray) -> list[int]:
        """Voices have no label that could be another."""
        return [0] * len(found)

    exported = export_checked(
        lambda: graph_of(Voices(), sample, "audio", ["vector"]), rows, diariser.embed, alike, file, TOLERANCE, "piece"
    )
    if exported.path == "python":
        report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
    else:
        report.artifact("model/model.onnx", "model", "The network that hears voices")
    return exported


def write_package(job: Job, diariser: Diariser) -> None:
    plan = diariser.plan
    about = {
        "task": "diarisation", "target": None, "classes": None, "positive": None, "threshold": None, "tolerance": TOLERANCE,
        "inputs": [
            {
                "name": diariser.column, "type": "audio", "tensor": "audio", "index": 0, "nullable": False, "sampleRate": plan.rate,
                "samples": None,
            }
        ],
        "outputs": [],
        "turns": plan.as_json() | {"width": diariser.model.facts["embedding"]},
    }  # fmt: skip
    write_json(job.model / "signature.json", about)
    write_json(job.model / "recipe.json", {"steps": []})
    diariser.save(job.native)


def judge_all(conversations: list[Conversation], diariser: Diariser) -> tuple[list[float], Any]:
    rates, total = [], NO_ERRORS
    for one in conversations:
        errors = diarisation_errors(one.turns, diariser.turns(one.samples), diariser.collar)
        rates.append(errors.rate)
        total += errors
    return rates, total


class Outcome:
    """What `training.json` says."""

    def __init__(
        self,
        job: Job,
        options: DiarisationOptions,
        params: dict[str, Any],
        diariser: Diariser,
        settled: Settled,
        exported: Export,
        pieces: Pieces,
        conversations: list[Conversation],
    ) -> None:
        self.job, self.options, self.params, self.diariser, self.settled = job, options, params, diariser, settled
        self.exported, self.pieces, self.conversations = exported, pieces, conversations

    def record(self, rates: list[float], total: Any, note: str, rows: int, seconds: float) -> dict[str, Any]:
        one_speaker = NO_ERRORS
        for one in self.conversations:
            everywhere = [turn | {"speaker": "S1"} for turn in self.diariser.turns(one.samples)]
            one_speaker += diarisation_errors(one.turns, everywhere, self.options.collar)
        spread = float(np.nanstd(rates, ddof=1)) if len(rates) > 1 else 0.0
        model = self.diariser.model
        plan = self.settled.plan
        return {
            "algorithm": "audio_speaker", "params": self.params, "seed": self.job.seed, "task": "diarisation", "metric": METRIC,
            "validation": {METRIC: {"mean": total.rate, "std": spread, "folds": [total.rate]}},
            "baseline": {METRIC: one_speaker.rate}, "training": {}, "pooled": {METRIC: total.rate}, "threshold": None,
            "calibration": "none", "division": {"kind": "holdout", "note": note},
            "leaderboard": [
                {"algorithm": "audio_speaker", "params": self.params, "mean": total.rate, "std": spread, "seconds": seconds, "trial": 0}
            ],
            "derivedFeatures": [], "export": self.exported.as_json(), "environment": environment(), "rows": rows,
            "fittedRows": len(self.pieces.sounds), "seconds": seconds, "peakMemoryBytes": peak_memory_bytes(),
            "model": model.facts | {"sampleRate": plan.rate, "seconds": plan.window / plan.rate}, "network": network_facts(model.fitted),
            "diarisation": {
                "collar": self.options.collar, "overlap": "counted", "voices": len(self.pieces.names), "threshold": plan.threshold,
                "curve": self.settled.curve, "made": self.conversations[0].name.startswith("conversation "),
                "conversations": len(self.conversations), "plan": asdict(plan),
            },
        }  # fmt: skip
