"""What models of texts must reach on real texts with the split that they came with: e-mails and food reviews."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
from folders import failure, read_json, run_here, write_channel, write_job

pytestmark = pytest.mark.long

# A folder with spam/{train,test}.csv and food_reviews_{train,test}.csv: their senders and writers are not ours to give away.
DATA = Path(os.environ.get("ATOLL_TEXTS", "texts"))
SPAM = {"files": "spam/{}.csv", "target": "label", "positive": "spam", "metric": "f1", "columns": ["subject", "body"]}
FOOD = {"files": "food_reviews_{}.csv", "target": "score", "positive": "great", "metric": "accuracy", "columns": ["review"]}
BARS = [
    pytest.param("tabular", "logistic_regression", SPAM, 0.95, id="spam by the automatic recipe"),
    pytest.param("text", "text_tfidf_linear", SPAM, 0.95, id="spam by TF-IDF"),
    pytest.param("text", "text_bag", SPAM, 0.95, id="spam by a bag of embeddings"),
    pytest.param("tabular", "logistic_regression", FOOD, 0.80, id="reviews by the automatic recipe"),
    pytest.param("text", "text_tfidf_linear", FOOD, 0.80, id="reviews by TF-IDF"),
]


def part(about: dict, name: str) -> tuple[pd.DataFrame, dict[str, str]]:
    frame = pd.read_csv(DATA / about["files"].format(name))[[*about["columns"], about["target"]]]
    return frame, dict.fromkeys(about["columns"], "text")


@pytest.mark.skipif(not DATA.is_dir(), reason="set ATOLL_TEXTS to a folder with the e-mails and the reviews")
@pytest.mark.parametrize(("family", "algorithm", "about", "least"), BARS)
def test_the_bar_on_sealed_rows(tmp_path, family, algorithm, about, least):
    fit, judge = tmp_path / "fit", tmp_path / "judge"
    write_channel(fit, "train", *part(about, "train"))
    request = {"task": "binary", "target": about["target"], "positive": about["positive"], "metric": about["metric"]}
    more = {"algorithms": [algorithm], "search": {"trials": 8}, "importance": False, "threads": 2}
    write_job(fit, f"{family}.train", request | more)
    assert run_here(fit) == 0, failure(fit)
    training = read_json(fit, "model/training.json")
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    write_channel(judge, "test", *part(about, "test"))
    shutil.copytree(fit / "model", judge / "input" / "data" / "model")
    shutil.copytree(fit / "native", judge / "input" / "data" / "model" / "native")
    threshold = training["threshold"]["value"]
    write_job(judge, f"{family}.evaluate", {"target": about["target"], "task": "binary", "threshold": threshold, "bootstrap": 100})
    assert run_here(judge) == 0, failure(judge)
    assert read_json(judge, "output/data/evaluation.json")["metrics"][about["metric"]]["value"] >= least
