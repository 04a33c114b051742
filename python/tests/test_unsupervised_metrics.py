"""Figures and models without a target against the libraries that others use, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.manifold import trustworthiness
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from atoll_engines.unsupervised.algorithms import ALGORITHMS
from atoll_engines.unsupervised.algorithms.cut_forest import displacement, grow
from atoll_engines.unsupervised.algorithms.model import Setting
from atoll_engines.unsupervised.algorithms.umap_layout import umap_layout
from atoll_engines.unsupervised.describe.choice import elbow, gap_statistic
from atoll_engines.unsupervised.metrics.groups import Grouped, agreement
from atoll_engines.unsupervised.metrics.maps import row_trust
from atoll_engines.unsupervised.metrics.scores import against_labels, stability


def blobs(rows: int = 300, groups: int = 4, width: int = 5, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    x, y = make_blobs(rows, width, centers=groups, cluster_std=1.5, random_state=seed)
    return x.astype(np.float32), y


def fitted(name: str, x: np.ndarray, seed: int = 3, **params):
    model = ALGORITHMS[name].build({**ALGORITHMS[name].defaults, **params}, Setting(seed, 1))
    model.fit(x)
    return model


def test_group_figures_agree_with_scikit_learn():
    x = blobs()[0].astype(np.float64)
    clusters = KMeans(5, n_init=1, random_state=0).fit_predict(x)
    found = Grouped(x, clusters, 0).all()
    assert found["silhouette"] == pytest.approx(metrics.silhouette_score(x, clusters), abs=1e-9)
    assert found["davies_bouldin"] == pytest.approx(metrics.davies_bouldin_score(x, clusters), rel=1e-9)
    assert found["calinski_harabasz"] == pytest.approx(metrics.calinski_harabasz_score(x, clusters), rel=1e-9)


def test_a_weight_counts_as_so_many_copies_of_a_row():
    x, y = blobs(120)
    clusters = KMeans(3, n_init=1, random_state=0).fit_predict(x)
    weights = np.random.default_rng(0).integers(0, 4, len(x)).astype(float)
    copies = np.repeat(np.arange(len(x)), weights.astype(int))
    weighted, copied = Grouped(x, clusters, 0), Grouped(x[copies], clusters[copies], 0)
    assert weighted.davies_bouldin(weights) == pytest.approx(copied.davies_bouldin(np.ones(len(copies))))
    assert weighted.calinski_harabasz(weights) == pytest.approx(copied.calinski_harabasz(np.ones(len(copies))))
    one, other = agreement(clusters, y, weights), agreement(clusters[copies], y[copies])
    assert one == pytest.approx(other)
    scores, is_anomaly = np.random.default_rng(1).normal(size=len(x)).round(1), y == 0
    one, other = against_labels(scores, is_anomaly, 0.5, weights), against_labels(scores[copies], is_anomaly[copies], 0.5)
    assert one == pytest.approx(other)
    first, second = scores, scores + np.random.default_rng(2).normal(size=len(x)).round(1)
    assert stability(first, second, weights) == pytest.approx(stability(first[copies], second[copies]))


def test_a_row_left_out_as_noise_does_not_raise_the_silhouette():
    x, _ = blobs()
    clusters = KMeans(4, n_init=1, random_state=0).fit_predict(x)
    whole = Grouped(x, clusters, 0).all()["silhouette"]
    values = metrics.silhouette_samples(x, clusters)
    clusters[np.argsort(-values)[:60]] = -1
    assert Grouped(x, clusters, 0).all()["silhouette"] < whole
    assert Grouped(x, clusters, 0).all()["noise_share"] == pytest.approx(0.2)


def test_agreement_with_labels_agrees_with_scikit_learn():
    x, y = blobs()
    clusters = KMeans(6, n_init=1, random_state=0).fit_predict(x)
    found = agreement(clusters, y)
    assert found["adjusted_rand"] == pytest.approx(metrics.adjusted_rand_score(y, clusters), abs=1e-12)
    assert found["normalized_mutual_information"] == pytest.approx(metrics.normalized_mutual_info_score(y, clusters), abs=1e-12)
    assert agreement(y, y)["adjusted_rand"] == 1


def test_anomaly_figures_agree_with_scikit_learn_and_scipy():
    from scipy.stats import spearmanr

    random = np.random.default_rng(4)
    real = random.random(400) < 0.1
    scores = (random.normal(size=400) + real).round(1)
    found = against_labels(scores, real, 1.0)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(real, scores))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(real, scores))
    assert found["f1"] == pytest.approx(metrics.f1_score(real, scores >= 1.0))
    other = scores + random.normal(size=400).round(1)
    assert stability(scores, other) == pytest.approx(spearmanr(scores, other).statistic)


def test_trustworthiness_agrees_with_scikit_learn():
    x, _ = blobs(200)
    places = PCA(2).fit_transform(x) + np.random.default_rng(0).normal(0, 2, (200, 2))
    assert row_trust(x, places, 0).mean() == pytest.approx(trustworthiness(x, places, n_neighbors=10), abs=1e-9)


def test_a_mixture_gives_the_librarys_probabilities():
    x, _ = blobs()
    for kind in ("full", "diag", "tied", "spherical"):
        model = fitted("gaussian_mixture", x, clusters=4, covariance=kind)
        library = GaussianMixture(4, covariance_type=kind, n_init=3, max_iter=300, reg_covar=1e-4, random_state=3).fit(x.astype(np.float64))
        order = np.argsort(-library.weights_, kind="stable")
        np.testing.assert_allclose(model.answer(x)["probabilities"], library.predict_proba(x)[:, order], atol=1e-6)
        assert model.bic == pytest.approx(library.bic(x.astype(np.float64)))


def test_dbscan_puts_its_own_core_points_where_the_library_puts_them():
    x, _ = blobs(groups=3, width=2)
    model = fitted("dbscan", x, neighbours=6, reach=0.8)
    library = DBSCAN(eps=model.eps, min_samples=7).fit(x.astype(np.float64))
    core = library.core_sample_indices_
    said = model.answer(x)["cluster"]
    assert agreement(said[core], library.labels_[core])["adjusted_rand"] == 1
    # Everything the library calls noise is beyond the reach of every core point.
    assert (said[library.labels_ == -1] == -1).all()


def test_hdbscan_finds_groups_of_unequal_density_and_calls_far_rows_noise():
    random = np.random.default_rng(0)
    tight, loose = random.normal(0, 0.2, (150, 2)), random.normal(8, 1.2, (150, 2))
    model = fitted("hdbscan", np.concatenate([tight, loose]).astype(np.float32), neighbours=8, smallest=0.1)
    said = model.answer(np.array([[0, 0], [8, 8], [4, 4], [60, -60]], np.float32))["cluster"]
    assert said[0] != said[1] and set(said[:2]) == {0, 1}
    assert said[3] == -1


def test_outlier_scores_are_the_librarys():
    x, _ = blobs(200)
    strange = np.concatenate([x[:40] + 0.3, np.full((1, 5), 40, np.float32)])
    factor = fitted("local_outlier_factor", x, neighbours=15).answer(strange)["score"][:, 0]
    library = LocalOutlierFactor(n_neighbors=15, novelty=True).fit(x.astype(np.float64))
    np.testing.assert_allclose(factor, -library.score_samples(strange.astype(np.float64)), rtol=1e-5)
    boundary = fitted("one_class_svm", x, nu=0.2).answer(strange)["score"][:, 0]
    machine = OneClassSVM(nu=0.2, gamma="scale").fit(x.astype(np.float64))
    said = -machine.decision_function(strange.astype(np.float64)) / machine.dual_coef_.sum()
    np.testing.assert_allclose(boundary, said, atol=1e-6)
    forest = fitted("isolation_forest", x, trees=50, sample=64).answer(strange)["score"][:, 0]
    trees = IsolationForest(n_estimators=50, max_samples=64, random_state=3).fit(x)
    np.testing.assert_allclose(forest, -trees.score_samples(strange), atol=1e-6)


def insert_and_score(tree, sample: np.ndarray, point: np.ndarray, random: np.random.Generator) -> float:
    """One random insertion by the paper's InsertPoint, and the collusive displacement by its definition."""
    rows, node, above = np.arange(len(sample)), 0, 0.0
    while True:
        points = sample[rows]
        low = np.minimum(points.min(axis=0), point).astype(np.float64)
        high = np.maximum(points.max(axis=0), point).astype(np.float64)
        lengths = high - low
        if lengths.sum() == 0:
            return above
        place = random.random() * lengths.sum()
        axis = int(np.searchsorted(np.cumsum(lengths), place))
        cut = low[axis] + np.cumsum(lengths)[axis] - place
        if cut < points[:, axis].min() or cut >= points[:, axis].max():
            return max(above, float(len(rows)))
        axis, cut = tree.feature[node], tree.cut[node]
        goes_left = point[axis] <= cut
        side = points[:, axis] <= cut if goes_left else points[:, axis] > cut
        above = max(above, (len(rows) - side.sum()) / (side.sum() + 1))
        rows, node = rows[side], tree.left[node] if goes_left else tree.right[node]


def test_the_cut_forests_score_is_the_mean_over_random_insertions():
    random = np.random.default_rng(5)
    sample = random.normal(size=(40, 3)).astype(np.float32)
    sample[7] = sample[8]
    tree = grow(sample, random)
    points = np.array([[0, 0, 0], [4, 0.5, -3], [0.7, 1.8, 0.2], sample[7], sample[3]], np.float32)
    exact = displacement(tree, points)
    for point, wanted in zip(points, exact, strict=True):
        drawn = [insert_and_score(tree, sample, point, random) for _ in range(2000)]
        assert np.mean(drawn) == pytest.approx(wanted, abs=4 * np.std(drawn) / np.sqrt(2000) + 1e-9)


def test_a_cut_trees_boxes_and_leaves_hold_their_rows():
    sample = np.random.default_rng(6).normal(size=(100, 4)).astype(np.float32)
    tree = grow(sample, np.random.default_rng(0))
    assert tree.is_leaf.sum() == 100 and len(tree.cut) == 199
    np.testing.assert_array_equal(tree.low[0], sample.min(axis=0))
    inner = ~tree.is_leaf
    for side in (tree.left, tree.right):
        assert (tree.low[side[inner]] >= tree.low[inner]).all() and (tree.high[side[inner]] <= tree.high[inner]).all()


def test_the_cut_forest_finds_strange_rows_among_useless_columns():
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 12)).astype(np.float32)
    x[:10, :2] += 9
    scores = fitted("random_cut_forest", x, trees=60).answer(x)["score"][:, 0]
    assert metrics.roc_auc_score(np.arange(600) < 10, scores) > 0.99


def test_components_explain_what_the_library_says():
    x, _ = blobs()
    model = fitted("pca", x, components=3)
    library = PCA(3).fit(x)
    np.testing.assert_allclose(model.facts()["explained"], library.explained_variance_ratio_, atol=1e-6)
    np.testing.assert_allclose(np.abs(model.answer(x)["vector"]), np.abs(library.transform(x)), atol=1e-4)


def test_topics_of_a_text_are_the_librarys():
    from scipy.special import psi
    from sklearn.decomposition import LatentDirichletAllocation

    from atoll_engines.unsupervised.algorithms.dirichlet import digamma

    points = np.array([0.01, 0.1, 0.5, 1.0, 3.7, 50.0, 4000.0])
    np.testing.assert_allclose(digamma(points), psi(points), rtol=1e-9)
    random = np.random.default_rng(0)
    mixtures = random.dirichlet(np.full(4, 0.1), 1200) @ random.dirichlet(np.full(60, 0.1), 4)
    counts = np.array([random.multinomial(80, one) for one in mixtures]).astype(np.float32)
    model = fitted("lda", counts, topics=4)
    library = LatentDirichletAllocation(4, max_iter=10, batch_size=256, learning_method="batch", doc_topic_prior=0.25, random_state=3)
    library.fit(counts.astype(np.float64))
    library.max_doc_update_iter, library.mean_change_tol = 40, 0.0
    order = np.argsort(-library.components_.sum(axis=1), kind="stable")
    np.testing.assert_allclose(model.answer(counts[:50])["topics"], library.transform(counts[:50])[:, order], atol=1e-5)


def test_coherence_rewards_words_that_come_together():
    from atoll_engines.unsupervised.topics.measure import npmi, topic_diversity

    assert npmi(0.2, 0.2, 0.2) == pytest.approx(1)
    assert npmi(0.04, 0.2, 0.2) == pytest.approx(0)
    assert npmi(0.0, 0.2, 0.2) == -1
    same = np.tile(np.arange(30.0), (3, 1))
    assert topic_diversity(same) == pytest.approx(1 / 3)


def test_umap_keeps_neighbours_better_than_two_components():
    x, y = blobs(300, groups=6, width=10)
    places = umap_layout(x.astype(np.float64), 15, 0.1, 0)
    assert row_trust(x, places, 0).mean() > row_trust(x, PCA(2).fit_transform(x), 0).mean()
    assert metrics.silhouette_score(places, y) > 0.6
    np.testing.assert_array_equal(places, umap_layout(x.astype(np.float64), 15, 0.1, 0))


def test_the_curves_of_choice_bend_at_the_true_number_of_groups():
    x, _ = blobs(300, groups=4, width=3, seed=7)
    counts = list(range(2, 9))
    spreads = [float(KMeans(k, n_init=3, random_state=0).fit(x).inertia_) for k in counts]
    assert elbow(list(zip(counts, spreads, strict=True))) == 4
    assert gap_statistic(x, counts, 0)["chosen"] == 4
