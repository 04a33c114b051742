"""The user's own script as a job: SageMaker's layout and variables, metrics, notebooks, serving functions, clear ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from folders import events, failure, read_json, run_here, write_channel, write_job
from small_tables import TYPES, small_table

SCRIPT = '''
import argparse, json, os
import joblib, pandas as pd
from sklearn.linear_model import LogisticRegression

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def input_fn(body, content_type):
    import io
    assert content_type == "text/csv"
    return pd.read_csv(io.StringIO(body), header=None).select_dtypes("number").fillna(0).iloc[:, :1].to_numpy()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--c-value", type=float, default=1.0)
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    args, _ = parser.parse_known_args()
    assert json.loads(os.environ["SM_HPS"])["c-value"] == args.c_value and os.environ["SM_HP_C-VALUE"] == "0.5"
    assert json.loads(os.environ["SM_CHANNELS"]) == ["train"]
    frame = pd.read_csv(os.path.join(args.train, "train.csv"))
    x = frame.drop(columns=["target"]).select_dtypes("number").fillna(0).iloc[:, :1].to_numpy()
    model = LogisticRegression(C=args.c_value).fit(x, frame["target"])
    for epoch in range(3):
        print(f"epoch {epoch} train:accuracy={model.score(x, frame['target']) - (2 - epoch) / 10:.4f};")
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
'''


def script_job(folder: Path, files: dict[str, str], *, task: str | None = None, **script) -> Path:
    code = folder / "input" / "data" / "code"
    code.mkdir(parents=True)
    for path, content in files.items():
        (code / path).write_text(content)
    parameters: dict = {"script": script}
    if task:
        table = small_table(task)
        write_channel(folder, "table/train", table, TYPES)
        csv = folder / "input" / "data" / "train"
        csv.mkdir()
        table.to_csv(csv / "train.csv", index=False)
        parameters |= {"task": task, "target": "target", "positive": "yes" if task == "binary" else None, "metric": "f1"}
    write_job(folder, "script.train", parameters)
    return folder


def test_a_sagemaker_script_runs_unmodified_is_measured_and_answers(tmp_path):
    folder = script_job(
        tmp_path / "job",
        {"train.py": SCRIPT},
        task="binary",
        hyperparameters={"c-value": 0.5},
        metrics=[{"Name": "train:accuracy", "Regex": "train:accuracy=([0-9.]+);"}],
    )
    assert run_here(folder) == 0, failure(folder)
    measured = [(one["step"], one["value"]) for one in events(folder, "metric")]
    assert [step for step, _ in measured] == [0, 1, 2]
    assert measured[0][1] < measured[2][1]
    assert (folder / "native" / "model" / "model.joblib").is_file()
    assert list((folder / "model").glob("*.joblib")) == []
    record = read_json(folder, "model/training.json")
    assert record["algorithm"] == "script" and record["params"] == {"c-value": 0.5}
    signature = read_json(folder, "model/signature.json")
    assert signature["classes"][1] == "yes" and "target" not in [one["name"] for one in signature["inputs"]]

    evaluated = tmp_path / "evaluate"
    evaluated.mkdir()
    write_channel(evaluated, "test", small_table("binary"), TYPES)
    shutil.copytree(folder / "model", evaluated / "input/data/model")
    shutil.copytree(folder / "native", evaluated / "input/data/model/native")
    write_job(evaluated, "script.evaluate", {"task": "binary", "target": "target", "positive": "yes", "threshold": 0.5, "bootstrap": 50})
    assert run_here(evaluated) == 0, failure(evaluated)
    metrics = read_json(evaluated, "output/data/evaluation.json")["metrics"]
    assert metrics["roc_auc"]["value"] == pytest.approx(record["training"]["roc_auc"], abs=1e-9)
    expected = read_json(evaluated, "output/data/parity_expected.json")
    assert {"held_out", "missing_injected", "unseen_injected"} == set(expected["kinds"])


def test_a_plain_script_logs_with_a_few_lines(tmp_path):
    text = "import atoll\natoll.param(lr=0.1)\nfor e in range(2):\n    atoll.log(step=e, loss=1 / (e + 1))\n    atoll.progress(e + 1, 2)\n"
    folder = script_job(tmp_path / "job", {"go.py": text})
    assert run_here(folder) == 0, failure(folder)
    assert [(one["name"], one["value"]) for one in events(folder, "metric")] == [("loss", 1.0), ("loss", 0.5)]
    assert events(folder, "param")[0]["parameters"] == {"lr": 0.1}
    assert events(folder, "progress")[-1]["done"] == 2


def test_a_notebook_runs_from_top_to_bottom_and_keeps_its_outputs(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# words"]},
        {"cell_type": "code", "source": ["import os\n", "print('hello')\n", "x = 40"], "outputs": []},
        {"cell_type": "code", "source": "x + 2", "outputs": []},
    ]
    text = json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
    folder = script_job(tmp_path / "job", {"study.ipynb": text})
    assert run_here(folder) == 0, failure(folder)
    done = read_json(folder, "output/data/study.ipynb")["cells"]
    assert done[1]["outputs"][0]["text"] == ["hello\n"]
    assert done[2]["outputs"][-1]["data"]["text/plain"] == ["42"]
    cells[2]["source"] = "1 / 0"
    broken = script_job(tmp_path / "broken", {"study.ipynb": json.dumps({"cells": cells, "nbformat": 4, "metadata": {}})})
    assert run_here(broken) == 2
    assert "ZeroDivisionError" in failure(broken)
    assert read_json(broken, "output/data/study.ipynb")["cells"][2]["outputs"][-1]["ename"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("files", "script", "sentence"),
    [
        ({"t.py": "raise ValueError('the column age is missing')"}, {}, "t.py ended with exit code 1: ValueError: the column age"),
        ({"t.py": "open('../output/failure', 'w').write('no rows left')\nexit(4)"}, {}, "exit code 4: no rows left"),
        ({"a.py": "", "b.py": ""}, {}, "Say which file to start"),
        ({"a.py": ""}, {"entryPoint": "c.py"}, 'The entry point "c.py" is not among the files: a.py'),
        ({}, {}, "the channel code is empty"),
        ({"a.py": "", "requirements.txt": "numpy>=1\nno-such-package==3\n"}, {}, "no-such-package==3 (line 2) is not in it"),
        ({"a.py": "", "requirements.txt": "numpy<1\n"}, {}, "numpy<1 (line 1), but it has"),
        ({"a.py": ""}, {"metrics": [{"name": "loss", "regex": "loss=(["}]}, 'regular expression of the metric "loss" is not valid'),
        ({"a.py": ""}, {"metrics": [{"name": "loss", "regex": "loss="}]}, "has no group"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_in_one_sentence(tmp_path, files, script, sentence):
    folder = script_job(tmp_path / "job", files, **script)
    assert run_here(folder) == 2
    assert sentence in failure(folder)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("[[0.1, 0.2, 0.7]] * len(data)", "answered 3 values a row; there are 2 classes"),
        ("['yes']", "answered 1 values for"),
        ("['maybe'] * len(data)", 'answered "maybe", which is neither a class'),
        ("{'answer': 3}", "an object without predictions; it has answer"),
    ],
)
def test_an_answer_that_cannot_be_read_is_named(tmp_path, answer, sentence):
    text = f"def model_fn(d): return 1\ndef predict_fn(data, model): return {answer}\n"
    folder = script_job(tmp_path / "job", {"a.py": text}, task="binary")
    assert run_here(folder) == 2
    assert sentence in failure(folder)
