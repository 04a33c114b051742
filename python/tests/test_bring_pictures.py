"""Graphs and TorchScript programs over images: asked as their maker says, served with the preparation within."""

from __future__ import annotations

import json

import numpy as np
import pytest
from brought_models import bring, source
from folders import read_json

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.timeout(90)

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def convolution(path, *, is_planes=True, rows="N", classes=3, size=12, element=onnx.TensorProto.FLOAT, cast=False):
    """A convolution, the mean of its maps and a linear layer."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    random = np.random.default_rng(3)
    weights = {
        "w": random.normal(0, 1, (4, 3, 3, 3)).astype(np.float32),
        "v": random.normal(0, 3, (4, classes)).astype(np.float32),
    }
    nodes, at = [], "picture"
    if cast:
        nodes.append(helper.make_node("Cast", [at], ["floats"], to=onnx.TensorProto.FLOAT))
        at = "floats"
    if not is_planes:
        nodes.append(helper.make_node("Transpose", [at], ["planes"], perm=[0, 3, 1, 2]))
        at = "planes"
    nodes += [
        helper.make_node("Conv", [at, "w"], ["maps"], kernel_shape=[3, 3]),
        helper.make_node("Tanh", ["maps"], ["bent"]),
        helper.make_node("GlobalAveragePool", ["bent"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "v"], ["logits"]),
    ]
    shape = [rows, 3, size, size] if is_planes else [rows, size, size, 3]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("picture", element, shape)],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [rows, classes])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())


def about(image, **graph):
    usual = {"input": "picture", "output": "logits", "layout": "NCHW", "element": "float32", "channels": 3, "height": 12, "width": 12}
    return {"image": image, "graph": usual | graph, "make": "softmax"}


@pytest.mark.parametrize(
    ("made", "options"),
    [
        ({}, about({"mean": MEAN, "std": STD})),
        ({"rows": 1}, about({"scale": 1, "colours": "bgr"}, rows=1)),
        (
            {"is_planes": False, "element": onnx.TensorProto.UINT8, "cast": True, "size": None},
            about({"size": [10, 14]}, layout="NHWC", element="uint8", height=None, width=None),
        ),
    ],
    ids=["planes with mean and std", "one row at once, colours the other way", "bytes, channels last, any size"],
)
def test_a_graph_over_images_is_served_with_its_preparation(tmp_path, made, options):
    convolution(source(tmp_path) / "model.onnx", **made)
    result = bring(tmp_path, "onnx", "model.onnx", task="multiclass", classes=["a", "b", "c"], options=options)
    assert isinstance(result, dict), result
    assert result["exported"] and result["maxDifference"] < 1e-5, result
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["inputs"][0]["size"] == (options["image"].get("size") or [12, 12])
    assert signature.get("rowsPerRun") == made.get("rows")
    assert len(read_json(tmp_path, "output/data/parity_expected.json")["labels"]) > 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (about({}), "does not say how pixels become its numbers"),
        (about({"scale": 1}, height=None, width=None), "takes images of any size"),
        (about({"scale": 1, "std": [1, 0, 1]}), "divides by nothing"),
        (about({"scale": 1, "size": [20, 20]}), "takes images of 12 x 12, not 20 x 20"),
        (about({"scale": 1}, output="maps") | {"make": "as it is"}, "ONNX Runtime|refused images|places in the image"),
    ],
)
def test_what_is_not_said_of_images_is_asked_for(tmp_path, options, words):
    convolution(source(tmp_path) / "model.onnx")
    said = bring(tmp_path, "onnx", "model.onnx", task="multiclass", classes=["a", "b", "c"], options=options)
    assert isinstance(said, str)
    import re

    assert re.search(words, said), said


def test_settings_beside_a_graph_are_read(tmp_path):
    convolution(source(tmp_path) / "model.onnx")
    settings = {"size": {"height": 12, "width": 12}, "do_normalize": True, "image_mean": MEAN, "image_std": STD, "rescale_factor": 1 / 255}
    (source(tmp_path) / "preprocessor_config.json").write_text(json.dumps(settings))
    result = bring(tmp_path, "onnx", "model.onnx", task="multiclass", classes=["a", "b", "c"], options=about({}))
    assert isinstance(result, dict) and result["exported"], result


@pytest.mark.long
def test_a_program_over_images(tmp_path):
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3), torch.nn.BatchNorm2d(6), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(6, 2),
    ).eval()  # fmt: skip
    torch.nn.init.normal_(network[5].weight, std=4.0)
    torch.jit.script(network).save(str(source(tmp_path) / "model.pt"))
    options = {"image": {"size": [24, 24], "mean": MEAN, "std": STD, "fit": "crop"}}
    result = bring(tmp_path, "torchscript", "model.pt", task="binary", classes=["cat", "dog"], options=options)
    assert isinstance(result, dict), result
    assert result["exported"] and result["maxDifference"] < 1e-5, result
