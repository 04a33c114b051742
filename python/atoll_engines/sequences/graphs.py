"""An encoder and a decoder as two graphs: `model.onnx` turns the input into states, `decoder.onnx` says what may come next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from atoll_engines.onnx_models.torch_graph import torch_graph
from atoll_engines.sequences.cached import Crossed, Step, crossed_of, crossings
from atoll_engines.sequences.writer import Writer
from atoll_engines.tabular.export import Export, first_line

# So many tokens after the first are compared.
COMPARED = 8


class Whole(torch.nn.Module):
    """All tokens so far → the logits of the next one: for decoders whose cache is not known here."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Any, encoder_hidden: Any, attention_mask: Any = None) -> Any:
        masked = {} if attention_mask is None else {"attention_mask": attention_mask}
        states = BaseModelOutput(last_hidden_state=encoder_hidden)
        out = self.network(encoder_outputs=states, decoder_input_ids=input_ids, use_cache=False, **masked)
        return out.logits[:, -1]


@dataclass(frozen=True)
class Graphs:
    encoder: bytes
    decoder: bytes
    is_cached: bool


def export(writer: Writer, folder: Path, tolerance: float) -> Export:
    """Write both graphs if they give the network's logits on examples."""
    try:
        graphs = as_graphs(writer, is_cached=crossings(writer.network) is not None)
    except Exception as error:  # a graph that cannot be made is served from Python, not a failed job
        return Export("python", f"The graph could not be made: {type(error).__name__}: {first_line(error)}", None, 0)
    try:
        worst, rows = compare(writer, graphs)
    except Exception as error:
        return Export("python", f"ONNX Runtime could not run the graph: {first_line(error)}", None, 0)
    if not worst <= tolerance:
        return Export("python", f"The graphs differ from the network by up to {worst:.3g} (tolerance {tolerance:.3g}).", worst, rows)
    (folder / "model.onnx").write_bytes(graphs.encoder)
    (folder / "decoder.onnx").write_bytes(graphs.decoder)
    return Export("onnx", None, worst, rows)


def as_graphs(writer: Writer, is_cached: bool) -> Graphs:
    free = torch.export.Dim.DYNAMIC
    module, inputs, sizes = writer.encoder_module()
    hidden, mask = writer.encoded(writer.examples()[:2])
    hidden = hidden.clone()
    wide = {0: free, 1: free}
    masks = {"attention_mask": (mask, wide)} if writer.is_masked else {}
    first = writer.decoding.start[0]
    if is_cached:
        with torch.no_grad():
            crossed = crossed_of(writer.network, hidden)
        layers, rows, heads, _, width = crossed.shape
        encoder = as_graph(Crossed(module, writer.network), inputs, sizes, ["crossed"])
        places = {1: free, 3: free} if writer.is_masked else {1: free}
        given = {
            "input_ids": (torch.full((rows, 1), first), {0: free}),
            "past": (torch.zeros(layers, rows, heads, 4, width), {1: free, 3: free}),
            "crossed": (crossed, places),
        } | masks
        step, outputs = Step(writer.network), ["logits", "present"]
    else:
        encoder = as_graph(module, inputs, sizes, ["encoder_hidden"])
        given = {
            "input_ids": (torch.full((len(hidden), 5), first), wide),
            "encoder_hidden": (hidden, wide if writer.is_masked else {0: free}),
        } | masks
        step, outputs = Whole(writer.network), ["logits"]
    decoder = as_graph(step, {name: one for name, (one, _) in given.items()}, {name: size for name, (_, size) in given.items()}, outputs)
    return Graphs(encoder, decoder, is_cached)


def as_graph(module: Any, example: dict[str, Any], sizes: dict[str, Any], outputs: list[str]) -> bytes:
    several = {"inputs": tuple(sizes.values())} if isinstance(module, Crossed) else sizes
    return torch_graph(module, tuple(example.values()), inputs=list(example), outputs=outputs, sizes=several)


def compare(writer: Writer, graphs: Graphs) -> tuple[float, int]:
    """How far the graphs' logits are from the network's, as a share of the span of the logits, over texts that grow."""
    worst, rows = 0.0, 0
    hears, writes = opened(graphs.encoder), opened(graphs.decoder)
    whole = Whole(writer.network)
    for item in writer.examples():
        feeds = writer.graph_inputs(item)
        states = hears.run(None, feeds)[0]
        beside = {"attention_mask": feeds["attention_mask"]} if writer.is_masked else {}
        hidden, mask = writer.encoded([item])
        ids, past = [*writer.decoding.start], empty_past(states) if graphs.is_cached else None
        for token in ids[:-1] if graphs.is_cached else []:
            _, past = writes.run(None, {"input_ids": one_token(token), "past": past, "crossed": states, **beside})
        for _ in range(min(COMPARED, writer.decoding.most)):
            if graphs.is_cached:
                said, past = writes.run(None, {"input_ids": one_token(ids[-1]), "past": past, "crossed": states, **beside})
            else:
                said = writes.run(None, {"input_ids": np.array([ids], np.int64), "encoder_hidden": states, **beside})[0]
            with torch.inference_mode():
                wanted = whole(torch.tensor([ids]), hidden, mask).float().numpy()
            worst = max(worst, float(np.abs(said - wanted).max() / max(1.0, np.abs(wanted).max())))
            rows += 1
            ids.append(int(wanted.argmax()))
    return worst, rows


def one_token(token: int) -> np.ndarray:
    return np.array([[token]], np.int64)


def empty_past(crossed: np.ndarray) -> np.ndarray:
    """What a decoder knows before its first token."""
    layers, rows, heads, _, width = crossed.shape
    return np.zeros((layers, rows, heads, 0, width), np.float32)


def opened(graph: bytes) -> Any:
    """A graph on one thread, as in serving."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
