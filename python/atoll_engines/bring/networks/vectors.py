"""Sentences as vectors: an encoder, how its tokens become one vector, and its length; as sentence-transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks import folder as files
from atoll_engines.bring.networks.texts import BATCH, Texts
from atoll_engines.bring.original import first_line
from atoll_engines.errors import BadInput

WAYS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first", "pooling_mode_max_tokens": "largest"}


class Vectors(Texts):
    way = "mean"
    is_normalised = False
    # The library's own model, which says what is right; none where the folder is a bare encoder.
    own: Any = None

    @property
    def width(self) -> int:
        return int(self.network.config.hidden_size)

    @property
    def answer_name(self) -> str:
        return "vector"

    def outputs(self) -> list[dict[str, Any]]:
        return [{"name": "vector", "width": self.width}]

    def pooling(self) -> Any:
        import torch

        network, way, is_normalised = self.network, self.way, self.is_normalised

        class Pooling(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, input_ids: Any, attention_mask: Any) -> Any:
                tokens = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
                seen = attention_mask.unsqueeze(-1).to(tokens.dtype)
                if way == "first":
                    vector = tokens[:, 0]
                elif way == "largest":
                    vector = tokens.masked_fill(seen == 0, -1e9).max(dim=1).values
                else:
                    vector = (tokens * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1e-9)
                return torch.nn.functional.normalize(vector, p=2.0, dim=1) if is_normalised else vector

        return Pooling().eval()

    def answer(self, items: list[str]) -> dict[str, np.ndarray]:
        if self.own is not None:
            said = self.own.encode(list(items), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True)
            return {"vector": np.asarray(said, np.float64)}
        pooling = self.pooling()
        return {"vector": self.run(items, self.width, lambda ids, mask: pooling(ids, mask))}

    def graph(self) -> bytes:
        import torch

        from atoll_engines.onnx_models.torch_graph import torch_graph

        ids = torch.ones((2, 7), dtype=torch.int64)
        mask = torch.ones_like(ids)
        mask[1, 4:] = 0
        size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        return torch_graph(
            self.pooling(),
            (ids, mask),
            inputs=["input_ids", "attention_mask"],
            outputs=["vector"],
            sizes={"input_ids": size, "attention_mask": size},
        )


def vectors(folder: Path, column: str) -> Vectors:
    from transformers import AutoModel

    encoder = folder
    way, is_normalised, own = "mean", False, None
    modules = files.read_settings(folder, "modules.json") if (folder / "modules.json").is_file() else []
    for module in modules:
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        place = folder / str(module.get("path") or "")
        if not place.resolve().is_relative_to(folder.resolve()):
            raise BadInput("modules.json points outside of the folder.", file="modules.json")
        if kind == "Transformer":
            encoder = place if (place / "config.json").is_file() else folder
        elif kind == "Pooling":
            way = pooling_way(files.read_settings(place, "config.json"))
        elif kind == "Normalize":
            is_normalised = True
        else:
            raise BadInput(
                f'The part "{kind}" of modules.json is not supported: Transformer, Pooling and Normalize are.', file="modules.json"
            )
    network = files.load_network(AutoModel, encoder, unneeded=("pooler.",))
    if modules:
        from sentence_transformers import SentenceTransformer

        try:
            own = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise BadInput(
                f"The sentence-transformers library could not read the folder: {first_line(error)}", file="modules.json"
            ) from error
    made = Vectors(column, "embedding", None, type(network).__name__, files.library())
    made.hold(network, encoder)
    made.way, made.is_normalised, made.own = way, is_normalised, own
    if own is not None and own.max_seq_length:
        made.limit = min(made.limit, int(own.max_seq_length))
    if not modules:
        made.notes.append("The folder does not say how tokens become one vector: their mean is taken, without normalising it.")
    return made


def pooling_way(settings: Any) -> str:
    said = settings.get("pooling_mode")
    if isinstance(said, str):
        known = {"mean": "mean", "cls": "first", "max": "largest"}
        if said in known:
            return known[said]
        raise BadInput(f'The pooling "{said}" is not supported: mean, cls and max are.', file="1_Pooling/config.json")
    chosen = [name for name, is_on in settings.items() if name.startswith("pooling_mode_") and is_on is True]
    if len(chosen) != 1 or chosen[0] not in WAYS:
        raise BadInput(
            f"The pooling {', '.join(chosen) or 'that is not said'} is not supported: one of mean, cls and max is.",
            file="1_Pooling/config.json",
        )
    return WAYS[chosen[0]]
