"""Audio engines: labels of sounds and speakers, from files to a served graph that answers the same."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
pytest.importorskip("soundfile", reason="needs the audio runtime")
from audio_tables import RATE, sound, sounds, voices, wav, write_sounds
from folders import events, failure, read_json, run_here, write_job

from atoll_engines.audio.networks.log_mel import LogMel
from atoll_engines.audio.verification import equal_error_rate
from atoll_engines.audio.waveform import prepare


def train(folder: Path, files, more, target="label", task="multiclass", algorithms=("auto",), options=None, weights=None, **others) -> Path:
    write_sounds(folder, "train", files, more)
    if weights:
        shutil.copytree(weights, folder / "input" / "data" / "weights")
    parameters = {"task": task, "target": target, "algorithms": list(algorithms), "options": options or {}, "threads": 1}
    return write_job(folder, "audio.train", parameters | others)


def judged(trained: Path, folder: Path, files, more, engine="audio.evaluate", **parameters) -> Path:
    write_sounds(folder, "test" if engine == "audio.evaluate" else "rows", files, more)
    for part in ("model", "native"):
        shutil.copytree(trained / part, folder / "input" / "data" / "model" / part)
    return write_job(folder, engine, {"bootstrap": 50, "parityRows": 40, "threads": 1} | parameters)


def served(model: Path, rows: list[dict[str, str]], output: str = "probabilities") -> np.ndarray:
    """What a server does: decode, resample, one graph; nothing of the engines' networks."""
    import onnxruntime

    about = json.loads((model / "signature.json").read_text())["inputs"][0]
    graph = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    heard = [prepare(base64.b64decode(row["clip"]), about["sampleRate"], about["samples"]) for row in rows]
    return np.concatenate([graph.run([output], {"audio": one[None]})[0] for one in heard])


@pytest.fixture(scope="module")
def cnn(tmp_path_factory) -> Path:
    options = {"epochs": 6, "width": 6, "batchSize": 16, "mels": 32}
    folder = train(tmp_path_factory.mktemp("cnn"), *sounds(90), algorithms=("audio_cnn",), options=options)
    assert run_here(folder) == 0, failure(folder)
    return folder


def test_a_network_beats_the_constant_baseline_and_leaves_a_package(cnn: Path):
    record = read_json(cnn, "model/training.json")
    assert record["export"]["ok"], record["export"]
    board = {line["algorithm"]: line["mean"] for line in record["leaderboard"]}
    assert board["audio_cnn"] > 0.85 > board["baseline"]
    signature = read_json(cnn, "model/signature.json")
    assert signature["inputs"] == [
        {"name": "clip", "type": "audio", "tensor": "audio", "index": 0, "nullable": False, "sampleRate": 8000, "samples": 4800}
    ]
    assert {"loss", "learning_rate", "validation.loss", "validation.accuracy"} <= {one["name"] for one in events(cnn, "metric")}
    assert (cnn / "native/weights.safetensors").is_file() and not list(cnn.glob("native/*.pkl"))


def test_an_answer_is_explained_by_the_places_of_its_spectrogram(cnn: Path, tmp_path: Path):
    for part in ("model", "native"):
        shutil.copytree(cnn / part, tmp_path / "input" / "data" / "model" / part)
    clicks = wav(sound("clicks", np.random.default_rng(2)))
    write_job(tmp_path, "audio.explain", {"rows": [{"clip": base64.b64encode(clicks).decode()}], "threads": 1})
    assert run_here(tmp_path) == 0, failure(tmp_path)
    (one,) = read_json(tmp_path, "output/data/explanations.json")["explanations"]
    assert one["kind"] == "pixels" and one["sound"]["highestHz"] == RATE / 2
    assert one["base"] + np.sum(one["regions"]) + one["gap"] == pytest.approx(one["answer"], abs=1e-4)
    assert one["seen"].startswith("data:image/png;base64,") and abs(one["gap"]) < 0.05


def test_the_sealed_sounds_are_judged_and_the_graph_answers_the_same(cnn: Path, tmp_path: Path):
    folder = judged(cnn, tmp_path, *sounds(30, seed=5))
    assert run_here(folder) == 0, failure(folder)
    assert read_json(folder, "output/data/evaluation.json")["metrics"]["accuracy"]["value"] > 0.8
    rows = [json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()]
    expected = read_json(folder, "output/data/parity_expected.json")
    assert expected["complete"] and set(expected["kinds"]) == {"held_out", "perturbed"}
    answered = served(cnn / "model", rows)
    assert np.abs(answered - np.array(expected["probabilities"])).max() < 1e-4
    classes = read_json(cnn, "model/signature.json")["classes"]
    assert [classes[k] for k in answered.argmax(1)] == expected["labels"]


def test_what_cannot_be_heard_is_named_with_its_file_and_left_out(tmp_path: Path):
    files, more = sounds(40, seed=3)
    random = np.random.default_rng(0)
    bad = {
        "empty.wav": b"",
        "none.wav": wav(np.zeros(0)),
        "silent.wav": wav(np.zeros(4000)),
        "short.wav": wav(random.normal(0, 0.1, 100)),
        "text.mp3": b"this is no sound at all",
    }
    labels, who = more["label"] + ["tone"] * len(bad), [f"s{k % 5}" for k in range(40 + len(bad))]
    folder = train(tmp_path, files | bad, {"label": labels, "speaker": who}, algorithms=("audio_linear",))
    assert run_here(folder) == 0, failure(folder)
    told = {one["facts"]["file"]: one["message"] for one in events(folder, "warning") if one["code"] == "sound_unreadable"}
    assert set(told) == set(bad)
    assert "empty" in told["empty.wav"] and "length is zero" in told["none.wav"] and "silent" in told["silent.wav"]
    assert "0.013 s" in told["short.wav"] and "no sound that can be read" in told["text.mp3"]
    rows = {one["facts"]["row"] for one in events(folder, "warning") if one["code"] == "sound_unreadable"}
    assert rows == set(range(40, 45))
    # Nobody who is validated on was learned from.
    assert read_json(folder, "model/training.json")["division"]["kind"] == "grouped"
    scored = set(pd.read_parquet(folder / "output/data/oof.parquet")["__row"])
    assert not {who[k] for k in scored} & {who[k] for k in range(40) if k not in scored}


def test_data_that_are_mostly_damaged_end_with_the_first_file(tmp_path: Path):
    files = {f"{k}.wav": b"" for k in range(20)} | {f"good-{k}.wav": wav(sound("tone", np.random.default_rng(k))) for k in range(20)}
    folder = train(tmp_path, files, {"label": ["a", "b"] * 20}, algorithms=("audio_linear",))
    assert run_here(folder) == 2
    assert '20 of 40 sounds cannot be read; the first: "0.wav" is empty.' in failure(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampleRate": 100}, "sampleRate is 100; it must be a whole number from 4000 to 48000"),
        ({"augment": {"gian": 3}}, 'augment has no "gian". Did you mean "gain"'),
        ({"margins": 1}, 'There is no option "margins" for sounds'),
        ({"speakerColumn": "who"}, 'There is no column "who" of speakers'),
    ],
)
def test_options_that_cannot_be_meant_are_refused_by_name(tmp_path: Path, options, message):
    folder = train(tmp_path, *sounds(12), options=options)
    assert run_here(folder) == 2
    assert message in failure(folder)


@pytest.fixture(scope="module")
def speakers(tmp_path_factory) -> Path:
    options = {"epochs": 6, "width": 16, "embedding": 16, "batchSize": 16, "mels": 32}
    folder = train(tmp_path_factory.mktemp("who"), *voices(80, range(8)), target="speaker", algorithms=("audio_speaker",), options=options)
    assert run_here(folder) == 0, failure(folder)
    return folder


def test_a_speaker_is_named_and_the_embedding_is_an_answer_too(speakers: Path, tmp_path: Path):
    signature = read_json(speakers, "model/signature.json")
    assert signature["outputs"] == [{"name": "probabilities", "width": 8}, {"name": "vector", "width": 16}]
    folder = judged(speakers, tmp_path, *voices(32, range(8), seed=4))
    assert run_here(folder) == 0, failure(folder)
    evaluation = read_json(folder, "output/data/evaluation.json")
    assert evaluation["metrics"]["accuracy"]["value"] > 0.8
    rate = evaluation["metrics"]["equal_error_rate"]
    assert 0 <= rate["low"] <= rate["value"] <= rate["high"] and rate["value"] < 0.2
    assert evaluation["verification"]["pairs"] == 32 * 31 // 2
    rows = [json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()]
    answered = served(speakers / "model", rows)
    assert np.abs(answered - np.array(read_json(folder, "output/data/parity_expected.json")["probabilities"])).max() < 1e-4
    assert np.allclose(np.linalg.norm(served(speakers / "model", rows[:4], "vector"), axis=1), 1, atol=1e-5)


def test_silence_after_a_sound_does_not_change_who_speaks(speakers: Path):
    """A fixed length is filled with zeros, which the network passes over."""
    import onnxruntime

    graph = onnxruntime.InferenceSession(speakers / "model" / "model.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    samples = read_json(speakers, "model/signature.json")["inputs"][0]["samples"]
    half = random.normal(0, 0.1, samples // 2).astype(np.float32)
    loud, quiet = np.zeros((2, samples), np.float32)
    loud[: len(half)], quiet[: len(half)] = half, half * 0.25
    vectors = graph.run(["vector"], {"audio": np.stack([loud, quiet])})[0]
    assert float(vectors[0] @ vectors[1]) > 0.95


def test_equal_errors_of_scores_worked_by_hand():
    # From 0.8 on: one of the two same pairs is missed (1/2), no other is accepted (0/2); from 0.6 on: 1/2 and 1/2.
    value, threshold = equal_error_rate(np.array([0.8, 0.6, 0.5, 0.1]), np.array([True, False, True, False]))
    assert (value, threshold) == (0.5, 0.6)
    assert equal_error_rate(np.array([0.9, 0.8, 0.2]), np.array([True, True, False]))[0] == 0


def test_the_spectrogram_is_what_the_library_feeds_its_transformer():
    import torch
    from transformers import ASTFeatureExtractor

    heard = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    theirs = ASTFeatureExtractor(max_length=98)(heard, sampling_rate=16000, return_tensors="np")["input_values"][0]
    ours = LogMel(16000, 128)(torch.from_numpy(heard)[None])[0].numpy().T
    assert ours.shape == theirs.shape
    assert np.abs((ours + 4.2677393) / (2 * 4.5689974) - theirs).max() < 2e-3


def test_a_transformer_begins_with_given_weights(tmp_path: Path):
    from transformers import ASTConfig, ASTModel

    weights = tmp_path / "weights"
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "num_mel_bins": 32}
    ASTModel(ASTConfig(**shape, max_length=128)).save_pretrained(weights)
    (weights / "preprocessor_config.json").write_text(json.dumps({"mean": -5.0, "std": 4.0, "sampling_rate": RATE}))
    options = {"epochs": 2, "freeze": "all"}
    folder = train(tmp_path / "job", *sounds(36), algorithms=("audio_ast",), options=options, weights=weights)
    assert run_here(folder) == 0, failure(folder)
    record = read_json(folder, "model/training.json")
    assert record["export"]["ok"], record["export"]
    assert record["model"]["from"] == "given weights" and record["model"]["mels"] == 32 and record["model"]["std"] == 8
    from safetensors.torch import load_file

    kept, given = load_file(folder / "native/weights.safetensors"), load_file(weights / "model.safetensors")
    query = next(given[name] for name in sorted(given) if name.endswith(("query.weight", "q_proj.weight")))
    assert any(one.shape == query.shape and bool((one == query).all()) for one in kept.values())
