"""LitServe with dynamic batching: up to 64 rows, waiting at most a millisecond."""

import os

import litserve
import numpy as np
from onnx_model import answers, numbers_of, open_session


class Api(litserve.LitAPI):
    def setup(self, device):
        self.session = open_session()

    def decode_request(self, request):
        return numbers_of([request["row"]])[0]

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, batch):
        return answers(self.session, batch)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False, log_level="warning")
