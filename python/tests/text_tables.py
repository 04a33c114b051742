"""Small tables of texts whose target can be read from a few words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

FILL = ["the", "product", "arrived", "on", "monday", "in", "a", "box", "with", "other", "things", "and", "we", "tried", "it", "at", "home"]
GOOD, BAD = ["lovely", "great", "tasty", "fine"], ["awful", "stale", "bitter", "broken"]
TYPES = {"review": "text", "title": "text", "score": "category", "labels": "category"}


def reviews(rows: int = 160, seed: int = 0) -> pd.DataFrame:
    """`review` and `title`, and the targets `score` (great, other), `stars` (a number) and `labels` (any of taste, price, late)."""
    random = np.random.default_rng(seed)
    made = []
    for row in range(rows):
        great = row % 2 == 1
        topics = [topic for topic in ("taste", "price", "late") if random.random() < 0.4]
        words = [*random.choice(FILL, 8), *random.choice(GOOD if great else BAD, 2), *topics, *random.choice(FILL, 3)]
        made.append(
            {
                "title": str(random.choice(["about this", "my view", "second order"])),
                "review": " ".join(words).capitalize() + ".",
                "score": "great" if great else "other",
                "stars": 4.0 * great + float(random.normal()) * 0.2,
                "labels": json.dumps(topics),
            }
        )
    return pd.DataFrame(made)


def tiny_weights(folder: Path, kind: str = "bert", hidden: int = 32) -> Path:
    """A folder of weights as people bring them: config.json, tokenizer.json, model.safetensors."""
    import torch
    from transformers import AutoModel, BertConfig, RobertaConfig

    from atoll_engines.text.tokens import learn_tokenizer

    torch.manual_seed(1)
    folder.mkdir(parents=True)
    tokenizer = learn_tokenizer(reviews(300, seed=5)["review"], 300)
    sizes = {"hidden_size": hidden, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    make = {"bert": BertConfig, "roberta": RobertaConfig}[kind]
    config = make(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=66, pad_token_id=0, **sizes)
    AutoModel.from_config(config).save_pretrained(folder, safe_serialization=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    return folder
