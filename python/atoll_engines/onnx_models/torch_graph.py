"""Networks of torch as ONNX graphs, without what the exporter notes of the machine that it ran on."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable
from typing import Any


def torch_graph(
    module: Any, args: tuple[Any, ...], *, inputs: list[str], outputs: list[str], sizes: Any, opset: int | None = 20
) -> bytes:
    """The graph of a module; `sizes` says which dimensions may be any (`dynamic_shapes`).

    The example arguments have two rows or more: a size of one would be frozen into the graph.
    """
    import onnx
    import torch

    # It says of each missing optional package that it is missing.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(), args, dynamo=True, dynamic_shapes=sizes, input_names=inputs, output_names=outputs, external_data=False,
            verbose=False, **({} if opset is None else {"opset_version": opset}),
        )  # fmt: skip
    model = program.model_proto
    # Shapes noted for one size would stand in the way of later quantisation.
    del model.graph.value_info[:]
    without_traces(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def without_traces(model: Any) -> None:
    """Takes out where in which file of this machine each node came from: no part of what the graph computes, and nobody else's business."""
    forget(model.graph.node)
    del model.graph.metadata_props[:]
    model.graph.ClearField("doc_string")
    for function in model.functions:
        forget(function.node)
        del function.metadata_props[:]
        function.ClearField("doc_string")


def forget(nodes: Iterable[Any]) -> None:
    for node in nodes:
        del node.metadata_props[:]
        node.ClearField("doc_string")
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                forget(graph.node)
