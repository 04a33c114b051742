"""What every algorithm without a target promises."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import events, failure, read_json, run_here, start, write_channel, write_job
from small_tables import TYPES, small_table

import atoll_engines.unsupervised
from atoll_engines.recipes import raw_tensors
from atoll_engines.tabular.parity_rows import with_missing, with_unseen
from atoll_engines.unsupervised.algorithms import ALGORITHMS
from atoll_engines.unsupervised.describe_algorithms import describe
from atoll_engines.unsupervised.export import run_outputs
from atoll_engines.unsupervised.signature import TOLERANCE

TYPES = {**TYPES, "note": "text"}
QUICK = {"random_cut_forest": {"trees": 12, "sample": 64}, "isolation_forest": {"trees": 20}}
TABULAR = [name for name, one in ALGORITHMS.items() if one.runtime == "tabular"]
WORDS = {
    "garden": ["soil", "seed", "rain", "leaf", "root", "flower", "tree", "spade", "water", "grow"],
    "kitchen": ["pan", "oven", "salt", "bread", "butter", "knife", "soup", "plate", "taste", "cook"],
    "harbour": ["ship", "rope", "sail", "wind", "anchor", "wave", "crew", "deck", "storm", "cargo"],
}


def table(rows: int = 240, seed: int = 3) -> pd.DataFrame:
    """A small table of every type, with texts about one of three subjects."""
    frame = small_table("binary", rows, seed)
    random = np.random.default_rng(seed)
    subjects = random.choice(list(WORDS), rows)
    frame["note"] = [" ".join(random.choice(WORDS[one], 12)) + " the and" for one in subjects]
    frame["subject"] = subjects
    frame.loc[random.random(rows) < 0.03, "note"] = None
    return frame


def parameters(name: str, **changes) -> dict:
    task = ALGORITHMS[name].task
    label = "subject" if task == "topics" else "target"
    return {
        "task": task,
        "target": None,
        "algorithms": [name],
        "search": {"strategy": "none", "space": {name: QUICK[name]} if name in QUICK else None},
        "options": {"labelColumn": label} | ({"textColumn": "note", "topics": 3} if task == "topics" else {}),
        "threads": 1,
    } | changes


def columns_for(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    return frame if ALGORITHMS[name].task == "topics" else frame.drop(columns=["note", "subject"])


def trained(folder: Path, name: str, seed: int = 7, **changes) -> Path:
    folder.mkdir()
    write_channel(folder, "train", columns_for(name, table()), TYPES)
    write_job(folder, "unsupervised.train", parameters(name, **changes), seed)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """One trained folder for each algorithm, shared by the tests that only look at it."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = trained(tmp_path_factory.mktemp("jobs") / "job", name)
        return made[name]

    return get


def evaluated(folder: Path, model: Path, parameters: dict) -> Path:
    folder.mkdir()
    name = read_json(model, "model/training.json")["algorithm"]
    write_channel(folder, "test", columns_for(name, table(130, seed=9)), TYPES)
    channel = folder / "input" / "data" / "model"
    shutil.copytree(model / "model", channel)
    shutil.copytree(model / "native", channel / "native")
    write_job(folder, "unsupervised.evaluate", {"bootstrap": 20} | parameters)
    assert run_here(folder) == 0, failure(folder)
    return folder


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        if name == "cluster":
            np.testing.assert_array_equal(values, other[name])
        else:
            scale = np.maximum(1, np.abs(values))
            np.testing.assert_allclose(other[name] / scale, values / scale, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", TABULAR)
def test_the_export_answers_as_the_model_does_whatever_comes(once, name):
    folder = once(name)
    training = read_json(folder, "model/training.json")
    assert training["algorithm"] == name
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    pipeline = joblib.load(folder / "native" / "pipeline.joblib")
    inputs = pipeline.inputs
    rows = table(150, seed=11)[[one.name for one in inputs]]
    random = np.random.default_rng(0)
    nothing = pd.DataFrame({one.name: [None] for one in inputs}, dtype=object)
    model = (folder / "model" / "model.onnx").read_bytes()
    for part in (rows, with_missing(rows, random), with_unseen(rows, inputs, random), nothing):
        expected = pipeline.predict(part)
        assert all(np.isfinite(values).all() for values in expected.values())
        alike(expected, run_outputs(model, raw_tensors(part, inputs)))


@pytest.mark.parametrize("name", TABULAR)
def test_the_same_seed_gives_the_same_model(once, tmp_path, name):
    first, second = once(name), trained(tmp_path / "again", name)
    held = [pq.read_table(folder / "output" / "data" / "oof.parquet").to_pandas() for folder in (first, second)]
    pd.testing.assert_frame_equal(*held, check_exact=True)
    rows = table(60, seed=5)
    one, other = (joblib.load(folder / "native" / "pipeline.joblib").predict(rows) for folder in (first, second))
    for output in one:
        np.testing.assert_array_equal(one[output], other[output])


@pytest.mark.parametrize("name", TABULAR)
def test_the_sealed_rows_are_measured_and_put_to_the_proof(once, tmp_path, name):
    model = once(name)
    folder = evaluated(tmp_path / "evaluate", model, {"task": ALGORITHMS[name].task, "options": parameters(name)["options"]})
    evaluation = read_json(folder, "output/data/evaluation.json")
    training = read_json(model, "model/training.json")
    assert training["metric"] in evaluation["metrics"]
    for metric in evaluation["metrics"].values():
        assert np.isfinite([metric["value"], metric["low"], metric["high"]]).all()
    expected = read_json(folder, "output/data/parity_expected.json")
    lines = (folder / "output" / "data" / "parity_rows.jsonl").read_text().splitlines()
    assert len(lines) == len(expected["kinds"]) >= 1000
    outputs = [one["name"] for one in read_json(model, "model/signature.json")["outputs"]]
    assert list(expected["outputs"]) == outputs
    assert all(len(values) == len(lines) for values in expected["outputs"].values())
    # The label is for comparison alone: it is no input of the model.
    assert not {"target", "subject"} & {one["name"] for one in read_json(model, "model/signature.json")["inputs"]}
    rows = pq.read_table(folder / "output" / "data" / "predictions.parquet")
    assert rows.num_rows == 130 and "actual" in rows.column_names


@pytest.mark.parametrize("name", ["kmeans", "hdbscan", "gaussian_mixture"])
def test_a_resumed_job_equals_an_uninterrupted_one(tmp_path, name):
    search = {"strategy": "tpe", "trials": 5}
    whole = trained(tmp_path / "whole", name, search=search)
    parts = tmp_path / "parts"
    parts.mkdir()
    write_channel(parts, "train", columns_for(name, table()), TYPES)
    write_job(parts, "unsupervised.train", parameters(name, search=search))
    (parts / "checkpoints").mkdir()
    lines = (whole / "checkpoints" / "trials.jsonl").read_text().splitlines()
    # Killed in the middle of writing the fourth record.
    (parts / "checkpoints" / "trials.jsonl").write_text("\n".join(lines[:3]) + "\n" + lines[3][: len(lines[3]) // 2])
    assert run_here(parts) == 0, failure(parts)
    held = [pq.read_table(folder / "output" / "data" / "oof.parquet").to_pandas() for folder in (whole, parts)]
    pd.testing.assert_frame_equal(*held, check_exact=True)
    trials = [[{**one, "seconds": 0} for one in read_json(folder, "output/data/trials.json")] for folder in (whole, parts)]
    assert trials[0] == trials[1]
    assert any("Resumed after 3" in one["message"] for one in events(parts, "log"))


def test_sigterm_stops_within_seconds_and_leaves_whole_records(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    write_channel(folder, "train", columns_for("random_cut_forest", table(2000)), TYPES)
    space = {"random_cut_forest": {"trees": {"int": [50, 200]}, "sample": {"int": [64, 256]}}}
    write_job(folder, "unsupervised.train", parameters("random_cut_forest", search={"strategy": "random", "trials": 50, "space": space}))
    process = start(folder)
    try:
        checkpoint = folder / "checkpoints" / "trials.jsonl"
        deadline = time.monotonic() + 120
        while not checkpoint.is_file():
            assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
    finally:
        process.kill()
    assert all(json.loads(line) for line in checkpoint.read_text().splitlines())
    assert not (folder / "output" / "failure").exists()


def refused(folder: Path, frame: pd.DataFrame, parameters: dict) -> str:
    write_channel(folder, "train", frame, TYPES)
    write_job(folder, "unsupervised.train", parameters)
    assert run_here(folder) == 2
    return failure(folder)


def test_bad_input_names_the_column_the_row_and_what_would_help(tmp_path):
    frame = table(60).drop(columns=["note", "subject"])
    wrong = frame.copy()
    wrong.loc[17, "size"] = np.inf
    assert 'The column "size" holds an infinite value in row 17' in refused(tmp_path / "a", wrong, parameters("kmeans"))
    said = refused(tmp_path / "b", frame, parameters("kmeans", options={"labelColumn": "targt"}))
    assert said == 'The table has no label column "targt". Did you mean "target"?'
    said = refused(tmp_path / "c", frame, parameters("kmeans", options={"clusters": 1}))
    assert "options.clusters is 1" in said
    said = refused(tmp_path / "d", frame, parameters("kmeans", options={"cluster": 3}))
    assert said == 'There is no option "cluster". Did you mean "clusters"?'
    said = refused(tmp_path / "e", frame, parameters("kmeans", task="anomaly"))
    assert "k-means does clustering, not anomaly" in said
    assert "There are 12 rows" in refused(tmp_path / "f", frame.head(12), parameters("kmeans"))
    assert "compares with known labels" in refused(tmp_path / "g", frame, parameters("kmeans", metric="adjusted_rand", options={}))
    assert "60 rows" in refused(tmp_path / "h", frame, parameters("kmeans", options={"clusters": 40}))


def test_rows_sent_line_by_line_are_answered_or_refused_in_a_sentence(once, tmp_path):
    folder = tmp_path / "serve"
    shutil.copytree(once("random_cut_forest") / "model", folder / "input" / "data" / "model")
    shutil.copytree(once("random_cut_forest") / "native", folder / "input" / "data" / "model" / "native")
    write_job(folder, "unsupervised.predict", {"serve": True})
    process = start(folder)
    try:
        rows = [{"size": 1.5, "plan": "pro"}, {}]
        said, complaint = process.communicate("\n".join([json.dumps(rows), "nonsense", json.dumps([{"size": "tall"}])]) + "\n", timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, complaint
    ready, answer, wrong, unread = (json.loads(line) for line in said.splitlines())
    assert ready == {"ready": True}
    assert np.shape(answer["outputs"]["score"]) == (2, 1)
    assert "not a JSON array" in wrong["error"]
    assert '"tall" is not a number value' in unread["error"]


def test_the_file_that_the_platform_reads_is_up_to_date():
    file = Path(atoll_engines.unsupervised.__file__).parent / "algorithms.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(describe()))


def test_topics_of_three_subjects_are_told_apart(once):
    training = read_json(once("lda"), "model/training.json")
    assert training["validation"]["normalized_mutual_information"]["mean"] > 0.8
    topics = read_json(once("lda"), "model/explain.json")["topics"]
    for topic in topics:
        words = {one["word"] for one in topic["words"][:6]}
        assert any(len(words & set(subject)) >= 5 for subject in WORDS.values())


def test_a_neural_topic_model_keeps_the_contract(tmp_path):
    pytest.importorskip("torch", reason="ProdLDA needs the deep runtime")
    first, second = trained(tmp_path / "one", "prodlda"), trained(tmp_path / "two", "prodlda")
    assert read_json(first, "model/training.json")["export"]["path"] == "onnx"
    rows = table(100, seed=5)
    one, other = (joblib.load(folder / "native" / "pipeline.joblib") for folder in (first, second))
    np.testing.assert_array_equal(one.predict(rows)["topics"], other.predict(rows)["topics"])
    holes = with_missing(rows[["note"]], np.random.default_rng(0))
    answered = run_outputs((first / "model" / "model.onnx").read_bytes(), raw_tensors(holes, one.inputs))
    assert np.isfinite(answered["topics"]).all()
    assert read_json(first, "model/training.json")["validation"]["normalized_mutual_information"]["mean"] > 0.5


def test_the_number_of_groups_is_chosen_and_its_curves_are_kept(tmp_path):
    random = np.random.default_rng(0)
    middles = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    frame = pd.DataFrame(middles[random.integers(0, 4, 300)] + random.normal(0, 1, (300, 2)), columns=["east", "north"])
    write_channel(tmp_path, "train", frame, {})
    write_job(tmp_path, "unsupervised.train", {"task": "clustering", "target": None, "algorithms": ["kmeans"]})
    assert run_here(tmp_path) == 0, failure(tmp_path)
    assert read_json(tmp_path, "model/training.json")["params"]["clusters"] == 4
    explained = read_json(tmp_path, "model/explain.json")
    (curve,) = explained["choice"]
    assert [point["groups"] for point in curve["points"]] == list(range(2, 11))
    assert curve["chosen"] == curve["elbow"] == curve["gap"]["chosen"] == 4
    assert sum(group["rows"] for group in explained["groups"]) == 300
    assert all({one["column"] for one in group["differs"]} == {"east", "north"} for group in explained["groups"])
    shown = read_json(tmp_path, "model/map.json")
    assert len(shown["ids"]) == len(shown["layouts"]["umap"]) == len(shown["colours"]["cluster"]) == 300


def test_the_strangest_rows_say_which_column_makes_them_so(tmp_path):
    frame = table(300).drop(columns=["note", "subject", "target"])
    frame.loc[5, "speed"] = 400.0
    write_channel(tmp_path, "train", frame, TYPES)
    write_job(tmp_path, "unsupervised.train", parameters("random_cut_forest", options={"contamination": 0.05}))
    assert run_here(tmp_path) == 0, failure(tmp_path)
    strangest = read_json(tmp_path, "model/explain.json")["strangest"][0]
    assert strangest["row"] == 5 and strangest["why"][0]["column"] == "speed"
    held = pq.read_table(tmp_path / "output" / "data" / "oof.parquet").to_pandas()
    threshold = read_json(tmp_path, "model/signature.json")["threshold"]
    assert (held["score"] >= threshold).mean() == pytest.approx(0.05, abs=0.01)
