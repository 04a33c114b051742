"""Boosters of other libraries at the end of a pipeline of scikit-learn."""

from __future__ import annotations

from typing import Any

from atoll_engines.bring.pipelines.flow import Flow
from atoll_engines.bring.trees import catboost_model, lightgbm_model, xgboost_model
from atoll_engines.bring.trees.ensemble_graph import emit_trees
from atoll_engines.bring.trees.finish import emit_link
from atoll_engines.errors import EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.catboost_trees import catboost_ensemble
from atoll_engines.recipes.graph_maths import GraphTensor

LIBRARIES = ("xgboost", "lightgbm", "catboost")


def boosted(model: Any, flow: Flow) -> GraphTensor:
    """The answer of a booster to features that earlier steps made."""
    graph, library = flow.maths.graph, type(model).__module__.split(".", 1)[0]
    features = flow.numbers(type(model).__name__)
    narrow = outputs.to_float(graph, features.name)
    if library == "xgboost":
        original: Any = xgboost_model.of_wrapper(model)
        refuse_categories(original.types.count("c"))
        ensemble, members = original.ensemble()
        return finished(flow, emit_link(graph, emit_trees(graph, narrow, ensemble, members), original.link()))
    if library == "lightgbm":
        original = lightgbm_model.of_wrapper(model)
        refuse_categories(len(original.known))
        ensemble, members = original.ensemble()
        sums = emit_trees(graph, features.name, original.widened(ensemble), members, is_wide=True)
        return finished(flow, original.answered(graph, sums, original.link()))
    original = catboost_model.of_wrapper(model)
    if original.words or not original.described:
        raise EngineError("A CatBoost model over categories has no faithful graph.")
    sums = emit_trees(graph, narrow, catboost_ensemble(original.described))
    link = (
        "softmax"
        if original.loss == "MultiClass"
        else "binary"
        if original.classes
        else "exp"
        if original.loss in catboost_model.EXPONENTIAL
        else "identity"
    )
    return finished(flow, emit_link(graph, sums, link))


def refuse_categories(count: int) -> None:
    if count:
        raise EngineError("A booster that takes categories at the end of a pipeline is written as no graph here.")


def finished(flow: Flow, name: str) -> GraphTensor:
    return flow.maths.number(GraphTensor(flow.maths.graph, name))
