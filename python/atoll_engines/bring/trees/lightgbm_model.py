"""LightGBM from its own text, or the booster within scikit-learn's wrapper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, builder, first_line, word
from atoll_engines.bring.trees.ensemble_graph import Members, emit_trees
from atoll_engines.bring.trees.features import emit_features
from atoll_engines.bring.trees.finish import both, emit_link, finish_graph
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.lightgbm_trees import CATEGORICAL, fields, numbers, read_tree
from atoll_engines.onnx_models.trees import Ensemble
from atoll_engines.recipes import GraphBuilder

EXPONENTIAL = ("poisson", "gamma", "tweedie")
IDENTITY = (
    "regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg",
)  # fmt: skip


class LightgbmOriginal(Original):
    algorithm = "lightgbm.Booster"

    def __init__(self, booster: Any) -> None:
        import lightgbm

        super().__init__()
        self.library = f"lightgbm {lightgbm.__version__}"
        self.booster = booster
        best = booster.best_iteration if booster.best_iteration and booster.best_iteration > 0 else None
        if best and best < booster.num_trees() // max(1, booster.num_model_per_iteration()):
            self.notes.append(f"It stopped early: its first {best} rounds answer.")
        self.rounds = best
        self.text = booster.model_to_string(num_iteration=best or -1)
        self.head, *self.blocks = self.text.split("\nTree=")
        self.facts = fields(self.head)
        self.outputs = int(self.facts.get("num_tree_per_iteration", "1"))
        said = self.facts.get("objective", "").split()
        self.objective, self.settings = (said[0] if said else ""), dict(one.split(":", 1) for one in said[1:] if ":" in one)
        self.is_root = "sqrt" in said
        self.params = {"objective": self.objective, "trees": booster.num_trees()}
        self.read_columns()
        self.read_task()

    def read_columns(self) -> None:
        names = self.booster.feature_name()
        self.is_named = names != [f"Column_{number}" for number in range(len(names))]
        infos = self.facts.get("feature_infos", "").split()
        kinds = ["category" if info not in ("none",) and not info.startswith("[") else "number" for info in infos]
        coded = self.coded(names, kinds)
        lists = self.booster.pandas_categorical or []
        if lists and len(lists) != len(coded):
            raise BadInput(
                f"The file keeps the values of {len(lists)} columns of categories, but {len(coded)} of its columns hold categories; "
                "which belong together is not known. Save it anew after training with columns of categories alone being categories."
            )
        self.known = dict(zip(coded, lists, strict=True)) if lists else {}
        self.codes = {
            name: [word(one) for one in values] for name, values in self.known.items() if any(isinstance(one, str) for one in values)
        }
        self.whole = {name: [float(one) for one in values] for name, values in self.known.items() if name not in self.codes}
        for name, info in zip(names, infos, strict=True):
            if name in self.codes:
                self.columns.append(Column(name, "category", categories=self.codes[name]))
                continue
            column = Column(name, "number")
            if name in self.whole:
                column.points, column.is_whole = list(self.whole[name]), True
            elif info.startswith("["):
                column.low, column.high = (float(one) for one in info[1:-1].split(":"))
            elif info != "none":
                column.points, column.is_whole = [float(one) for one in info.split(":")], True
            self.columns.append(column)
        if any(column.is_whole and column.name not in self.whole for column in self.columns):
            self.notes.append("Columns of categories are taken as the codes of training: the file keeps no names of them.")

    def coded(self, names: list[str], kinds: list[str]) -> list[str]:
        """The columns that training took as categories, also those that no tree asks."""
        for line in self.text.splitlines():
            if line.startswith("[categorical_feature: ") and line[22:-1].strip():
                return [
                    names[int(one)] for one in line[22:-1].split(",") if one.strip().lstrip("-").isdigit() and 0 <= int(one) < len(names)
                ]
        return [name for name, kind in zip(names, kinds, strict=True) if kind == "category"]

    def read_task(self) -> None:
        if self.objective in ("binary", "cross_entropy", "xentropy"):
            self.task, self.classes = "binary", ("0", "1")
        elif self.objective in ("multiclass", "softmax", "multiclassova", "multiclass_ova", "ova", "ovr"):
            self.task = "binary" if self.outputs == 2 else "multiclass"
            self.classes = tuple(str(k) for k in range(self.outputs))
        else:
            self.task = "regression"
            if not self.objective:
                self.notes.append("The file names no objective (a function of the user's own): it answers with the plain sum of its trees.")
        self.is_class_named = False

    def table(self, frame: pd.DataFrame) -> Any:
        if not self.known:
            return frame[[column.name for column in self.columns]].to_numpy(np.float64)
        values: dict[str, Any] = {}
        for column in self.columns:
            cells, known = frame[column.name], self.known.get(column.name)
            if known is None:
                values[column.name] = cells
                continue
            spelled = {word(one): one for one in known} if column.name in self.codes else {float(one): one for one in known}
            values[column.name] = pd.Categorical([spelled.get(cell) for cell in cells], categories=known)
        return pd.DataFrame(values, index=frame.index)

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        said = np.asarray(self.booster.predict(self.table(frame), num_iteration=self.rounds or -1, num_threads=1), np.float64)
        if self.task == "regression":
            return said
        return both(said) if self.outputs == 1 else said

    def graphs(self) -> Iterator[bytes]:
        link = self.link()
        ensemble, members = self.ensemble()
        for is_wide in (False, True):
            graph = builder(self.columns)
            features = emit_features(graph, self.columns, self.codes, self.whole).name
            if not is_wide:
                features = outputs.to_float(graph, features)
            used = ensemble if not is_wide else self.widened(ensemble)
            sums = emit_trees(graph, features, used, members, is_wide)
            yield finish_graph(graph, self.answered(graph, sums, link), self.task or "regression", len(self.classes or ()))

    def widened(self, ensemble: Ensemble) -> Ensemble:
        """With the thresholds as the file has them, for features in float64."""
        trees = []
        for tree, block in zip(ensemble.trees, self.blocks, strict=True):
            facts = fields(block.split("\n\n", 1)[0])
            if "threshold" in facts and int(facts["num_leaves"]) > 1:
                own = numbers(facts["threshold"], np.float64)
                tree = replace(tree, threshold=np.append(own, np.zeros(len(tree.feature) - len(own))))
            trees.append(tree)
        return Ensemble(ensemble.outputs, ensemble.base, ensemble.comparison, trees)

    def link(self) -> str:
        if self.objective in ("binary", "cross_entropy", "xentropy"):
            return "binary"
        if self.objective in ("multiclass", "softmax"):
            return "softmax"
        if self.objective.startswith(("multiclass", "ov")):
            return "each"
        if self.objective in EXPONENTIAL:
            return "exp"
        if self.objective in IDENTITY or not self.objective:
            return "identity"
        raise EngineError(f'LightGBM\'s objective "{self.objective}" is written as no graph here.')

    def answered(self, graph: GraphBuilder, sums: str, link: str) -> str:
        steepness = float(self.settings.get("sigmoid", 1))
        if link in ("binary", "each") and steepness != 1:
            sums = graph.node("Mul", [sums, graph.constant(steepness, np.float32)])
        if self.is_root:
            # Trained on roots: the sign is kept, the size squared.
            size = graph.node("Mul", [sums, sums])
            sums = graph.node("Mul", [graph.node("Sign", [sums]), size])
        return emit_link(graph, sums, link)

    def ensemble(self) -> tuple[Ensemble, list[dict[int, Members]]]:
        ensemble, members = Ensemble(self.outputs, np.zeros(self.outputs)), []
        is_average = "average_output" in self.head.splitlines()
        for number, block in enumerate(self.blocks):
            facts = fields(block.split("\n\n", 1)[0])
            tree, asked = read_with_categories(facts, number % self.outputs)
            if is_average:
                tree = replace(tree, value=tree.value / (len(self.blocks) / self.outputs))
            ensemble.trees.append(tree)
            members.append(asked)
        return ensemble, members


def read_with_categories(facts: dict[str, str], target: int) -> tuple[Any, dict[int, Members]]:
    """A tree, and its nodes that ask for categories: the bits of a set say who goes left."""
    if int(facts["num_leaves"]) == 1 or "decision_type" not in facts:
        return read_tree(facts, target), {}
    kinds = numbers(facts["decision_type"], np.int64)
    asking = np.flatnonzero(kinds & CATEGORICAL)
    if not asking.size:
        return read_tree(facts, target), {}
    plain = np.where(kinds & CATEGORICAL, 0, kinds)
    tree = read_tree({**facts, "decision_type": " ".join(str(kind) for kind in plain)}, target)
    bounds, words = numbers(facts["cat_boundaries"], np.int64), numbers(facts["cat_threshold"], np.int64)
    thresholds = numbers(facts["threshold"], np.float64)
    asked = {}
    for node in asking.tolist():
        which = int(thresholds[node])
        bits = words[bounds[which] : bounds[which + 1]]
        codes = [32 * place + bit for place, word_ in enumerate(bits.tolist()) for bit in range(32) if word_ >> bit & 1]
        asked[node] = Members(codes, int(tree.left[node]), int(tree.right[node]))
    return tree, asked


def load(path: Path) -> LightgbmOriginal:
    """From a file as `save_model` writes it."""
    import lightgbm

    try:
        return LightgbmOriginal(lightgbm.Booster(model_str=path.read_text("utf-8")))
    except (lightgbm.basic.LightGBMError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise BadInput(
            f'"{path.name}" could not be read by LightGBM {lightgbm.__version__}: {first_line(error)}.', file=path.name
        ) from error


def of_wrapper(model: Any) -> LightgbmOriginal:
    """The booster of scikit-learn's wrapper, with the classes that it knows."""
    original = LightgbmOriginal(model.booster_)
    original.algorithm = f"lightgbm.{type(model).__name__}"
    if hasattr(model, "classes_") and original.classes:
        original.classes, original.is_class_named = tuple(word(one) for one in model.classes_), True
    return original
