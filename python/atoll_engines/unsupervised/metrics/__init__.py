"""Which figures judge a model that has no target, by task."""

from __future__ import annotations

NAMES = {
    "clustering": ("silhouette", "davies_bouldin", "calinski_harabasz", "noise_share", "stability"),
    "anomaly": ("stability", "anomaly_share"),
    "projection": ("trustworthiness", "explained_variance"),
    "topics": ("coherence", "perplexity", "diversity"),
    "embedding": ("roc_auc",),
}
# Figures against a column of known labels, where one is named.
AGAINST_LABEL = {
    "clustering": ("adjusted_rand", "normalized_mutual_information"),
    "anomaly": ("roc_auc", "pr_auc", "precision", "recall", "f1"),
    "projection": (),
    "topics": ("normalized_mutual_information",),
    "embedding": (),
}
USUAL_METRIC = {
    "clustering": "silhouette",
    "anomaly": "stability",
    "projection": "trustworthiness",
    "topics": "coherence",
    "embedding": "roc_auc",
}
LOWER_IS_BETTER = frozenset({"davies_bouldin", "perplexity", "noise_share"})


def metric_names(task: str, with_label: bool) -> tuple[str, ...]:
    return NAMES[task] + (AGAINST_LABEL[task] if with_label else ())


def sign(metric: str) -> int:
    """1 where more is better, -1 where less is."""
    return -1 if metric in LOWER_IS_BETTER else 1
