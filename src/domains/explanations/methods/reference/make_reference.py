"""Writes the figures of the package shap for a small function of six columns: the TypeScript methods are held to them."""

import json
import sys

import numpy as np
import shap


def answers(x: np.ndarray) -> np.ndarray:
    """Two answers a row, with interactions; the test computes the same."""
    first = 2 * x[:, 0] + x[:, 1] * x[:, 2] - np.sin(x[:, 3]) * x[:, 0] + np.where(x[:, 4] > 0, x[:, 1], -1)
    second = np.exp(-np.abs(x[:, 5])) * x[:, 3] + x[:, 0] * x[:, 1] * x[:, 2]
    return np.stack([first, second], axis=1)


def main() -> None:
    rng = np.random.default_rng(11)
    background = np.round(rng.normal(size=(25, 6)), 3)
    rows = np.round(rng.normal(size=(3, 6)) * 1.5, 3)
    masker = shap.maskers.Independent(background, max_samples=len(background))
    exact = shap.explainers.Exact(answers, masker)(rows)
    kernel = shap.KernelExplainer(answers, background).shap_values(rows, nsamples=100_000, silent=True)
    figures = {
        "shap": shap.__version__,
        "background": background.tolist(),
        "rows": rows.tolist(),
        "base": exact.base_values[0].tolist(),
        "exact": exact.values.tolist(),
        "kernel": np.asarray(kernel).tolist(),
    }
    json.dump(figures, open(sys.argv[1], "w"))


if __name__ == "__main__":
    main()
