"""Makes src/ports/inference/fixtures/turns: a small graph of voices, recordings, and what training code says of who speaks when.

PYTHONPATH=python:python/tests python scripts/make-turns-fixture.py
"""

import base64
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from atoll_engines.audio.diarisation.package import open_diariser
from atoll_engines.contract import read_job
from audio_tables import RATE, conversation, voices, wav, write_sounds
from folders import read_json, run_here, write_job

out = Path(__file__).resolve().parents[1] / "src/ports/inference/fixtures/turns"
out.mkdir(parents=True, exist_ok=True)
folder = Path(tempfile.mkdtemp())
write_sounds(folder, "train", *voices(96, range(8), seconds=1.8))
options = {
    "epochs": 6,
    "width": 16,
    "embedding": 16,
    "batchSize": 16,
    "mels": 32,
    "window": 1.0,
    "conversations": 6,
}
write_job(
    folder,
    "audio.train",
    {
        "task": "diarisation",
        "target": None,
        "algorithms": ["auto"],
        "options": options,
        "threads": 1,
    },
)
assert run_here(folder) == 0
for part in ("model", "native"):
    shutil.copytree(folder / part, folder / "input/data/model" / part)
diariser, _ = open_diariser(read_job(folder))
files = [
    wav(conversation(order, seed)[0], bits=8)
    for seed, order in enumerate([[20, 21, 20], [22, 23, 24]])
]
files.append(
    wav(
        np.concatenate(
            [
                conversation([25], 9)[0],
                np.random.default_rng(0).normal(0, 0.1, RATE),
                np.zeros(RATE),
            ]
        ),
        bits=8,
    )
)
plans = {
    "usual": {},
    "few": {"most_windows": 4},
    "two": {"speakers": 2},
    "one": {"speakers": 1},
    "strict": {"threshold": 0.02},
}
said = []
for content in files:
    turns = {}
    for name, changed in plans.items():
        diariser.plan = replace(diariser.plan, **changed) if changed else diariser.plan
        turns[name] = diariser.turns(diariser.samples_of(content))
        diariser.plan = open_diariser(read_job(folder))[0].plan
    said.append({"file": base64.b64encode(content).decode(), "turns": turns})
shutil.copy(folder / "model/model.onnx", out / "model.onnx")
(out / "signature.json").write_text(
    json.dumps(read_json(folder, "model/signature.json"), indent=1)
)
(out / "recordings.json").write_text(json.dumps(said))
print(
    [{k: len(v) for k, v in one["turns"].items()} for one in said],
    (out / "model.onnx").stat().st_size,
)
