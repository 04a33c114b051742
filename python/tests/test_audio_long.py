"""What sounds must reach on real recordings: digits of speakers never heard, and conversations of three voices."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
pytest.importorskip("soundfile", reason="needs the audio runtime")
from audio_tables import write_sounds
from folders import failure, read_json, run_here, write_job
from test_audio_engines import served

pytestmark = pytest.mark.long

VOICES = Path(__file__).parents[2] / "examples" / "voices"
# The folder "recordings" of the free spoken digit dataset (CC BY-SA 4.0): files are called <digit>_<speaker>_<number>.wav.
DIGITS = Path(os.environ.get("ATOLL_SPOKEN_DIGITS", "spoken-digits"))


def judged(trained: Path, folder: Path, files: dict, more: dict, **parameters) -> Path:
    write_sounds(folder, "test", files, more)
    for part in ("model", "native"):
        shutil.copytree(trained / part, folder / "input" / "data" / "model" / part)
    write_job(folder, "audio.evaluate", {"bootstrap": 100, "threads": 2} | parameters)
    assert run_here(folder) == 0, failure(folder)
    return folder


def voices_of(part: str) -> tuple[dict[str, bytes], dict[str, list]]:
    with (VOICES / "clips.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == part]
    return {row["file"]: (VOICES / row["file"]).read_bytes() for row in rows}, {"speaker": [row["speaker"] for row in rows]}


def test_three_voices_are_told_apart_in_conversations_made_of_sealed_clips(tmp_path: Path):
    train = tmp_path / "train"
    write_sounds(train, "train", *voices_of("train"))
    write_job(train, "audio.train", {"task": "diarisation", "target": None, "options": {"epochs": 20}, "threads": 2})
    assert run_here(train) == 0, failure(train)
    folder = judged(train, tmp_path / "judge", *voices_of("test"), target=None)
    found = read_json(folder, "output/data/evaluation.json")["metrics"]["diarisation_error_rate"]
    guess = read_json(train, "model/training.json")["baseline"]["diarisation_error_rate"]
    assert found["value"] < 0.25 and found["value"] < 0.7 * guess


@pytest.mark.skipif(not DIGITS.is_dir(), reason="set ATOLL_SPOKEN_DIGITS to the folder of recordings")
def test_digits_of_a_speaker_who_was_never_heard(tmp_path: Path):
    parts: dict[bool, tuple[dict, dict]] = {False: ({}, {"digit": [], "speaker": []}), True: ({}, {"digit": [], "speaker": []})}
    for path in sorted(DIGITS.glob("*.wav")):
        digit, speaker, number = path.stem.split("_")
        if int(number) < 15:
            files, columns = parts[speaker == "theo"]
            files[path.name] = path.read_bytes()
            columns["digit"].append(f"d{digit}")
            columns["speaker"].append(speaker)
    train = tmp_path / "train"
    write_sounds(train, "train", *parts[False])
    request = {"task": "multiclass", "target": "digit", "metric": "accuracy", "algorithms": ["audio_cnn"], "threads": 2}
    write_job(train, "audio.train", request | {"options": {"epochs": 15}})
    assert run_here(train) == 0, failure(train)
    assert read_json(train, "model/training.json")["division"]["kind"] == "grouped"
    folder = judged(train, tmp_path / "judge", *parts[True], parityRows=150)
    assert read_json(folder, "output/data/evaluation.json")["metrics"]["accuracy"]["value"] > 0.65
    rows = [json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()]
    expected = np.array(read_json(folder, "output/data/parity_expected.json")["probabilities"])
    assert (served(train / "model", rows).argmax(1) == expected.argmax(1)).all()
