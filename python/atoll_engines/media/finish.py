"""From the best trial to the package of a network over items of media."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from atoll_engines.contract import write_json
from atoll_engines.tabular.finish import Finish
from atoll_engines.tabular.metrics import score_all
from atoll_engines.tabular.validation import Validation

SCORED = 5000


class MediaFinish(Finish):
    """The tabular finish, with items in the place of features."""

    column: str

    def signature(self, pipeline: Any, tolerance: float, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """What `signature.json` says of a model that labels items."""
        binary = pipeline.task == "binary"
        about = {
            "task": pipeline.task,
            "target": self.labels.target.name,
            "classes": list(pipeline.classes),
            "positive": pipeline.classes[1] if binary else None,
            "threshold": pipeline.threshold if binary else None,
            "tolerance": tolerance,
            "inputs": inputs,
        }
        return about | ({} if pipeline.thresholds is None else {"thresholds": pipeline.thresholds})

    def write_records(self, signature: dict[str, Any]) -> None:
        """The files that every family leaves beside its graph and weights."""
        write_json(self.job.model / "signature.json", signature)
        write_json(self.job.model / "recipe.json", {"steps": []})
        write_json(self.job.output / "trials.json", [record.line() for record in self.search.records])

    def write_embeddings(self, embeddings: np.ndarray, noun: str) -> None:
        """What the network makes of each training item, so that the nearest ones can be found."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        flat = pa.array(embeddings.astype(np.float32).ravel(), pa.float32())
        table = pa.table({
            "__row": self.labels.row_ids,
            "item": self.trials.preparation.frame[self.column].astype(str).to_numpy(),
            "label": self.labels.target.words(np.arange(len(self.labels.row_ids))),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1]),
        })  # fmt: skip
        pq.write_table(table, self.job.output / "embeddings.parquet")
        self.report.artifact("output/data/embeddings.parquet", "embeddings", f"The network's view of each training {noun}")

    def explain(self, pipeline: Any, validation: Validation) -> None:
        write_json(self.job.model / "explain.json", {"permutation": [], "partialDependence": [], "metric": self.trials.metric})
        fitted = pipeline.model.fitted
        write_json(
            self.job.output / "learning_curve.json",
            {"metric": self.trials.metric, "points": [], "epochs": fitted.history if fitted else []},
        )

    def training_metrics(self, pipeline: Any) -> dict[str, float]:
        """Every metric on (a part of) the rows that the network was fitted on."""
        x, y = self.solution.fitted
        kept = np.sort(np.random.default_rng(self.job.seed).permutation(len(x))[:SCORED])
        return score_all(y[kept], pipeline.model.predict(x[kept]), self.request.task, pipeline.thresholds or pipeline.threshold)

    def training_record(self, pipeline: Any, *rest: Any) -> dict[str, Any]:
        more = {"model": pipeline.model.facts, "network": network_facts(pipeline.model.fitted), "fittedRows": len(self.solution.fitted[0])}
        return super().training_record(pipeline, *rest) | more


def network_facts(fitted: Any) -> dict[str, Any]:
    """How a network's training went, as `training.json` tells it."""
    known = asdict(fitted) if fitted else {}
    names = ("epochs", "best_epoch", "ended", "device", "rules", "batch_size", "accumulate", "rows_per_second")
    return {name: known.get(name) for name in names}
