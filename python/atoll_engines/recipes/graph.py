"""Builds one ONNX graph node by node: names, constants, raw inputs, and the finished model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .raw import NUMBER_TYPES, STRING_TYPES, InputColumn

OPSET, ML_OPSET, IR_VERSION = 18, 3, 10


class GraphBuilder:
    """A graph under construction over the raw inputs `numbers` [N, kn] float64 and `strings` [N, ks]."""

    def __init__(self, inputs: Sequence[InputColumn]):
        self.numbers = [column.name for column in inputs if column.type in NUMBER_TYPES]
        self.strings = [column.name for column in inputs if column.type in STRING_TYPES]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple, str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._memo: dict[tuple, list[str]] = {}
        self._taken: set[str] = {"numbers", "strings"}
        self._domains = {"": OPSET, "ai.onnx.ml": ML_OPSET}

    def fresh(self, hint: str) -> str:
        """A tensor name that nothing else in the graph has."""
        name, count = hint, 1
        while name in self._taken:
            count += 1
            name = f"{hint}_{count}"
        self._taken.add(name)
        return name

    def require(self, domain: str, version: int) -> None:
        """Raises the operator set of a domain where a node needs a newer one."""
        self._domains[domain] = max(version, self._domains.get(domain, 0))

    def constant(self, value: Any, dtype: Any = None) -> str:
        """The name of an initializer with this value; equal constants are stored once."""
        array = np.asarray(value, dtype=dtype)
        if array.dtype.kind in "UO":
            array = array.astype(object)
            key = ("strings", array.shape, tuple(array.ravel().tolist()))
        else:
            array = np.ascontiguousarray(array).reshape(array.shape)
            key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self.fresh("c")
            if array.dtype == object:
                texts = [text.encode("utf-8") for text in array.ravel().tolist()]
                tensor = helper.make_tensor(name, TensorProto.STRING, array.shape, texts)
            else:
                tensor = numpy_helper.from_array(array, name)
            self._initializers.append(tensor)
            self._constants[key] = name
        return self._constants[key]

    def node(self, op: str, inputs: Sequence[str], outputs: int = 1, domain: str = "", hint: str | None = None, **attributes: Any) -> Any:
        """Adds a node and returns its output name (a list for several); an equal node is reused, not repeated."""
        key = (op, domain, tuple(inputs), outputs, _identity(attributes))
        if key not in self._memo:
            if domain == "com.microsoft":
                self.require(domain, 1)
            names = [self.fresh(hint or op.lower()) for _ in range(outputs)]
            self._nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
            self._memo[key] = names
        names = self._memo[key]
        return names[0] if outputs == 1 else names

    def forget_attribute(self, name: str) -> None:
        """Takes an attribute away from every node that has it."""
        for node in self._nodes:
            kept = [attribute for attribute in node.attribute if attribute.name != name]
            if len(kept) < len(node.attribute):
                del node.attribute[:]
                node.attribute.extend(kept)

    def output(self, tensor: str, name: str) -> str:
        """Gives a tensor the public name under which the graph returns it."""
        self._taken.add(name)
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        return name

    def finish(self, outputs: Sequence[tuple[str, int, Sequence[int | str | None]]]) -> onnx.ModelProto:
        """The checked model; `outputs` are (tensor, TensorProto element type, shape). Nodes that nothing needs are left out."""
        nodes = self._needed([name for name, _, _ in outputs])
        read = {name for node in nodes for name in _reads(node)}
        inputs = []
        if self.numbers:
            inputs.append(helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["N", len(self.numbers)]))
        if self.strings:
            inputs.append(helper.make_tensor_value_info("strings", TensorProto.STRING, ["N", len(self.strings)]))
        graph = helper.make_graph(
            nodes,
            "atoll",
            inputs,
            [helper.make_tensor_value_info(name, kind, list(shape)) for name, kind, shape in outputs],
            [tensor for tensor in self._initializers if tensor.name in read],
        )
        used = {node.domain for node in nodes} | {""}
        opsets = [helper.make_opsetid(domain, version) for domain, version in self._domains.items() if domain in used]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="atoll", ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _needed(self, outputs: Sequence[str]) -> list[onnx.NodeProto]:
        wanted, kept = set(outputs), []
        for node in reversed(self._nodes):
            if wanted.intersection(node.output):
                kept.append(node)
                wanted.update(_reads(node))
        return kept[::-1]


def _reads(node: onnx.NodeProto) -> set[str]:
    """The tensors a node reads, those that graphs within it take from around them too."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            names.update(name for inner in attribute.g.node for name in _reads(inner))
    return names


def _identity(attributes: dict[str, Any]) -> Any:
    """What makes two nodes' attributes equal; nodes with long ones (a tree ensemble, a graph) are not compared at all."""
    if any(isinstance(value, onnx.GraphProto) or isinstance(value, (list, tuple)) and len(value) > 64 for value in attributes.values()):
        return object()
    return repr(sorted(attributes.items()))
