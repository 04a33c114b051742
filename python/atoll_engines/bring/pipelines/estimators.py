"""Estimators of scikit-learn as graph nodes: float64 probabilities [N, classes] in the order of `classes_`, or predictions [N, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto

from atoll_engines.bring.original import called
from atoll_engines.bring.pipelines import boosters, encoders
from atoll_engines.bring.pipelines.flow import Flow
from atoll_engines.bring.pipelines.transformers import apply, gone_words
from atoll_engines.bring.trees.ensemble_graph import emit_trees
from atoll_engines.errors import EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.sklearn_trees import forest_ensemble, grown_tree, hist_boosting_ensemble
from atoll_engines.onnx_models.trees import Ensemble
from atoll_engines.recipes.graph_maths import GraphTensor

Answer = Callable[[Any, Flow], GraphTensor]
assert encoders.STEPS


def estimate(model: Any, flow: Flow) -> GraphTensor:
    """What a fitted estimator answers."""
    library = type(model).__module__.split(".", 1)[0]
    if library in boosters.LIBRARIES:
        return boosters.boosted(model, flow)
    known = ESTIMATORS.get(type(model).__name__) if library in ("sklearn", "imblearn") else None
    if known is None:
        raise EngineError(f"The estimator {called(model)} is written as no graph here.")
    return known(model, flow)


def is_classifier(model: Any) -> bool:
    return hasattr(model, "classes_")


def node(flow: Flow, op: str, *inputs: Any, **attributes: Any) -> GraphTensor:
    return flow.maths._node(op, *inputs, **attributes)


def pipeline(model: Any, flow: Flow) -> GraphTensor:
    for _, step in model.steps[:-1]:
        flow = apply(step, flow)
    return estimate(model.steps[-1][1], flow)


def with_threshold(model: Any, flow: Flow) -> GraphTensor:
    """The threshold is the package's, not the graph's."""
    return estimate(model.estimator_, flow)


def exponential(model: Any, flow: Flow) -> GraphTensor:
    if getattr(model, "link", "auto") not in ("auto", "log") or (type(model).__name__ == "TweedieRegressor" and model.power <= 0):
        return linear(model, flow)
    return flow.maths.exp(linear(model, flow))


def bagging(model: Any, flow: Flow) -> GraphTensor:
    """The mean of models that each see some of the columns."""
    parts = []
    for one, places in zip(model.estimators_, model.estimators_features_, strict=True):
        if is_classifier(model) and (not hasattr(one, "predict_proba") or len(one.classes_) != len(model.classes_)):
            raise EngineError("Bagging of models without probabilities of every class is written as no graph here.")
        parts.append(estimate(one, flow.select([int(place) for place in places])))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / float(len(parts))


def searched(model: Any, flow: Flow) -> GraphTensor:
    return estimate(model.best_estimator_, flow)


def transformed_target(model: Any, flow: Flow) -> GraphTensor:
    said = estimate(model.regressor_, flow)
    if model.transformer is not None:
        raise EngineError("A target that a transformer changes is written as no graph here.")
    back = model.inverse_func
    known: dict[Any, Callable[[GraphTensor], GraphTensor]] = {
        None: lambda x: x, np.exp: flow.maths.exp, np.expm1: lambda x: flow.maths.exp(x) - 1.0,
        np.square: lambda x: x * x, np.sqrt: flow.maths.sqrt,
        np.log: flow.maths.log, np.log1p: lambda x: flow.maths.log(x + 1.0),
    }  # fmt: skip
    if back not in known:
        raise EngineError(f'The function "{getattr(back, "__name__", back)}" of the target is written as no graph here.')
    return known[back](said)


def margins(model: Any, flow: Flow) -> GraphTensor:
    values = flow.numbers(type(model).__name__)
    coefficients = np.atleast_2d(np.asarray(model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_, np.float64))
    return flow.maths.product(values, coefficients.T) + np.atleast_1d(np.asarray(model.intercept_, np.float64))[None, :]


def linear(model: Any, flow: Flow) -> GraphTensor:
    if np.ndim(model.coef_) > 1 and len(model.coef_) > 1:
        raise EngineError("A regression of several targets is written as no graph here.")
    return margins(model, flow)


def logistic(model: Any, flow: Flow) -> GraphTensor:
    sums = margins(model, flow)
    if len(model.classes_) == 2:
        return sigmoid(flow, sums)
    one_by_one = getattr(model, "multi_class", None) == "ovr" or getattr(model, "solver", None) == "liblinear"
    return shared(flow, logistic_of(flow, sums), len(model.classes_)) if one_by_one else node(flow, "Softmax", sums, axis=1)


def sigmoid(flow: Flow, sums: GraphTensor) -> GraphTensor:
    positive = node(flow, "Sigmoid", sums)
    return flow.maths.concat([1.0 - positive, positive])


def logistic_of(flow: Flow, x: GraphTensor) -> GraphTensor:
    """1 / (1 + exp(-x)), which far below zero is still more than nothing: what is shared then depends on it."""
    below = flow.maths.exp(flow.maths.least(x, np.float64(0.0)))
    above = flow.maths.exp(0.0 - flow.maths.greatest(x, np.float64(0.0)))
    return flow.maths.where(x < 0.0, below / (below + 1.0), 1.0 / (above + 1.0))


def shared(flow: Flow, each: GraphTensor, classes: int) -> GraphTensor:
    """Shares of one; where nothing is to be shared, equal ones, as the library has it."""
    total = flow.maths.row_sum(each)
    is_none = flow.maths.is_equal(total, 0.0)
    return flow.maths.where(is_none, 1.0 / classes, each / flow.maths.where(is_none, 1.0, total))


def stochastic(model: Any, flow: Flow) -> GraphTensor:
    if model.loss == "log_loss":
        sums = margins(model, flow)
        return sigmoid(flow, sums) if len(model.classes_) == 2 else shared(flow, logistic_of(flow, sums), len(model.classes_))
    if model.loss == "modified_huber":
        raise EngineError('Probabilities of the loss "modified_huber" are written as no graph here.')
    return chosen(model, flow)


def chosen(model: Any, flow: Flow) -> GraphTensor:
    """Of a classifier without probabilities: 1 for the class that it chooses."""
    sums = margins(model, flow)
    if len(model.classes_) == 2:
        positive = flow.maths.number(sums > 0.0)
        return flow.maths.concat([1.0 - positive, positive])
    best = node(flow, "ArgMax", sums, axis=1, keepdims=1)
    return flow.maths.number(flow.maths.is_equal(best, np.arange(len(model.classes_), dtype=np.int64)[None, :]))


def as_float(flow: Flow, who: str) -> str:
    return outputs.to_float(flow.maths.graph, flow.numbers(who).name)


def to_double(flow: Flow, name: str) -> GraphTensor:
    return node(flow, "Cast", GraphTensor(flow.maths.graph, name), to=TensorProto.DOUBLE)


def refuse_several(model: Any) -> None:
    if int(getattr(model, "n_outputs_", 1) or 1) > 1:
        raise EngineError("A model of several targets is written as no graph here.")


def forest(model: Any, flow: Flow) -> GraphTensor:
    refuse_several(model)
    trees = list(getattr(model, "estimators_", [model]))
    classes = len(model.classes_) if is_classifier(model) else 0
    sums = to_double(flow, emit_trees(flow.maths.graph, as_float(flow, type(model).__name__), forest_ensemble(trees, classes)))
    means = sums / float(len(trees))
    if classes == 2:
        return flow.maths.concat([1.0 - means, means])
    return means


def gradient_boosting(model: Any, flow: Flow) -> GraphTensor:
    """Trees of regression, each times the learning rate, on top of the first guess."""
    if model.init_ == "zero":
        base = np.zeros(model.estimators_.shape[1])
    else:
        base = np.ravel(np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32)), np.float64))
        if type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
            raise EngineError("Gradient boosting on top of another model is written as no graph here.")
    ensemble = Ensemble(len(base), base)
    for stage in model.estimators_:
        for target, tree in enumerate(stage):
            read = grown_tree(tree.tree_, 0)
            ensemble.trees.append(replaced(read, read.value * model.learning_rate, target))
    sums = to_double(flow, emit_trees(flow.maths.graph, as_float(flow, type(model).__name__), ensemble))
    if not is_classifier(model):
        return sums
    if len(model.classes_) > 2:
        return node(flow, "Softmax", sums, axis=1)
    return sigmoid(flow, sums * 2.0 if model.loss == "exponential" else sums)


def replaced(tree: Any, value: np.ndarray, target: int) -> Any:
    return replace(tree, value=value, target=target)


def hist_boosting(model: Any, flow: Flow) -> GraphTensor:
    if getattr(model, "_preprocessor", None) is not None:
        raise EngineError("Histogram boosting with categorical_features has no faithful graph here; encode them in a step of their own.")
    ensemble = hist_boosting_ensemble(model)
    # It compares in float64.
    for place, tree in enumerate(ensemble.trees):
        predictors = [one for stage in model._predictors for one in stage]
        nodes = predictors[place].nodes
        ensemble.trees[place] = wide(tree, nodes)
    sums = to_double(flow, emit_trees(flow.maths.graph, flow.numbers(type(model).__name__).name, ensemble, is_wide=True))
    if is_classifier(model):
        return sigmoid(flow, sums) if len(model.classes_) == 2 else node(flow, "Softmax", sums, axis=1)
    if model.loss in ("poisson", "gamma"):
        return flow.maths.exp(sums)
    return sums


def wide(tree: Any, nodes: Any) -> Any:
    return replace(tree, threshold=np.where(tree.is_leaf, 0.0, nodes["num_threshold"]).astype(np.float64))


def naive_bayes(model: Any, flow: Flow) -> GraphTensor:
    values = flow.numbers("GaussianNB")
    mean, variance = np.asarray(model.theta_), np.asarray(model.var_)
    joint = []
    for k, prior in enumerate(model.class_prior_):
        apart = values - mean[k][None, :]
        inside = flow.maths.row_sum(apart * apart / variance[k][None, :]) * -0.5
        joint.append(inside + float(np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance[k]))))
    return node(flow, "Softmax", flow.maths.concat(joint), axis=1)


def multinomial_bayes(model: Any, flow: Flow) -> GraphTensor:
    joint = flow.maths.product(flow.numbers(type(model).__name__), np.asarray(model.feature_log_prob_).T)
    return node(flow, "Softmax", joint + np.asarray(model.class_log_prior_)[None, :], axis=1)


def network(model: Any, flow: Flow) -> GraphTensor:
    values = flow.numbers(type(model).__name__)
    kinds = {"relu": "Relu", "logistic": "Sigmoid", "tanh": "Tanh", "identity": "Identity"}
    for place, (weights, offset) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        values = flow.maths.product(values, np.asarray(weights, np.float64)) + np.asarray(offset, np.float64)[None, :]
        if place < len(model.coefs_) - 1:
            values = node(flow, kinds[model.activation], values)
    if model.out_activation_ == "softmax":
        return node(flow, "Softmax", values, axis=1)
    if model.out_activation_ == "logistic":
        if model.n_outputs_ > 1:
            raise EngineError("A network of several labels is written as no graph here.")
        return sigmoid(flow, values)
    if model.n_outputs_ > 1:
        raise EngineError("A network of several targets is written as no graph here.")
    return values if model.out_activation_ == "identity" else node(flow, kinds[model.out_activation_], values)


def svm_classifier(model: Any, flow: Flow) -> GraphTensor:
    """Machines of each pair of classes, which vote; probabilities of libsvm come of a fit of their own, which is not told."""
    if getattr(model, "probability", False) is True:
        raise EngineError("Probabilities of a support vector machine are written as no graph here.")
    if len(model.classes_) != 2:
        raise EngineError("Support vector machines of several classes are written as no graph here.")
    sums = kernel_sums(model, flow)
    positive = flow.maths.number(sums > 0.0)
    return flow.maths.concat([1.0 - positive, positive])


def kernel_sums(model: Any, flow: Flow) -> GraphTensor:
    values, maths = flow.numbers(type(model).__name__), flow.maths
    vectors = np.asarray(model.support_vectors_, np.float64)
    if not len(vectors):
        raise EngineError("The machine has no support vectors.")
    gamma = float(model._gamma)
    if model.kernel == "linear":
        kernel = maths.product(values, vectors.T)
    elif model.kernel == "rbf":
        squares = maths.row_sum(values * values)
        apart = squares + np.sum(vectors**2, axis=1)[None, :] - 2.0 * maths.product(values, vectors.T)
        kernel = maths.exp(maths.greatest(apart, 0.0) * -gamma)
    elif model.kernel == "poly":
        kernel = node(flow, "Pow", maths.product(values, vectors.T) * gamma + float(model.coef0), np.float64(model.degree))
    elif model.kernel == "sigmoid":
        kernel = node(flow, "Tanh", maths.product(values, vectors.T) * gamma + float(model.coef0))
    else:
        raise EngineError("A kernel of the user's own is written as no graph here.")
    weights = np.asarray(model.dual_coef_, np.float64)
    return maths.product(kernel, weights.T) + float(np.ravel(model.intercept_)[0])


def svm_regressor(model: Any, flow: Flow) -> GraphTensor:
    return kernel_sums(model, flow)


def voting(model: Any, flow: Flow) -> GraphTensor:
    weights = model._weights_not_none or [1.0] * len(model.estimators_)
    if is_classifier(model) and model.voting == "hard":
        raise EngineError("Votes of classes (voting=hard) are written as no graph here.")
    parts = [estimate(one, flow) * float(weight) for one, weight in zip(model.estimators_, weights, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / float(sum(weights))


def stacking(model: Any, flow: Flow) -> GraphTensor:
    parts = []
    for one, method in zip(model.estimators_, model.stack_method_, strict=True):
        if method not in ("predict_proba", "predict") or (method == "predict" and is_classifier(one)):
            raise EngineError(f'Stacking on "{method}" is written as no graph here.')
        said = estimate(one, flow)
        parts.append(flow.maths.choose(said, [1]) if method == "predict_proba" and len(model.classes_) == 2 else said)
    width = sum(1 if not is_classifier(model) or len(model.classes_) == 2 else len(model.classes_) for _ in parts)
    made = Flow.of_numbers(flow.maths, flow.maths.concat(parts) if len(parts) > 1 else parts[0], width)
    return estimate(model.final_estimator_, Flow.joined(flow.maths, [made, flow]) if model.passthrough else made)


def calibrated(model: Any, flow: Flow) -> GraphTensor:
    total = None
    for one in model.calibrated_classifiers_:
        if one.method != "sigmoid":
            raise EngineError(f'Calibration by "{one.method}" is written as no graph here.')
        base = one.estimator
        two = len(model.classes_) == 2
        if hasattr(base, "decision_function"):
            sums = margins(last(base), steps_before(base, flow))
        else:
            sums = estimate(base, flow)
            sums = flow.maths.choose(sums, [1]) if two else sums
        slopes = np.array([[one_.a_ for one_ in one.calibrators]])
        offsets = np.array([[one_.b_ for one_ in one.calibrators]])
        each = node(flow, "Sigmoid", 0.0 - (sums * slopes + offsets))
        said = flow.maths.concat([1.0 - each, each]) if two else shared(flow, each, len(model.classes_))
        total = said if total is None else total + said
    if total is None:
        raise EngineError("The calibrated classifier holds no classifier.")
    return total / float(len(model.calibrated_classifiers_))


def last(model: Any) -> Any:
    found = model.steps[-1][1] if hasattr(model, "steps") else model
    if not hasattr(found, "coef_"):
        raise EngineError(f"Calibrated margins of {type(found).__name__} are written as no graph here.")
    return found


def steps_before(model: Any, flow: Flow) -> Flow:
    for _, step in getattr(model, "steps", [])[:-1]:
        flow = apply(step, flow)
    return flow


def one_vs_rest(model: Any, flow: Flow) -> GraphTensor:
    if model.multilabel_:
        raise EngineError("Several labels a row are written as no graph here.")
    if any(not hasattr(one, "predict_proba") for one in model.estimators_):
        raise EngineError("One against the rest without probabilities is written as no graph here.")
    each = [flow.maths.choose(estimate(one, flow), [1]) for one in model.estimators_]
    if len(each) == 1:
        return flow.maths.concat([1.0 - each[0], each[0]])
    return shared(flow, flow.maths.concat(each), len(each))


def dummy(model: Any, flow: Flow) -> GraphTensor:
    first = flow.select([0]).parts[0]
    zero = gone_words(flow.maths, first.tensor, 1) if first.is_words else flow.maths.number(flow.maths.is_missing(first.tensor))
    zero = zero * 0.0
    if is_classifier(model):
        if model.strategy != "prior":
            raise EngineError(f'A dummy that answers by "{model.strategy}" is written as no graph here.')
        return zero + np.asarray(model.class_prior_, np.float64)[None, :]
    return zero + np.asarray(model.constant_, np.float64)


LINEAR = (
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "Lars",
    "ElasticNet", "ElasticNetCV",
    "BayesianRidge", "ARDRegression", "HuberRegressor", "SGDRegressor", "LinearSVR", "TheilSenRegressor", "QuantileRegressor",
    "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "PassiveAggressiveRegressor",
)  # fmt: skip
ESTIMATORS: dict[str, Answer] = {
    "Pipeline": pipeline, "GridSearchCV": searched, "RandomizedSearchCV": searched,
    "HalvingGridSearchCV": searched, "HalvingRandomSearchCV": searched,
    "TransformedTargetRegressor": transformed_target, **dict.fromkeys(LINEAR, linear),
    "LogisticRegression": logistic, "LogisticRegressionCV": logistic, "LinearDiscriminantAnalysis": logistic, "SGDClassifier": stochastic,
    "LinearSVC": chosen, "RidgeClassifier": chosen, "RidgeClassifierCV": chosen, "Perceptron": chosen,
    "PassiveAggressiveClassifier": chosen,
    "DecisionTreeClassifier": forest, "DecisionTreeRegressor": forest, "ExtraTreeClassifier": forest, "ExtraTreeRegressor": forest,
    "RandomForestClassifier": forest, "RandomForestRegressor": forest, "ExtraTreesClassifier": forest, "ExtraTreesRegressor": forest,
    "GradientBoostingClassifier": gradient_boosting, "GradientBoostingRegressor": gradient_boosting,
    "HistGradientBoostingClassifier": hist_boosting, "HistGradientBoostingRegressor": hist_boosting,
    "GaussianNB": naive_bayes, "MultinomialNB": multinomial_bayes, "MLPClassifier": network, "MLPRegressor": network,
    "SVC": svm_classifier, "NuSVC": svm_classifier, "SVR": svm_regressor, "NuSVR": svm_regressor,
    "VotingClassifier": voting, "VotingRegressor": voting, "StackingClassifier": stacking, "StackingRegressor": stacking,
    "CalibratedClassifierCV": calibrated, "OneVsRestClassifier": one_vs_rest,
    "FixedThresholdClassifier": with_threshold, "TunedThresholdClassifierCV": with_threshold, "BaggingClassifier": bagging,
    "BaggingRegressor": bagging, "PoissonRegressor": exponential, "GammaRegressor": exponential, "TweedieRegressor": exponential,
    "DummyClassifier": dummy, "DummyRegressor": dummy,
}  # fmt: skip
