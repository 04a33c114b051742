"""Ray Serve with batching of up to 64 rows, one replica."""

import os
import time

import ray
from fastapi import Request
from onnx_model import answers, numbers_of, open_session
from ray import serve


@serve.deployment(num_replicas=1, max_ongoing_requests=256)
class Churn:
    def __init__(self):
        self.session = open_session()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
    async def answer(self, rows: list[dict]) -> list[dict]:
        return answers(self.session, numbers_of(rows))

    async def __call__(self, request: Request) -> dict:
        return await self.answer((await request.json())["row"])


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"MODEL_FOLDER": os.environ["MODEL_FOLDER"]}})
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])}, logging_config={"enable_access_log": False})
    serve.run(Churn.bind(), route_prefix="/")
    print("ready", flush=True)
    while True:
        time.sleep(60)
