"""Drives an Atoll with the unmodified tritonclient; prints what came back as JSON."""

import json
import os

import ml_dtypes
import numpy as np
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput, InferRequestedOutput

# The client writes into the headers that it is given.
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
client = InferenceServerClient(os.environ["ORIGIN"].removeprefix("http://"), connection_timeout=30, network_timeout=30)


def tensor(name, values, datatype, binary=True):
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


a = np.array([0.5, -1, 2, np.nan])
b = np.array([[1.0], [1.0], [-3.0], [0.25]])
state = np.array(["OH", "AK", "OH", "ÅL"], dtype=np.object_)


def ask(binary_in=True, binary_out=None, number=np.float64, datatype="FP64", **options):
    inputs = [
        tensor("a", a.astype(number), datatype, binary_in),
        tensor("b", b.astype(number), datatype, binary_in),
        tensor("state", state, "BYTES", binary_in),
    ]
    outputs = (
        None
        if binary_out is None
        else [InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "probabilities")]
    )
    return client.infer("churn", inputs, outputs=outputs, headers=dict(headers), **options)


def told(result):
    label = [word.decode() if isinstance(word, bytes) else word for word in result.as_numpy("label").reshape(-1)]
    return {"label": label, "probabilities": result.as_numpy("probabilities").astype(np.float64).tolist()}


said = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("churn", headers=dict(headers)),
    "server": client.get_server_metadata(),
    "metadata": client.get_model_metadata("churn", headers=dict(headers)),
    "of_version": client.get_model_metadata("churn", "1", headers=dict(headers)),
    "config": client.get_model_config("churn", headers=dict(headers)),
    "index": client.get_model_repository_index(headers=dict(headers)),
    "answers": {
        "binary": told(ask(request_id="seven")),
        "binary_asked": told(ask(binary_out=True)),
        "json_back": told(ask(binary_out=False)),
        "json": told(ask(binary_in=False, binary_out=False, number=np.float32, datatype="FP32")),
        "float32": told(ask(number=np.float32, datatype="FP32")),
        "float16": told(ask(number=np.float16, datatype="FP16")),
        "bfloat16": told(ask(number=ml_dtypes.bfloat16, datatype="BF16")),
        "gzip": told(ask(request_compression_algorithm="gzip", response_compression_algorithm="gzip")),
        "deflate": told(ask(request_compression_algorithm="deflate", response_compression_algorithm="deflate")),
        "of_version": told(ask(model_version="1")),
        "async": None,
    },
    "id": ask(request_id="seven").get_response()["id"],
}
inputs = [tensor("a", a, "FP64"), tensor("b", b, "FP64"), tensor("state", state, "BYTES")]
said["answers"]["async"] = told(client.async_infer("churn", inputs, headers=dict(headers)).get_result())

many = np.linspace(-4, 4, 3000)
matrix = tensor("x", np.stack([many, many[::-1]], axis=1), "FP64")
large = client.infer("churn", [matrix], headers=dict(headers), response_compression_algorithm="gzip")
said["large"] = {"shape": list(large.as_numpy("probabilities").shape), "sum": float(large.as_numpy("probabilities").sum())}

pixels = (np.arange(2 * 9 * 7 * 3) % 251).astype(np.uint8).reshape(2, 9, 7, 3)
seen = client.infer("photos", [tensor("photo", pixels, "UINT8")], headers=dict(headers))
said["pixels"] = seen.as_numpy("probabilities").tolist()
file = np.array([open(os.environ["IMAGE"], "rb").read()], dtype=np.object_)
said["file"] = client.infer("photos", [tensor("photo", file, "BYTES")], headers=dict(headers)).as_numpy("probabilities").tolist()
sound = np.sin(np.arange(800, dtype=np.float32) / 5).reshape(1, 800)
said["sound"] = client.infer("clips", [tensor("clip", sound, "FP32")], headers=dict(headers)).as_numpy("vector").shape

top = client.infer(
    "churn", inputs, headers=dict(headers), outputs=[InferRequestedOutput("probabilities", binary_data=True, class_count=1)]
)
said["top"] = [word.decode() for word in top.as_numpy("probabilities").reshape(-1)]


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


said["refused"] = {
    "column": refused(lambda: client.infer("churn", [tensor("a", a, "FP64")], headers=dict(headers))),
    "model": refused(lambda: client.get_model_metadata("nothing", headers=dict(headers))),
    "stranger": refused(lambda: client.infer("churn", inputs)),
    "load": refused(lambda: client.load_model("churn", headers=dict(headers))),
}
said["statistics"] = client.get_inference_statistics("churn", headers=dict(headers))["model_stats"][0]["inference_count"]
client.close()
print(json.dumps(said))
