"""Small networks of the transformers library, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXTS = ["the delivery was late and bad", "good price , not bad", "very good service", "café naïve 12", "alpha x of the service"] * 4


def save_tokenizer(folder: Path) -> Any:
    """A small vocabulary, saved as a hub has it."""
    from atoll_engines.text.tokens import learn_tokenizer

    tokenizer = learn_tokenizer(TEXTS, 120)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    return tokenizer


def small(kind: type, tokenizer: Any, **more: Any) -> Any:
    """Settings of a DistilBERT that trains in no time."""
    return kind(
        vocab_size=tokenizer.get_vocab_size(),
        dim=16,
        n_layers=1,
        n_heads=2,
        hidden_dim=32,
        max_position_embeddings=64,
        pad_token_id=0,
        **more,
    )
