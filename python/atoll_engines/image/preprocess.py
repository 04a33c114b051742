"""The graph that makes every image the same size, in training and in serving alike."""

from __future__ import annotations

import numpy as np

FITS = ("crop", "pad", "stretch")
OPSET = 18


def preprocess_graph(size: int, channels: int, fit: str = "crop", resized: int | None = None, width: int | None = None) -> bytes:
    """`image` uint8 [H, W, 3] to `pixels` uint8 [size, size, channels]: antialiased bilinear resize, then `fit`.

    `crop` keeps the middle, `pad` sets the whole image on black, `stretch` changes its shape, also to a rectangle (`width`).
    With `resized` the short side is made that long before the middle is cut out.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    width = size if width is None else width
    assert width == size or fit == "stretch", "only stretched images may become rectangles"

    graph = Nodes()
    graph.node("Cast", ["image"], "float", to=TensorProto.FLOAT)
    graph.node("Transpose", ["float"], "planes", perm=[2, 0, 1])
    graph.node("Unsqueeze", ["planes", graph.ints("axis0", [0])], "batch")
    graph.node("Shape", ["image"], "shape")
    graph.node("Slice", ["shape", graph.ints("zero", [0]), graph.ints("two", [2])], "height_width")
    graph.node("Cast", ["height_width"], "sides", to=TensorProto.FLOAT)
    side = size if resized is None else resized
    graph.constant("target", np.array([side, side], np.float32))
    if fit == "stretch":
        graph.ints("new_sides", [size, width])
    else:
        # The short side becomes `size` and the rest is cut off, or the long side does and the rest is filled.
        graph.node("ReduceMin" if fit == "crop" else "ReduceMax", ["sides"], "side", keepdims=1)
        graph.node("Div", ["target", "side"], "scale")
        graph.node("Mul", ["sides", "scale"], "exact")
        graph.node("Round", ["exact"], "rounded")
        graph.node("Max", ["rounded", graph.constant("one", np.array([1.0], np.float32))], "at_least_one")
        graph.node("Cast", ["at_least_one"], "new_sides", to=TensorProto.INT64)
    graph.node("Concat", [graph.ints("lead", [1, 3]), "new_sides"], "sizes", axis=0)
    graph.node(
        "Resize",
        ["batch", "", "", "sizes"],
        "resized",
        mode="linear",
        antialias=1,
        exclude_outside=1,
        coordinate_transformation_mode="half_pixel",
    )
    picture = "resized"
    if fit == "crop":
        graph.node("Sub", ["new_sides", graph.ints("size2", [size, size])], "extra")
        graph.node("Div", ["extra", graph.ints("halves", [2, 2])], "start")
        graph.node("Add", ["start", "size2"], "end")
        graph.node("Slice", ["resized", "start", "end", graph.ints("axes", [2, 3])], "cropped")
        picture = "cropped"
    elif fit == "pad":
        graph.node("Sub", [graph.ints("size2", [size, size]), "new_sides"], "missing")
        graph.node("Div", ["missing", graph.ints("halves", [2, 2])], "before")
        graph.node("Sub", ["missing", "before"], "after")
        zeros = graph.ints("no_pad", [0, 0])
        graph.node("Concat", [zeros, "before", zeros, "after"], "pads", axis=0)
        graph.node("Pad", ["resized", "pads", graph.constant("black", np.array(0.0, np.float32))], "padded")
        picture = "padded"
    if channels == 1:
        # Luma of ITU-R 601, as pillow's "L".
        graph.node("Mul", [picture, graph.constant("luma", np.array([0.299, 0.587, 0.114], np.float32).reshape(1, 3, 1, 1))], "weighted")
        graph.node("ReduceSum", ["weighted", graph.ints("colour", [1])], "grey", keepdims=1)
        picture = "grey"
    graph.node("Add", [picture, graph.constant("half", np.array(0.5, np.float32))], "raised")
    graph.node("Floor", ["raised"], "whole")
    graph.node(
        "Clip", ["whole", graph.constant("low", np.array(0.0, np.float32)), graph.constant("high", np.array(255.0, np.float32))], "clipped"
    )
    graph.node("Cast", ["clipped"], "bytes", to=TensorProto.UINT8)
    graph.node("Squeeze", ["bytes", "axis0"], "single")
    graph.node("Transpose", ["single"], "pixels", perm=[1, 2, 0])
    made = helper.make_graph(
        graph.nodes,
        "preprocess",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["height", "width", 3])],
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [size, width, channels])],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    checker.check_model(model)
    return model.SerializeToString()


class Nodes:
    """Nodes and constants of a graph in the making."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def ints(self, name: str, values: list[int]) -> str:
        return self.constant(name, np.array(values, np.int64))


class Preprocess:
    """Runs the graph."""

    def __init__(self, graph: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self.session.run(["pixels"], {"image": image})[0]
