"""The algorithms as the platform shows them: `python -m atoll_engines.language.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.language.algorithms import ALGORITHMS, TASKS


def describe() -> dict[str, Any]:
    """Every algorithm for language models."""
    return {
        "algorithms": [
            {
                "name": one.name, "title": one.title, "family": "language", "runtime": "llm", "needs": [], "auto": one.name == "llm_lora",
                "tasks": list(TASKS), "about": one.about, "space": one.space, "served": "gguf",
            }
            for one in ALGORITHMS
        ]
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
