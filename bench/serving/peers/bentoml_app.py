"""BentoML with adaptive batching, one worker."""

import bentoml
from onnx_model import answers, numbers_of, open_session


@bentoml.service(workers=1, traffic={"timeout": 30, "max_concurrency": 1024}, logging={"access": {"enabled": False}})
class Churn:
    def __init__(self) -> None:
        self.session = open_session()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
    def predict(self, row: list[dict]) -> list[dict]:
        return answers(self.session, numbers_of(row))
