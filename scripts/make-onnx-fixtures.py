"""Makes the small graphs that the inference tests load: python scripts/make-onnx-fixtures.py src/ports/inference/fixtures"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ML = helper.make_opsetid("ai.onnx.ml", 3)
BASE = helper.make_opsetid("", 18)


def save(path: Path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, initializer=list(initializers))
    model = helper.make_model(graph, opset_imports=[BASE, ML])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)


def constant(name: str, value) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def value(name: str, kind: int, columns: int):
    return helper.make_tensor_value_info(name, kind, [None, columns])


def binary(path: Path):
    """p(yes) = sigmoid(a + b + (1 when state is OH)), a missing number counts as 0."""
    nodes = [
        helper.make_node("IsNaN", ["numbers"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "numbers"], ["filled"]),
        helper.make_node("ReduceSum", ["filled", "axis"], ["sum64"], keepdims=1),
        helper.make_node("Cast", ["sum64"], ["sum"], to=TensorProto.FLOAT),
        helper.make_node("LabelEncoder", ["strings"], ["bonus"], domain="ai.onnx.ml", keys_strings=["OH"], values_floats=[1.0], default_float=0.0),
        helper.make_node("Add", ["sum", "bonus"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    constants = [constant("zero", np.float64(0)), constant("axis", np.array([1], dtype=np.int64)), constant("one", np.float32(1))]
    inputs = [value("numbers", TensorProto.DOUBLE, 2), value("strings", TensorProto.STRING, 1)]
    save(path / "binary.onnx", nodes, inputs, [value("probabilities", TensorProto.FLOAT, 2)], constants)


def regression(path: Path):
    """prediction = 2 a + 1."""
    nodes = [
        helper.make_node("Mul", ["numbers", "two"], ["twice"]),
        helper.make_node("Add", ["twice", "one"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["prediction"], to=TensorProto.FLOAT),
    ]
    constants = [constant("two", np.float64(2)), constant("one", np.float64(1))]
    save(path / "regression.onnx", nodes, [value("numbers", TensorProto.DOUBLE, 1)], [value("prediction", TensorProto.FLOAT, 1)], constants)


def slow(path: Path):
    """prediction = a, by way of products of large matrices."""
    nodes = [
        helper.make_node("Cast", ["numbers"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["single"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "square"], ["m0"]),
    ]
    for i in range(3):
        nodes.append(helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"product{i}"]))
        nodes.append(helper.make_node("Tanh", [f"product{i}"], [f"m{i + 1}"]))
    nodes += [
        helper.make_node("ReduceMean", ["m3"], ["rest"], keepdims=0),
        helper.make_node("Mul", ["rest", "nothing"], ["none"]),
        helper.make_node("Add", ["single", "none"], ["prediction"]),
    ]
    constants = [constant("square", np.array([500, 500], dtype=np.int64)), constant("nothing", np.float32(0))]
    save(path / "slow.onnx", nodes, [value("numbers", TensorProto.DOUBLE, 1)], [value("prediction", TensorProto.FLOAT, 1)], constants)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    binary(folder)
    regression(folder)
    slow(folder)
