"""Models without a target on real data: known groups are found without their names, and maps keep neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folders import failure, read_json, run_here, write_channel, write_job
from sklearn.datasets import load_breast_cancer, load_digits

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
pytestmark = pytest.mark.long


def trained(folder: Path, frame: pd.DataFrame, types: dict[str, str] | None = None, **parameters) -> dict:
    write_channel(folder, "train", frame, types or {})
    write_job(folder, "unsupervised.train", {"target": None, **parameters})
    assert run_here(folder) == 0, failure(folder)
    training = read_json(folder, "model/training.json")
    assert training["export"]["path"] == "onnx", training["export"]["reason"]
    return {name: one["mean"] for name, one in training["validation"].items()} | {"params": training["params"]}


def test_penguins_fall_into_their_species(tmp_path):
    frame = pd.read_csv(EXAMPLES / "penguins" / "penguins.csv")
    for number, (name, least) in enumerate({"kmeans": 0.5, "gaussian_mixture": 0.5, "hierarchical": 0.5}.items()):
        found = trained(
            tmp_path / str(number), frame, task="clustering", algorithms=[name], options={"labelColumn": "Species", "clusters": 3}
        )
        assert found["adjusted_rand"] >= least, (name, found)


def test_handwritten_digits_are_told_apart_on_a_map(tmp_path):
    digits = load_digits()
    frame = pd.DataFrame(digits.data, columns=[f"pixel_{k}" for k in range(64)])
    frame["digit"] = [str(one) for one in digits.target]
    umap = trained(tmp_path / "umap", frame, task="projection", algorithms=["umap"], options={"labelColumn": "digit"})
    pca = trained(tmp_path / "pca", frame, task="projection", algorithms=["pca"], options={"labelColumn": "digit"})
    assert umap["trustworthiness"] > 0.9 > pca["trustworthiness"]


def test_tumours_stand_out_among_the_usual(tmp_path):
    """Benign samples with one malignant in twenty: both forests rank most of the malignant ones first, unseen labels."""
    cancer = load_breast_cancer()
    random = np.random.default_rng(0)
    benign, malignant = np.flatnonzero(cancer.target == 1), np.flatnonzero(cancer.target == 0)
    rows = np.concatenate([benign, random.choice(malignant, len(benign) // 20, replace=False)])
    frame = pd.DataFrame(cancer.data[rows], columns=[f"measure_{k}" for k in range(30)])
    frame["kind"] = np.where(cancer.target[rows] == 1, "benign", "malignant")
    for name in ("random_cut_forest", "isolation_forest", "local_outlier_factor"):
        options = {"labelColumn": "kind", "contamination": 0.05}
        found = trained(tmp_path / name, frame, task="anomaly", algorithms=[name], options=options)
        assert found["roc_auc"] >= 0.9, (name, found)
