"""Smaller and faster: fewer bits, fewer channels, fewer columns, and students that learn from a teacher."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from folders import failure, read_json, run_here, write_channel, write_job
from onnx import TensorProto, helper, numpy_helper

from atoll_engines.compression.fewer_columns import steps_without
from atoll_engines.compression.graph_models import Graph
from atoll_engines.compression.lesson import Lesson, Taught, shares_of
from atoll_engines.compression.schemes import SCHEMES, quantised
from atoll_engines.errors import BadInput

SIGNATURE = {"task": "multiclass", "classes": ["a", "b", "c"], "threshold": None, "tolerance": 1e-4, "inputs": []}
ROWS = np.random.default_rng(3).normal(size=(64, 24)).astype(np.float64)


def perceptron(kind: int = TensorProto.FLOAT) -> bytes:
    """Two layers over `numbers`; with double weights as the networks of tables have them."""
    of = np.float32 if kind == TensorProto.FLOAT else np.float64
    random = np.random.default_rng(4)
    held = {"w1": 0.2 * random.normal(size=(24, 40)), "b1": 0.1 * random.normal(size=40), "w2": 0.3 * random.normal(size=(40, 3))}
    nodes = [
        helper.make_node("Cast", ["numbers"], ["x"], to=kind),
        helper.make_node("MatMul", ["x", "w1"], ["m1"], name="m1"),
        helper.make_node("Add", ["m1", "b1"], ["a1"], name="a1"),
        helper.make_node("Relu", ["a1"], ["h"], name="h"),
        helper.make_node("MatMul", ["h", "w2"], ["m2"], name="m2"),
        helper.make_node("Softmax", ["m2"], ["p"], name="p", axis=-1),
        helper.make_node("Cast", ["p"], ["probabilities"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["N", 24])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(one.astype(of), name) for name, one in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE], ids=["single", "double"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_quantised_graph_is_smaller_and_answers_nearly_the_same(scheme: str, kind: int):
    graph = perceptron(kind)
    runs = [{"numbers": ROWS[row : row + 1]} for row in range(len(ROWS))]
    made = quantised(graph, scheme, runs)
    before = Graph(graph, SIGNATURE).answer({"numbers": ROWS})
    after = Graph(made.graph, SIGNATURE | ({"rowsPerRun": 1} if made.is_batch_dependent else {})).answer({"numbers": ROWS})
    assert made.count == 1 if scheme in ("float16", "int8_weights") else made.count == 2, (made.count, made.kept)
    assert len(made.graph) < 0.8 * len(graph)
    assert 0 < np.abs(before - after).max() < (2e-3 if scheme == "float16" else 0.05)


def test_dynamic_integers_depend_on_the_run_and_say_so():
    made = quantised(perceptron(), "int8_dynamic", [])
    graph = Graph(made.graph, SIGNATURE)
    far = np.concatenate([ROWS[:1], 40 * ROWS[1:2]])
    alone, among = graph.run({"numbers": far[:1]}), graph.run({"numbers": far})[:1]
    assert made.is_batch_dependent
    assert np.abs(alone - among).max() > 1e-4, "the answer to a row changes with what else is in its run"
    one_by_one = Graph(made.graph, SIGNATURE | {"rowsPerRun": 1}).answer({"numbers": far})
    assert np.array_equal(one_by_one[:1], alone)


def test_a_graph_without_weights_is_refused_in_words():
    model = onnx.load_from_string(perceptron())
    del model.graph.initializer[:]
    with pytest.raises(BadInput, match="nothing to quantise"):
        quantised(model.SerializeToString(), "int8_weights", [])
    model.graph.node.append(helper.make_node("TreeEnsembleClassifier", ["numbers"], ["trees"], domain="ai.onnx.ml"))
    with pytest.raises(BadInput, match="made of trees.*Distil it"):
        quantised(model.SerializeToString(), "int8_weights", [])


def test_labels_keep_what_the_teacher_said_when_they_are_cut():
    y = np.array([0, 1, 1, 0]).view(Taught)
    y.teacher, y.lesson = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.6, 0.4]], np.float32)), Lesson(0.25, 1.0)
    cut = y[np.array([3, 1])][::-1]
    assert np.allclose(np.exp(cut.teacher), [[0.2, 0.8], [0.6, 0.4]]) and cut.lesson == y.lesson
    assert np.allclose(shares_of(cut), [[0.15, 0.85], [0.7, 0.3]])
    assert np.allclose(shares_of(cut).sum(axis=1), 1)


def test_the_soft_loss_is_that_of_hinton():
    torch = pytest.importorskip("torch", reason="needs the deep runtime")
    from atoll_engines.neural.distillation import soft_losses

    margins = torch.tensor([[1.0, -0.5, 0.2], [0.0, 2.0, -1.0]], dtype=torch.float64)
    teacher = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]))
    found = soft_losses(margins, torch.from_numpy(teacher), 3.0, "multiclass").numpy()

    def softened(values: np.ndarray) -> np.ndarray:
        odds = np.exp(values / 3.0)
        return odds / odds.sum(axis=1, keepdims=True)

    p, q = softened(teacher), softened(margins.numpy())
    assert np.allclose(found, 9.0 * (p * np.log(p / q)).sum(axis=1))
    assert np.allclose(soft_losses(torch.from_numpy(teacher), torch.from_numpy(teacher), 3.0, "multiclass"), 0, atol=1e-12)
    assert np.allclose(soft_losses(torch.from_numpy(teacher), torch.from_numpy(teacher), 2.0, "multilabel"), 0, atol=1e-12)


def table(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({name: random.normal(size=rows) for name in ("a", "b", "c", "d", "e")})
    frame["y"] = np.where(frame["a"] + 0.2 * random.normal(size=rows) > 0, "yes", "no")
    return frame


PARAMETERS = {
    "task": "binary", "target": "y", "positive": "yes", "metric": "accuracy", "algorithms": ["logistic_regression"], "threads": 1,
    "recipe": {"steps": [{"step": "standard_scale", "columns": ["a", "b", "c", "d", "e"]}]}, "search": {"strategy": "none"},
    "validation": {"kind": "stratified", "folds": 3},
}  # fmt: skip


def taught(folder: Path, said: np.ndarray, lesson: dict[str, float], rows: int = 300) -> int:
    write_channel(folder, "train", table(), {})
    channel = folder / "input" / "data" / "teacher"
    channel.mkdir()
    answers = pd.DataFrame({"__row": np.arange(rows), "p_0": 1 - said[:rows], "p_1": said[:rows]})
    answers.to_parquet(channel / "train.parquet")
    return run_here(write_job(folder, "tabular.train", PARAMETERS | {"importance": False, "lesson": lesson}))


def test_a_student_believes_the_teacher_as_far_as_it_is_told(tmp_path: Path):
    frame = table()
    wrong = np.where(frame["a"] > 0, 0.1, 0.9)
    for name, alpha in (("teacher", 0.0), ("labels", 1.0)):
        assert taught(tmp_path / name, wrong, {"alpha": alpha, "temperature": 1.0}) == 0, failure(tmp_path / name)
    score = {name: read_json(tmp_path / name, "model/training.json")["pooled"]["roc_auc"] for name in ("teacher", "labels")}
    assert score["labels"] > 0.95
    assert score["teacher"] < 0.05, "a teacher that has it the wrong way round is believed where the labels count for nothing"


def test_a_teacher_that_left_a_row_out_is_named(tmp_path: Path):
    assert taught(tmp_path, np.full(300, 0.5), {}, rows=299) == 2
    assert failure(tmp_path) == "The teacher did not answer 1 training rows, the first is row 299."


def test_columns_that_say_nothing_go(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_channel(first, "train", table(), {})
    assert run_here(write_job(first, "tabular.train", PARAMETERS)) == 0, failure(first)
    for part in ("model", "native"):
        shutil.copytree(first / part, second / "input" / "data" / "model" / part)
    shutil.copytree(first / "input" / "data" / "train", second / "input" / "data" / "train")
    assert run_here(write_job(second, "compression.trim", PARAMETERS | {"standardErrors": 1})) == 0, failure(second)
    record, signature = read_json(second, "model/training.json"), read_json(second, "model/signature.json")
    names = [one["name"] for one in signature["inputs"]]
    assert "a" in names and len(names) < 5 and record["derived"]["columns"] == {"before": 5, "after": len(names)}
    assert set(names) | set(record["derived"]["dropped"]) == {"a", "b", "c", "d", "e"} and record["export"]["ok"]


def test_steps_about_columns_that_went_go_with_them():
    steps = [
        {"step": "impute", "columns": ["a", "b"], "strategy": "median"},
        {"step": "derive", "name": "ab", "expression": "a * b"},
        {"step": "derive", "name": "aa", "expression": "a * 2"},
        {"step": "log1p", "columns": ["ab"]},
        {"step": "standard_scale", "columns": ["a", "aa", "ab"]},
        {"step": "one_hot", "columns": "*categories"},
    ]
    assert steps_without(steps, {"a"}) == [
        {"step": "impute", "columns": ["a"], "strategy": "median"},
        {"step": "derive", "name": "aa", "expression": "a * 2"},
        {"step": "standard_scale", "columns": ["a", "aa"]},
        {"step": "one_hot", "columns": "*categories"},
    ]


def test_channels_that_do_nothing_can_go_without_a_difference():
    torch = pytest.importorskip("torch", reason="needs the deep runtime")
    from atoll_engines.compression.prune import zero_smallest
    from atoll_engines.compression.prune_images import narrowed
    from atoll_engines.image.model import ImageModel
    from atoll_engines.image.networks.build import build_network
    from atoll_engines.image.setting import ImageSetting
    from atoll_engines.tabular.algorithms.model import Setting

    torch.manual_seed(0)
    setting = ImageSetting(Setting("multiclass", 3, 1, 1), 16, 1, ("a", "b", "c"), np.zeros((0, 16, 16, 1), np.uint8))
    model = ImageModel("image_cnn", {"width": 8, "blocks": 1}, setting)
    model.network, model.facts = build_network(model.algorithm, model.params, setting, [0.5], [0.2])
    network = model.network.eval()
    with torch.no_grad():
        network.head.weight.normal_()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                # Every other channel of every layer is silent.
                module.weight[::2], module.bias[::2] = 0, 0
        pixels = torch.rand(4, 1, 16, 16)
        before = network(pixels)
        smaller, params = narrowed(model, 0.5)
        after = smaller.eval()(pixels)
    assert params["widths"] == [4, 8, 16] and sum(one.numel() for one in smaller.parameters()) < 0.4 * sum(
        one.numel() for one in network.parameters()
    )
    assert torch.allclose(before, after, atol=1e-5)

    zeros = zero_smallest(smaller, 0.5)
    weight = smaller.backbone.stages[1][0].convolution.weight
    gone = weight == 0
    optimiser = torch.optim.AdamW(smaller.parameters(), lr=0.1)
    smaller(pixels).square().sum().backward()
    optimiser.step()
    assert zeros > 0 and bool((weight[gone] == 0).all()) and bool((weight[~gone] != 0).any())
