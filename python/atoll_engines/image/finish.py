"""From the best trial to the package of an image model."""

from __future__ import annotations

from typing import Any

from atoll_engines.image.export import export
from atoll_engines.image.pipeline import ImagePipeline
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.media.finish import MediaFinish
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.validation import Validation


class ImageFinish(MediaFinish):
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
        images = self.trials.media.images[self.trials.preparation.items]
        exported = export(pipeline, images, self.job.model / "model.onnx", tolerance, self.job.seed)
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "The network as a graph")
        return exported

    def write_package(self, pipeline: ImagePipeline, tolerance: float) -> None:
        setting = self.trials.media
        column = {
            "name": self.column, "type": "image", "tensor": "image", "index": 0, "nullable": False,
            "size": [setting.size, setting.size], "channels": setting.channels,
        }  # fmt: skip
        self.write_records(self.signature(pipeline, tolerance, [column]))
        (self.job.model / "preprocess.onnx").write_bytes(self.graph)
        pipeline.save(self.job.native, self.graph)
        self.report.artifact("native/weights.safetensors", "weights", "The network's weights")
        if pipeline.model.algorithm != "image_linear":
            _, embeddings = pipeline.model.answer(setting.images, self.trials.preparation.items, with_embeddings=True)
            self.write_embeddings(embeddings, "image")

    def training_record(self, pipeline: ImagePipeline, *rest: Any) -> dict[str, Any]:
        record, setting = super().training_record(pipeline, *rest), pipeline.model.setting
        return record | {"model": record["model"] | {"imageSize": setting.size, "channels": setting.channels}}
