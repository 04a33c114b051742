"""Diarisation: the error rate worked by hand, grouping, and recordings to turns by the graph that is served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
pytest.importorskip("soundfile", reason="needs the audio runtime")
from audio_tables import RATE, as_text, conversation, voices, wav, write_sounds
from folders import failure, read_json, run_here, write_job

from atoll_engines.audio.diarisation.activity import speech_parts
from atoll_engines.audio.diarisation.grouping import distances, groups_of, merges_of
from atoll_engines.audio.diarisation.plan import DiarisationPlan, usual_plan
from atoll_engines.audio.diarisation.recordings import alone
from atoll_engines.audio.diarisation.score import diarisation_errors


def turn(start: float, end: float, speaker: str) -> dict:
    return {"start": start, "end": end, "speaker": speaker}


def test_the_error_rate_worked_by_hand():
    actual = [turn(0, 10, "anna"), turn(10, 20, "ben")]
    found = [turn(0, 12, "S1"), turn(12, 18, "S2")]
    # S1 is anna and S2 ben: 10 to 12 is given to anna, 18 to 20 is missed.
    plain = diarisation_errors(actual, found, collar=0)
    assert (plain.spoken, plain.missed, plain.added, plain.confused) == pytest.approx((20, 2, 0, 2))
    assert plain.rate == pytest.approx(0.2)
    # A quarter of a second around 0, 10 and 20 is not counted: 19 s are left, 1.75 missed, 1.75 confused.
    kind = diarisation_errors(actual, found, collar=0.25)
    assert (kind.spoken, kind.missed, kind.confused) == pytest.approx((19, 1.75, 1.75))


def test_overlapping_speech_counts_for_each_speaker():
    actual = [turn(0, 6, "anna"), turn(4, 8, "ben")]
    found = [turn(0, 6, "S1"), turn(6, 8, "S2"), turn(9, 10, "S2")]
    errors = diarisation_errors(actual, found, collar=0)
    # From 4 to 6 both speak and one is found; from 9 to 10 nobody does.
    assert (errors.spoken, errors.missed, errors.added, errors.confused) == pytest.approx((10, 2, 1, 0))


def test_speakers_are_mapped_so_that_the_most_time_agrees():
    actual = [turn(0, 5, "a"), turn(5, 9, "b")]
    # The first come would take S1 for a (3 s), and b would have nothing; the best is S2 for a and S1 for b.
    found = [turn(0, 2, "S2"), turn(2, 5, "S1"), turn(5, 9, "S1")]
    assert diarisation_errors(actual, found, collar=0).confused == pytest.approx(3)


def test_stretches_of_one_speaker_leave_out_where_two_speak():
    assert alone([turn(0, 6, "a"), turn(4, 8, "b")]) == [turn(0, 4, "a"), turn(6, 8, "b")]


def test_average_linkage_agrees_with_scipy():
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    vectors = np.random.default_rng(3).normal(size=(60, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    apart = distances(vectors)
    theirs = linkage(squareform(apart, checks=False), "average")
    assert np.allclose([height for *_, height in merges_of(apart)], theirs[:, 2])


def plan_with(**changed) -> DiarisationPlan:
    from dataclasses import replace

    return replace(usual_plan(RATE, 1.0, 0.5), **changed)


def test_windows_are_grouped_by_how_near_they_are_also_where_there_are_many():
    random = np.random.default_rng(0)
    middles = np.linalg.qr(random.normal(size=(8, 3)))[0].T
    who = random.integers(0, 3, 90)
    vectors = middles[who] + random.normal(0, 0.05, (90, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for plan in (plan_with(threshold=0.5), plan_with(threshold=0.5, most_windows=30), plan_with(threshold=0.0, speakers=3)):
        groups = groups_of(vectors, plan)
        assert groups[0] == 0 and groups.max() == 2
        assert all(len(set(groups[who == one])) == 1 for one in range(3))


def test_speech_is_found_between_pauses_whatever_the_level():
    samples, turns = conversation([0, 1, 0], pause=0.6)
    plan = usual_plan(RATE, 1.0, 0.5)
    for level in (1.0, 0.05):
        parts = speech_parts((samples * level).astype(np.float32), plan)
        assert len(parts) == 3
        for (begin, end), one in zip(parts, turns, strict=True):
            assert abs(begin / RATE - one["start"]) < 0.15 and abs(end / RATE - one["end"]) < 0.15
    assert speech_parts(np.zeros(RATE, np.float32), plan) == [] and speech_parts(np.zeros(10, np.float32), plan) == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    write_sounds(folder, "train", *voices(96, range(8), seconds=1.8))
    options = {"epochs": 6, "width": 16, "embedding": 16, "batchSize": 16, "mels": 32, "window": 1.0, "conversations": 6}
    write_job(folder, "audio.train", {"task": "diarisation", "target": None, "algorithms": ["auto"], "options": options, "threads": 1})
    assert run_here(folder) == 0, failure(folder)
    return folder


def judged(trained: Path, folder: Path, files: dict, more: dict) -> Path:
    write_sounds(folder, "test", files, more)
    for part in ("model", "native"):
        shutil.copytree(trained / part, folder / "input" / "data" / "model" / part)
    return write_job(folder, "audio.evaluate", {"target": None, "bootstrap": 50, "threads": 1})


def test_training_holds_out_speakers_and_says_what_a_guess_would_come_to(trained: Path):
    record = read_json(trained, "model/training.json")
    assert record["export"]["ok"] and record["division"]["note"] == "2 speakers that are not learned from"
    rate = record["validation"]["diarisation_error_rate"]["mean"]
    assert rate < record["baseline"]["diarisation_error_rate"]
    signature = read_json(trained, "model/signature.json")
    assert signature["inputs"][0]["samples"] is None and signature["outputs"] == [] and signature["turns"]["width"] == 16
    assert signature["turns"]["window"] == RATE and signature["turns"]["threshold"] == record["diarisation"]["threshold"]


def test_conversations_of_people_never_heard_are_divided_and_replayed(trained: Path, tmp_path: Path):
    made = [conversation(order, seed) for seed, order in enumerate([[20, 21, 20, 21], [22, 23, 22], [24, 25, 26, 24]])]
    files = {f"{k}.wav": wav(samples) for k, (samples, _) in enumerate(made)}
    folder = judged(trained, tmp_path, files, {"turns": [as_text(turns) for _, turns in made]})
    assert run_here(folder) == 0, failure(folder)
    evaluation = read_json(folder, "output/data/evaluation.json")
    metrics = evaluation["metrics"]
    parts = sum(metrics[name]["value"] for name in ("missed_speech", "added_speech", "speaker_confusion"))
    assert metrics["diarisation_error_rate"]["value"] == pytest.approx(parts) and parts < 0.35
    assert len(evaluation["diarisation"]["recordings"]) == 3 and not evaluation["diarisation"]["made"]
    expected = read_json(folder, "output/data/parity_expected.json")
    assert expected["complete"] and expected["kinds"].count("perturbed") == 3
    assert all("-" in turn and " S" in turn for turns in expected["labels"] for turn in turns)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("[", 'Row 1, column "turns": the turns are not valid JSON'),
        ('[{"start": 2, "end": 1, "speaker": "a"}]', "turn 0 begins at 2 s and ends at 1 s"),
        ('[{"start": 0, "speaker": "a"}]', 'turn 0 needs "start" and "end"'),
        ('[{"start": 0, "end": 99, "speaker": "a"}]', "a turn ends at 99 s, but the recording lasts"),
    ],
)
def test_turns_that_cannot_be_are_named_with_their_row(trained: Path, tmp_path: Path, cell: str, message: str):
    samples, turns = conversation([0, 1])
    files = {"good.wav": wav(samples), "bad.wav": wav(samples)}
    folder = judged(trained, tmp_path, files, {"turns": [json.dumps(turns), cell]})
    assert run_here(folder) == 2
    assert message in failure(folder)


def test_recordings_of_nobody_known_cannot_teach_voices(tmp_path: Path):
    files, _ = voices(6, range(3))
    write_sounds(tmp_path, "train", files, {})
    write_job(tmp_path, "audio.train", {"task": "diarisation", "target": None, "threads": 1})
    assert run_here(tmp_path) == 2
    assert "learns voices from recordings with a column of turns" in failure(tmp_path)
