"""From the best trial to the package of a model of sounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from atoll_engines.audio.labelling.pipeline import AudioPipeline
from atoll_engines.media.export import export_checked
from atoll_engines.media.finish import MediaFinish
from atoll_engines.tabular.export import Export
from atoll_engines.tabular.validation import Validation

CHECKED = 128


class AudioFinish(MediaFinish):
    """The finish of media, with sounds."""

    def of_column(self, column: str) -> AudioFinish:
        self.column = column
        return self

    def as_pipeline(self, recipe: Any, model: Any, validation: Validation) -> AudioPipeline:
        return AudioPipeline(
            column=self.column,
            model=model,
            task=self.request.task,
            classes=self.labels.target.classes,
            threshold=validation.threshold.value if validation.threshold else None,
            thresholds=validation.thresholds,
        )

    def export(self, pipeline: AudioPipeline, tolerance: float) -> Export:
        """The graph is written if it answers as the network does on training sounds, noise, short and silent ones."""
        random = np.random.default_rng(self.job.seed)
        items, sounds = self.trials.preparation.items, self.trials.media.sounds
        chosen = sounds[np.sort(random.choice(items, min(CHECKED, len(items)), replace=False))]
        noise = random.normal(0, 0.1, (4, sounds.shape[1])).astype(np.float32)
        short = noise[:2] * (np.arange(sounds.shape[1]) < sounds.shape[1] // 5)
        rows = np.concatenate([chosen, noise, short, np.zeros((1, sounds.shape[1]), np.float32)]).astype(np.float32)
        file = self.job.model / "model.onnx"
        exported = export_checked(pipeline.model.to_onnx, rows, pipeline.predict_sounds, pipeline.labels, file, tolerance, "sound")
        if exported.path == "python":
            self.report.warning("export_failed", f"{exported.reason} The model will be served from Python.")
        else:
            self.report.artifact("model/model.onnx", "model", "The network as a graph")
        return exported

    def write_package(self, pipeline: AudioPipeline, tolerance: float) -> None:
        setting, model = self.trials.media, pipeline.model
        column = {
            "name": self.column, "type": "audio", "tensor": "audio", "index": 0, "nullable": False,
            "sampleRate": setting.rate, "samples": setting.samples,
        }  # fmt: skip
        about = self.signature(pipeline, tolerance, [column])
        if pipeline.has_vector:
            widths = {"probabilities": len(pipeline.classes), "vector": model.facts["embedding"]}
            about["outputs"] = [{"name": name, "width": width} for name, width in widths.items()]
        self.write_records(about)
        pipeline.save(self.job.native)
        self.report.artifact("native/weights.safetensors", "weights", "The network's weights")
        if not model.is_plain:
            self.write_embeddings(model.answer(setting.sounds, self.trials.preparation.items)[1], "sound")

    def training_record(self, pipeline: AudioPipeline, *rest: Any) -> dict[str, Any]:
        record, setting = super().training_record(pipeline, *rest), pipeline.model.setting
        return record | {"model": record["model"] | {"sampleRate": setting.rate, "seconds": setting.samples / setting.rate}}
