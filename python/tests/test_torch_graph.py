"""A network's graph answers as the network does, and says nothing of the machine that it was made on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="graphs of networks are made in the runtime deep")

from atoll_engines.onnx_models.torch_graph import torch_graph  # noqa: E402


class Small(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear = torch.nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.linear(x), dim=1)


def test_a_graph_answers_as_its_network_and_names_no_file_of_this_machine():
    import onnx
    import onnxruntime

    network = Small()
    graph = torch_graph(network, (torch.rand(2, 3),), inputs=["x"], outputs=["p"], sizes=({0: torch.export.Dim.DYNAMIC},))
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    answered = onnxruntime.InferenceSession(graph).run(["p"], {"x": rows})[0]
    np.testing.assert_allclose(answered, network(torch.from_numpy(rows)).detach().numpy(), atol=1e-6)
    for place in (str(Path(__file__).parent), str(Path(torch.__file__).parent), "stack_trace"):
        assert place.encode() not in graph
    assert all(not node.metadata_props and not node.doc_string for node in onnx.load_from_string(graph).graph.node)
