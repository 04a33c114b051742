"""From the best trial to the package of an image model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from atoll_engines.contract import write_json
from atoll_engines.image.export import export
from atoll_engines.image.model import ImageModel
from atoll_engines.image.pipeline import ImagePipeline
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.finish import Finish
from atoll_engines.tabular.metrics import score_all
from atoll_engines.tabular.solution import Single
from atoll_engines.tabular.trial import fit_model
from atoll_engines.tabular.validation import Validation

SCORED = 5000


@dataclass
class ImageSolution(Single):
    """The network of one trial: the one that was validated is kept, unless it is asked to learn all rows anew."""

    refit: bool = False
    fitted: tuple[np.ndarray, np.ndarray] | None = None

    def everything(self) -> tuple[None, Any]:
        preparation = self.trials.preparation
        if self.refit or self.algorithm.family is None:
            _, x, y = preparation.everything(None)
            watched = None
        else:
            features = preparation.fold(None, 0, self.trials.division.folds[0])
            x, y, watched = features.x_train, features.y_train, (features.x_valid, features.y_valid)
        self.fitted = (x, y)
        # With checkpoints the fit of the trial is taken up as it ended.
        self.trials.images.watched = watched
        return None, fit_model(self.algorithm, self.to_fit, x, y, self.trials.setting)


class ImageFinish(Finish):
    """The tabular finish, with images in the place of features."""

    def with_images(self, column: str, graph: bytes) -> ImageFinish:
        self.column, self.graph = column, graph
        return self

    def as_pipeline(self, recipe: Any, model: Any, validation: Validation) -> ImagePipeline:
        return ImagePipeline(
            column=self.column,
            model=model,
            preprocess=Preprocess(self.graph),
            task=self.request.task,
            classes=self.labels.target.classes,
            threshold=validation.threshold.value if validation.threshold else None,
            thresholds=validation.thresholds,
        )

    def export(self, pipeline: ImagePipeline, tolerance: float) -> Export:
        images = self.trials.images.images[self.trials.preparation.items]
        exported = export(pipeline, images, self.job.model / "model.onnx", tolerance, self.job.seed)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "The network as a graph")
        return exported

    def write_package(self, pipeline: ImagePipeline, tolerance: float) -> None:
        setting, binary = self.trials.images, pipeline.task == "binary"
        column = {
            "name": self.column, "type": "image", "tensor": "image", "index": 0, "nullable": False,
            "size": [setting.size, setting.size], "channels": setting.channels,
        }  # fmt: skip
        about = {
            "task": pipeline.task,
            "target": self.labels.target.name,
            "classes": list(pipeline.classes),
            "positive": pipeline.classes[1] if binary else None,
            "threshold": pipeline.threshold if binary else None,
            "tolerance": tolerance,
            "inputs": [column],
        }
        if pipeline.thresholds is not None:
            about["thresholds"] = pipeline.thresholds
        write_json(self.job.model / "signature.json", about)
        write_json(self.job.model / "recipe.json", {"steps": []})
        (self.job.model / "preprocess.onnx").write_bytes(self.graph)
        pipeline.save(self.job.native, self.graph)
        self.report.artifact("native/weights.safetensors", "weights", "The network's weights")
        write_json(self.job.output / "trials.json", [record.line() for record in self.search.records])
        self.write_embeddings(pipeline.model)

    def write_embeddings(self, model: ImageModel) -> None:
        """What the network sees in each training image, so that the nearest ones can be found."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        preparation = self.trials.preparation
        if model.algorithm == "image_linear":
            return
        _, embeddings = model.answer(self.trials.images.images, preparation.items, with_embeddings=True)
        flat = pa.array(embeddings.astype(np.float32).ravel(), pa.float32())
        table = pa.table({
            "__row": self.labels.row_ids,
            "item": preparation.frame[self.column].astype(str).to_numpy(),
            "label": self.labels.target.words(np.arange(len(self.labels.row_ids))),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1]),
        })  # fmt: skip
        pq.write_table(table, self.job.output / "embeddings.parquet")
        self.report.artifact("output/data/embeddings.parquet", "embeddings", "The network's view of each training image")

    def explain(self, pipeline: ImagePipeline, validation: Validation) -> None:
        write_json(self.job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": self.trials.metric})
        fitted = pipeline.model.fitted
        write_json(
            self.job.output / "learning_curve.json",
            {"metric": self.trials.metric, "points": [], "epochs": fitted.history if fitted else []},
        )

    def training_metrics(self, pipeline: ImagePipeline) -> dict[str, float]:
        """Every metric on (a part of) the rows that the network was fitted on."""
        x, y = self.solution.fitted
        kept = np.sort(np.random.default_rng(self.job.seed).permutation(len(x))[:SCORED])
        return score_all(y[kept], pipeline.model.predict(x[kept]), self.request.task, pipeline.thresholds or pipeline.threshold)

    def training_record(self, pipeline: ImagePipeline, *rest: Any) -> dict[str, Any]:
        model = pipeline.model
        fitted = asdict(model.fitted) if getattr(model, "fitted", None) else {}
        network = {
            name: fitted.get(name)
            for name in ("epochs", "best_epoch", "ended", "device", "rules", "batch_size", "accumulate", "rows_per_second")
        }
        more = {"model": model.facts | {"imageSize": model.setting.size, "channels": model.setting.channels}, "network": network}
        return super().training_record(pipeline, *rest) | more | {"fittedRows": len(self.solution.fitted[0])}
