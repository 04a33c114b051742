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


def words(path: Path):
    """vector of a word: [1, 0.25, -3, 0.1] of "sun", [0, 1, 0, 0] of "rain", nothing of any other."""
    known = {"sun": [1.0, 0.25, -3.0, 0.1], "rain": [0.0, 1.0, 0.0, 0.0]}
    nodes = [
        helper.make_node(
            "LabelEncoder", ["strings"], [f"v{k}"], domain="ai.onnx.ml",
            keys_strings=list(known), values_floats=[vector[k] for vector in known.values()], default_float=0.0,
        )
        for k in range(4)
    ]
    nodes.append(helper.make_node("Concat", [f"v{k}" for k in range(4)], ["vector"], axis=1))
    save(path / "words.onnx", nodes, [value("strings", TensorProto.STRING, 1)], [value("vector", TensorProto.FLOAT, 4)])


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


def grown(random, columns: int, depth: int) -> list[dict]:
    """The nodes of a random tree, root first: some branches end early, thresholds repeat, a missing value goes either way."""
    nodes = []
    waiting = [0]
    nodes.append({"depth": 0})
    while waiting:
        at = waiting.pop()
        node = nodes[at]
        if node["depth"] == depth or (node["depth"] > 0 and random.random() < 0.2):
            node |= {"mode": "LEAF", "value": random.normal()}
            continue
        node |= {"feature": int(random.integers(columns)), "threshold": float(np.float32(round(random.normal(), 1)))}
        node |= {"missing": int(random.random() < 0.5), "true": len(nodes), "false": len(nodes) + 1}
        waiting += [len(nodes), len(nodes) + 1]
        nodes += [{"depth": node["depth"] + 1}, {"depth": node["depth"] + 1}]
    return nodes


def ensemble(random, columns: int, targets: int, comparison: str, trees: int = 21) -> onnx.NodeProto:
    """Trees of depth 0 to 5, whose number no block of them divides."""
    lists: dict[str, list] = {}
    base = [float(np.float32(x)) for x in random.normal(size=targets)]
    for tree in range(trees):
        for number, node in enumerate(grown(random, columns, tree % 6)):
            inner = "mode" not in node
            facts = {
                "nodes_treeids": tree, "nodes_nodeids": number, "nodes_modes": comparison if inner else "LEAF",
                "nodes_featureids": node.get("feature", 0), "nodes_values": node.get("threshold", 0.0),
                "nodes_truenodeids": node.get("true", 0), "nodes_falsenodeids": node.get("false", 0),
                "nodes_missing_value_tracks_true": node.get("missing", 0),
            }  # fmt: skip
            if not inner:
                facts |= {"target_treeids": tree, "target_nodeids": number, "target_ids": tree % targets, "target_weights": float(np.float32(node["value"]))}
            for name, fact in facts.items():
                lists.setdefault(name, []).append(fact)
    settings = {"n_targets": targets, "base_values": base, "aggregate_function": "SUM", "post_transform": "NONE"}
    return helper.make_node("TreeEnsembleRegressor", ["features"], ["sums"], domain="ai.onnx.ml", **settings, **lists)


def trees(path: Path):
    """Trees over four numbers with each of the usual last steps."""
    bound = float(np.finfo(np.float32).max)
    clipped = [helper.make_node("Clip", ["numbers", "low", "high"], ["clip"]), helper.make_node("Cast", ["clip"], ["features"], to=TensorProto.FLOAT)]
    plain = [helper.make_node("Cast", ["numbers"], ["features"], to=TensorProto.FLOAT)]
    two = [helper.make_node("Sub", ["one", "yes"], ["no"]), helper.make_node("Concat", ["no", "yes"], ["both"], axis=1)]
    public = helper.make_node("Identity", ["both"], ["probabilities"])
    bounds = [constant("low", np.float64(-bound)), constant("high", np.float64(bound))]
    one = [constant("one", np.float32([[1]]))]
    sigmoid = [helper.make_node("Sigmoid", ["sums"], ["yes"]), *two, public]
    mean = [helper.make_node("Div", ["sums", "count"], ["yes"]), *two, public]
    softmax = [helper.make_node("Softmax", ["sums"], ["both"], axis=1), public]
    nothing = [helper.make_node("Identity", ["sums"], ["prediction"])]
    for name, targets, comparison, first, last, constants in [
        ("trees-sigmoid", 1, "BRANCH_LEQ", clipped, sigmoid, bounds + one),
        ("trees-mean", 1, "BRANCH_LEQ", clipped, mean, bounds + one + [constant("count", np.float32(21))]),
        ("trees-softmax", 3, "BRANCH_LEQ", clipped, softmax, bounds),
        ("trees-less", 1, "BRANCH_LT", plain, nothing, []),
    ]:
        node = ensemble(np.random.default_rng(len(name)), 4, targets, comparison)
        output = value("prediction", TensorProto.FLOAT, 1) if last is nothing else value("probabilities", TensorProto.FLOAT, max(2, targets))
        save(path / f"{name}.onnx", [*first, node, *last], [value("numbers", TensorProto.DOUBLE, 4)], [output], constants)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    binary(folder)
    regression(folder)
    words(folder)
    slow(folder)
    trees(folder)
