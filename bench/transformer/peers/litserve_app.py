"""LitServe, one worker; batches of BATCH texts, which wait for a millisecond at most, or none."""

import os

import litserve
from text_model import TextModel, batch


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = TextModel()

    def decode_request(self, request):
        return request["row"]["text"]

    def predict(self, text):
        return self.model.answers([text])[0]

    def encode_response(self, output):
        return output


class BatchedApi(Api):
    def batch(self, inputs):
        return list(inputs)

    def predict(self, texts):
        return self.model.answers(texts)

    def unbatch(self, output):
        return output


if __name__ == "__main__":
    api = BatchedApi(max_batch_size=batch, batch_timeout=0.001) if batch > 1 else Api()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False, log_level="warning")
