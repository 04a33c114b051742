"""The serving graph of a bag of embeddings, written node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 18, 10
# A large prime: pairs of tokens are spread over the buckets by (first * HASH + second) modulo their number.
HASH = 1_000_003


def bag_graph(
    embedding: np.ndarray, weight: np.ndarray, bias: np.ndarray, buckets: int, task: str, middle: float, spread: float
) -> bytes:
    """`input_ids`, `attention_mask` [N, L] → mean of the vectors of tokens and pairs → `probabilities` or `prediction`."""
    nodes: list[Any] = []
    arrays = constant_arrays(embedding, weight, bias, buckets, middle, spread)
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]

    def node(op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def pooled(ids: str, mask: str, tag: str) -> tuple[str, str]:
        """Sum of the vectors [N, D] and their number [N, 1]."""
        share = node("Cast", [mask], f"share_{tag}", to=TensorProto.FLOAT)
        column = node("Unsqueeze", [share, "last"], f"column_{tag}")
        vectors = node("Mul", [node("Gather", ["embedding", ids], f"vectors_{tag}"), column], f"masked_{tag}")
        total = node("ReduceSum", [vectors, "along"], f"sum_{tag}", keepdims=0)
        return total, node("ReduceSum", [share, "along"], f"count_{tag}", keepdims=1)

    total, count = pooled("input_ids", "attention_mask", "tokens")
    if buckets:
        first = node("Slice", ["input_ids", "zero", "minus", "along"], "first")
        second = node("Slice", ["input_ids", "one", "far", "along"], "second")
        before = node("Slice", ["attention_mask", "zero", "minus", "along"], "before")
        after = node("Slice", ["attention_mask", "one", "far", "along"], "after")
        pair = node("Mod", [node("Add", [node("Mul", [first, "hash"], "grown"), second], "pair"), "buckets"], "bucket")
        places = node("Add", [pair, "words"], "places")
        more, others = pooled(places, node("Mul", [before, after], "both"), "pairs")
        total, count = node("Add", [total, more], "total"), node("Add", [count, others], "count")
    mean = node("Div", [total, node("Max", [count, "least"], "divisor")], "mean")
    margins = node("Add", [node("MatMul", [mean, "weight"], "product"), "bias"], "margins")
    name = "prediction" if task == "regression" else "probabilities"
    if task == "regression":
        node("Add", [node("Mul", [margins, "spread"], "stretched"), "middle"], name)
    elif task == "multilabel":
        node("Sigmoid", [margins], name)
    else:
        node("Softmax", [margins], name, axis=1)
    read = {one for each in nodes for one in each.input}
    graph = helper.make_graph(
        nodes,
        "atoll",
        [helper.make_tensor_value_info(one, TensorProto.INT64, ["N", "L"]) for one in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", len(bias)])],
        [one for one in constants if one.name in read],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="atoll", ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def constant_arrays(
    embedding: np.ndarray, weight: np.ndarray, bias: np.ndarray, buckets: int, middle: float, spread: float
) -> dict[str, np.ndarray]:
    whole = {"last": [-1], "along": [1], "zero": [0], "one": [1], "minus": [-1], "far": [2**62]}
    return {
        "embedding": embedding, "weight": weight, "bias": bias[None, :],
        **{name: np.array(value, np.int64) for name, value in whole.items()},
        "hash": np.array(HASH, np.int64), "buckets": np.array(max(1, buckets), np.int64),
        "words": np.array(len(embedding) - buckets, np.int64),
        "least": np.array(1.0, np.float32), "middle": np.array(middle, np.float32), "spread": np.array(spread, np.float32),
    }  # fmt: skip
