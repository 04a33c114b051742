"""A language model from nothing on two chapters of a handbook, and an adapter on a third, about another subject."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from folders import read_json, run_here, write_channel, write_job

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="there is no peft here; language models are of the runtime llm"),
]
HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"


def passages(name: str) -> pd.DataFrame:
    return pd.DataFrame([json.loads(line) for line in (HANDBOOK / name).read_text("utf-8").splitlines()])


def train(folder: Path, frame: pd.DataFrame, algorithm: str, base: Path | None, **options) -> Path:
    write_channel(folder, "train", frame, {"text": "text"})
    if base:
        shutil.copytree(base / "model", folder / "input" / "data" / "weights")
    write_job(
        folder, "language.train", {"task": "generation", "algorithms": [algorithm], "search": {"strategy": "none"}, "options": options}
    )
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def test_an_adapter_lowers_the_perplexity_of_sealed_passages_about_another_subject(tmp_path):
    settings = {"epochs": 8, "vocabulary": 2000, "width": 96, "layers": 3, "maxLength": 128, "learningRate": 0.004}
    base = train(tmp_path / "base", passages("packages.jsonl"), "llm_pretrain", None, **settings)
    told = read_json(base, "model/training.json")
    assert told["after"]["perplexity"] < 0.75 * told["before"]["perplexity"]
    security = passages("security.jsonl")
    sealed = security.index % 5 == 0
    tuned = train(tmp_path / "tuned", security[~sealed].reset_index(drop=True), "llm_lora", base, epochs=4, learningRate=0.003)
    folder = tmp_path / "judged"
    shutil.copytree(tuned / "model", folder / "input" / "data" / "model")
    shutil.copytree(tuned / "native", folder / "input" / "data" / "model" / "native")
    shutil.copytree(base / "model", folder / "input" / "data" / "weights")
    write_channel(folder, "test", security[sealed].reset_index(drop=True), {"text": "text"})
    write_job(folder, "language.evaluate", {"task": "generation", "bootstrap": 1000})
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    paired = read_json(folder, "output/data/evaluation.json")["paired"]
    assert paired["metric"] == "perplexity" and paired["high"] < 0, paired["sentence"]
