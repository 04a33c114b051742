"""Field notes in which species, places and counts are marked."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

SPECIES = ["grey heron", "little egret", "curlew", "oystercatcher", "snow bunting", "dunlin", "black-tailed godwit", "knot"]
PLACES = ["Ness Point", "Old Quay", "the Salt Marsh", "Hallig Nord", "São Jorge", "Marsh End"]
SHAPES = ["{n} {s} seen at {p} this morning.", "At {p}: {n} {s}, none ringed.", "No {s} today; wind from the west.", "{p} was quiet.",
          "Heard a {s} near {p} 🌊, later {n} more."]  # fmt: skip


def notes(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    """`note` and `marks`, a JSON list of { start, end, label }."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        text, spans = "", []
        for piece in _pieces(str(random.choice(SHAPES))):
            if piece in ("{n}", "{s}", "{p}"):
                words, label = {
                    "{n}": (str(random.integers(1, 400)), "count"), "{s}": (str(random.choice(SPECIES)), "species"),
                    "{p}": (str(random.choice(PLACES)), "place"),
                }[piece]  # fmt: skip
                spans.append({"start": len(text), "end": len(text) + len(words), "label": label})
                text += words
            else:
                text += piece
        made.append({"note": text, "marks": json.dumps(spans, ensure_ascii=False)})
    return pd.DataFrame(made)


def _pieces(shape: str) -> list[str]:
    pieces, at = [], 0
    while (start := shape.find("{", at)) >= 0:
        pieces += [shape[at:start], shape[start : start + 3]]
        at = start + 3
    return [*pieces, shape[at:]]
