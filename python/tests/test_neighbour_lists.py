"""The index of k nearest neighbours: nearly always the true ones, and the same in Python and in the graph."""

from __future__ import annotations

import numpy as np
import pytest

from atoll_engines.recipes import GraphBuilder, InputColumn
from atoll_engines.tabular.algorithms import ALGORITHMS, neighbours
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.algorithms.neighbour_lists import NeighbourLists
from atoll_engines.tabular.export import run_graph

COLUMNS = 6


def clusters(rows: int, seed: int = 0) -> np.ndarray:
    """Rows in clumps of different size, some of them copies of others."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 4, (12, COLUMNS))
    x = (centres[random.integers(0, 12, rows)] + random.normal(0, 1, (rows, COLUMNS))).astype(np.float32)
    x[: rows // 20] = x[rows // 2 : rows // 2 + rows // 20]
    return x


def test_nearly_all_true_neighbours_are_found_with_a_part_of_the_work():
    drawn = clusters(6200)
    x, asked = drawn[:6000], drawn[6000:]
    index = NeighbourLists(x, 10, 0)
    found, distances = index.nearest(asked)
    exact = ((asked[:, None, :].astype(np.float64) - x[None]) ** 2).sum(axis=2)
    true = np.argsort(exact, axis=1, kind="stable")[:, :10]
    recall = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found, true, strict=True)])
    assert recall > 0.95
    assert index.probes * max(len(rows) for rows in index.lists) < len(x)
    np.testing.assert_allclose(distances, np.take_along_axis(exact, found, axis=1), rtol=1e-4, atol=1e-4)
    assert (np.diff(distances, axis=1) >= 0).all()


def test_every_row_is_in_one_list_even_where_all_are_equal():
    for x in (clusters(3000), np.ones((3000, COLUMNS), np.float32)):
        lists = NeighbourLists(x, 5, 0).lists
        np.testing.assert_array_equal(np.sort(np.concatenate(lists)), np.arange(3000))
        assert max(len(rows) for rows in lists) <= 2 * np.ceil(3000 / round(3000**0.5))


@pytest.mark.parametrize(("task", "weights"), [("binary", "distance"), ("multiclass", "uniform"), ("regression", "distance")])
def test_the_graph_finds_the_same_neighbours(monkeypatch, task, weights):
    monkeypatch.setattr(neighbours, "EXACT_ROWS", 1000)
    x = clusters(4000)
    random = np.random.default_rng(3)
    x[random.random(x.shape) < 0.02] = np.nan
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    signal = np.nan_to_num(x[:, 0]) + random.normal(0, 1, len(x))
    y = np.digitize(signal, np.quantile(signal, [0.5] if classes == 2 else [0.3, 0.7])) if classes else signal
    model = ALGORITHMS["knn"].build({"neighbours": 7, "weights": weights}, Setting(task, classes, 0, 1))
    model.fit(x, y)
    assert model.lists is not None
    asked = np.vstack([clusters(500, seed=4), x[:200]])
    graph = GraphBuilder([InputColumn(f"x{k}", "number") for k in range(COLUMNS)])
    answer = model.emit(graph, graph.node("Cast", ["numbers"], to=1))
    graph.output(answer, "answer")
    made = graph.finish([("answer", 1, ("N", max(1, classes)))]).SerializeToString()
    answered = run_graph(made, {"numbers": asked.astype(np.float64)})
    expected = model.predict(asked)
    np.testing.assert_allclose(answered if classes else answered[:, 0], expected, rtol=1e-5, atol=1e-6)
