"""XGBoost from its own JSON or UBJSON, or the booster within scikit-learn's wrapper."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.original import Column, Original, builder, first_line, numbered, word
from atoll_engines.bring.trees.ensemble_graph import Members, emit_trees
from atoll_engines.bring.trees.features import emit_features
from atoll_engines.bring.trees.finish import both, emit_link, finish_graph
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.onnx_models import outputs
from atoll_engines.onnx_models.trees import LESS, Ensemble
from atoll_engines.onnx_models.xgboost_trees import LOG_ODDS, read_tree

EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
IDENTITY = (
    "reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror", "reg:linear",
    "rank:pairwise", "rank:ndcg", "rank:map", "reg:expectileerror",
)  # fmt: skip


class XgboostOriginal(Original):
    algorithm = "xgboost.Booster"

    def __init__(self, booster: Any) -> None:
        import xgboost

        super().__init__()
        self.library = f"xgboost {xgboost.__version__}"
        best = booster.attr("best_iteration")
        rounds = booster.num_boosted_rounds()
        if best is not None and int(best) + 1 < rounds:
            self.notes.append(
                f"It stopped early: of its {rounds} rounds the first {int(best) + 1} answer, as the library's own classes do."
            )
            booster = booster[: int(best) + 1]
        booster.set_param({"nthread": 1})
        self.booster = booster
        self.learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        self.objective = self.learner["objective"]["name"]
        self.params = {"objective": self.objective, "rounds": booster.num_boosted_rounds(), "booster": self.kind}
        self.read_columns()
        self.read_task()

    @property
    def kind(self) -> str:
        return self.learner["gradient_booster"].get("name", "gbtree")

    def read_columns(self) -> None:
        features = int(self.learner["learner_model_param"]["num_feature"])
        self.names = self.booster.feature_names or numbered(features)
        self.is_named = bool(self.booster.feature_names)
        self.types = self.booster.feature_types or ["float"] * features
        self.codes, self.whole = self.known_categories()
        thresholds: list[list[float]] = [[] for _ in range(features)]
        for tree in self.learner["gradient_booster"].get("model", {}).get("trees", []):
            kinds = tree.get("split_type") or [0] * len(tree["split_indices"])
            for left, feature, value, kind in zip(
                tree["left_children"], tree["split_indices"], tree["split_conditions"], kinds, strict=True
            ):
                if left != -1 and kind == 0:
                    thresholds[feature].append(float(value))
        for name, kind, points in zip(self.names, self.types, thresholds, strict=True):
            if name in self.codes:
                self.columns.append(Column(name, "category", categories=self.codes[name]))
            else:
                column = Column(name, "number", points=sorted(set(points))[:200], is_whole=kind in ("int", "i"))
                if name in self.whole:
                    column.points, column.is_whole = list(self.whole[name]), True
                self.columns.append(column)

    def known_categories(self) -> tuple[dict[str, list[str]], dict[str, list[float]]]:
        """Of columns of categories, those that the file keeps: words, or numbers."""
        words: dict[str, list[str]] = {}
        numbers: dict[str, list[float]] = {}
        if not self.booster.feature_types or "c" not in self.booster.feature_types:
            return words, numbers
        try:
            stored = self.booster.get_categories(export_to_arrow=True).to_arrow()
        except Exception:
            stored = []
        for name, values in stored:
            known = names_of(values) if values is not None else []
            if known and all(isinstance(one, str) for one in known):
                words[name] = known
            elif known:
                numbers[name] = [float(one) for one in known]
        for name, kind in zip(self.names, self.types, strict=True):
            if kind == "c" and name not in words and name not in numbers:
                self.notes.append(f'"{name}" is a category of which the file keeps no names: it takes the codes 0, 1, … of training.')
        return words, numbers

    def complete(self, seen: dict[str, list[str]]) -> None:
        """Names that the file cuts off are completed where one that was seen begins so."""
        for column in self.columns:
            known = self.codes.get(column.name, [])
            if any(ord(sign) > 127 for name in known for sign in name):
                long = [name for name in seen.get(column.name, []) if name not in known]
                begun = [name for name in long if known[-1] and name.startswith(known[-1]) or not known[-1]]
                if len(begun) == 1:
                    known[-1] = begun[0]
                self.notes.append(
                    f'XGBoost cuts names with letters beyond ASCII in its files; those of "{column.name}" are read as: {", ".join(known)}.'
                )

    def read_task(self) -> None:
        about = self.learner["learner_model_param"]
        self.outputs = max(1, int(about.get("num_class") or 0))
        if int(about.get("num_target") or 1) > 1:
            raise BadInput("This XGBoost model predicts several targets at once, which is not supported. Import one model for each target.")
        if self.objective.startswith("multi:"):
            self.task = "binary" if self.outputs == 2 else "multiclass"
            self.classes, self.is_class_named = tuple(str(k) for k in range(self.outputs)), False
        elif self.objective.startswith("binary:"):
            self.task, self.classes, self.is_class_named = "binary", ("0", "1"), False
        else:
            self.task = "regression"

    def table(self, frame: pd.DataFrame) -> Any:
        import xgboost

        values: dict[str, Any] = {}
        for column, kind in zip(self.columns, self.types, strict=True):
            cells = frame[column.name]
            if column.name in self.codes:
                known = self.codes[column.name]
                values[column.name] = pd.Categorical(cells, categories=known)
            elif column.name in self.whole:
                known = [int(one) if one.is_integer() else one for one in self.whole[column.name]]
                values[column.name] = pd.Categorical(cells, categories=known)
            else:
                values[column.name] = cells.to_numpy(np.float32 if kind != "c" else np.float64)
        rows = pd.DataFrame(values)
        if not self.codes and not self.whole:
            return xgboost.DMatrix(
                rows.to_numpy(np.float32), feature_names=self.booster.feature_names, feature_types=self.booster.feature_types,
                enable_categorical="c" in self.types, nthread=1,
            )  # fmt: skip
        for column, kind in zip(self.columns, self.types, strict=True):
            if kind == "c" and column.name not in self.codes and column.name not in self.whole:
                raise EngineError(f'"{column.name}" is a category without names beside others that have them; the library cannot be asked.')
        return xgboost.DMatrix(rows, enable_categorical=True, nthread=1)

    def answer(self, frame: pd.DataFrame) -> np.ndarray:
        rows = self.table(frame)
        if self.task == "regression":
            return self.booster.predict(rows).astype(np.float64)
        margins = self.booster.predict(rows, output_margin=True).astype(np.float64)
        if self.outputs == 1:
            return both(self.positive(rows))
        if self.objective == "multi:softprob":
            return self.booster.predict(rows).astype(np.float64).reshape(len(frame), self.outputs)
        odds = np.exp(margins - margins.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def positive(self, rows: Any) -> np.ndarray:
        said = self.booster.predict(rows).astype(np.float64)
        # It answers with log odds, or with the class itself.
        return (
            said
            if self.objective == "binary:logistic"
            else 1 / (1 + np.exp(-self.booster.predict(rows, output_margin=True).astype(np.float64)))
        )

    def graphs(self) -> Iterator[bytes]:
        if self.kind not in ("gbtree", "dart"):
            raise EngineError(f'XGBoost\'s booster "{self.kind}" is written as no graph here.')
        link = self.link()
        graph = builder(self.columns)
        ensemble, members = self.ensemble()
        features = outputs.to_float(graph, emit_features(graph, self.columns, self.codes, self.whole).name)
        sums = emit_trees(graph, features, ensemble, members)
        yield finish_graph(graph, emit_link(graph, sums, link), self.task or "regression", len(self.classes or ()))

    def link(self) -> str:
        if self.task != "regression":
            return "softmax" if self.outputs > 1 else "binary"
        if self.objective == "reg:logistic":
            return "sigmoid"
        if self.objective in EXPONENTIAL:
            return "exp"
        if self.objective in IDENTITY:
            return "identity"
        raise EngineError(f'XGBoost\'s objective "{self.objective}" is written as no graph here.')

    def ensemble(self) -> tuple[Ensemble, list[dict[int, Members]]]:
        booster = self.learner["gradient_booster"]
        scales = None
        if self.kind == "dart":
            scales, booster = booster["weight_drop"], booster["gbtree"]
        model = booster["model"]
        ensemble, members = Ensemble(self.outputs, self.base(), LESS), []
        for number, (tree, target) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
            # Its own reader refuses categories: what those nodes ask is told apart.
            read = read_tree({**tree, "split_type": []}, target)
            if scales:
                read = replace(read, value=read.value * float(scales[number]))
            ensemble.trees.append(read)
            members.append(asked_codes(tree))
        return ensemble, members

    def base(self) -> np.ndarray:
        text = self.learner["learner_model_param"]["base_score"]
        base = np.atleast_1d(np.array(json.loads(text), np.float64))
        if base.size == 1:
            base = np.repeat(base, self.outputs)
        if self.objective in LOG_ODDS:
            return np.array([math.log(p / (1 - p)) for p in base])
        return np.log(base) if self.objective in EXPONENTIAL else base


def names_of(values: Any) -> list[Any]:
    """Names of categories. The library counts letters where Arrow counts bytes: beyond ASCII its names must be cut anew."""
    import pyarrow as pa

    if not isinstance(values, pa.StringArray) or values.offset:
        return values.to_pylist()
    _, where, content = values.buffers()
    offsets = np.frombuffer(where, np.int32)[: len(values) + 1]
    letters = content.to_pybytes()[: offsets[-1]]
    if letters.isascii():
        return values.to_pylist()
    text = letters.decode("utf-8", errors="ignore")
    return [text[start:end] for start, end in zip(offsets[:-1], offsets[1:], strict=True)]


def asked_codes(tree: dict[str, Any]) -> dict[int, Members]:
    """The nodes that ask for categories: those of the set go right, all others left."""
    found = {}
    parts = zip(tree.get("categories_nodes", []), tree.get("categories_segments", []), tree.get("categories_sizes", []), strict=True)
    for node, start, size in parts:
        codes = tree["categories"][start : start + size]
        found[node] = Members(codes, tree["right_children"][node], tree["left_children"][node], not tree["default_left"][node])
    return found


def load(path: Path) -> XgboostOriginal:
    """From a file in JSON or UBJSON."""
    import xgboost

    content = path.read_bytes()
    refuse_hollow(content, path.name)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
        return XgboostOriginal(booster)
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f'"{path.name}" could not be read by XGBoost {xgboost.__version__}: {first_line(error)}. '
            'Save it anew with save_model("model.json") by the version that made it.',
            file=path.name,
        ) from error


def refuse_hollow(content: bytes, name: str) -> None:
    """The library ends the whole process at a file that lacks what it looks for."""
    lacks = None
    if content[:2] == b"{L":
        lacks = next((part for part in PARTS if part.encode() not in content), None)
    else:
        try:
            learner = json.loads(content)["learner"]
            lacks = next((part for part in PARTS[1:] if part not in learner), None)
            lacks = lacks or next((part for part in NUMBERS if part not in learner["learner_model_param"]), None)
            lacks = lacks or (None if isinstance(learner["objective"].get("name"), str) else "objective")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f'"{name}" could not be read by XGBoost: it is no JSON and no UBJSON of a model ({first_line(error)}).', file=name
            ) from error
    if lacks:
        raise BadInput(f'"{name}" could not be read by XGBoost: it lacks the part "{lacks}".', file=name)


PARTS = ("learner", "learner_model_param", "objective", "gradient_booster", "feature_names", "feature_types")
NUMBERS = ("num_feature", "num_class", "base_score")


def of_wrapper(model: Any) -> XgboostOriginal:
    """The booster of scikit-learn's wrapper, with the classes that it knows."""
    original = XgboostOriginal(model.get_booster())
    original.algorithm = f"xgboost.{type(model).__name__}"
    if hasattr(model, "classes_") and original.classes:
        original.classes, original.is_class_named = tuple(word(one) for one in model.classes_), True
    return original
