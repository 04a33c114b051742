"""From the best trial to the package of a text model."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import write_json
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.finish import Finish
from atoll_engines.tabular.package import Seen
from atoll_engines.tabular.validation import Validation
from atoll_engines.text.documents import Documents
from atoll_engines.text.explain import explained
from atoll_engines.text.export import export
from atoll_engines.text.pipeline import TextPipeline
from atoll_engines.text.setting import TextModel


class TextFinish(Finish):
    """The tabular finish, with documents in the place of features."""

    def with_documents(self, documents: Documents) -> TextFinish:
        self.documents = documents
        return self

    def as_pipeline(self, recipe: Any, model: TextModel, validation: Validation) -> TextPipeline:
        return TextPipeline(
            documents=self.documents,
            model=model,
            task=self.request.task,
            classes=self.labels.target.classes,
            threshold=validation.threshold.value if validation.threshold else None,
            thresholds=validation.thresholds,
        )

    def export(self, pipeline: TextPipeline, tolerance: float) -> Export:
        exported = export(pipeline, self.trials.preparation.items, self.job.model / "model.onnx", tolerance, self.job.seed)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "The network as a graph")
        return exported

    def write_package(self, pipeline: TextPipeline, tolerance: float) -> None:
        frame = self.trials.preparation.frame
        seen = Seen(pipeline.inputs).add(frame)
        binary = pipeline.task == "binary"
        inputs = [
            {**seen.describe(column), **input_of(pipeline.model, place, pipeline.documents)} for place, column in enumerate(pipeline.inputs)
        ]
        about = {
            "task": pipeline.task,
            "target": self.labels.target.name,
            "classes": list(pipeline.classes) if pipeline.classes else None,
            "positive": pipeline.classes[1] if binary else None,
            "threshold": pipeline.threshold if binary else None,
            "tolerance": tolerance,
            "inputs": inputs,
        }
        if pipeline.thresholds is not None:
            about["thresholds"] = pipeline.thresholds
        write_json(self.job.model / "signature.json", about)
        write_json(self.job.model / "recipe.json", {"steps": []})
        tokenizer = getattr(pipeline.model, "tokenizer", None)
        if tokenizer is not None:
            (self.job.model / "tokenizer.json").write_text(tokenizer.to_str(), "utf-8")
        pipeline.save(self.job.native, self.algorithm.name, self.solution.params, self.trials.setting)
        write_json(self.job.output / "trials.json", [record.line() for record in self.search.records])

    def explain(self, pipeline: TextPipeline, validation: Validation) -> None:
        """What the model pays attention to: the weights of its terms, or what leaving words out changes."""
        fold = self.labels.division.folds[0]
        texts = self.trials.preparation.items[fold.valid]
        left = 20.0 if self.budget is None else max(5.0, 0.1 * self.budget)
        about = explained(pipeline, texts, self.trials.metric, left, self.job.seed) if self.request.importance else {}
        write_json(self.job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": self.trials.metric, **about})
        write_json(self.job.output / "learning_curve.json", {"metric": self.trials.metric, "points": []})

    def training_record(self, pipeline: TextPipeline, *rest: Any) -> dict[str, Any]:
        facts = pipeline.model.facts() if hasattr(pipeline.model, "facts") else {}
        more = {"model": facts, "fittedRows": self.solution.fitted_rows, "thresholds": pipeline.thresholds}
        return super().training_record(pipeline, *rest) | more


def input_of(model: TextModel, place: int, documents: Documents) -> dict[str, Any]:
    """How the platform feeds a column to the graph."""
    about: dict[str, Any] = {"type": "text", "index": place, "nullable": True}
    if not hasattr(model, "tokenizer"):
        return about | {"tensor": "strings"}
    about |= {"tensor": "tokens", "maxLength": int(model.params["max_length"]), "pad": int(model.pad)}
    return about | ({"separator": documents.separator} if len(documents.inputs) > 1 else {})


