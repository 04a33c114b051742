"""The algorithms without a target, by name."""

from __future__ import annotations

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.unsupervised.algorithms import (
    centres,
    cut_forest,
    density,
    dirichlet,
    isolation,
    layouts,
    mixture,
    neural_topics,
    outliers,
    principal,
    word_vectors,
)
from atoll_engines.unsupervised.algorithms.model import Algorithm

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for module in (centres, mixture, density, cut_forest, isolation, outliers, principal, layouts, dirichlet, neural_topics, word_vectors)
    for algorithm in module.ALGORITHMS
}

# What `auto` tries for each task. Anomalies have no score of their own to be judged by, so one algorithm stands for all.
AUTO = {
    "clustering": ("kmeans", "gaussian_mixture", "hierarchical", "hdbscan"),
    "anomaly": ("random_cut_forest",),
    "projection": ("umap", "pca"),
    "topics": ("lda",),
    "embedding": ("word_vectors",),
}


def chosen_algorithms(names: list[str], task: str) -> list[Algorithm]:
    """The algorithms a job asks for; `auto` stands for all that are worth trying."""
    chosen: list[Algorithm] = []
    for name in names or ["auto"]:
        found = [ALGORITHMS[one] for one in AUTO[task]] if name == "auto" else [find_algorithm(name, task)]
        chosen.extend(one for one in found if one not in chosen)
    return chosen


def find_algorithm(name: str, task: str) -> Algorithm:
    algorithm = ALGORITHMS.get(name)
    fitting = [one.name for one in ALGORITHMS.values() if one.task == task]
    if algorithm is None:
        raise BadInput(
            f'There is no algorithm "{name}". {what_exists(name, ["auto", *fitting], "algorithms")}', algorithm=name
        )
    if algorithm.task != task:
        raise BadInput(
            f"{algorithm.title} does {algorithm.task}, not {task}; these can: {', '.join(fitting)}.", algorithm=name, task=task
        )
    return algorithm
