"""The algorithms as the platform shows them: `python -m atoll_engines.unsupervised.describe_algorithms > …/algorithms.json`."""

from __future__ import annotations

import json
from typing import Any

from atoll_engines.unsupervised.algorithms import ALGORITHMS, AUTO


def describe() -> dict[str, Any]:
    """Every algorithm: name, title, task, what it is, and the parameters that a search goes through."""
    return {
        "algorithms": [
            {
                "name": one.name,
                "title": one.title,
                "tasks": [one.task],
                "about": one.about,
                "space": one.space,
                "served": "onnx",
                "family": "unsupervised",
                "runtime": one.runtime,
                "needs": list(one.needs),
                "auto": one.name in AUTO[one.task],
            }
            for one in ALGORITHMS.values()
        ]
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
