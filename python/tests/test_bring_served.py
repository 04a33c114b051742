"""Models that answer from Python: users' own code, and originals without a faithful graph, line by line in a process of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from brought_models import bring, parity, proven, source
from folders import read_json, start, write_job

pytestmark = pytest.mark.timeout(60)

SAGEMAKER = """
import json, os
def model_fn(folder):
    return json.load(open(os.path.join(folder, "weights.json")))
def input_fn(body, content_type):
    assert content_type == "application/json"
    return json.loads(body)
def predict_fn(rows, model):
    return [model["slope"] * row["x"] + (1 if row["city"] == "Oslo" else 0) for row in rows]
def output_fn(said, accept):
    return json.dumps({"predictions": said}), accept
"""
OWN = """
import os, sys
print("this is a print of mine")
def load(folder):
    return {"limit": 3}
def predict(model, rows):
    print('{"probabilities": [[0, 1]]}')
    if (rows["x"] == 666).any():
        os._exit(9)
    if (rows["x"] == 13).any():
        raise KeyError("thirteen")
    return ["high" if x > model["limit"] else "low" for x in rows["x"]]
"""


@pytest.fixture
def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.integers(0, 10, 40).astype(float), "city": random.choice(["Oslo", "Ulm"], 40)})


def served(folder: Path, lines: list[list[dict]]) -> tuple[list[dict], int, str]:
    """What a worker answers to lines, how it ended, and its log."""
    serving = write_job(folder / "serving", "bring.predict", {"serve": True})
    shutil.copytree(folder / "model", serving / "input/data/model")
    shutil.copytree(folder / "native", serving / "input/data/model/native")
    process = start(serving)
    out, log = process.communicate("".join(json.dumps(line) + "\n" for line in lines), timeout=40)
    return [json.loads(line) for line in out.splitlines()], process.returncode, log


def test_sagemaker_functions_answer_warm_and_as_in_the_proof(tmp_path, rows):
    bundle = source(tmp_path)
    (bundle / "code").mkdir()
    (bundle / "code/inference.py").write_text(SAGEMAKER)
    (bundle / "weights.json").write_text('{"slope": 2}')
    result = bring(tmp_path, "custom", "", rows, task="regression", options={"contentType": "application/json"})
    assert result["task"] == "regression" and not result["exported"] and "answers from that code" in result["reason"], result
    _, sent, expected = parity(tmp_path)
    answers, code, _ = served(tmp_path, [sent[:30].to_dict("records"), [{"x": 4, "city": "Oslo"}]])
    assert code == 0 and answers[0] == {"ready": True}
    assert answers[1]["predictions"] == pytest.approx(expected["predictions"][:30], abs=1e-6) and answers[2] == {"predictions": [9.0]}


def test_code_that_prints_fails_or_dies_harms_nobody_else(tmp_path, rows):
    (source(tmp_path) / "predict.py").write_text(OWN)
    result = bring(tmp_path, "custom", "", rows, task="binary", classes=["low", "high"])
    assert not result["exported"], result
    lines = [[{"x": 1}, {"x": 5}], [{"x": 13}], [{"x": 4}], [{"x": 666}], [{"x": 1}]]
    answers, code, log = served(tmp_path, [[{"city": "Ulm", **row} for row in line] for line in lines])
    assert answers[0] == {"ready": True} and answers[1] == {"probabilities": [[1, 0], [0, 1]]}
    # A failure is an answer; a print goes to the log; only a death ends the process, and nothing else is said.
    assert "own code failed: KeyError: 'thirteen'" in answers[2]["error"] and answers[3] == {"probabilities": [[0, 1]]}
    assert len(answers) == 4 and code == 9 and "a print of mine" in log


def test_an_original_without_a_graph_answers_as_in_the_proof(tmp_path, rows):
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(3).fit(rows[["x"]], np.where(rows.x > 4, "b", "a"))
    joblib.dump(model, source(tmp_path) / "near.joblib")
    bring(tmp_path, "sklearn", "near.joblib", rows[["x"]])
    _, sent, expected = parity(tmp_path)
    answers, code, _ = served(tmp_path, [sent[:50].to_dict("records"), [{"x": None}]])
    assert code == 0 and np.abs(np.array(answers[1]["probabilities"]) - np.array(expected["probabilities"][:50])).max() < 1e-6
    assert "Input X contains NaN" in answers[2]["error"]


def test_torchscript_is_a_graph_or_says_what_it_lacks(tmp_path, rows):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    torch.jit.script(network).save(str(source(tmp_path) / "net.pt"))
    sample = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "b", "c"])
    lacking = bring(tmp_path, "torchscript", "net.pt", sample)
    assert lacking.startswith("The file does not tell what the model answers")
    result = bring(tmp_path, "torchscript", "net.pt", sample, classes=["x", "y", "z"])
    assert result["exported"] and result["task"] == "multiclass", result
    assert proven(tmp_path) and any("taken as margins (softmax)" in note for note in result["notes"])
    signature = read_json(tmp_path, "model/signature.json")
    assert [one["name"] for one in signature["inputs"]] == ["a", "b", "c"] and signature["inputs"][0]["required"]


@pytest.mark.parametrize(
    ("files", "asked", "sentence"),
    [
        ({"readme.md": ""}, {}, "The folder has no inference.py"),
        ({"predict.py": "import nosuch"}, {}, "The code of the model failed while it was loaded: ModuleNotFoundError"),
        ({"predict.py": "x = 1"}, {}, "predict.py defines no function predict(rows)"),
        ({"predict.py": "def predict(rows): return 1"}, {"task": None}, "The file does not tell what the model answers"),
        ({"predict.py": "def predict(rows): return [1]"}, {}, "The script answered 1 values for"),
        ({"predict.py": "def predict(rows): return rows.x", "requirements.txt": "nosuch>=2"}, {}, "requirements.txt asks for what"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_code_is_said(tmp_path, rows, files, asked, sentence):
    for name, text in files.items():
        (source(tmp_path) / name).write_text(text)
    assert bring(tmp_path, "custom", "", rows, **{"task": "regression"} | asked).startswith(sentence)
