"""The algorithms as the platform shows them: `python -m atoll_engines.text.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.text.algorithms import ALGORITHMS
from atoll_engines.text.seq2seq.algorithms import REWRITING
from atoll_engines.text.tagging.request import SPACE

ABOUT = {
    "text_tfidf_linear": "Weights of words and word pairs, then one linear model. Fast, its terms can be read, and often hard to beat.",
    "text_bag": "The mean of learned vectors of tokens and token pairs, then one linear layer. An epoch takes seconds.",
    "text_seq2seq": "Writes another text: your T5 or BART weights fine-tuned, or a small network learned from your pairs alone.",
    "text_transformer": "An encoder of the BERT kind: your weights fine-tuned, or a small one learned from your texts alone.",
}

TAGGER = {
    "name": "text_tagger",
    "title": "Tagger of words",
    "family": "text",
    "runtime": "deep",
    "needs": ["text"],
    "auto": True,
    "tasks": ["tokens"],
    "about": "Marks names, places, doses: an encoder's weights fine-tuned, or dilated convolutions learned from your texts alone.",
    "space": SPACE,
    "served": "onnx",
}


def describe() -> dict[str, Any]:
    """Every algorithm for text, the TF-IDF baseline first."""
    return {
        "algorithms": [
            {
                "name": one.name,
                "title": one.title,
                "family": "text",
                "runtime": "deep",
                "needs": ["text"],
                "auto": one.name != "text_transformer",
                "tasks": list(one.tasks),
                "about": ABOUT[one.name],
                "space": one.space,
                "served": "onnx",
            }
            for one in (*ALGORITHMS, *REWRITING)
        ]
        + [TAGGER]
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
