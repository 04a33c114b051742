"""Networks over tables: one arithmetic in torch, numpy and the graph; categories never seen; losses that are no number."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from atoll_engines.errors import BadInput, EngineError
from atoll_engines.recipes import GraphBuilder, InputColumn
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.algorithms.fields import Fields
from atoll_engines.tabular.algorithms.model import Setting
from atoll_engines.tabular.export import run_graph
from atoll_engines.tabular.networks.arithmetic import GraphArithmetic, NumpyArithmetic, Tensor
from atoll_engines.tabular.networks.layers import sparsemax

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="networks are trained in the runtime deep, and there is no torch here")
NETWORKS = ("mlp", "tabm", "tab_transformer", "tabnet")
SMALL = {"epochs": 8, "width": 16, "copies": 3, "steps": 2}


def small(name: str) -> dict:
    defaults = ALGORITHMS[name].defaults
    return defaults | {key: value for key, value in SMALL.items() if key in defaults}


def users_and_items(rows: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of codes whose interaction is the target, and a number that says nothing."""
    random = np.random.default_rng(seed)
    users, items = random.integers(0, 12, rows), random.integers(0, 9, rows)
    tastes, kinds = np.random.default_rng(9).normal(size=(12, 2)), np.random.default_rng(8).normal(size=(9, 2))
    y = (tastes[users] * kinds[items]).sum(axis=1) + random.normal(0, 0.1, rows)
    return np.column_stack([users, items, random.normal(size=rows)]).astype(np.float32), y


def emitted(model, columns: int, width: int) -> bytes:
    graph = GraphBuilder([InputColumn(f"x{k}", "number") for k in range(columns)])
    graph.output(model.emit(graph, graph.node("Cast", ["numbers"], to=1)), "answer")
    return graph.finish([("answer", 1, ("N", width))]).SerializeToString()


def test_sparsemax_is_the_nearest_point_of_the_simplex_with_real_zeros():
    z = np.random.default_rng(0).normal(0, 2, (50, 7))
    p = sparsemax(NumpyArithmetic(), z, 7)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p == 0).any()
    assert (p >= 0).all()
    # Nearer than any other point of the simplex that was drawn.
    others = np.random.default_rng(1).dirichlet(np.ones(7), 2000)
    nearest = ((others[None] - z[:, None]) ** 2).sum(axis=2).min(axis=1)
    assert (((p - z) ** 2).sum(axis=1) <= nearest + 1e-12).all()


def test_sparsemax_is_the_same_in_a_graph():
    z = np.random.default_rng(0).normal(0, 2, (20, 5))
    graph = GraphBuilder([InputColumn(f"x{k}", "number") for k in range(5)])
    made = sparsemax(GraphArithmetic(graph), Tensor(graph, "numbers"), 5)
    graph.output(graph.node("Cast", [made.name], to=1), "answer")
    answered = run_graph(graph.finish([("answer", 1, ("N", 5))]).SerializeToString(), {"numbers": z})
    np.testing.assert_allclose(answered, sparsemax(NumpyArithmetic(), z, 5), atol=1e-6)


def test_unseen_categories_have_a_place_of_their_own():
    x = np.array([[0, 1.0], [1, 2.0], [2, np.nan]], np.float32)
    fields = Fields(x, (3, 0))
    asked = np.array([[-1, 0.0], [2, 0.0], [7, 0.0], [np.nan, 0.0]], np.float32)
    assert fields.places(asked)[:, 0].tolist() == [0, 3, 0, 0]
    assert np.isfinite(fields.numbers(x)).all()


def test_a_factorisation_machine_learns_an_interaction_that_no_sum_can():
    x, y = users_and_items()
    asked, truth = users_and_items(seed=1)
    model = ALGORITHMS["factorization_machine"].build(
        {"factors": 4, "reg_line": 0.5, "reg_vectors": 0.5, "sweeps": 40}, Setting("regression", 0, 0, 1, codes=(12, 9, 0))
    )
    model.fit(x, y)
    assert np.sqrt(np.mean((model.predict(asked) - truth) ** 2)) < 0.3 * truth.std()
    answered = run_graph(emitted(model, 3, 1), {"numbers": asked.astype(np.float64)})[:, 0]
    np.testing.assert_allclose(answered, model.predict(asked), rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_no_sweep_of_a_factorisation_machine_makes_the_training_loss_worse(classes):
    from atoll_engines.tabular.algorithms.factorization import Fit

    x, y = users_and_items()
    labels = np.digitize(y, np.quantile(y, [0.5] if classes == 2 else [0.3, 0.6]))
    setting = Setting("binary" if classes == 2 else "multiclass", classes, 0, 1, codes=(12, 9, 0))
    model = ALGORITHMS["factorization_machine"].build({"factors": 3, "reg_line": 1e-9, "reg_vectors": 1e-9, "sweeps": 1}, setting)
    model.fields = Fields(x, setting.codes)
    fit = Fit(model, x, labels, None)
    losses = []
    for _ in range(12):
        fit.sweep()
        losses.append(fit.loss_of(x, labels))
        np.testing.assert_allclose(fit.margins, model.margins(x), atol=1e-8)
    assert (np.diff(losses) < 1e-9).all()


@needs_torch
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_the_graph_of_a_network_answers_to_the_last_digits(name, classes):
    x, y = users_and_items(200)
    x[::17, 2] = np.nan
    target = np.digitize(y, np.quantile(y, [0.5] if classes == 2 else [0.3, 0.6])) if classes else y
    task = {0: "regression", 2: "binary", 3: "multiclass"}[classes]
    model = ALGORITHMS[name].build(small(name), Setting(task, classes, 3, 1, codes=(12, 9, 0)))
    model.fit(x, target)
    asked = np.vstack([users_and_items(100, seed=2)[0], [[-1, 4, np.nan]]]).astype(np.float32)
    answered = run_graph(emitted(model, 3, max(1, classes)), {"numbers": asked.astype(np.float64)})
    np.testing.assert_allclose(answered if classes else answered[:, 0], model.predict(asked), atol=2e-7, rtol=1e-6)


@needs_torch
@pytest.mark.parametrize("name", NETWORKS)
def test_a_table_of_numbers_alone_and_one_of_categories_alone_can_be_learnt(name):
    x, y = users_and_items(150)
    for columns, codes in (([2], (0,)), ([0, 1], (12, 9))):
        model = ALGORITHMS[name].build(small(name) | {"epochs": 2}, Setting("regression", 0, 0, 1, codes=codes))
        model.fit(x[:, columns], y)
        assert np.isfinite(model.predict(x[:, columns])).all()


@needs_torch
def test_a_loss_that_is_no_number_ends_in_a_sentence():
    x, y = users_and_items(200)
    model = ALGORITHMS["mlp"].build(small("mlp") | {"learning_rate": 1e30}, Setting("regression", 0, 0, 1))
    with np.errstate(all="ignore"), pytest.raises(EngineError, match="not a number|no number|diverged|loss"):
        model.fit(x, y)


@pytest.mark.skipif(HAS_TORCH, reason="there is torch here")
def test_without_torch_a_network_says_which_runtime_it_needs():
    model = ALGORITHMS["mlp"].build(small("mlp"), Setting("regression", 0, 0, 1))
    with pytest.raises(BadInput, match='runtime "deep"'):
        model.fit(*users_and_items(50))
