"""Ways to hold a graph's numbers in fewer bits."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from atoll_engines.errors import BadInput

SCHEMES = ("int8_dynamic", "int8_static", "int8_weights", "float16")
# Smaller tensors gain nothing and are often offsets and scales.
LEAST_VALUES = 256
# Which input of a node is its weights, and along which axis each row of them has a scale of its own.
WEIGHTS = {"MatMul": (1, -1), "Gemm": (1, None), "Conv": (1, 0), "ConvTranspose": (1, 1), "Gather": (0, 0)}
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
HALF_MOST = 65504.0


@dataclass(frozen=True)
class Quantised:
    """A graph in fewer bits; where it is batch dependent, an answer depends on the other rows of its run."""

    graph: bytes
    count: int
    kept: int
    is_batch_dependent: bool = False


def quantised(graph: bytes, scheme: str, runs: list[dict[str, np.ndarray]]) -> Quantised:
    """The graph in fewer bits; refuses one in which there is nothing to quantise."""
    model = onnx.load_from_string(graph)
    # Shapes that were noted when the graph was made contradict what the quantiser finds (onnxruntime#28075).
    del model.graph.value_info[:]
    total = len(weights_of(model))
    if total == 0:
        trees = any(node.op_type.startswith("TreeEnsemble") for node in model.graph.node)
        raise BadInput(
            "This model is made of trees, whose thresholds and leaves cannot be held in fewer bits. "
            "Distil it into smaller trees, or trim its columns."
            if trees
            else "This graph has no weights of matrices, convolutions or embeddings, so there is nothing to quantise."
        )
    if scheme in ("float16", "int8_weights"):
        count = hold_weights(model, scheme)
        if count == 0:
            raise BadInput("The weights of this graph do not fit into fewer bits without losing their range.")
        return Quantised(checked(model), count, total - count)
    # The networks of tables reckon in double precision, which the integer products do not take.
    single_precision_products(model)
    made = dynamic(model) if scheme == "int8_dynamic" else static(model, runs)
    count = sum(1 for node in made.graph.node if node.op_type in ("MatMulInteger", "ConvInteger", "DynamicQuantizeLSTM"))
    if scheme == "int8_static":
        count = count_static(made)
    if count == 0:
        raise BadInput(
            f"{scheme} found no matrix product that it could turn into integers in this graph. "
            "The scheme int8_weights or float16 makes it smaller all the same."
        )
    return Quantised(checked(made), count, max(0, total - count), is_batch_dependent=scheme == "int8_dynamic")


def weights_of(model: onnx.ModelProto) -> list[tuple[Any, int, Any]]:
    """Nodes with constant weights: the node, which input they are, and the weights."""
    held = {one.name: one for one in model.graph.initializer}
    found = []
    for node in model.graph.node:
        place = WEIGHTS.get(node.op_type, (None, None))[0]
        if place is None or len(node.input) <= place or node.input[place] not in held:
            continue
        tensor = held[node.input[place]]
        if tensor.data_type in FLOATS and int(np.prod(tensor.dims)) >= LEAST_VALUES:
            found.append((node, place, tensor))
    return found


def hold_weights(model: onnx.ModelProto, scheme: str) -> int:
    """Weights in 16 or 8 bits, widened again where they are used: the runtime does that once, when it loads the graph."""
    made: dict[str, str] = {}
    nodes: list[Any] = []
    for node, place, tensor in weights_of(model):
        if tensor.name not in made:
            values = numpy_helper.to_array(tensor)
            name = f"{tensor.name}.wide"
            if not np.isfinite(values).all():
                continue
            if scheme == "float16":
                if np.abs(values).max() > HALF_MOST:
                    continue
                narrow = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
                nodes.append(helper.make_node("Cast", [narrow.name], [name], to=tensor.data_type))
                model.graph.initializer.append(narrow)
            else:
                nodes += eight_bits(model, node, tensor, values, name)
            made[tensor.name] = name
        node.input[place] = made[tensor.name]
    drop_unused(model, set(made))
    ordered = [*nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    return len(made)


def eight_bits(model: onnx.ModelProto, node: Any, tensor: Any, values: np.ndarray, name: str) -> list[Any]:
    """Symmetric integers with a scale for each output (Jacob et al. 2018, section 2.1)."""
    axis = WEIGHTS[node.op_type][1]
    if node.op_type == "Gemm":
        is_turned = any(one.name == "transB" and one.i for one in node.attribute)
        axis = 0 if is_turned else 1
    axis = axis % values.ndim
    others = tuple(k for k in range(values.ndim) if k != axis)
    scale = np.abs(values).max(axis=others, keepdims=True) / 127
    scale = np.where(scale > 0, scale, 1.0).astype(values.dtype)
    whole = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    held = [numpy_helper.from_array(whole, f"{tensor.name}.int8"), numpy_helper.from_array(scale, f"{tensor.name}.scale")]
    model.graph.initializer.extend(held)
    return [
        helper.make_node("Cast", [held[0].name], [f"{name}.steps"], to=tensor.data_type),
        helper.make_node("Mul", [f"{name}.steps", held[1].name], [name]),
    ]


def single_precision_products(model: onnx.ModelProto) -> None:
    """Products with double weights become single, between casts."""
    nodes = []
    for node in model.graph.node:
        held = {one.name: one for one in model.graph.initializer}
        tensor = held.get(node.input[1]) if node.op_type == "MatMul" else None
        if tensor is None or tensor.data_type != TensorProto.DOUBLE:
            nodes.append(node)
            continue
        single = f"{tensor.name}.single"
        if single not in held:
            model.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), single))
        output = node.output[0]
        narrow, product = f"{output}.narrow", f"{output}.product"
        nodes += [
            helper.make_node("Cast", [node.input[0]], [narrow], to=TensorProto.FLOAT),
            helper.make_node("MatMul", [narrow, single], [product], name=f"{node.name or output}.single"),
            helper.make_node("Cast", [product], [output], to=TensorProto.DOUBLE),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    drop_unused(model, {one.name for one in model.graph.initializer})


def drop_unused(model: onnx.ModelProto, names: set[str]) -> None:
    """Takes out those of the named tensors that no node reads any more."""
    used = {name for node in model.graph.node for name in node.input}
    kept = [one for one in model.graph.initializer if one.name not in names or one.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """Integer products whose inputs are scaled as they come, by the range of the whole run."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet() as folder:
        onnx.save(model, folder / "from.onnx")
        quantize_dynamic(
            folder / "from.onnx", folder / "to.onnx", per_channel=True, weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm", "Gather", "Attention", "LSTM"],
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        return onnx.load(folder / "to.onnx")


class Rows:
    """Calibration rows, one by one, as the quantiser asks for them."""

    def __init__(self, runs: list[dict[str, np.ndarray]]) -> None:
        self.left: Iterator[dict[str, np.ndarray]] = iter(runs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


def static(model: onnx.ModelProto, runs: list[dict[str, np.ndarray]]) -> onnx.ModelProto:
    """Integer arithmetic with scales that training rows gave (QDQ: 8-bit weights by output, 8-bit activations)."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    convolves = any(node.op_type == "Conv" for node in model.graph.node)
    kinds = ["Conv", "MatMul", "Gemm", "Add", "MaxPool", "Relu", "GlobalAveragePool"] if convolves else ["MatMul", "Gemm", "Gather"]
    with quiet() as folder:
        onnx.save(model, folder / "from.onnx")
        quantize_static(
            folder / "from.onnx", folder / "to.onnx", Rows(runs), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=kinds,
            calibrate_method=CalibrationMethod.MinMax, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        return onnx.load(folder / "to.onnx")


def count_static(model: onnx.ModelProto) -> int:
    """Nodes whose weights are integers."""
    kinds = (TensorProto.INT8, TensorProto.UINT8)
    integers = {one.name for one in model.graph.initializer if one.data_type in kinds and int(np.prod(one.dims)) > 1}
    widened = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in integers}
    return sum(1 for node in model.graph.node if node.op_type in WEIGHTS and any(name in widened for name in node.input))


@contextmanager
def quiet() -> Iterator[Path]:
    """A folder for the quantiser, which logs and prints much."""
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            yield Path(folder)
    finally:
        logging.disable(logging.NOTSET)


def checked(model: onnx.ModelProto) -> bytes:
    del model.graph.value_info[:]
    return model.SerializeToString()
