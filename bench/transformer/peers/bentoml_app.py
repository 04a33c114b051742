"""BentoML, one worker; adaptive batches of at most BATCH texts, or none."""

import bentoml
from text_model import TextModel, batch


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1024}, logging={"access": {"enabled": False}})
class Texts:
    def __init__(self) -> None:
        self.model = TextModel()

    if batch > 1:

        @bentoml.api(batchable=True, max_batch_size=batch, max_latency_ms=30000)
        def predict(self, row: list[dict]) -> list[dict]:
            return self.model.answers([one["text"] for one in row])

    else:

        @bentoml.api
        def predict(self, row: dict) -> dict:
            return self.model.answers([row["text"]])[0]
