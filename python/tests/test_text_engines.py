"""Training, evaluating and serving models of texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import events, failure, read_json, run_here, start, write_channel, write_job
from text_tables import TYPES, reviews, tiny_weights

import atoll_engines.text
from atoll_engines.tabular.export import run_graph
from atoll_engines.text.describe_algorithms import describe
from atoll_engines.text.tokens import encode, learn_tokenizer, padded, read_tokenizer

TARGETS = {"binary": "score", "regression": "stars", "multilabel": "labels"}
SMALL = {"maxLength": 48, "vocabulary": 200}
NETWORK = {"width": 32, "layers": 1, "heads": 2}


def trained(folder: Path, algorithm: str, task: str = "binary", frame: pd.DataFrame | None = None, **changes) -> Path:
    frame = reviews() if frame is None else frame
    columns = changes.pop("columns", ["review"])
    types = {name: kind for name, kind in TYPES.items() if name in frame}
    write_channel(folder, "train", frame[[*columns, TARGETS[task]]], types)
    search = {"strategy": "none", "space": {"text_transformer": NETWORK, "text_bag": {"epochs": 12, "width": 32, "pair_buckets": 500}}}
    parameters = {
        "task": task, "target": TARGETS[task], "positive": "great" if task == "binary" else None, "algorithms": [algorithm],
        "search": search,
        "validation": {"kind": "stratified", "folds": 2}, "options": SMALL, "threads": 1,
    }  # fmt: skip
    write_job(folder, "text.train", parameters | changes)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def evaluated(trained: Path, folder: Path, task: str, rows: int = 80) -> dict:
    channel = folder / "input" / "data"
    shutil.copytree(trained / "model", channel / "model")
    shutil.copytree(trained / "native", channel / "model" / "native")
    write_channel(folder, "test", reviews(rows, seed=9), TYPES)
    write_job(folder, "text.evaluate", {"target": TARGETS[task], "task": task, "bootstrap": 50, "parityRows": 200})
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return read_json(folder, "output/data/evaluation.json")


def graph_answers(folder: Path, texts: list[str]) -> np.ndarray:
    """As the platform serves: the signature says which tensor, `tokenizer.json` gives the ids."""
    signature, graph = read_json(folder, "model/signature.json"), (folder / "model" / "model.onnx").read_bytes()
    column = signature["inputs"][0]
    if column["tensor"] == "strings":
        return run_graph(graph, {"strings": np.array([[text] for text in texts], dtype=object)})
    tokenizer = read_tokenizer((folder / "model" / "tokenizer.json").read_text())
    ids, mask = padded(encode(tokenizer, texts, column["maxLength"]), column["pad"])
    return run_graph(graph, {"input_ids": ids, "attention_mask": mask})


@pytest.mark.parametrize("algorithm", ["text_tfidf_linear", "text_bag", "text_transformer"])
@pytest.mark.parametrize("task", ["binary", "multilabel", "regression"])
def test_a_model_learns_is_judged_and_is_served_as_it_was_trained(tmp_path, algorithm, task):
    options = SMALL | ({"epochs": 20, "learningRate": 3e-3} if algorithm == "text_transformer" else {})
    folder = trained(tmp_path / "fit", algorithm, task, options=options)
    training = read_json(folder, "model/training.json")
    assert training["algorithm"] == algorithm
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    assert training["export"]["rows"] >= 200
    evaluation = evaluated(folder, tmp_path / "judge", task)
    metric = {"binary": "f1", "multilabel": "f1_micro", "regression": "r2"}[task]
    least = 0.5 if algorithm == "text_transformer" and task != "binary" else 0.8
    if (algorithm, task) != ("text_bag", "regression"):
        assert evaluation["metrics"][metric]["value"] > least
    rows = [json.loads(line) for line in (tmp_path / "judge/output/data/parity_rows.jsonl").read_text().splitlines()]
    expected = read_json(tmp_path / "judge", "output/data/parity_expected.json")
    assert len(rows) >= 200
    answered = graph_answers(folder, [row["review"] or "" for row in rows])
    wanted = expected["predictions"] if task == "regression" else expected["probabilities"]
    answered = answered[:, 0] if task == "regression" else answered
    np.testing.assert_allclose(answered, wanted, rtol=0, atol=read_json(folder, "model/signature.json")["tolerance"])


def test_several_columns_make_one_document(tmp_path):
    frame = reviews()
    folder = trained(tmp_path, "text_tfidf_linear", frame=frame, columns=["title", "review"], options={"separator": " / "})
    signature = read_json(folder, "model/signature.json")
    fed = [(one["name"], one["tensor"], one["index"]) for one in signature["inputs"]]
    assert fed == [("title", "strings", 0), ("review", "strings", 1)]
    cells = frame[["title", "review"]].to_numpy(dtype=object)
    graph = (folder / "model" / "model.onnx").read_bytes()
    joined = np.array([["", f"{title} / {review}"] for title, review in cells], dtype=object)
    np.testing.assert_allclose(run_graph(graph, {"strings": cells}), run_graph(graph, {"strings": joined}), atol=1e-6)


def test_labels_have_a_threshold_each_and_are_told_as_lists(tmp_path):
    folder = trained(tmp_path / "fit", "text_tfidf_linear", "multilabel")
    signature = read_json(folder, "model/signature.json")
    assert signature["classes"] == ["late", "price", "taste"]
    assert len(signature["thresholds"]) == 3
    evaluated(folder, tmp_path / "judge", "multilabel")
    expected = read_json(tmp_path / "judge", "output/data/parity_expected.json")
    wanted = [[name for name, p, least in zip(signature["classes"], row, signature["thresholds"], strict=True) if p >= least]
              for row in expected["probabilities"]]  # fmt: skip
    assert expected["labels"] == wanted
    predictions = pq.read_table(tmp_path / "judge/output/data/predictions.parquet").to_pandas()
    assert set(json.loads(predictions["predicted"][0])) <= set(signature["classes"])


def test_the_linear_model_stands_first_on_the_leaderboard_of_trials(tmp_path):
    folder = trained(tmp_path, "auto", search={"trials": 3, "space": {"text_bag": {"epochs": 2, "pair_buckets": 0}}})
    tried = [one["algorithm"] for one in events(folder, "trial") if one["state"] == "complete"]
    assert tried[:3] == ["baseline", "text_tfidf_linear", "text_bag"]
    terms = {one["class"]: [term["term"] for term in one["terms"]] for one in read_json(folder, "model/explain.json")["terms"]}
    assert set(terms["great"][:6]) & {"lovely", "great", "tasty", "fine"}


def test_a_fit_taken_up_after_a_stop_equals_one_that_ran_through(tmp_path):
    from safetensors.numpy import load_file

    options = SMALL | {"epochs": 3, "wordDropout": 0.2, "synonyms": [["great", "lovely"]]}
    whole = trained(tmp_path / "whole", "text_transformer", options=options)
    import atoll_engines.neural.trainer as trainer

    stopped, before = tmp_path / "stopped", trainer.Training.run_epoch

    def stop_after_two(training):
        if training.epoch == 2:
            raise KeyboardInterrupt
        before(training)
        training.save()

    trainer.Training.run_epoch = stop_after_two
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(stopped, "text_transformer", options=options)
    finally:
        trainer.Training.run_epoch = before
    resumed = trained(stopped, "text_transformer", options=options)
    assert any("Goes on from epoch 3" in one["message"] for one in events(resumed, "log"))
    first, second = (load_file(folder / "native" / "weights.safetensors") for folder in (whole, resumed))
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_weights_that_the_user_brings_are_fine_tuned(tmp_path, kind):
    tiny_weights(tmp_path / "fit" / "input" / "data" / "weights", kind)
    folder = trained(tmp_path / "fit", "text_transformer", options={"maxLength": 32, "epochs": 25, "learningRate": 3e-3, "freeze": 1})
    training = read_json(folder, "model/training.json")
    assert training["model"]["from"] == "given weights"
    assert training["model"]["architecture"] == kind
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    assert training["validation"]["f1"]["mean"] > 0.8


def test_a_worker_answers_lines_with_the_python_model(tmp_path):
    folder = trained(tmp_path / "fit", "text_bag")
    job = tmp_path / "serve"
    shutil.copytree(folder / "model", job / "input" / "data" / "model")
    shutil.copytree(folder / "native", job / "input" / "data" / "model" / "native")
    write_job(job, "text.predict", {"serve": True})
    process = start(job)
    out, _ = process.communicate(json.dumps([{"review": "lovely tasty"}, {"review": None}]) + "\n[1]\n", timeout=120)
    ready, answer, refused = (json.loads(line) for line in out.splitlines())
    assert ready == {"ready": True}
    np.testing.assert_allclose(answer["probabilities"], graph_answers(folder, ["lovely tasty", ""]), atol=1e-5)
    assert "array of objects" in refused["error"]


def refused(tmp_path: Path, frame: pd.DataFrame, **changes) -> str:
    write_channel(tmp_path, "train", frame, {name: kind for name, kind in TYPES.items() if name in frame})
    parameters = {"task": "binary", "target": "score", "algorithms": ["text_tfidf_linear"], "options": {}}
    write_job(tmp_path, "text.train", parameters | changes)
    assert run_here(tmp_path) == 2
    return failure(tmp_path)


def test_documents_that_are_empty_are_named_or_refused(tmp_path):
    frame = reviews()
    frame.loc[[3, 7], "review"] = ["", None]
    folder = trained(tmp_path / "some", "text_tfidf_linear", frame=frame)
    [warning] = [one for one in events(folder, "warning") if one["code"] == "empty_documents"]
    assert warning["message"] == "2 rows hold no text and are left out, the first is row 3."
    frame["review"] = "  "
    assert refused(tmp_path / "all", frame[["review", "score"]]) == 'Every document is empty ("review"); there is nothing to learn from.'


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"options": {"column": "reviw"}}, 'no text column "reviw" to learn from. Did you mean "review"?'),
        ({"options": {"column": "stars"}}, 'Column "stars" is of type number, not text.'),
        ({"options": {"epoch": 3}}, 'no option "epoch" for texts. Did you mean "epochs"?'),
        ({"options": {"epochs": 0.5}}, "it must be a whole number from 1 to 10000"),
        ({"options": {"rules": {"stop": ["overfiting"]}}}, 'Did you mean "overfitting"?'),
        ({"options": {"synonyms": "good"}}, "lists of words that mean the same"),
        ({"algorithms": ["text_bagg"]}, 'Did you mean "text_bag"?'),
        ({"task": "clustering"}, "must be one of: binary, multiclass, multilabel, regression"),
        ({"imbalance": "smote"}, "makes up rows between others, which texts are not"),
        ({"calibration": "isotonic"}, "leave it out for text"),
    ],
)
def test_a_request_that_cannot_be_meant(tmp_path, changes, sentence):
    assert sentence in refused(tmp_path, reviews()[["review", "score", "stars"]], **changes)


def test_targets_that_cannot_be_learned(tmp_path):
    frame = reviews()
    one = frame.assign(score="great")
    assert 'is "great" in every row' in refused(tmp_path / "one", one[["review", "score"]])
    broken = frame.assign(labels=['["taste"', *frame["labels"][1:]])
    sentence = refused(tmp_path / "broken", broken[["review", "labels"]], task="multilabel", target="labels")
    assert sentence.startswith("Row 0: '[\"taste\"' is not a JSON list of labels")
    none = frame.assign(labels="[]")
    assert "holds no label at all" in refused(tmp_path / "none", none[["review", "labels"]], task="multilabel", target="labels")


def test_weights_that_cannot_be_used_are_named(tmp_path):
    folder = tmp_path / "job" / "input" / "data" / "weights"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "pytorch_model.bin").write_text("")
    said = refused(tmp_path / "job", reviews()[["review", "score"]], algorithms=["text_transformer"])
    assert "hold no .safetensors file (pytorch_model.bin: of a kind that can run code" in said


def test_the_file_that_the_platform_reads_is_up_to_date():
    file = Path(atoll_engines.text.__file__).parent / "algorithms.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(describe()))


def test_the_same_texts_make_the_same_tokenizer():
    texts = reviews(120)["review"]
    made = {learn_tokenizer(texts, 250).to_str() for _ in range(4)}
    assert len(made) == 1
