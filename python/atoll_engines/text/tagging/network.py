"""The network that tags words: given encoder weights with a new last layer, or dilated convolutions learned from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from atoll_engines.errors import BadInput
from atoll_engines.onnx_models.torch_graph import torch_graph
from atoll_engines.text.weights import refuse_incomplete


class Convolutions(nn.Module):
    """Iterated dilated convolutions over token vectors (Strubell et al. 2017): each token sees 15 on both sides."""

    def __init__(self, tokens: int, tags: int, width: int, dropout: float, pad: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(tokens, width, padding_idx=pad)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=step, dilation=step) for step in (1, 2, 4, 8))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.layers)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, tags)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        seen = attention_mask.unsqueeze(-1).to(self.last.weight.dtype)
        x = self.dropout(self.tokens(input_ids)) * seen
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(x + torch.relu(layer(x.transpose(1, 2)).transpose(1, 2))) * seen
        return self.last(self.dropout(x))


class Encoder(nn.Module):
    """An encoder of the transformers library, as one that answers with margins alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.network(input_ids=input_ids, attention_mask=attention_mask).logits


class Answering(nn.Module):
    """What is served: of each token the most probable tag and how probable it is, in rows of one length."""

    def __init__(self, network: nn.Module, length: int) -> None:
        super().__init__()
        self.network, self.length = network, length

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        probabilities = torch.softmax(self.network(input_ids, attention_mask), dim=-1)
        surest, tags = probabilities.max(dim=-1)
        seen = attention_mask.to(surest.dtype)
        rest = torch.zeros((input_ids.shape[0], self.length), dtype=surest.dtype)
        widened = [torch.cat([one * seen, rest], dim=1)[:, : self.length] for one in (tags.to(surest.dtype), surest)]
        return widened[0], widened[1]


def from_weights(folder: Path, tags: int, limit: int) -> tuple[nn.Module, dict[str, Any]]:
    """The encoder in a folder of weights, with a new last layer."""
    from transformers import AutoModelForTokenClassification

    config = refuse_incomplete(folder)
    try:
        network = AutoModelForTokenClassification.from_pretrained(
            folder, num_labels=tags, local_files_only=True, use_safetensors=True, trust_remote_code=False,
            ignore_mismatched_sizes=True, attn_implementation="eager",
        )  # fmt: skip
    except (ValueError, OSError, KeyError) as error:
        raise BadInput(f"The weights could not be read as a text encoder: {str(error).splitlines()[0]}.", file="config.json") from error
    reads = int(config.get("max_position_embeddings") or 512)
    reads -= int(config.get("pad_token_id") or 0) + 1 if config.get("model_type") in ("roberta", "xlm-roberta", "camembert") else 0
    if limit > reads:
        raise BadInput(f"options.maxLength is {limit}, but these weights read at most {reads} tokens.", parameter="options.maxLength")
    made = {"from": "given weights", "architecture": config.get("model_type"), "name": config.get("_name_or_path")}
    return Encoder(network.float()), made


def tagging_graph(network: nn.Module, length: int) -> bytes:
    """`input_ids`, `attention_mask` [N, L] of any size → `tags`, `confidence` float32 [N, length]."""
    ids = torch.ones((2, 7), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    return torch_graph(
        Answering(network, length), (ids, mask), inputs=["input_ids", "attention_mask"], outputs=["tags", "confidence"],
        sizes={"input_ids": size, "attention_mask": size},
    )  # fmt: skip
