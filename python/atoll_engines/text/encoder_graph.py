"""An encoder as a graph that answers with probabilities, or predictions, rather than margins."""

from __future__ import annotations

from typing import Any

from atoll_engines.onnx_models.torch_graph import torch_graph


def encoder_graph(network: Any, task: str, middle: float, spread: float, outputs: int) -> bytes:
    """`input_ids`, `attention_mask` [N, L] of any size → `probabilities` [N, outputs] or `prediction` [N, 1]."""
    import torch

    class Answering(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            margins = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
            if task == "regression":
                return margins * spread + middle
            return torch.sigmoid(margins) if task == "multilabel" else torch.softmax(margins, dim=-1)

    # Sizes of one would be frozen into the graph.
    ids = torch.ones((2, 7), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    name = "prediction" if task == "regression" else "probabilities"
    device = next(network.parameters()).device
    return torch_graph(
        Answering(), (ids.to(device), mask.to(device)), inputs=["input_ids", "attention_mask"], outputs=[name],
        sizes={"input_ids": size, "attention_mask": size},
    )  # fmt: skip
