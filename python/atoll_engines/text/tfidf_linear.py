"""TF-IDF of words and word pairs with a linear model: the baseline that a network for text has to beat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.onnx_models import outputs
from atoll_engines.recipes import GraphBuilder, InputColumn
from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor
from atoll_engines.recipes.terms import choose_terms
from atoll_engines.recipes.words import TermCounter
from atoll_engines.tabular.algorithms.model import spread_over_classes
from atoll_engines.text.setting import TextSetting

TOP_TERMS = 20
FLOAT = 1


class TfidfLinear:
    """Weights of terms (Salton and Buckley 1988), rows of length 1, in a sparse matrix; then a logistic or ridge regression."""

    rounds = None

    def __init__(self, params: dict[str, Any], setting: TextSetting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None:
        chosen = choose_terms(x, int(self.params["ngrams"]), int(self.params["terms"]), int(self.params["least_documents"]))
        if not chosen.terms:
            chosen = choose_terms(x, int(self.params["ngrams"]), int(self.params["terms"]), 1)
        if not chosen.terms:
            raise BadInput("The documents hold no word: nothing of two letters or digits and no sign that stands for one.")
        self.terms, self.counter, self.idf = chosen.terms, chosen.counter, chosen.weights
        features = self.features(x)
        if self.setting.task == "regression":
            self.fit_numbers(features, y, weights)
        elif self.setting.task == "multilabel":
            parts = [self.fit_classes(features, y[:, k], weights) for k in range(y.shape[1])]
            self.coefficients = np.column_stack([coefficients[:, 0] for coefficients, _ in parts])
            self.offset = np.array([offset[0] for _, offset in parts])
            self.seen = np.arange(y.shape[1])
        else:
            self.coefficients, self.offset = self.fit_classes(features, y, weights)
            self.seen = np.unique(y)

    def fit_classes(self, features: Any, y: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [terms, margins] and offsets; of a label that all rows share, just the offset."""
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(y)) == 1:
            return np.zeros((features.shape[1], 1)), np.array([20.0 if y[0] else -20.0])
        model = LogisticRegression(C=self.params["C"], max_iter=1000, tol=1e-5).fit(features, y, sample_weight=weights)
        return model.coef_.T, model.intercept_

    def fit_numbers(self, features: Any, y: np.ndarray, weights: np.ndarray | None) -> None:
        from sklearn.linear_model import Ridge

        middle, spread = y.mean(), y.std() or 1.0
        # The same penalty on the squared weights as 1 / C is on those of a logistic regression.
        model = Ridge(alpha=1.0 / self.params["C"], solver="sparse_cg", tol=1e-6)
        model.fit(features, (y - middle) / spread, sample_weight=weights)
        self.coefficients = (model.coef_ * spread)[:, None]
        self.offset = np.array([model.intercept_ * spread + middle])
        self.seen = np.array([0])

    def features(self, texts: np.ndarray) -> Any:
        """TF-IDF as a sparse matrix [rows, terms]."""
        from scipy import sparse

        rows, places, counts = self.counter.counted(texts)
        values = (1.0 + np.log(counts) if self.params["sublinear"] else counts) * self.idf[places]
        lengths = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
        values = values / np.where(lengths > 0, lengths, 1.0)[rows]
        return sparse.csr_matrix((values, (rows, places)), shape=(len(texts), len(self.idf)))

    def predict(self, x: np.ndarray) -> np.ndarray:
        margins = np.asarray(self.features(x) @ self.coefficients) + self.offset
        if self.setting.task == "regression":
            return margins[:, 0].astype(np.float32)
        if self.setting.task == "multilabel":
            return (1 / (1 + np.exp(-np.clip(margins, -700, 700)))).astype(np.float32)
        if margins.shape[1] == 1:
            p = 1 / (1 + np.exp(-np.clip(margins, -700, 700)))
            return spread_over_classes(np.hstack([1 - p, p]), self.seen, self.setting.base.classes)
        odds = np.exp(margins - margins.max(axis=1, keepdims=True))
        return spread_over_classes(odds / odds.sum(axis=1, keepdims=True), self.seen, self.setting.base.classes)

    def to_onnx(self) -> bytes:
        graph = GraphBuilder([InputColumn(f"text_{k}", "text") for k in range(self.setting.columns)])
        counts = self.counter.count_node(GraphMaths(graph), GraphTensor(graph, self.joined(graph)))
        if self.params["sublinear"]:
            present = graph.node("Greater", [counts, graph.constant(0.0, np.float32)])
            # Of an absent term the logarithm of 1, which is then not taken.
            safe = graph.node("Where", [present, counts, graph.constant(1.0, np.float32)])
            grown = graph.node("Add", [graph.node("Log", [safe]), graph.constant(1.0, np.float32)])
            counts = graph.node("Where", [present, grown, graph.constant(0.0, np.float32)])
        squares = graph.node("MatMul", [graph.node("Mul", [counts, counts]), graph.constant((self.idf**2)[:, None], np.float32)])
        length = graph.node("Sqrt", [squares])
        has_terms = graph.node("Greater", [length, graph.constant(0.0, np.float32)])
        divisor = graph.node("Where", [has_terms, length, graph.constant(1.0, np.float32)])
        product = graph.node("MatMul", [counts, graph.constant(self.idf[:, None] * self.coefficients, np.float32)])
        margins = graph.node("Add", [graph.node("Div", [product, divisor]), graph.constant(self.offset[None, :], np.float32)])
        task = self.setting.task
        if task == "regression":
            answer = margins
        elif task == "multilabel":
            answer = graph.node("Sigmoid", [margins])
        elif self.coefficients.shape[1] == 1:
            answer = outputs.sigmoid_classes(graph, margins)
        else:
            answer = outputs.softmax_classes(graph, margins)
        name = "prediction" if task == "regression" else "probabilities"
        graph.output(answer, name)
        return graph.finish([(name, FLOAT, ("N", self.setting.outputs))]).SerializeToString()

    def joined(self, graph: GraphBuilder) -> str:
        """The columns of words as one text [N, 1]; a needless separator changes no word."""
        columns = self.setting.columns
        if columns == 1:
            return "strings"
        graph.require("", 20)
        parts = graph.node("Split", ["strings"], outputs=columns, axis=1, num_outputs=columns)
        text = parts[0]
        for part in parts[1:]:
            text = graph.node("StringConcat", [graph.node("StringConcat", [text, graph.constant([[self.setting.separator]])]), part])
        return text

    def tensors(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        """For a check of the graph: the whole document in the first column."""
        rows = np.full((len(texts), self.setting.columns), "", dtype=object)
        rows[:, 0] = texts
        return {"strings": rows}

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        arrays = {"coefficients": self.coefficients, "offset": self.offset, "idf": self.idf, "seen": self.seen}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "weights.safetensors")
        words = {"forms": self.counter.forms, "numbers": self.counter.numbers, "terms": self.terms}
        (folder / "terms.json").write_text(json.dumps(words, ensure_ascii=False), "utf-8")

    @staticmethod
    def load(folder: Path, params: dict[str, Any], setting: TextSetting) -> TfidfLinear:
        from safetensors.numpy import load_file

        model, words = TfidfLinear(params, setting), json.loads((folder / "terms.json").read_text("utf-8"))
        arrays = load_file(folder / "weights.safetensors")
        model.coefficients, model.offset, model.idf, model.seen = (arrays[name] for name in ("coefficients", "offset", "idf", "seen"))
        model.terms = [tuple(term) for term in words["terms"]]
        model.counter = TermCounter.restored(words["forms"], words["numbers"], model.terms)
        return model

    def facts(self) -> dict[str, Any]:
        return {"terms": len(self.terms), "from": "counts of the training texts"}

    def top_terms(self) -> list[dict[str, Any]]:
        """The terms with the largest weights towards each class; of two classes both sides of the one scale."""
        found = []
        signs = [(0, -1.0), (0, 1.0)] if self.coefficients.shape[1] == 1 and self.setting.task == "binary" else None
        for k, (column, sign) in enumerate(signs or [(k, 1.0) for k in range(self.coefficients.shape[1])]):
            pull = sign * self.coefficients[:, column] * self.idf
            best = np.argsort(-pull, kind="stable")[:TOP_TERMS]
            terms = [{"term": " ".join(self.terms[i]), "weight": float(pull[i])} for i in best if pull[i] > 0]
            found.append({"class": k, "terms": terms})
        return found
