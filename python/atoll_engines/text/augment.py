"""Changed copies of training texts: words left out, words exchanged for the user's synonyms."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

WORD = re.compile(r"\w+|\W+")


@dataclass(frozen=True)
class Augmentation:
    """Leaves out a share of the words (Iyyer et al. 2015) and exchanges a share of those that have synonyms (Zhang et al. 2015)."""

    word_dropout: float
    synonyms: dict[str, tuple[str, ...]]
    synonym_share: float

    @property
    def is_used(self) -> bool:
        return self.word_dropout > 0 or bool(self.synonyms)

    def of(self, text: str, random: np.random.Generator) -> str:
        """The text as one epoch sees it; a text never loses all its words."""
        if not self.is_used:
            return text
        parts = WORD.findall(text)
        kept = []
        for part in parts:
            if not part[0].isalnum():
                kept.append(part)
                continue
            if self.word_dropout and random.random() < self.word_dropout:
                continue
            others = self.synonyms.get(part.lower())
            if others and random.random() < self.synonym_share:
                kept.append(others[int(random.integers(len(others)))])
            else:
                kept.append(part)
        return "".join(kept) if any(part[0].isalnum() for part in kept) else text
