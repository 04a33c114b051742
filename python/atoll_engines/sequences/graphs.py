"""An encoder and a decoder as two graphs: `model.onnx` turns the input into states, `decoder.onnx` says what may come next."""

from __future__ import annotations

import io
import logging
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from atoll_engines.sequences.writer import Writer
from atoll_engines.tabular.export import Export, first_line


class DecoderGraph(torch.nn.Module):
    """All tokens so far → the logits of the next one."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Any, encoder_hidden: Any, attention_mask: Any = None) -> Any:
        masked = {} if attention_mask is None else {"attention_mask": attention_mask}
        states = BaseModelOutput(last_hidden_state=encoder_hidden)
        out = self.network(encoder_outputs=states, decoder_input_ids=input_ids, use_cache=False, **masked)
        return out.logits[:, -1]


def export(writer: Writer, folder: Path, tolerance: float) -> Export:
    """Write both graphs if they give the network's logits on examples."""
    try:
        encoder = encoder_graph(writer)
        decoder = decoder_graph(writer)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    try:
        worst, rows = compare(writer, encoder, decoder)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, 0)
    if not worst <= tolerance:
        return Export("python", f"The graphs differ from the network by up to {worst:.3g} (tolerance {tolerance:.3g}).", worst, rows)
    (folder / "model.onnx").write_bytes(encoder)
    (folder / "decoder.onnx").write_bytes(decoder)
    return Export("onnx", None, worst, rows)


def encoder_graph(writer: Writer) -> bytes:
    module, example, sizes = writer.encoder_module()
    return as_graph(module, example, sizes, "encoder_hidden")


def decoder_graph(writer: Writer) -> bytes:
    free = torch.export.Dim.DYNAMIC
    hidden, mask = writer.encoded(writer.examples()[:2])
    example: dict[str, Any] = {"input_ids": torch.full((len(hidden), 5), writer.decoding.start[0]), "encoder_hidden": hidden}
    sizes: dict[str, Any] = {"input_ids": {0: free, 1: free}, "encoder_hidden": {0: free, 1: free} if writer.is_masked else {0: free}}
    if writer.is_masked:
        example["attention_mask"], sizes["attention_mask"] = mask, {0: free, 1: free}
    return as_graph(DecoderGraph(writer.network), example, sizes, "logits")


def as_graph(module: Any, example: dict[str, Any], sizes: dict[str, Any], output: str) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), torch.no_grad():
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module.eval(), tuple(example.values()), path, dynamo=True, external_data=False, opset_version=20,
            input_names=list(example), output_names=[output], dynamic_shapes=sizes,
        )  # fmt: skip
        return path.read_bytes()


def compare(writer: Writer, encoder: bytes, decoder: bytes) -> tuple[float, int]:
    """How far the graphs' logits are from the network's, as a share of the span of the logits, over texts that grow."""
    worst, rows = 0.0, 0
    hears, writes = opened(encoder), opened(decoder)
    for item in writer.examples():
        feeds = writer.graph_inputs(item)
        states = hears.run(None, feeds)[0]
        ids = np.array([[*writer.decoding.start]], np.int64)
        hidden, mask = writer.encoded([item])
        for _ in range(8):
            more = {"attention_mask": feeds["attention_mask"]} if writer.is_masked else {}
            said = writes.run(None, {"input_ids": ids, "encoder_hidden": states, **more})[0]
            with torch.inference_mode():
                wanted = DecoderGraph(writer.network)(torch.from_numpy(ids), hidden, mask).float().numpy()
            worst = max(worst, float(np.abs(said - wanted).max() / max(1.0, np.abs(wanted).max())))
            rows += 1
            ids = np.concatenate([ids, wanted.argmax(axis=1)[:, None]], axis=1)
            if ids.shape[1] >= writer.decoding.most + len(writer.decoding.start):
                break
    return worst, rows


def opened(graph: bytes) -> Any:
    """A graph on one thread, as in serving."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
