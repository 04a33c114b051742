"""Attributions by gradients: complete, the same as shap's where the method is, and of the weights rather than of the picture."""

from __future__ import annotations

import base64
import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from folders import failure, read_json, run_here, start, write_channel, write_job
from PIL import Image
from scipy.stats import spearmanr
from text_tables import reviews
from torch import nn

from atoll_engines.neural.attribution import expected_gradients, integrated_gradients

# Figures of shap 0.51 for the network and rows below: GradientExplainer with 60,000 samples, DeepExplainer, and Shapley values
# of the interventional game by all coalitions.
SHAP_GRADIENT = [[0.05131, 0.00221, 0.06223, 0.01785], [0.07753, -0.01013, -0.15209, 0.02603], [0.09755, -0.00926, 0.21278, -0.01502]]
SHAP_DEEP = [[0.05293, 0.00416, 0.05612, 0.01988], [0.07862, -0.01253, -0.15037, 0.02494], [0.10362, -0.01404, 0.21374, -0.01642]]
EXACT = [[0.058006, -0.002702, 0.059718, 0.01807], [0.070754, -0.004869, -0.148674, 0.023459], [0.092269, -0.001828, 0.203648, -0.007181]]


def smooth() -> nn.Module:
    drawn = np.random.default_rng(11)
    module = nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1), nn.Sigmoid()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.from_numpy(drawn.normal(size=(8, 4)) * 0.6))
        module[0].bias.copy_(torch.from_numpy(drawn.normal(size=8) * 0.3))
        module[2].weight.copy_(torch.from_numpy(drawn.normal(size=(1, 8)) * 0.8))
        module[2].bias.copy_(torch.from_numpy(drawn.normal(size=1) * 0.3))
    return module


def test_expected_gradients_are_those_of_shap_and_near_shapley_values():
    drawn, module = np.random.default_rng(12), smooth()
    background, rows = (torch.from_numpy(drawn.normal(size=(count, 4))) for count in (20, 3))
    made = [expected_gradients(lambda x: module(x[0])[:, 0], (row[None],), [(one[None],) for one in background]) for row in rows]
    found = np.array([one.parts[0] for one in made])
    np.testing.assert_allclose(found, SHAP_GRADIENT, atol=0.002)
    np.testing.assert_allclose(found, SHAP_DEEP, atol=0.012)
    np.testing.assert_allclose(found, EXACT, atol=0.012)
    assert all(abs(one.gap) < 1e-6 for one in made)


def test_a_sum_and_a_product_are_shared_as_shapley_values_share_them():
    row, zero = (torch.tensor([[2.0, 3.0, 5.0]]),), (torch.zeros(1, 3),)
    of_sum = integrated_gradients(lambda x: x[0] @ torch.tensor([1.0, -2.0, 0.5]) + 7, row, zero)
    np.testing.assert_allclose(of_sum.parts[0], [2.0, -6.0, 2.5], atol=1e-6)
    assert (of_sum.base, of_sum.answer) == (7.0, 5.5)
    of_product = integrated_gradients(lambda x: x[0][:, 0] * x[0][:, 1], row, zero)
    np.testing.assert_allclose(of_product.parts[0], [3.0, 3.0, 0.0], atol=1e-6)


def test_more_points_are_taken_until_a_broken_line_adds_up():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 1)).double()
    row, baseline = (torch.randn(1, 6).double() * 3,), (torch.zeros(1, 6).double(),)
    found = integrated_gradients(lambda x: module(x[0])[:, 0], row, baseline)
    assert abs(found.gap) <= 0.005 * abs(found.answer - found.base)
    assert abs(found.parts[0].sum() + found.base + found.gap - found.answer) < 1e-9


def picture_model(seed: int):
    from atoll_engines.image.model import ImageModel
    from atoll_engines.image.networks.build import build_network
    from atoll_engines.image.pipeline import ImagePipeline
    from atoll_engines.image.setting import ImageSetting
    from atoll_engines.tabular.algorithms.model import Setting

    torch.manual_seed(seed)
    setting = ImageSetting(Setting("multiclass", 3, 0, 1), 24, 1, ("a", "b", "c"), np.zeros((0, 24, 24, 1), np.uint8))
    model = ImageModel("image_cnn", {"width": 8}, setting)
    model.network, model.facts = build_network("image_cnn", {"width": 8}, setting, [0.5], [0.25])
    nn.init.normal_(model.network.head.weight, std=1.0)
    model.network.eval()
    return ImagePipeline("picture", model, None, "multiclass", ("a", "b", "c"), None)


def test_a_picture_s_heat_adds_up_and_follows_the_weights():
    """Adebayo et al. 2018: a map that stays the same when the weights are drawn anew says nothing of the network."""
    from atoll_engines.image.explain_rows import of_image
    from atoll_engines.media.heat import in_cells

    pixels = np.zeros((24, 24, 1), np.uint8)
    pixels[4:12, 6:18] = np.random.default_rng(1).integers(90, 255, (8, 12, 1))
    found = of_image(picture_model(0), pixels, 1)
    assert abs(found.gap) < 0.02 * max(0.01, abs(found.answer - found.base))
    heat = found.parts[0].sum(0)
    np.testing.assert_allclose(np.sum(in_cells(heat, 7)), heat.sum(), atol=1e-9)
    alike = [abs(spearmanr(heat.ravel(), of_image(picture_model(seed), pixels, 1).parts[0].sum(0).ravel())[0]) for seed in (1, 2, 3)]
    assert np.mean(alike) < 0.5, alike
    again = of_image(picture_model(0), pixels, 1).parts[0].sum(0)
    np.testing.assert_allclose(again, heat, atol=1e-6)


def test_a_picture_is_explained_by_its_engine(tmp_path):
    from atoll_engines.image.preprocess import Preprocess, preprocess_graph

    pipeline, graph = picture_model(0), preprocess_graph(24, 1)
    pipeline.preprocess = Preprocess(graph)
    package = tmp_path / "input" / "data" / "model"
    (package / "native").mkdir(parents=True)
    pipeline.save(package / "native", graph)
    (package / "signature.json").write_text(json.dumps({"task": "multiclass", "classes": ["a", "b", "c"], "positive": None}))
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(sink, "PNG")
    write_job(tmp_path, "image.explain", {"rows": [{"picture": base64.b64encode(sink.getvalue()).decode()}], "output": "b"})
    assert run_here(tmp_path) == 0, failure(tmp_path)
    (told,) = read_json(tmp_path, "output/data/explanations.json")["explanations"]
    assert told["output"] == "b" and told["size"] == [24, 24] and told["seen"].startswith("data:image/png;base64,")
    assert np.shape(told["cells"]) == (24, 24) and np.shape(told["regions"]) == (7, 7)
    assert abs(told["base"] + np.sum(told["cells"]) + told["gap"] - told["answer"]) < 1e-6


@pytest.fixture(scope="module")
def text_models():
    from atoll_engines.tabular.algorithms.model import Setting
    from atoll_engines.text.augment import Augmentation
    from atoll_engines.text.bag import Bag
    from atoll_engines.text.setting import TextSetting
    from atoll_engines.text.transformer import Transformer

    frame = reviews(160)
    setting = TextSetting(Setting("binary", 2, 0, 1), Augmentation(0.0, {}, 0.0), " ", 1)
    texts, y = frame["review"].to_numpy(), (frame["score"] == "great").to_numpy().astype(np.int64)
    params = {"vocabulary": 300, "pair_buckets": 500, "width": 8, "learning_rate": 0.02, "batch_size": 32, "epochs": 5, "dropout": 0.0}
    bag = Bag(params | {"max_length": 64}, setting)
    bag.fit(texts, y)
    encoder = Transformer({"vocabulary": 300, "width": 16, "layers": 1, "heads": 2, "dropout": 0.0, "max_length": 64}, setting)
    torch.manual_seed(0)
    encoder.network, encoder.tokenizer, encoder.made_from = encoder.begin(texts)
    encoder.pad, encoder.middle, encoder.spread = encoder.pad_of(), 0.0, 1.0
    return bag, encoder


def test_words_add_up_to_the_answer_and_put_together_are_the_text(text_models):
    from atoll_engines.text.explain_rows import by_word, encoded, of_bag, of_encoder

    text = "We tried it,  and it was lovely tasty – great!"
    bag, encoder = text_models
    for model, explain, tolerance in ((bag, of_bag, 1e-6), (encoder, of_encoder, 0.01)):
        encoding = encoded(model, text)
        found = explain(model, encoding, 1)
        assert abs(found.answer - model.predict(np.array([text], object))[0, 1]) < 1e-5
        pieces = by_word(text, encoding, found.parts[0])
        assert "".join(piece["text"] for piece in pieces) == text
        total = sum(piece["contribution"] or 0 for piece in pieces)
        assert abs(found.base + total + found.gap - found.answer) < 1e-6
        assert abs(found.gap) <= tolerance * max(0.01, abs(found.answer - found.base))
    pieces = by_word(text, encoded(bag, text), of_bag(bag, encoded(bag, text), 1).parts[0])
    told = {piece["text"]: piece["contribution"] for piece in pieces if piece["contribution"] is not None}
    assert min(told["lovely"], told["tasty"], told["great"]) > max(told["We"], told["it"])


@pytest.fixture(scope="module")
def churn(tmp_path_factory):
    """A small network over numbers and categories, trained through its engine."""
    drawn = np.random.default_rng(0)
    size = 240
    plan, calls, noise = drawn.choice(["a", "b", "c"], size), drawn.normal(size=size), drawn.normal(size=size)
    y = np.where(calls + (plan == "a") * 2 - 0.7 + drawn.normal(0, 0.2, size) > 0, "yes", "no")
    frame = pd.DataFrame({"plan": plan, "calls": calls, "noise": noise, "y": y})
    folder = tmp_path_factory.mktemp("mlp")
    write_channel(folder, "train", frame, {"plan": "category", "y": "category"})
    search = {"strategy": "none", "trials": 1, "space": {"mlp": {"epochs": 12, "width": 16, "layers": 1}}}
    parameters = {
        "task": "binary", "target": "y", "positive": "yes", "metric": "roc_auc", "algorithms": ["mlp"], "search": search,
        "validation": {"kind": "holdout", "folds": 2}, "importance": False, "recipe": {"auto": True},
    }  # fmt: skip
    write_job(folder, "tabular.train", parameters)
    assert run_here(folder) == 0, failure(folder)
    return folder, frame


def explained(folder, job, **parameters):
    channel = job / "input" / "data" / "model"
    shutil.copytree(folder / "model", channel)
    shutil.copytree(folder / "native", channel / "native")
    frame = pd.read_parquet(next((folder / "input" / "data" / "train").glob("*.parquet")))
    rows = json.loads(frame[["plan", "calls", "noise"]].head(20).to_json(orient="records"))
    (channel / "background.json").write_text(json.dumps({"rows": rows}))
    write_job(job, "tabular.explain", parameters)
    # Once as a process of its own, which imports nothing before.
    ended = start(job).wait(100) if "overall" in parameters else run_here(job)
    assert ended == 0, failure(job)
    return read_json(job, "output/data/explanations.json")


def test_a_table_s_network_is_explained_by_its_columns(churn, tmp_path):
    folder, _ = churn
    rows = [{"plan": "a", "calls": 1.5, "noise": 0.0}, {"plan": "c", "calls": -1.5, "noise": None}]
    for method in ("expected_gradients", "integrated_gradients"):
        told = explained(folder, tmp_path / method, rows=rows, method=method)["explanations"]
        for one in told:
            parts = {part["column"]: part["contribution"] for part in one["contributions"]}
            assert one["output"] == "yes" and one["method"] == method
            assert abs(one["base"] + sum(parts.values()) + one["gap"] - one["answer"]) < 1e-9
            assert abs(one["gap"]) < 0.01
            assert abs(parts["noise"]) < max(abs(parts["plan"]), abs(parts["calls"]))
        assert told[0]["answer"] > told[1]["answer"]
    overall = explained(folder, tmp_path / "overall", overall=True)
    assert overall["explanations"] == [] and overall["overall"]["rows"] == 20
    assert overall["overall"]["columns"][-1]["column"] == "noise"
