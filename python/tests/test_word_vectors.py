"""Vectors of words: words in the same company are near one another, the same in the graph, and judged on texts never seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folders import failure, read_json, run_here, write_channel, write_job

from atoll_engines.recipes import InputColumn, raw_tensors
from atoll_engines.unsupervised.algorithms.model import Setting
from atoll_engines.unsupervised.algorithms.word_vectors import ALGORITHMS
from atoll_engines.unsupervised.export import run_outputs
from atoll_engines.unsupervised.vectors.measure import nearest_words
from atoll_engines.unsupervised.vectors.sequences import ByWordOrder
from atoll_engines.unsupervised.vectors.skip_gram import BUCKETS, pieces_of, windows

BIRDS = ["heron", "egret", "curlew", "dunlin", "plover", "godwit"]
BOATS = ["trawler", "ferry", "dinghy", "yacht", "barge", "tug"]
AT_SHORE = ["waded", "probed", "roosted", "preened"]
IN_HARBOUR = ["moored", "anchored", "docked", "refuelled"]
PARAMS = {"components": 16, "epochs": 30, "learning_rate": 0.03, "window": 3}


def notes(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """Birds do what birds do, boats what boats do, in the same sentences."""
    random = np.random.default_rng(seed)
    texts = []
    for row in range(rows):
        things, deeds = (BIRDS, AT_SHORE) if row % 2 else (BOATS, IN_HARBOUR)
        parts = [f"the {random.choice(things)} {random.choice(deeds)} at dawn" for _ in range(4)]
        texts.append(", ".join(parts) + ".")
    return pd.DataFrame({"note": texts})


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    write_channel(folder, "train", notes(), {"note": "text"})
    parameters = {
        "task": "embedding", "target": None, "metric": "roc_auc", "algorithms": ["word_vectors"],
        "search": {"strategy": "none", "space": {"word_vectors": PARAMS}}, "validation": {"kind": "kfold", "folds": 2}, "threads": 1,
    }  # fmt: skip
    write_job(folder, "unsupervised.train", parameters)
    assert run_here(folder) == 0, failure(folder)
    return folder


def fitted(frame: pd.DataFrame, **changes):
    preparation, x = ByWordOrder(InputColumn("note", "text")).fit(frame)
    algorithm = ALGORITHMS[0]
    model = algorithm.build(algorithm.defaults | PARAMS | changes, Setting(3, 1))
    model.fit(x)
    return preparation, model, x


def test_words_in_the_same_company_are_near_one_another(trained):
    explained = read_json(trained, "model/explain.json")["words"]
    near = {one["word"]: [other["word"] for other in one["near"][:3]] for one in explained}
    for world in (BIRDS + AT_SHORE, BOATS + IN_HARBOUR):
        inside = [len(set(near[word]) & set(world)) for word in world]
        assert np.mean(inside) > 2.5, near
    assert explained[0]["word"] in ("the", "at", "dawn") and explained[0]["times"] == max(one["times"] for one in explained)
    assert read_json(trained, "model/training.json")["export"]["path"] == "onnx"


def test_company_is_foretold_in_texts_never_seen(trained, tmp_path):
    channel = tmp_path / "input" / "data"
    shutil.copytree(trained / "model", channel / "model")
    shutil.copytree(trained / "native", channel / "model" / "native")
    write_channel(tmp_path, "test", notes(80, seed=5), {"note": "text"})
    write_job(tmp_path, "unsupervised.evaluate", {"task": "embedding", "bootstrap": 50, "parityRows": 100})
    assert run_here(tmp_path) == 0, failure(tmp_path)
    auc = read_json(tmp_path, "output/data/evaluation.json")["metrics"]["roc_auc"]
    # Half of the words are in every sentence, and of them chance guesses as well.
    assert 0.57 < auc["low"] <= auc["value"] <= auc["high"] <= 1
    assert len(read_json(tmp_path, "output/data/parity_expected.json")["outputs"]["vector"][0]) == PARAMS["components"]


def test_the_graph_answers_with_the_mean_of_the_words(trained):
    import joblib

    pipeline = joblib.load(trained / "native/pipeline.joblib")
    rows = pd.DataFrame({"note": ["The HERON waded at dawn", "", "zzz qqq", None, "Dinghy dinghy moored"]})
    graph = (trained / "model/model.onnx").read_bytes()
    answered = run_outputs(graph, raw_tensors(rows, pipeline.inputs))["vector"]
    np.testing.assert_allclose(answered, pipeline.predict(rows)["vector"], atol=1e-5)
    places = {name: place for place, name in enumerate(pipeline.preparation.names)}
    vectors = pipeline.model.vectors
    expected = (2 * vectors[places["dinghy"]] + vectors[places["moored"]]) / 3
    np.testing.assert_allclose(answered[4], expected, atol=1e-5)
    assert not answered[[1, 2, 3]].any()


def test_the_same_seed_gives_the_same_vectors_and_pieces_bring_relatives_near():
    frame = notes(120)
    one, other = fitted(frame, epochs=4)[1], fitted(frame, epochs=4)[1]
    np.testing.assert_array_equal(one.vectors, other.vectors)
    whole = fitted(frame, epochs=4, subwords=False)[1]
    assert not np.array_equal(one.vectors, whole.vectors)
    table = pieces_of(["heron", "herons", "tug"])
    shared = set(table[0]) & set(table[1]) - {BUCKETS}
    assert len(shared) > 5 and not set(table[0]) & set(table[2]) - {BUCKETS}


def test_windows_hold_the_words_around_each_and_no_other():
    random = np.random.default_rng(0)
    centre, around = windows([np.array([0, 1, 2, 3]), np.array([4])], 2, np.ones(5), random)
    assert centre.tolist() == [0, 1, 2, 3]
    text = [0, 1, 2, 3]
    for place, row in enumerate(around):
        beside = {text[place + step] for step in (-2, -1, 1, 2) if 0 <= place + step < 4}
        assert set(row[row >= 0]) <= beside and len(row[row >= 0]) >= 1


def test_nearest_words_are_those_of_the_largest_cosine():
    vectors = np.array([[1, 0], [2, 0.2], [0, 1], [-1, 0]], np.float32)
    found = nearest_words(vectors, ["a", "b", "c", "d"], [5, 9, 1, 2], count=2)
    assert [one["word"] for one in found] == ["b", "a", "d", "c"]
    a = next(one for one in found if one["word"] == "a")
    assert [one["word"] for one in a["near"]] == ["b", "c"]
    assert a["near"][0]["similarity"] == pytest.approx(2 / np.hypot(2, 0.2), abs=1e-4)


def test_texts_without_words_are_refused(tmp_path):
    write_channel(tmp_path, "train", pd.DataFrame({"note": [f"x{row} y{row}" for row in range(40)]}), {"note": "text"})
    write_job(tmp_path, "unsupervised.train", {"task": "embedding", "algorithms": ["auto"], "threads": 1})
    assert run_here(tmp_path) == 2
    assert "vectors of words need longer texts" in failure(tmp_path)
